"""What every training example does to the answers on a target, estimated from gradients (TRAK)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import torch
from torch import Tensor

from labkit.datasets.faults import whole
from labkit.models import Model, Ports, ports
from labkit.pruning.entry import Score, register_score
from labkit.pruning.log import Log
from labkit.pruning.measures.outputs import shares
from labkit.seeds import derive

_NUMBERS = 1 << 23
_RIDGE = 1e-6

Target = tuple[np.ndarray, np.ndarray]


def trak(
    log: Log,
    *,
    target: Target | None = None,
    width: int = 512,
    models: int = 5,
    ridge: float = _RIDGE,
    seed: int = 0,
) -> np.ndarray:
    """Minus the mean effect of the example on the target's log-odds.

    ``target`` holds inputs (m, d) and labels (m,): the validation split unless given, and without one the other
    training examples. Gradients of the log-odds are projected to ``width`` random directions, or taken whole where
    the model has no more parameters than that; ``ridge`` is in parts of the mean square of the projected gradients.
    """
    whole("width", width, least=1)
    whole("models", models, least=1)
    inputs, labels, own = _target(log, target)
    effect, weight = np.zeros(len(log)), np.zeros(len(log))
    used, ends = list(_models(log, models)), ports(log.data)
    for row, model, parameters in used:
        key = derive(seed, "projection", row)
        ours = _projected(model, parameters, log.data.inputs, log.data.targets, width, key, ends)
        theirs = ours if own else _projected(model, parameters, inputs, labels, width, key, ends)
        gram = ours.T @ ours
        gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
        reach = np.linalg.solve(gram, ours.T).T
        total = reach @ theirs.sum(0)
        effect += (total - (reach * ours).sum(1)) / (len(ours) - 1) if own else total / len(theirs)
        weight += 1 - shares(log.logits[row])[0][np.arange(len(log)), log.data.targets]
    return -effect * weight / len(used) ** 2


def _target(log: Log, given: Target | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Inputs and labels of the target, and whether it is the training set itself."""
    data = log.data
    if given is None and not len(data.validation_inputs):
        return data.inputs, data.targets, True
    inputs, labels = (data.validation_inputs, data.validation_targets) if given is None else map(np.asarray, given)
    if inputs.ndim != 2 or inputs.shape[1] != data.inputs.shape[1] or labels.shape != (len(inputs),) or not len(inputs):
        raise ValueError(
            f"target has inputs {inputs.shape} and labels {labels.shape}; expected (m, {data.inputs.shape[1]}) and (m,)"
        )
    return inputs, labels, False


def _models(log: Log, most: int) -> Iterator[tuple[int, Model, dict[str, Tensor]]]:
    """The first observed models, one by one: their rows and parameters."""
    for part in log.fit.parts:
        for place, row in enumerate(part.rows):
            if row < most:
                yield row, part.model, {name: tensor[place] for name, tensor in part.parameters.items()}


def _projected(
    model: Model,
    parameters: dict[str, Tensor],
    inputs: np.ndarray,
    targets: np.ndarray,
    width: int,
    key: int,
    ends: Ports,
) -> np.ndarray:
    """Gradients of each example's log-odds in random directions, float64 (n, width)."""
    trained = model.shapes(ends)
    size = sum(parameters[name].numel() for name in trained)
    device = next(iter(parameters.values())).device

    found = np.empty((len(inputs), min(width, size)))
    step = max(1, _NUMBERS // size)
    for first in range(0, len(inputs), step):
        places = slice(first, first + step)
        slopes = _slopes(
            model,
            parameters,
            trained,
            torch.tensor(inputs[places], dtype=torch.float32, device=device),
            torch.tensor(targets[places, None] == np.arange(ends.outputs), device=device),
        )
        found[places] = (slopes if size <= width else _thrown(slopes, width, key)).double().cpu().numpy()
    return found


def _slopes(
    model: Model, parameters: dict[str, Tensor], trained: Collection[str], inputs: Tensor, own: Tensor
) -> Tensor:
    """Gradient of each example's log-odds for all that is trained, (n, size): a stack of models answers one each."""
    stack = {name: tensor.expand(len(inputs), *tensor.shape) for name, tensor in parameters.items()}
    leaves = {name: stack[name].clone().requires_grad_() for name in trained}
    with torch.enable_grad():
        logits = model.forward({**stack, **leaves}, inputs.unsqueeze(1)).squeeze(1)
        odds = torch.where(own, logits, 0.0).sum() - logits.masked_fill(own, -torch.inf).logsumexp(1).sum()
        return torch.cat([slope.flatten(1) for slope in torch.autograd.grad(odds, list(leaves.values()))], 1)


def _thrown(slopes: Tensor, width: int, key: int) -> Tensor:
    """Slopes (n, size) times a random matrix (size, width), of which only a block exists at a time."""
    found = slopes.new_zeros(len(slopes), width)
    step = max(1, _NUMBERS // width)
    for first in range(0, slopes.shape[1], step):
        rows = min(step, slopes.shape[1] - first)
        random = torch.Generator().manual_seed(derive(key, "block", first))
        found += slopes[:, first : first + rows] @ torch.randn(rows, width, generator=random).to(slopes.device)
    return found / width**0.5


register_score(
    Score(
        name="trak",
        purpose="hurts the answers on a target, by projected gradients",
        function=trak,
        group="gradients",
        needs=("logits",),
        direction="examples whose presence lowers the log-odds of the target's labels",
        aliases=("attribution",),
        source="Park et al. (2023)",
        leaves_out="what is far from linear in the parameters; models trained on parts of the data",
    )
)
