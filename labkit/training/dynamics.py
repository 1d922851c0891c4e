"""What happens to each example while models train: margins, losses, correctness and gradient norms, logged once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from labkit.models import Loss, Model
from labkit.models.model import Parameters
from labkit.registry import UnknownName, nearest
from labkit.training.batches import relabelled
from labkit.training.evaluate import pieces, width_of
from labkit.training.runs import Run, indices
from labkit.training.source import Source

MOST_NUMBERS = 1 << 28
"""Numbers that a log may hold (1 GiB of float32)."""

_GRADIENT_NUMBERS = 1 << 24


def _loss(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    return loss.values(outputs, targets)


def _correct(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    return 1 - loss.errors(outputs, targets)


def _own(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.gather(2, targets.unsqueeze(2)).squeeze(2)


def _margin(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    others = outputs.scatter(2, targets.unsqueeze(2), -torch.inf)
    return _own(outputs, targets) - others.amax(2)


def _probability(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    return _own(outputs.softmax(2), targets)


def _el2n(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    share = outputs.softmax(2)
    return share.scatter_add_(2, targets.unsqueeze(2), torch.full_like(share[..., :1], -1.0)).norm(dim=2)


def _entropy(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    share = outputs.log_softmax(2)
    return -(share.exp() * share).sum(2)


QUANTITIES: dict[str, Callable[[Tensor, Tensor, Loss], Tensor]] = {
    "loss": _loss,
    "correct": _correct,
    "margin": _margin,
    "probability": _probability,
    "el2n": _el2n,
    "entropy": _entropy,
}
"""What can be recorded of outputs (runs, n, outputs) and targets (runs, n); besides ``probabilities`` (one more axis,
the classes) and ``gradient_norm`` (of the loss, over all parameters)."""

KNOWN = (*QUANTITIES, "probabilities", "gradient_norm")
_REGRESSION = ("loss", "gradient_norm")


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The log of a training, example by example.

    Fields:
        steps: (checkpoints,) updates made by then; 0 is the start.
        examples: (m,) numbers of the training examples, whether a run was trained on them or not.
        values: by name, float32 (runs, checkpoints, m); ``probabilities`` has the classes as a fourth axis. NaN where
            a run had ended before. Labels are those that the run was trained on.

    >>> from labkit import datasets, training
    >>> fit = training.fit_many("softmax", datasets.load("digits"), [{}], steps=20, record=["margin"], record_at=10)
    >>> fit.dynamics.steps, fit.dynamics["margin"].shape
    (array([ 0, 10, 20]), (1, 3, 1024))
    """

    steps: np.ndarray
    examples: np.ndarray
    values: Mapping[str, np.ndarray] = field(repr=False)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.values:
            raise UnknownName(f"{name!r} was not recorded: {nearest(name, self.values)}")
        return self.values[name]


