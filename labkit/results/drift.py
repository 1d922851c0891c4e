"""Whether a run's numbers are still those of the baseline, kind by kind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.results.baselines import Baseline, Entry, baseline_path, gap_error, read_baseline
from labkit.results.bounds import NUMERIC, REPEATS, reach
from labkit.results.records import Run, environment, read
from labkit.results.values import Record

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("name", "kind", "verdict", "value", "expected", "bound", "failure", "sentence")
_TOLERANCE_ELSEWHERE = 1e-3
_SLOW, _TOO_SLOW = 1.5, 3.0


@dataclass(frozen=True)
class _Place:
    """Whether the run and the baseline can be expected to agree to the last digits, and in seconds."""

    same_versions: bool
    same_machine: bool

    @property
    def tolerance(self) -> float:
        return NUMERIC if self.same_versions else _TOLERANCE_ELSEWHERE


def check(directory: str | Path, folder: str | Path | None = None) -> pd.DataFrame:
    """Compare a run, or every run of a folder of reports, with the baselines; without one, every record is new.

    Arguments: ``directory`` (of one run, or of reports, whose runs are in ``runs/``); ``folder`` of the baselines
    (``data/baselines``). Returns the frame of ``compare`` with the columns notebook and preset before it; a number has
    drifted where the column ``failure`` is true. Raises ``FileNotFoundError`` where nothing was recorded.
    """
    import pandas as pd

    directory = Path(directory)
    within = sorted(path.parent for path in directory.glob("runs/*/records.json"))
    frames = []
    for run in map(read, [directory] if (directory / "records.json").is_file() or not within else within):
        path = baseline_path(run.notebook or "", run.preset or "", folder)
        held = read_baseline(path) if path.is_file() else Baseline(run.notebook, run.preset, run.environment, {})
        frame = compare(run, held)
        frame.insert(0, "notebook", run.notebook)
        frame.insert(1, "preset", run.preset)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def compare(records: Run | str | Path | Iterable[Record], baseline: Baseline) -> pd.DataFrame:
    """Hold records to a baseline; one row each.

    Arguments: ``records`` (a run, its folder, or records made here and now); ``baseline``.
    Columns: name, kind, verdict (same, drifted, not comparable, missing, new), value, expected, bound (how far from the
    expected value a number may lie), failure (whether this alone makes the run fail), sentence.

    exact: equal. numeric: relative 1e-6 on the same library versions and platform, else 1e-3. statistical: within the
    bound of ``labkit.results.bounds`` or the practical one, whichever is wider, and the standard error not grown.
    ordinal: no pair reversed that the baseline holds apart, by a gap over two standard errors. time: fails at 3
    times, remarks at 1.5. Records of other data, and times of another machine, are not comparable, no failure.

    >>> from labkit.results import Entry, Record
    >>> held = Baseline("demo", "smoke", {}, {"points": Entry("exact", 12, 1)})
    >>> compare([Record("points", 13, "exact")], held)["sentence"].item()
    'points: is 13, the baseline says 12'
    """
    import pandas as pd

    if isinstance(records, (str, Path)):
        records = read(records)
    where = environment()
    if isinstance(records, Run):
        where, theirs = records.environment, (records.notebook, records.preset)
        if theirs != (baseline.notebook, baseline.preset):
            raise ValueError(f"the run is of {theirs}, the baseline of {(baseline.notebook, baseline.preset)}")
        records = records.records.values()
    place = _place(where, baseline.environment)
    found = {record.name: record for record in records}
    rows = [_row(name, found.get(name), entry, place, baseline) for name, entry in baseline.entries.items()]
    rows += [_new(record, baseline) for name, record in found.items() if name not in baseline.entries]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"failure": bool})


def _place(run: Any, baseline: Any) -> _Place:
    same = all(run.get(key) == baseline.get(key) for key in ("platform", "python", "versions"))
    machine = all(run.get(key) == baseline.get(key) for key in ("platform", "cpus"))
    return _Place(same, machine)


def _new(record: Record, baseline: Baseline) -> tuple[Any, ...]:
    if baseline.whole:
        sentence = f"{record.name}: not in the baseline yet; accept it with `labkit accept --reason ...`"
    else:
        sentence = f"{record.name}: its entry was removed from the baseline by hand; use `labkit accept --reason ...`"
    return record.name, record.kind, "new", record.value, None, None, not baseline.whole, sentence


def _row(name: str, record: Record | None, entry: Entry, place: _Place, baseline: Baseline) -> tuple[Any, ...]:
    if record is None:
        sentence = f"{name}: the run did not record it; the baseline says {_show(entry.value)}"
        return name, entry.kind, "missing", None, entry.value, None, True, sentence
    verdict, bound, remark = _verdict(record, entry, place)
    if name in baseline.edited and verdict != "drifted":
        verdict, remark = (
            "drifted",
            "its baseline entry was edited by hand; use `labkit accept --reason ...`",
        )
    elif name in baseline.edited:
        remark += " (and its baseline entry was edited by hand)"
    return name, entry.kind, verdict, record.value, entry.value, bound, verdict == "drifted", f"{name}: {remark}"


def _verdict(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    """The verdict, the bound, and the rest of the sentence."""
    for what in ("kind", "unit"):
        if getattr(record, what) != getattr(entry, what):
            return "drifted", None, f"its {what} was {getattr(entry, what)}, is {getattr(record, what)}"
    if record.fingerprint and entry.fingerprint and record.fingerprint != entry.fingerprint:
        return "not comparable", None, "made from other data than the baseline (fingerprints differ)"
    if entry.n is not None and record.n != entry.n:
        return "drifted", None, f"rests on n = {record.n}, the baseline on n = {entry.n}"
    return _COMPARISONS[entry.kind](record, entry, place)


def _exact(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    if record.value == entry.value:
        return "same", None, f"is {_show(record.value)}"
    return "drifted", None, _apart(record, entry)


def _numeric(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    values = record.value if isinstance(record.value, tuple) else (record.value,)
    expected = entry.value if isinstance(entry.value, tuple) else (entry.value,)
    if len(values) != len(expected):
        return "drifted", None, f"has {len(values)} numbers, the baseline {len(expected)}"
    gaps = []
    for one, other in zip(values, expected, strict=True):
        allowed = max(place.tolerance * max(abs(one), abs(other)), entry.bound or 0.0)
        gaps.append((abs(one - other) - allowed, abs(one - other), allowed))
    excess, worst, allowed = max(gaps, default=(0.0, 0.0, 0.0))
    if excess <= 0:
        return "same", allowed, f"is {_show(record.value)}"
    remark = f"{_apart(record, entry)}: {worst:.3g} apart, at most {allowed:.3g} expected"
    return "drifted", allowed, remark


def _statistical(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    bound = limit(entry, place.tolerance)
    distance = abs(record.value - entry.value)
    if distance > bound:
        remark = f"{distance:.3g} apart, at most {bound:.3g} expected from {entry.repeats} reruns"
        return "drifted", bound, f"{_apart(record, entry)}: {remark}"
    largest = max(entry.se_limit or 0.0, place.tolerance * abs(entry.value))
    if record.se > largest:
        remark = f"its standard error grew to {record.se:.3g} from {entry.se:.3g}, at most {largest:.3g} expected"
        return "drifted", bound, remark
    return "same", bound, f"is {_show(record.value)}, {distance:.3g} from the baseline, at most {bound:.3g} expected"


def limit(entry: Entry, tolerance: float = NUMERIC) -> float:
    """How far a statistical record may lie from its entry."""
    # Values on a coarse scale (errors counted on few examples) can agree in all reruns though their seeds differ.
    spread = entry.sd or entry.se or 0.0
    return max(reach(entry.repeats) * spread, entry.bound or 0.0, tolerance * abs(entry.value))


def _ordinal(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    if set(record.value) != set(entry.value):
        return "drifted", None, _apart(record, entry)
    position = {item: place for place, item in enumerate(record.value)}
    scores = dict(zip(record.value, record.scores, strict=True)) if record.scores else None
    for better, worse, gap, spread in entry.pairs or ():
        if position[better] < position[worse]:
            continue
        if scores is None:
            return "drifted", None, f"{worse} is now before {better}"
        reversal = scores[better] - scores[worse]
        chance = max(2 * spread, 2 * gap_error(record, better, worse))
        if entry.repeats >= REPEATS:
            chance = max(chance, reach(entry.repeats) * spread - gap)
        if reversal > chance:
            remark = f"{worse} is now before {better} by {reversal:.3g}; the baseline has it behind by {gap:.3g}"
            return "drifted", chance, f"{remark}, and chance explains {chance:.3g}"
    return "same", None, "no pair that the baseline holds apart is reversed"


def _time(record: Record, entry: Entry, place: _Place) -> tuple[str, float | None, str]:
    if not place.same_machine:
        return "not comparable", None, "timed on another machine than the baseline"
    ratio = record.value / entry.value if entry.value else math.inf
    allowed = max(_TOO_SLOW * entry.value, entry.bound or 0.0)
    remark = f"took {record.value:.3g} s, {ratio:.2g} times the baseline's {entry.value:.3g} s"
    if record.value > allowed:
        return "drifted", allowed, remark
    return "same", allowed, f"{remark}: slower than it was" if ratio >= _SLOW else remark


_COMPARISONS = {
    "exact": _exact,
    "numeric": _numeric,
    "statistical": _statistical,
    "ordinal": _ordinal,
    "time": _time,
}


def _apart(record: Record, entry: Entry) -> str:
    return f"is {_show(record.value)}, the baseline says {_show(entry.value)}"


def _show(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
