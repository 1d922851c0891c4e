"""Dropout masks of a stack: each run's follow from its own seed, whatever runs beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from labkit.seeds import generator
from labkit.training.runs import Run

_AHEAD = 16
_LEVELS = 1 << 16


class Masks:
    """Masks by name, (runs, features, batch) for each step: 0 where dropped, 1 / (1 - share) elsewhere.

    Arguments:
        runs: the runs of the stack.
        noise: features and share by name, as ``Model.noise`` gives them; shares are met to 1 / 65,536.
        width: places of a batch in the stack; a run with a smaller batch draws for its own places alone.
    """

    def __init__(self, runs: list[Run], noise: Mapping[str, tuple[int, float]], width: int, device: str) -> None:
        self._noise, self._width, self._device = noise, width, device
        self._batches = [run.batch for run in runs]
        self._random = [generator(run.dropout_seed, "dropout").bit_generator for run in runs]
        self._ready: dict[str, Tensor] = {}
        self._left = 0

    def draw(self, runs: int) -> dict[str, Tensor]:
        """The masks of the next step for the first ``runs`` runs."""
        if not self._left:
            self._ready = {name: self._draw(runs, *what) for name, what in self._noise.items()}
            self._left = _AHEAD
        self._left -= 1
        return {name: masks[_AHEAD - 1 - self._left, :runs] for name, masks in self._ready.items()}

    def _draw(self, runs: int, features: int, share: float) -> Tensor:
        kept = np.zeros((_AHEAD, runs, features, self._width), dtype=np.float32)
        for row in range(runs):
            batch = self._batches[row]
            whole = -(-features * batch // 4)  # four 16-bit draws to a word; each step begins with a new word
            words = self._random[row].random_raw(_AHEAD * whole).astype(np.uint64).reshape(_AHEAD, whole)
            draws = words.view(np.uint16)[:, : features * batch].reshape(_AHEAD, features, batch)
            kept[:, row, :, :batch] = draws >= round(share * _LEVELS)
        return torch.from_numpy(kept).mul_(1 / (1 - share)).to(self._device)
