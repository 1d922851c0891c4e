"""Models of counts: every run's windows are counted once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from labkit.models import NGram
from labkit.training.batches import examples_at, relabelled
from labkit.training.runs import Run
from labkit.training.source import Source
from labkit.training.stop import Relay, Watch

_WINDOWS = 1 << 17


@torch.no_grad()
def solve(
    model: NGram,
    runs: list[Run],
    source: Source,
    classes: int | None,
    start: dict[str, Tensor],
    watch: Watch | Relay,
) -> dict[str, Tensor]:
    """The counts of every run over its own examples."""
    counts = {name: table.clone() for name, table in start.items()}
    device = counts["count_1"].device
    for row, run in enumerate(runs):
        own = {name: table[row : row + 1] for name, table in counts.items()}
        for places in _pieces(run.examples):
            watch.poll()
            examples = examples_at(run, places)
            targets = torch.from_numpy(relabelled(run, examples, source.targets[examples], classes)).to(device)
            inputs = source.gather(torch.from_numpy(examples).to(device))
            model.count(own, inputs[None], targets[None])
    return counts


def _pieces(total: int) -> Iterator[np.ndarray]:
    for first in range(0, total, _WINDOWS):
        yield np.arange(first, min(first + _WINDOWS, total))
