"""The parameters of many models in one flat buffer, one block per tensor, the runs on each block's first axis."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class Stack:
    """A flat buffer and its blocks (runs, *shape): whole-buffer updates and contiguous stacked matrices at once.

    >>> stack = Stack.like({"w": torch.zeros(2, 3, 1), "b": torch.ones(2, 1, 1)})
    >>> stack.flat.shape, stack["b"].shape
    (torch.Size([8]), torch.Size([2, 1, 1]))
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], device: torch.device | str) -> None:
        sizes = [math.prod(shape) for shape in shapes.values()]
        self.flat = torch.zeros(sum(sizes), device=device)
        parts = self.flat.split(sizes)
        self.blocks = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    @classmethod
    def like(cls, blocks: Mapping[str, Tensor], runs: int | None = None) -> Stack:
        """A stack that holds the first ``runs`` of some stacked tensors (all of them by default)."""
        first = next(iter(blocks.values()))
        runs = first.shape[0] if runs is None else runs
        stack = cls({name: (runs, *block.shape[1:]) for name, block in blocks.items()}, first.device)
        for name, block in blocks.items():
            stack[name].copy_(block[:runs])
        return stack

    def __getitem__(self, name: str) -> Tensor:
        return self.blocks[name]
