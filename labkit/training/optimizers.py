"""Optimisers over a stack: one update of one flat buffer moves every run, each with its own rate."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

from labkit.training.runs import Run
from labkit.training.stack import Stack


class Optimizer(Protocol):
    """Where gradients go, and how they move the parameters."""

    into: Stack
    beta: float
    gain: Tensor | None

    def begin(self) -> None:
        """Before the gradient of a step is accumulated, as ``beta * into + gain * gradient``."""

    def update(self, factor: Tensor | float) -> None:
        """Move the parameters; ``factor`` of the learning rates: a number, or a tensor (runs,)."""

    def shrink(self, parameters: Stack, runs: int) -> None:
        """Go on with the first ``runs`` runs, whose parameters are now ``parameters``."""


def _column(values: list[float], like: Tensor) -> Tensor | float:
    """One number where all are the same, else a tensor (runs,)."""
    return values[0] if len(set(values)) == 1 else torch.tensor(values, dtype=torch.float32, device=like.device)


def _of(values: Tensor | float, block: Tensor) -> Tensor | float:
    """Values per run, shaped to broadcast over a block."""
    return values.view(-1, *[1] * (block.dim() - 1)) if isinstance(values, Tensor) else values


def _scale(stack: Stack, values: Tensor | float) -> None:
    """Multiply every run's numbers by its value, in place."""
    if isinstance(values, float):
        stack.flat.mul_(values)
    else:
        for block in stack.blocks.values():
            block.mul_(_of(values, block))


def _add(stack: Stack, other: Stack, values: Tensor | float) -> None:
    """Add every run's value times another stack's numbers, in place."""
    if isinstance(values, float):
        stack.flat.add_(other.flat, alpha=values)
    else:
        for name, block in stack.blocks.items():
            block.addcmul_(other[name], _of(values, block))


class SGD:
    """Stochastic gradient descent with momentum, ``m = momentum m + g + weight_decay w``, ``w = w - rate m``.

    Gradients go straight into the momentum, scaled by the learning rate, so that a step is one pass over the buffer.
    """

    def __init__(self, runs: list[Run], parameters: Stack) -> None:
        self.into = Stack.like(parameters.blocks)
        self.into.flat.zero_()
        self._rates = [run.learning_rate for run in runs]
        self._momenta = [run.momentum for run in runs]
        self._decays = [run.learning_rate * (run.weight_decay or 0.0) for run in runs]
        self._ready(parameters)

    def _ready(self, parameters: Stack) -> None:
        self._parameters = parameters
        runs = next(iter(parameters.blocks.values())).shape[0]
        self.gain = torch.tensor(self._rates[:runs], device=parameters.flat.device).view(-1, 1, 1)
        momentum = _column(self._momenta[:runs], parameters.flat)
        self.beta, self._momentum = (momentum, None) if isinstance(momentum, float) else (1.0, momentum)
        self._decay = _column(self._decays[:runs], parameters.flat) if any(self._decays[:runs]) else None

    def begin(self) -> None:
        if self._momentum is not None:
            _scale(self.into, self._momentum)

    def update(self, factor: Tensor | float) -> None:
        if self._decay is not None:
            _add(self.into, self._parameters, self._decay)
        _add(self._parameters, self.into, -factor)

    def shrink(self, parameters: Stack, runs: int) -> None:
        self.into = Stack.like(self.into.blocks, runs)
        self._ready(parameters)


class Adam:
    """Adam (Kingma and Ba, 2015) with decay rates 0.9 and 0.999; weight decay is part of the gradient."""

    decoupled = False
    rates = (0.9, 0.999)
    epsilon = 1e-8

    def __init__(self, runs: list[Run], parameters: Stack) -> None:
        self.beta, self.gain = 0.0, None
        self._step = torch.zeros((), device=parameters.flat.device)
        self._learning = [run.learning_rate for run in runs]
        self._decays = [run.weight_decay or 0.0 for run in runs]
        self._first, self._second = Stack.like(parameters.blocks), Stack.like(parameters.blocks)
        self._first.flat.zero_()
        self._second.flat.zero_()
        self._ready(parameters)

    def _ready(self, parameters: Stack) -> None:
        self._parameters = parameters
        runs = next(iter(parameters.blocks.values())).shape[0]
        self.into = Stack.like(parameters.blocks)
        self._rate = _column(self._learning[:runs], parameters.flat)
        self._moved = Stack.like(parameters.blocks)
        self._decay = _column(self._decays[:runs], parameters.flat) if any(self._decays[:runs]) else None

    def begin(self) -> None:
        """Nothing to prepare: the gradient overwrites the last one."""

    def update(self, factor: Tensor | float) -> None:
        rate = self._rate * factor
        if self._decay is not None:
            if self.decoupled:
                _scale(self._parameters, 1 - rate * self._decay)
            else:
                _add(self.into, self._parameters, self._decay)
        if isinstance(rate, float):
            self._move(self._parameters.flat, rate)
        else:
            # The fused kernel knows one rate, so it moves zeros at rate 1, and each run takes its share of that.
            self._move(self._moved.flat.zero_(), 1.0)
            _add(self._parameters, self._moved, rate)

    def _move(self, numbers: Tensor, rate: float) -> None:
        adam(
            [numbers],
            [self.into.flat],
            [self._first.flat],
            [self._second.flat],
            [],
            [self._step],
            fused=True,
            amsgrad=False,
            beta1=self.rates[0],
            beta2=self.rates[1],
            lr=rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def shrink(self, parameters: Stack, runs: int) -> None:
        self._first = Stack.like(self._first.blocks, runs)
        self._second = Stack.like(self._second.blocks, runs)
        self._ready(parameters)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient, as a share of the learning rate (Loshchilov and Hutter, 2019)."""

    decoupled = True


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""Optimisers by name."""

LEARNING_RATES = {"sgd": 0.1, "adam": 1e-3, "adamw": 1e-3}
"""The learning rate of a run that gives none."""
