"""Losses of examples that differ from run to run, measured on the way for methods of selection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from labkit.models import Loss, Model
from labkit.models.model import Parameters
from labkit.training.evaluate import pieces, width_of
from labkit.training.source import Source


@torch.no_grad()
def losses_of(
    model: Model,
    parameters: Parameters,
    source: Source,
    examples: list[np.ndarray],
    targets: list[np.ndarray],
    loss: Loss,
    poll: Callable[[], None],
) -> list[np.ndarray]:
    """Losses, float32, of each run's own examples with its own targets, in pieces of bounded memory."""
    device = next(iter(parameters.values())).device
    sizes = [len(each) for each in examples]
    places = np.zeros((len(examples), max(sizes)), dtype=np.int64)
    wanted = np.zeros(places.shape, dtype=source.targets.dtype)
    found = np.empty(places.shape, dtype=np.float32)
    for row, size in enumerate(sizes):
        places[row, :size], wanted[row, :size] = examples[row], targets[row]
    for piece in pieces(parameters, max(sizes), width_of(model, source), model.together):
        poll()
        inputs = source.gather(torch.from_numpy(places[:, piece]).to(device))
        values = model.losses(parameters, inputs, torch.from_numpy(wanted[:, piece]).to(device), loss)
        found[:, piece] = values.cpu().numpy()
    return [losses[:size] for losses, size in zip(found, sizes, strict=True)]
