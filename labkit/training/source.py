"""The examples of a dataset on a device, gathered by number."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.models import ports


def sources(data: Dataset, device: str) -> dict[str, Source]:
    """The splits of a dataset on a device, by name."""
    return {split: Source(data, split, device) for split in ("train", "validation", "test")}


class Source:
    """Inputs and targets of one split. Windows of text stay one line of ids from which windows are cut on demand.

    >>> from labkit import datasets
    >>> source = Source(datasets.load("digits"), "validation", "cpu")
    >>> source.gather(torch.tensor([[0, 5]])).shape
    torch.Size([1, 2, 64])
    """

    def __init__(self, data: Dataset, split: str, device: str) -> None:
        inputs, targets = data.split(split)
        self.width = inputs.shape[1]
        self.ends = ports(data)
        self.targets = targets if targets.dtype.kind == "f" else targets.astype(np.int64)
        self._context = data.context if data.kind == "text" else None
        if self._context:
            self._inputs = torch.tensor(data.stream(split), device=device)
            self._window = torch.arange(self._context, device=device)
        else:
            self._inputs = torch.tensor(inputs, dtype=torch.float32, device=device)

    def __len__(self) -> int:
        return len(self.targets)

    def gather(self, places: Tensor) -> Tensor:
        """Inputs (..., d) of examples at integer places (...)."""
        flat = places.reshape(-1)
        if self._context:
            return self._inputs[flat.unsqueeze(1) + self._window].long().view(*places.shape, self._context)
        return self._inputs.index_select(0, flat).view(*places.shape, -1)
