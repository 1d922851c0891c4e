"""Looking into a training while it goes on: the same model, whose every gradient is looked at as it is taken.

What is trained is `labkit.training.fit_many` itself, with all of its options; being watched changes no result.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.lessons.panels.training_monitor_noise import parts
from labkit.models import Model, ports
from labkit.training import gradient_norms

POINTS = 50
"""Measurements of a training, evenly over its steps."""

_EXAMPLES = 1024  # held-out examples of one measurement
_GRADIENTS = 512  # examples whose gradients enter one measurement of the noise, where so many were just trained on


@dataclass
class _Stack:
    """Where one stack of runs stands."""

    model: Model
    rows: list[int]
    step: int = 0
    losses: list[np.ndarray] = field(default_factory=list)
    batches: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)


class Watch:
    """Collects losses and gradient noise of a training of so many steps, in rows (run, step, metric, value).

    Arguments:
        model: the specification that is trained.
        data: the dataset.
        runs: the runs, as `fit_many` takes them; they must differ in model or starting seed where they are so large
            that they are not trained as one stack.
        steps: of every run.
    """

    def __init__(self, model: Model, data: Dataset, runs: Sequence[Mapping[str, Any]], steps: int) -> None:
        self.steps = steps
        self.every = -(-steps // POINTS)
        self._ends = ports(data)
        self._kind = type(model)
        self._rows: list[tuple[int, int, str, float]] = []
        self._lock = threading.Lock()
        self._stacks = threading.local()
        dials = model.dials()
        keys = [
            (
                model.with_dials(**{key: run[key] for key in dials if key in run}),
                run.get("init_seed", run.get("seed", 0)),
            )
            for run in runs
        ]
        sizes = [run.get("examples", len(data.inputs)) for run in runs]
        self._smallest = min(sizes)
        # the order in which the trainer stacks them
        self._waiting = [(row, *keys[row]) for row in sorted(range(len(keys)), key=lambda row: -sizes[row])]
        self._held, self._own = self._some(data, "validation_"), self._some(data, "")[0]

    def model(self, model: Model) -> Model:
        """The same specification, watched."""
        watch = self

        class Watched(type(model)):
            def initialise(self, data: Any, seeds: Sequence[int], device: str = "cpu") -> dict[str, Tensor]:
                watch._begin(self, seeds)
                return super().initialise(data, seeds, device)

            def gradient(self, parameters, inputs, targets, scale, *, loss, into, beta, trace) -> None:
                watch._before(parameters)
                super().gradient(parameters, inputs, targets, scale, loss=loss, into=into, beta=beta, trace=trace)
                watch._after(parameters, inputs, targets, scale, trace)

        Watched.__name__, Watched.__qualname__ = type(model).__name__, type(model).__qualname__
        return Watched(**model.dials())

    def rows(self) -> list[tuple[int, int, str, float]]:
        """What was measured so far."""
        with self._lock:
            return list(self._rows)

    # ---- called by the training, on its threads ------------------------------------------------------------------

    def _begin(self, model: Model, seeds: Sequence[int]) -> None:
        plain, rows = self._kind(**model.dials()), []
        with self._lock:
            for seed in seeds:
                mine = [one for one in self._waiting if one[1:] == (plain, seed)]
                self._waiting.remove(mine[0])
                rows.append(mine[0][0])
            if any(one[1] == plain and one[2] in seeds for one in self._waiting):
                raise ValueError("runs too large to be trained together share a seed; give each its own 'init_seed'")
        self._stacks.now = _Stack(plain, rows)

    def _before(self, parameters: Mapping[str, Tensor]) -> None:
        stack = self._stacks.now
        if stack.step == 0:
            self._write(stack, self._validation(stack.model, parameters))

    @torch.no_grad()
    def _after(self, parameters, inputs: Tensor, targets: Tensor, scale: Tensor, trace: Tensor) -> None:
        stack = self._stacks.now
        plain = stack.model
        inside = (scale > 0).expand(trace.shape).squeeze(1)
        count = inside.sum(1)
        stack.step += 1
        losses = torch.where(inside, trace.squeeze(1), 0.0).sum(1) / count
        stack.losses.append(losses.cpu().numpy())
        end = min(self.steps, -(-stack.step // self.every) * self.every)
        if not plain.batchwise and end - stack.step < min(-(-_GRADIENTS // inside.shape[1]), self._passes(inside)):
            stack.batches.append((inputs.clone(), targets.clone(), inside))
        if stack.step == end:
            found = {"batch_loss": np.mean(stack.losses, axis=0), **self._validation(plain, parameters)}
            if stack.batches:
                found |= self._noise(
                    plain, parameters, *(torch.cat(each, 1) for each in zip(*stack.batches, strict=True))
                )
            self._write(stack, found)
            stack.losses, stack.batches = [], []

    def _write(self, stack: _Stack, found: Mapping[str, np.ndarray]) -> None:
        with self._lock:
            for metric, values in found.items():
                self._rows.extend(
                    (row, stack.step, metric, float(value)) for row, value in zip(stack.rows, values, strict=True)
                )

    # ---- measurements --------------------------------------------------------------------------------------------

    def _some(self, data: Dataset, split: str) -> tuple[Tensor, Tensor]:
        """At most so many examples, evenly over the split: inputs and targets."""
        inputs, targets = (getattr(data, split + name) for name in ("inputs", "targets"))
        most = _EXAMPLES // 16 if data.kind == "text" else _EXAMPLES  # a window of text holds many predictions
        places = np.unique(np.linspace(0, len(inputs) - 1, min(most, len(inputs))).astype(int))
        return _tensor(np.asarray(inputs[places])), _tensor(np.asarray(targets[places]))

    def _trained(self, model: Model, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parameters alone, in full precision, without masks and marks that only a training step needs."""
        return {name: parameters[name].float() for name in model.shapes(self._ends)}

    @torch.no_grad()
    def _validation(self, model: Model, parameters: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        inputs, targets = self._held
        count = len(inputs) - len(inputs) % model.together
        if not count:
            return {}
        own = self._trained(model, parameters)
        first = next(iter(own.values()))
        runs, device = first.shape[0], first.device
        if model.batchwise:
            seen = self._own.to(device).expand(runs, *self._own.shape)
            inside = torch.ones(seen.shape[:2], dtype=torch.bool, device=device)
            own |= model.settle(own, seen, inside)
        inputs = inputs[:count].to(device).expand(runs, count, *inputs.shape[1:])
        wanted = targets[:count].to(device).expand(runs, count, *targets.shape[1:])
        values = model.losses(own, inputs, wanted, model.loss(self._ends))
        return {"validation_loss": values.mean(1).cpu().numpy()}

    def _passes(self, inside: Tensor) -> int:
        """How many batches of this width the smallest run has before it sees an example again."""
        return max(1, self._smallest // inside.shape[1])

    def _noise(self, model: Model, parameters, inputs, targets, inside) -> dict[str, np.ndarray]:
        count = inside.sum(1)
        if int(count.min()) < 2:
            return {}
        own, loss = self._trained(model, parameters), model.loss(self._ends)
        inputs = inputs.float() if inputs.is_floating_point() else inputs
        norms = gradient_norms(model, own, inputs, targets, loss)
        squares = torch.where(inside, norms.square(), 0.0).sum(1) / count
        mean = {name: torch.zeros_like(tensor) for name, tensor in own.items()}
        share = (inside / count[:, None]).unsqueeze(1)
        trace = torch.empty_like(share)
        model.gradient(own, inputs, targets, share, loss=loss, into=mean, beta=0.0, trace=trace)
        whole = sum(gradient.flatten(1).square().sum(1) for gradient in mean.values())
        squared, variance = parts(*(tensor.cpu().numpy().astype(float) for tensor in (squares, whole, count)))
        return {"squared_gradient": squared, "gradient_variance": variance}


def _tensor(values: np.ndarray) -> Tensor:
    tensor = torch.tensor(values)
    return tensor.float() if tensor.is_floating_point() else tensor.long()
