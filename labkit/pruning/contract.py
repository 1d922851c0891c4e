"""What every score must satisfy, ours and a reader's own: one suite, each failure a plain sentence."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labkit.datasets import Dataset
from labkit.models import build
from labkit.pruning.entry import Score
from labkit.pruning.log import Log
from labkit.pruning.observing import observe
from labkit.pruning.scoring import score
from labkit.seeds import generator

_EXAMPLES, _HELD, _CLASSES, _FLIPS = 160, 60, 3, 16
_LEAST_AREA = 0.75
_SAME = 1e-5


def check(entry: Score, **options: Any) -> None:
    """Raise ``AssertionError`` with a plain sentence unless the score keeps its promises.

    Arguments:
        entry: the score.
        options: its options, where the defaults would take long on small data.

    Checked on a small training with flipped labels: one finite number per example; the same again for the same seed;
    the log left as it was; the same for examples in another order, where it says so; flipped labels above the others,
    where it says so (at least three in four pairs); ties told where there are many.

    >>> from labkit import pruning
    >>> check(pruning.find_score("aum"))
    """
    assert entry.purpose, f"{entry.name}: its purpose is not told"
    log, flipped = planted()
    before = _contents(log)
    found = np.asarray(entry(log, **_seeded(entry, options)))
    assert found.shape == (len(log),), f"{entry.name}: gives an array {found.shape}; expected ({len(log)},)"
    assert found.dtype.kind in "fiub", f"{entry.name}: gives {found.dtype}; expected numbers"
    assert np.isfinite(found).all(), f"{entry.name}: {int((~np.isfinite(found)).sum())} values are not finite"
    assert _contents(log) == before, f"{entry.name}: changes the log that it was given"
    found = score(entry, log, **options)
    assert found.dtype == np.float64, f"{entry.name}: is not float64"
    spread = max(float(np.ptp(found)), 1e-12)
    # A log of its own, so that nothing is remembered of the first time.
    again = score(entry, log.take(np.arange(len(log))), **options)
    assert _apart(found, again) <= _SAME * spread, f"{entry.name}: gives something else the second time"
    if entry.order_free:
        order = generator(0, "contract order").permutation(len(log))
        moved = score(entry, log.take(order), **options)
        gap = _apart(moved, found[order]) / spread
        assert gap <= _SAME, f"{entry.name}: depends on the order of the examples, by {gap:.1e} of its range"
    if entry.finds_flips:
        area = float(_area(found, flipped))
        assert area >= _LEAST_AREA, (
            f"{entry.name}: a flipped label is above another example in {area:.0%} of pairs; expected "
            f"{_LEAST_AREA:.0%}: is larger harder?"
        )
    different = len(np.unique(found))
    many = different < len(found) / 2
    assert entry.ties or not many, f"{entry.name}: has {different} different values and says nothing of ties"


@functools.cache
def planted() -> tuple[Log, np.ndarray]:
    """A small observed training and which of its labels were flipped, bool (n,)."""
    random = generator(0, "pruning contract")
    centres = 2.5 * np.eye(_CLASSES, 6)
    count = _EXAMPLES + _HELD
    labels = np.arange(count) % _CLASSES
    inputs = (centres[labels] + random.standard_normal((count, 6))).astype(np.float32)
    flipped = np.zeros(_EXAMPLES, dtype=bool)
    flipped[random.permutation(_EXAMPLES)[:_FLIPS]] = True
    shown = np.where(flipped, (labels[:_EXAMPLES] + 1) % _CLASSES, labels[:_EXAMPLES])
    data = Dataset(
        name="planted",
        kind="classification",
        inputs=inputs[:_EXAMPLES],
        targets=shown,
        validation_inputs=inputs[_EXAMPLES:],
        validation_targets=labels[_EXAMPLES:],
        test_inputs=inputs[:0],
        test_targets=labels[:0],
        classes=_CLASSES,
    )
    log = observe(data, build("mlp", width=16), seeds=3, steps=400, record_every=10, device="cpu")
    return log, flipped


def _seeded(entry: Score, options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "seed": 0} if "seed" in entry.options else options


def _contents(log: Log) -> tuple[bytes, ...]:
    arrays = [log.data.inputs, log.data.targets, log.steps, log.logits, *log.values.values()]
    arrays += [tensor.cpu().numpy() for part in log.fit.parts for tensor in part.parameters.values()]
    return tuple(array.tobytes() for array in arrays)


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def _area(values: np.ndarray, positive: np.ndarray) -> float:
    """Share of pairs in which the positive one is larger, ties half."""
    gaps = values[positive][:, None] - values[~positive]
    return float((gaps > 0).mean() + (gaps == 0).mean() / 2)
