"""Do parameters overfit, or FLOPs? Transformers that use one block's weights several times, on repeated text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from labkit import datasets, models, training
from labkit.grids.rates import tuned_rate
from labkit.models import Ports, Transformer
from labkit.models.model import Parameters

CONTEXT, BATCH = 16, 16
OWN, SHARED = "own weights", "shared weights"
_PARTS = ("attend", "gather", "up", "down")


@dataclass(frozen=True)
class Looped(Transformer):
    """`Transformer` all of whose blocks have the weights of the first: as many FLOPs, fewer parameters.

    Source: Dehghani et al. (2019), whose model also chooses how often.

    >>> text = Ports("text", inputs=16, outputs=128)
    >>> plain, looped = Transformer(width=16, depth=4), Looped(width=16, depth=4)
    >>> plain.parameter_count(text, embeddings=False) // looped.parameter_count(text, embeddings=False)
    4
    >>> plain.flops_per_example(text) == looped.flops_per_example(text)
    True
    """

    name: ClassVar[str] = "looped"

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        return {name: shape for name, shape in super().shapes(ends).items() if self._first(name) == name}

    @staticmethod
    def _first(name: str) -> str:
        """The weight that stands behind a block's own name for it."""
        part = name.partition("_")[0]
        return f"{part}_0" if part in _PARTS else name

    def _unrolled(self, parameters: Parameters) -> dict[str, Tensor]:
        named = {f"{part}_{block}": parameters[f"{part}_0"] for part in _PARTS for block in range(self.blocks)}
        return {**parameters, **named}

    def _hidden_states(self, parameters: Parameters, inputs: Tensor, kept: list | None) -> Tensor:
        return super()._hidden_states(self._unrolled(parameters), inputs, kept)

    def gradient(
        self, parameters: Parameters, inputs: Tensor, targets: Tensor, scale: Tensor, *, into: Parameters, beta: float,
        **rest: Any,
    ) -> None:  # fmt: skip
        each = {
            f"{part}_{block}": torch.zeros_like(into[f"{part}_0"]) for part in _PARTS for block in range(self.blocks)
        }
        unrolled = self._unrolled(parameters)
        super().gradient(unrolled, inputs, targets, scale, into={**into, **each}, beta=beta, **rest)
        for part in _PARTS:
            total = sum(each[f"{part}_{block}"] for block in range(self.blocks))
            into[f"{part}_0"].mul_(beta).add_(total) if beta else into[f"{part}_0"].copy_(total)


def weight_shared(
    *, width: int, depth: int, seeds: Sequence[int], unique_tokens: int = 4_096, epochs: int = 16
) -> pd.DataFrame:
    """What repetition costs transformers with weights of their own in every block, and with one block's in all.

    Arguments:
        width, depth: of both; they differ in their parameters and not in their FLOPs.
        seeds: of text, weights and order.
        unique_tokens, epochs: of the repeated text; the fresh runs see as many tokens in all, each once.

    Returns kind ("own weights" or "shared weights"), width, depth, params (with embeddings), ``flops`` of training,
    unique_tokens, epochs, seed, ``loss`` and ``fresh`` (held out, nats per letter), ``gap`` = loss - fresh.

    Source: Xue et al. (2023), who share weights between layers too. Both have the learning rate tuned for weights of
    their own at depth 2.

    >>> found = weight_shared(width=4, depth=2, seeds=[0], unique_tokens=512, epochs=2)
    >>> found.kind.tolist(), found.flops.nunique()
    (['own weights', 'shared weights'], 1)
    """
    from labkit.grids.point import held_out, one_thread, window_losses

    data = datasets.load("python_source", context=CONTEXT)
    ends, pool = models.ports(data), np.arange(0, len(data.inputs), CONTEXT)
    tokens = unique_tokens * epochs
    inputs, targets = (part[::4] for part in held_out(data.validation_inputs, data.validation_targets))
    shared = {"indices": pool, "learning_rate": float(tuned_rate(width, tokens))}
    runs = [
        {"seed": seed, "examples": count // CONTEXT, **shared} for count in (unique_tokens, tokens) for seed in seeds
    ]
    rows = []
    for kind, maker in ((OWN, Transformer), (SHARED, Looped)):
        model = maker(width=width, depth=depth, qk_norm=True)
        losses = np.empty(len(runs))
        with one_thread():
            fit = training.fit_many(
                model, data, runs, steps=tokens // CONTEXT // BATCH, batch_size=BATCH, optimizer="adam",
                schedule={"name": "warmup_cosine", "warmup": 0.1}, device="cpu",
            )  # fmt: skip
            for part in fit.parts:
                losses[list(part.rows)] = window_losses(part.model, part.parameters, inputs, targets).mean(1)
        said = {"kind": kind, "width": width, "depth": depth, "params": model.parameter_count(ends)}
        said |= {"flops": model.flops_per_example(ends) // CONTEXT * tokens, "unique_tokens": unique_tokens}
        for place, seed in enumerate(seeds):
            again, once = losses[place], losses[place + len(seeds)]
            rows.append({**said, "epochs": epochs, "seed": seed, "loss": again, "fresh": once, "gap": again - once})
    return pd.DataFrame(rows)
