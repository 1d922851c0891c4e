"""Many models of one small text, their answers averaged; and what single models and averages tend to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from labkit import datasets, models, training
from labkit.grids.rates import tuned_rate
from labkit.seeds import derive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.models import Model

CONTEXT, BATCH = 16, 16
SCHEDULE = {"name": "warmup_cosine", "warmup": 0.1}
_PIECE = 256


def ensembles(
    *,
    widths: Sequence[int],
    members: int,
    seeds: Sequence[int],
    unique_tokens: int = 16_384,
    epochs: int = 8,
    weight_decay: float = 0.0,
    thinning: int = 4,
) -> pd.DataFrame:
    """Held-out losses of averaged logits by how many members are averaged, all trained on the same repeated text.

    Arguments:
        widths: of the transformers, which are those of the shipped grids.
        members: most members. Weights and order of the text are each member's own.
        seeds: of the text, as in the shipped grids: seed 0 has the same unique text there and here.
        unique_tokens, epochs: of the text, and how often it is seen.
        weight_decay: decoupled, as in the shipped grids.
        thinning: one in so many of the held-out windows is used; 1 is those of the losses in the shipped tables, 4
            those along the shipped runs, which are a little easier.

    Returns width, params (with embeddings), seed, ``members`` (1 to the most), ``loss`` (nats per letter), a mean over
    as many choices of members as there are members, each in as many choices as any other; and ``seconds`` of the width,
    shared out among its rows.

    Source: Kim et al. (2025). Their members see the text twice as often as a single model and decay half as much.

    >>> found = ensembles(widths=[4], members=2, seeds=[0], unique_tokens=512, epochs=1)
    >>> found.members.tolist(), bool(found.loss[1] < found.loss[0])
    ([1, 2], True)
    """
    from labkit.grids.point import held_out, one_thread

    data = datasets.load("python_source", context=CONTEXT)
    pool = np.arange(0, len(data.inputs), CONTEXT)
    tokens = unique_tokens * epochs
    inputs, targets = (part[::thinning] for part in held_out(data.validation_inputs, data.validation_targets))
    rows = []
    for width in widths:
        began = time.perf_counter()
        model = models.build("transformer", width=width, depth=2, qk_norm=True)
        runs = [
            {
                "seed": derive(seed, "member", member) % 2**31,
                "subset_seed": seed,
                "indices": pool,
                "examples": unique_tokens // CONTEXT,
                "learning_rate": float(tuned_rate(width, tokens)),
                "weight_decay": weight_decay,
            }
            for seed in seeds
            for member in range(members)
        ]
        with one_thread():
            fit = training.fit_many(
                model, data, runs, steps=tokens // CONTEXT // BATCH, batch_size=BATCH, optimizer="adamw",
                schedule=SCHEDULE, device="cpu",
            )  # fmt: skip
        order = np.argsort([row for part in fit.parts for row in part.rows])
        stacked = {
            name: torch.cat([part.parameters[name] for part in fit.parts])[order] for name in fit.parts[0].parameters
        }
        params = model.parameter_count(models.ports(data))
        found = []
        with one_thread():
            for place, seed in enumerate(seeds):
                own = {name: value[place * members : (place + 1) * members] for name, value in stacked.items()}
                for count, loss in enumerate(_averaged(model, own, inputs, targets), start=1):
                    found.append((width, params, seed, count, loss))
        each = (time.perf_counter() - began) / len(found)
        rows += [(*row, each) for row in found]
    return pd.DataFrame(rows, columns=["width", "params", "seed", "members", "loss", "seconds"])


def shipped_points() -> list[dict[str, Any]]:
    """The points of the table of ensembles that ships, a width, a decay and a text each.

    Of each width the decay that is best for one model at 16 epochs in the grid of remedies, and half of it. The largest
    size of that grid is left out: its members would cost more than all others together.

    >>> len(shipped_points()), sorted({point["weight_decay"] for point in shipped_points()})
    (18, [0.05, 0.1, 0.15, 0.3])
    """
    shared = {"members": 8, "unique_tokens": 16_384, "epochs": 16, "thinning": 1}
    return [
        {"widths": [width], "seeds": [seed], "weight_decay": decay, **shared}
        for width, best in ((48, 0.3), (24, 0.1), (12, 0.1))
        for decay in (best, best / 2)
        for seed in range(3)
    ]


@torch.no_grad()
def _averaged(model: Model, parameters: Mapping, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean loss of the averaged logits of 1, 2, ... members, each a mean over the runs of neighbours in a ring."""
    total = len(next(iter(parameters.values())))
    sums, seen = np.zeros(total), 0
    for first in range(0, len(inputs), _PIECE):
        part = torch.from_numpy(inputs[first : first + _PIECE]).long().expand(total, -1, -1)
        answers = torch.from_numpy(targets[first : first + _PIECE].astype(np.int64)).expand(total, -1)
        logits, wanted = model.outcomes(parameters, part, answers)
        wanted, kept = wanted[:1], torch.zeros_like(logits)
        for count in range(total):
            kept += logits.roll(-count, 0)
            choices = total if count + 1 < total else 1
            mean = torch.log_softmax(kept[:choices] / (count + 1), 2)
            loss = -mean.gather(2, wanted.expand(choices, -1).unsqueeze(2))
            sums[count] += float(loss.sum(dtype=torch.float64)) / choices
        seen += wanted.shape[1]
    return sums / seen
