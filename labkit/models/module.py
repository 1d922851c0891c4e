"""A reader's own ``torch.nn.Module`` as a model: many copies of it trained at once through ``torch.func``."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.utils.flop_counter import FlopCounterMode

from labkit.models.model import Model, Parameters
from labkit.models.ports import Ports

Make = Callable[[Ports], torch.nn.Module]
Shapes = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Module(Model):
    """What ``make`` returns, stacked over runs.

    Dials:
        make: a function from `Ports` to a module that maps (batch, inputs) to (batch, outputs); images are flat, text
            is windows of ids. It is called for every seed, and the module's own initialisation counts.
        stacked: whether all models of a stack take a step at once. That pays for small linear layers; convolutions
            on a CPU are quicker one model after the other.

    Raises ``ValueError`` for modules that change on the way, by dropout or by running statistics: a stack of models
    has one random stream and one set of buffers. Losses and gradients come from autograd, FLOPs from torch's counter.

    >>> from labkit import datasets, models
    >>> def make(ends):
    ...     return torch.nn.Sequential(torch.nn.Linear(ends.inputs, ends.outputs), torch.nn.Tanh())
    >>> models.Module(make).parameter_count(datasets.load("digits"))
    650
    """

    name: ClassVar[str] = "module"
    purpose: ClassVar[str] = "an own torch.nn.Module"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "text", "regression")

    make: Make
    stacked: bool = True

    def __post_init__(self) -> None:
        if not callable(self.make) or isinstance(self.make, torch.nn.Module):
            raise TypeError(
                f"make is a {type(self.make).__name__}; expected a function from ports to a new module, such as "
                "lambda ends: torch.nn.Linear(ends.inputs, ends.outputs)"
            )

    def shapes(self, ends: Ports) -> dict[str, tuple[int, ...]]:
        return dict(_shapes(self.make, ends))

    def draw(self, ends: Ports, random: np.random.Generator) -> dict[str, np.ndarray]:
        seed = int(random.integers(1 << 62))
        return {name: value.detach().numpy() for name, value in _made(self.make, ends, seed).named_parameters()}

    def forward_flops(self, ends: Ports) -> int:
        return _flops(self.make, ends)

    def forward(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        module = _template(self.make, tuple((name, tuple(value.shape[1:])) for name, value in parameters.items()))

        def one(leaves: dict[str, Tensor], batch: Tensor) -> Tensor:
            return functional_call(module, leaves, (batch,))

        if self.stacked and len(inputs) > 1:
            return vmap(one)(dict(parameters), inputs)
        return torch.stack([one({name: value[run] for name, value in parameters.items()}, inputs[run])
                            for run in range(len(inputs))])  # fmt: skip


_ends: dict[tuple[Make, Shapes], Ports] = {}
"""For which ports a maker gave parameters of some shapes: what a forward pass knows are the shapes alone."""


def _made(make: Make, ends: Ports, seed: int) -> torch.nn.Module:
    """A new module with starting values that follow from the seed; nothing global is left changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make(ends)
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"make gave a {type(module).__name__}; expected a torch.nn.Module")
    for name, part in module.named_modules():
        if getattr(part, "track_running_stats", False):
            raise ValueError(f"{name or 'the module'} keeps running statistics, which a stack of models cannot share; "
                             "give it track_running_stats=False, or use a layer or group norm")  # fmt: skip
        if isinstance(part, torch.nn.modules.dropout._DropoutNd) and part.p:
            raise ValueError(f"{name or 'the module'} drops out units at random, which own modules cannot do here; "
                             "leave it out, or use models.build('mlp', dropout=...)")  # fmt: skip
    return module


@functools.lru_cache(maxsize=256)
def _shapes(make: Make, ends: Ports) -> Shapes:
    module = _made(make, ends, 0)
    shapes = tuple((name, tuple(value.shape)) for name, value in module.named_parameters())
    if not shapes:
        raise ValueError("the module has no parameters to train")
    whole = ends.kind == "text"
    example = torch.zeros(2, ends.inputs, dtype=torch.long if whole else torch.float32)
    with torch.no_grad():
        found = tuple(module(example).shape)
    if found != (2, ends.outputs):
        raise ValueError(f"for inputs (2, {ends.inputs}) the module gives {found}; expected (2, {ends.outputs})")
    _ends[make, shapes] = ends
    return shapes


@functools.lru_cache(maxsize=256)
def _flops(make: Make, ends: Ports) -> int:
    example = torch.zeros(1, ends.inputs, dtype=torch.long if ends.kind == "text" else torch.float32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        _made(make, ends, 0)(example)
    return counter.get_total_flops()


def _template(make: Make, shapes: Shapes) -> torch.nn.Module:
    """A module to run with other parameters: one per thread, since running it so swaps its own for them meanwhile."""
    return _kept(make, _ends[make, shapes], threading.get_ident())


@functools.lru_cache(maxsize=64)
def _kept(make: Make, ends: Ports, thread: Any) -> torch.nn.Module:
    return _made(make, ends, 0)
