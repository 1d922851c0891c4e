"""Where examples lie: what scores and selectors that go by distance measure it in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from labkit.datasets import Dataset
from labkit.datasets.faults import whole
from labkit.pruning.log import Log
from labkit.registry import UnknownName, nearest
from labkit.training.evaluate import outputs

COMPONENTS = 50


def features(
    source: Dataset | Log, kind: str = "inputs", *, components: int = COMPONENTS, models: int = 3
) -> np.ndarray:
    """A point for every training example, float32 (n, d).

    Arguments:
        source: a dataset, or a log for what the observed models see.
        kind: ``inputs``, as they are; ``pca``, their first principal components, which are centred: neither needs
            labels or a training, and scores read one of them unless told otherwise; ``hidden``, what enters the last
            layer of the observed models; ``logits``, their answers; ``errors``, the mean over models of their
            probabilities minus the one-hot label, which is the gradient of the loss for the logits.
        components: of ``pca``, at most as many as there are inputs.
        models: how many of the observed models ``hidden`` and ``logits`` put side by side, each shrunk by the root of
            their number, so that squared distances are means over models.

    Raises ``UnknownName`` for an unknown kind, ``ValueError`` for one that needs an observed training, or a last layer
    that the model has not. Nothing here reads the test split.

    >>> from labkit import datasets, pruning
    >>> data = datasets.load("digits")
    >>> pruning.features(data, "pca", components=20).shape
    (1024, 20)
    """
    if kind not in _KINDS:
        raise UnknownName(f"unknown features {kind!r}: {nearest(kind, _KINDS)}")
    whole("components", components, least=1)
    whole("models", models, least=1)
    data = source if isinstance(source, Dataset) else source.data
    if kind == "inputs":
        return np.asarray(data.inputs, dtype=np.float32)
    if kind == "pca":
        return _principal(data.inputs, components)
    if not isinstance(source, Log) or source.fit is None:
        raise ValueError(
            f"features of kind {kind!r} are those of trained models; give the log of pruning.observe(data)"
        )
    found = _KINDS[kind](source, models)
    return np.ascontiguousarray(found, dtype=np.float32)


def resolve(log: Log, given: str | np.ndarray) -> np.ndarray:
    """Features by kind, or a reader's own (n, d), checked; float64.

    Raises ``ValueError`` for an array of another length or with entries that are not finite.
    """
    if isinstance(given, str):
        return features(log, given).astype(np.float64)
    array = np.asarray(given, dtype=np.float64)
    if array.ndim != 2 or len(array) != len(log):
        raise ValueError(f"features have shape {array.shape}; expected a row for each example, ({len(log)}, d)")
    if not np.isfinite(array).all():
        raise ValueError("features contain entries that are not finite; leave such columns out or fill them in")
    return array


def _principal(inputs: np.ndarray, components: int) -> np.ndarray:
    centred = np.asarray(inputs, dtype=np.float64)
    centred = centred - centred.mean(0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    chosen = vectors[:, ::-1][:, :components]
    # An eigenvector has no sign of its own: its largest entry is made positive.
    signs = np.sign(chosen[np.abs(chosen).argmax(0), np.arange(chosen.shape[1])])
    return (centred @ (chosen * signs)).astype(np.float32)


def _side_by_side(stacked: np.ndarray) -> np.ndarray:
    """(models, n, d) as (n, models * d), shrunk by the root of the models."""
    models, count, width = stacked.shape
    return stacked.transpose(1, 0, 2).reshape(count, models * width) / np.sqrt(models)


def _hidden(log: Log, models: int) -> np.ndarray:
    found: list[np.ndarray] = []
    for part in log.fit.parts:
        chosen = {name: tensor[: models - sum(map(len, found))] for name, tensor in part.parameters.items()}
        if not len(next(iter(chosen.values()))):
            break
        found.append(
            outputs(part.model, _open(chosen, log), log.data.inputs, part.model.widest(part.model.check(log.data)))
        )
    return _side_by_side(np.concatenate(found))


def _open(parameters: dict[str, Tensor], log: Log) -> dict[str, Tensor]:
    """The parameters with the last layer replaced by the identity, so that the model answers with what enters it."""
    last = sum(name.startswith("weight_") for name in parameters) - 1
    weight, bias = parameters.get(f"weight_{last}"), parameters.get(f"bias_{last}")
    width = 1 if log.data.kind == "regression" else log.data.classes
    if weight is None or bias is None or weight.ndim != 3 or weight.shape[1] != width:
        raise ValueError(f"model {log.model.name!r} has no last linear layer to read; use features of kind 'logits'")
    runs, _, inside = weight.shape
    return {
        **parameters,
        f"weight_{last}": torch.eye(inside, device=weight.device).expand(runs, -1, -1).contiguous(),
        f"bias_{last}": torch.zeros(runs, inside, 1, device=weight.device),
    }


def _logits(log: Log, models: int) -> np.ndarray:
    return _side_by_side(_answers(log)[:models])


def _errors(log: Log, models: int) -> np.ndarray:
    logits = _answers(log).astype(np.float64)
    share = np.exp(logits - logits.max(2, keepdims=True))
    share = (share / share.sum(2, keepdims=True)).mean(0)
    share[np.arange(len(log)), log.data.targets] -= 1
    return share


def _answers(log: Log) -> np.ndarray:
    if log.logits is None:
        raise ValueError("regression has no logits; use features of kind 'inputs', 'pca' or 'hidden'")
    return log.logits


_KINDS: dict[str, Callable[[Log, int], np.ndarray] | None] = {
    "inputs": None,
    "pca": None,
    "hidden": _hidden,
    "logits": _logits,
    "errors": _errors,
}