class Recorder:
    """Fills a `Dynamics` while runs are trained."""

    def __init__(
        self, names: Sequence[str], steps: Sequence[int], examples: np.ndarray, outputs: int, runs: Sequence[int]
    ) -> None:
        self.steps, self.examples = list(steps), examples
        self._outputs, self._places = outputs, {run: place for place, run in enumerate(runs)}
        shape = (len(runs), len(self.steps), len(examples))
        wide = {name: (*shape, outputs) if name == "probabilities" else shape for name in names}
        numbers = sum(int(np.prod(each, dtype=np.int64)) for each in wide.values())
        if numbers > MOST_NUMBERS:
            raise ValueError(
                f"recording {', '.join(names)} of {len(examples):,} examples at {len(self.steps):,} steps of "
                f"{len(runs):,} runs is {numbers:,} numbers; the limit is {MOST_NUMBERS:,}: "
                "give fewer record_at or record_examples"
            )
        self._values = {name: np.full(each, np.nan, dtype=np.float32) for name, each in wide.items()}

    @torch.no_grad()
    def record(
        self,
        step: int,
        model: Model,
        parameters: Parameters,
        runs: list[Run],
        source: Source,
        classes: int | None,
        poll: Callable[[], None],
    ) -> None:
        """Write down one checkpoint of some runs."""
        device = next(iter(parameters.values())).device
        loss, column = model.loss(source.ends), self.steps.index(step)
        rows = [self._places[run.row] for run in runs]
        for piece in pieces(parameters, len(self.examples), width_of(model, source), model.together):
            poll()
            chosen = self.examples[piece]
            targets = np.broadcast_to(source.targets[chosen], (len(runs), len(chosen)))
            if any(run.label_noise for run in runs):
                targets = np.stack([relabelled(run, chosen, targets[0], classes) for run in runs])
            targets = torch.tensor(targets, device=device)
            inputs = source.gather(torch.from_numpy(chosen).to(device)).expand(len(runs), -1, -1)
            found = self._measure(model, parameters, inputs, targets, loss)
            for name, values in found.items():
                self._values[name][rows, column, piece] = values.cpu().numpy()

    def _measure(
        self, model: Model, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        if set(self._values) - {"gradient_norm"}:
            outputs, wanted = model.outcomes(parameters, inputs, targets)
            for name in self._values:
                if name in QUANTITIES:
                    found[name] = QUANTITIES[name](outputs, wanted, loss).view(*targets.shape, -1).mean(2)
            if "probabilities" in self._values:
                found["probabilities"] = model.forward(parameters, inputs).softmax(2)
        if "gradient_norm" in self._values:
            found["gradient_norm"] = gradient_norms(model, parameters, inputs, targets, loss)
        return found

    def part(self, runs: Sequence[int]) -> Recorder:
        """An empty recorder of the same for some of the runs, to be filled elsewhere."""
        return Recorder(list(self._values), self.steps, self.examples, self._outputs, runs)

    def take(self, part: Recorder) -> None:
        """Write down what a `part` has recorded."""
        rows = [self._places[run] for run in part._places]
        for name, values in part._values.items():
            self._values[name][rows] = values

    def result(self) -> Dynamics:
        """The log."""
        return Dynamics(np.array(self.steps), self.examples, self._values)


def gradient_norms(model: Model, parameters: Parameters, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Norm of the gradient of each example's loss over all parameters, (runs, n), in pieces of bounded memory.

    Arguments:
        model: the specification of the models.
        parameters: stacked parameters, as in ``FitResult.parts``.
        inputs, targets: (runs, n, ...) and (runs, n).
        loss: ``model.loss(ports)``.

    >>> from labkit import models
    >>> ends = models.Ports("classification", inputs=3, outputs=2)
    >>> model = models.build("softmax")
    >>> start = model.initialise(ends, seeds=[0])
    >>> gradient_norms(model, start, torch.zeros(1, 1, 3), torch.tensor([[1]]), model.loss(ends))
    tensor([[0.7071]])
    """
    runs = targets.shape[0]
    size = sum(tensor[0].numel() for tensor in parameters.values())
    step = max(1, _GRADIENT_NUMBERS // (runs * (size if model.norms_hold_gradients else max(inputs.shape[2:]) * 8)))
    parts = range(0, targets.shape[1], step)
    with torch.no_grad():
        found = [
            model.gradient_norms(parameters, inputs[:, first : first + step], targets[:, first : first + step], loss)
            for first in parts
        ]
    return torch.cat(found, 1) if found else torch.empty(runs, 0)


def read(
    record: Sequence[str],
    record_at: int | Sequence[int] | None,
    record_examples: object,
    source: Source,
    model: Model,
    runs: list[Run],
) -> Recorder | None:
    """A recorder for what was asked, or None; every mistake is named.

    ``record_at`` None means 20 checkpoints over the longest run and its start.
    """
    names = list(record)
    if isinstance(record, str):
        raise TypeError(f"record={record!r} is a str; expected a list such as [{record!r}]")
    if not names:
        return None
    for name in names:
        if name not in KNOWN:
            raise UnknownName(f"record names {name!r}: {nearest(name, KNOWN)}")
        if source.ends.kind == "regression" and name not in _REGRESSION:
            raise ValueError(f"record names {name!r}, which needs classes; regression has {' and '.join(_REGRESSION)}")
    if "probabilities" in names and model.answers(source.ends) != source.ends.outputs:
        raise ValueError(f"record names 'probabilities'; model {model.name!r} gives none of classes")
    if model.closed_form:
        raise ValueError(f"model {model.name!r} is solved at once, so there are no steps to record")
    most = max(run.steps for run in runs)
    every = max(1, -(-most // 20)) if record_at is None else record_at
    if isinstance(every, (int, np.integer)) and not isinstance(every, bool):
        if every < 1:
            raise ValueError(f"record_at={every}; expected a whole number of at least 1, or a list of steps")
        steps = sorted({*range(0, most + 1, int(every)), most})
    else:
        steps = marks("record_at", every)
        if steps[-1] > most:
            raise ValueError(f"record_at asks for step {steps[-1]:,}; the longest run makes {most:,} steps")
    everything = np.arange(len(source)) if record_examples is None else record_examples
    return Recorder(
        names, steps, indices("record_examples", everything, len(source)), source.ends.outputs, range(len(runs))
    )


def marks(name: str, given: object) -> list[int]:
    """Steps in rising order, or an error.

    >>> marks("snapshots", [10, 0])
    [0, 10]
    """
    array = np.asarray(given)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu" or array.min() < 0:
        raise ValueError(f"{name}={given!r}; expected a list of whole steps from 0 upwards")
    return sorted(set(array.tolist()))
