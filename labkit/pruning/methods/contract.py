"""What every dynamic method must satisfy, ours and a reader's own: one suite, each failure a plain sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.datasets import Dataset
from labkit.models import Model, build
from labkit.pruning.log import Log
from labkit.pruning.methods.entry import Dynamic
from labkit.seeds import generator
from labkit.training import FitResult, Selection, fit_many

_EXAMPLES, _CLASSES, _STEPS, _BATCH = 120, 3, 24, 8
_SAME = 1e-4


def check(entry: Dynamic, **dials: Any) -> None:
    """Raise ``AssertionError`` with a plain sentence unless the method keeps its promises.

    Arguments:
        entry: the method.
        dials: its dials, where it has some without a default that it does not measure itself.

    Checked on a small training: it tells its purpose; it leaves the global generator alone; the same seed shows the
    same, alone and beside other runs; every shown example is one of the run's own; where it has a dial for the share,
    ``at`` gives dials it knows, and a smaller share makes smaller rounds.

    >>> from labkit import pruning
    >>> check(pruning.find_dynamic("infobatch"))
    """
    assert entry.purpose, f"{entry.name}: its purpose is not told"
    data = _data()
    if entry.prepare is not None:
        dials = {**entry.prepare(Log.of(data, _model(), steps=20), 0), **dials}
    unknown = set(dials) - set(entry.options)
    assert not unknown, f"{entry.name}: it prepares {', '.join(sorted(unknown))}, which is no dial of it"
    method = entry.method(**dials)
    assert repr(method) == repr(entry.method(**dials)), f"{entry.name}: it is not called the same twice"
    own = np.arange(0, _EXAMPLES, 2)
    before = _global()
    alone = _fit(method, data, [{"seed": 1, "indices": own}])
    assert _global() == before, f"{entry.name}: it draws from numpy's global generator"
    beside = _fit(method, data, [{"seed": 2, "indices": own[:30]}, {"seed": 1, "indices": own}])
    shown = alone.exposures(0)
    assert shown.sum() == _STEPS * _BATCH, f"{entry.name}: it showed {shown.sum()} examples in {_STEPS} steps"
    assert not shown[1::2].any(), f"{entry.name}: it showed examples that the run does not have"
    assert (shown == beside.exposures(1)).all(), f"{entry.name}: what a run is shown depends on the run beside it"
    gap = np.abs(alone.predict(data.test_inputs)[0] - beside.predict(data.test_inputs)[1]).max()
    assert gap < _SAME, f"{entry.name}: a run's answers depend on the run beside it"
    if entry.at is not None:
        few, many = (_rounds(entry, data, share, dials) for share in (0.2, 0.8))
        # A method that says how long its rounds last is free in what it does with the share.
        asked = f"{entry.name}: at a share of 0.2 it chooses {few} times in 60 steps, at 0.8 {many} times"
        assert few > many or method.every is not None, f"{asked}; expected smaller rounds at a smaller share"


def _global() -> tuple[bytes, int]:
    """The state of numpy's global generator: its words and the place among them."""
    _, words, place, *_ = np.random.get_state()
    return words.tobytes(), place


def _rounds(entry: Dynamic, data: Dataset, share: float, dials: dict[str, Any]) -> int:
    """How often it chooses at a share."""
    given = entry.at(share)
    unknown = set(given) - set(entry.options)
    assert not unknown, f"{entry.name}: at({share}) gives {', '.join(sorted(unknown))}, which is no dial of it"
    fit = _fit(entry.method(**{**dials, **given}), data, [{"seed": 1}], steps=60)
    return int(fit.table["selection_rounds"].iloc[0])


def _fit(method: Selection, data: Dataset, runs: list[dict[str, Any]], steps: int = _STEPS) -> FitResult:
    return fit_many(_model(), data, runs, steps=steps, batch_size=_BATCH, selection=method, device="cpu")


def _model() -> Model:
    return build("softmax")


def _data() -> Dataset:
    random = generator(0, "dynamic contract")
    targets = np.arange(_EXAMPLES) % _CLASSES
    inputs = (random.normal(size=(_EXAMPLES, 4)) + 2 * np.eye(4)[targets]).astype(np.float32)
    return Dataset(
        name="blobs",
        kind="classification",
        inputs=inputs,
        targets=targets,
        validation_inputs=inputs[:0],
        validation_targets=targets[:0],
        test_inputs=inputs,
        test_targets=targets,
        classes=_CLASSES,
    )
