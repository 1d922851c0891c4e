"""Models with a closed form: all runs' normal equations summed up and solved as one batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from labkit.models import RandomFeatures
from labkit.training.batches import examples_at, relabelled
from labkit.training.evaluate import pieces
from labkit.training.runs import Run
from labkit.training.source import Source
from labkit.training.stop import Relay, Watch


@torch.no_grad()
def solve(
    model: RandomFeatures,
    runs: list[Run],
    source: Source,
    classes: int | None,
    start: dict[str, Tensor],
    watch: Watch | Relay,
) -> dict[str, Tensor]:
    """The parameters of every run; a run without ``weight_decay`` takes the model's own ``ridge``."""
    device = start["weight"].device
    outputs = start["weight"].shape[1]
    sizes = np.array([run.examples for run in runs])
    # With fewer examples than features, the equations between examples are the smaller ones.
    dual = int(sizes.max()) < model.width
    order = int(sizes.max()) if dual else model.width
    gram = torch.zeros(len(runs), order, order, dtype=torch.float64, device=device)
    cross = torch.zeros(len(runs), outputs, order, dtype=torch.float64, device=device)
    features = torch.zeros(len(runs), model.width, order, dtype=torch.float64, device=device) if dual else None
    for piece in pieces(start, int(sizes.max()), source.width):
        watch.poll()
        span = np.arange(piece.start, piece.stop)
        places = np.zeros((len(runs), len(span)), dtype=np.int64)
        targets = np.zeros(places.shape, dtype=source.targets.dtype)
        for row, run in enumerate(runs):
            mine = span[span < run.examples]
            places[row, : len(mine)] = examples_at(run, mine)
            targets[row] = relabelled(run, places[row], source.targets[places[row]], classes)
        inside = torch.from_numpy(span < sizes[:, None]).to(device).unsqueeze(1)
        hidden = model.hidden(start, source.gather(torch.from_numpy(places).to(device))).double() * inside
        wanted = _wanted(torch.from_numpy(targets).to(device), outputs)
        if features is not None:
            features[:, :, piece], cross[:, :, piece] = hidden, wanted * inside
            continue
        gram.baddbmm_(hidden, hidden.transpose(1, 2))
        cross.baddbmm_(wanted, hidden.transpose(1, 2))
    if features is not None:
        gram = features.transpose(1, 2) @ features
    ridge = [model.ridge if run.weight_decay is None else run.weight_decay for run in runs]
    numbers = torch.tensor(np.array([sizes, ridge], dtype=np.float64), device=device)
    watch.poll()
    weight = model.solve(gram, cross, examples=numbers[0], ridge=numbers[1])
    if features is not None:
        weight = weight @ features.transpose(1, 2)
    return {**start, "weight": weight.float()}


def _wanted(targets: Tensor, outputs: int) -> Tensor:
    """What the outputs should be, (runs, outputs, batch) in float64."""
    if targets.is_floating_point():
        return targets.double().unsqueeze(1)
    return torch.nn.functional.one_hot(targets, outputs).double().transpose(1, 2)
