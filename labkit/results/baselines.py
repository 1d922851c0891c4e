"""Accepted records per notebook and preset: what a later run is held to.

``data/baselines/<notebook>.<preset>.json`` is written by ``accept`` alone, with a reason. Each entry carries a seal
over its content, so an edit by hand is noticed and named.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import math
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit import places
from labkit.registry import UnknownName, nearest
from labkit.results.bounds import NUMERIC, REPEATS, mean_and_spread, se_limit
from labkit.results.files import read_json, write_json
from labkit.results.records import Run, frozen, read
from labkit.results.values import Record

SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Entry:
    """What one record is held to.

    ``value``: the reruns' mean (statistical), median (time), names in order of their mean score (ordinal), or the
    value itself. ``sd``: spread of the value between reruns. ``se``: typical standard error of one run, ``se_limit``
    the largest that is no growth. ``bound``: the practical bound, if any. ``pairs`` of an ordinal: (better, worse,
    gap, spread of the gap) for the pairs the reruns hold apart. ``old``: what stood here before.
    """

    kind: str
    value: Any
    repeats: int
    sd: float | None = None
    se: float | None = None
    se_limit: float | None = None
    n: int | None = None
    unit: str | None = None
    bound: float | None = None
    fingerprint: str | None = None
    pairs: tuple[tuple[str, str, float, float], ...] | None = None
    reason: str = ""
    date: str = ""
    commit: str | None = None
    old: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The entries of one notebook and preset; ``edited`` names those changed by hand, ``whole`` is False when some
    were added or removed by hand."""

    notebook: str
    preset: str
    environment: Mapping[str, Any]
    entries: Mapping[str, Entry]
    edited: frozenset[str] = frozenset()
    whole: bool = True


def baseline_path(notebook: str, preset: str, folder: str | Path | None = None) -> Path:
    """The file of a baseline; ``folder`` is ``data/baselines`` by default.

    >>> baseline_path("01_learning_curves", "smoke").name
    '01_learning_curves.smoke.json'
    """
    name = f"{notebook}.{preset}.json"
    if not notebook or not preset or Path(name).name != name:
        raise ValueError(f"a baseline belongs to a notebook's name and a preset, not to {notebook!r} and {preset!r}")
    return Path(folder or places.data() / "baselines") / name


def read_baseline(path: str | Path) -> Baseline:
    """A baseline from its file; edits by hand are not refused but marked, so that the comparison can name them."""
    content = read_json(Path(path), SCHEMA)
    try:
        entries, edited = {}, set()
        for name, stored in content["entries"].items():
            fields = {key: value for key, value in stored.items() if key != "seal"}
            if _seal([name, fields]) != stored.get("seal"):
                edited.add(name)
            entries[name] = Entry(**{key: frozen(value) for key, value in fields.items()})
        head = {key: content[key] for key in ("notebook", "preset", "environment")}
        whole = _seal([head, sorted(entries)]) == content.get("seal")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a baseline ({error}); write it with `labkit accept --reason ...`") from None
    return Baseline(**head, entries=entries, edited=frozenset(edited), whole=whole)


def accept(
    run_directories: str | Path | Sequence[str | Path],
    reason: str,
    *,
    names: Iterable[str] | None = None,
    bounds: Mapping[str, float] | None = None,
    folder: str | Path | None = None,
) -> Path:
    """Make the records of reruns the baseline of their notebook and preset, the only way to write one.

    Returns the file.

    Arguments: ``run_directories`` (of reruns of one notebook and preset with different seeds; at least 20 where a
    statistical record is among them); ``reason`` (why the numbers change, kept in the file); ``names`` (accept these
    records alone and leave the other entries as they are); ``bounds`` (practical bounds by record name, kept over later
    acceptances; they widen the statistical bound, they never narrow it); ``folder`` (``data/baselines``).

    Raises ``ValueError`` for an empty reason, too few reruns, reruns that do not belong together, reruns with the same
    seeds, and for exact or numeric records that differ between reruns (numeric ones by over half a millionth).
    """
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError("accepting a baseline needs a reason: say what changed and why the new numbers are right")
    runs = _runs(run_directories)
    path = baseline_path(runs[0].notebook or "", runs[0].preset or "", folder)
    before = read_baseline(path) if path.is_file() else None
    known = runs[0].records
    wanted = set(known) if names is None else set(names)
    for name in sorted(wanted | set(bounds or {})):
        if name not in known:
            raise UnknownName(f"the runs have no record {name!r}: {nearest(name, known)}")
    if names is not None and before is not None and not before.whole:
        raise ValueError(f"entries of {path.name} were added or removed by hand: accept all records, not some of them")
    new = {name: merged(name, [run.records[name] for run in runs]) for name in known if name in wanted}
    _different_seeds(new)
    entries = dict(before.entries) if before and names is not None else {}
    stamp = {"reason": reason.strip(), "date": datetime.date.today().isoformat(), "commit": _commit()}
    for name, entry in new.items():
        old = before.entries.get(name) if before else None
        bound = (bounds or {}).get(name, old.bound if old else None)
        if bound is not None and not 0 < bound < float("inf"):
            raise ValueError(f"the practical bound of {name!r} is {bound!r}; expected a number above 0")
        entry = dataclasses.replace(entry, bound=bound)
        entries[name] = entry if old is None else _successor(old, entry, name in before.edited)
        if entries[name] is not old:
            entries[name] = dataclasses.replace(entries[name], **stamp)
    kept_broken = (before.edited - wanted) if before else frozenset()
    _write(path, Baseline(runs[0].notebook, runs[0].preset, runs[0].environment, entries, kept_broken))
    return path


def merged(name: str, records: Sequence[Record]) -> Entry:
    """One entry from the records of one name in all reruns."""
    first = records[0]
    for what in ("kind", "unit", "fingerprint"):
        found = {getattr(record, what) for record in records}
        if len(found) > 1:
            raise ValueError(
                f"record {name!r} has different {what}s in the reruns ({found}): they do not belong together"
            )
    counts = {record.n for record in records}
    about = {"unit": first.unit, "fingerprint": first.fingerprint, "n": first.n if len(counts) == 1 else None}
    repeats = len(records)
    if first.kind == "statistical":
        if repeats < REPEATS:
            raise ValueError(
                f"record {name!r} is statistical and needs at least {REPEATS} reruns with other seeds, got {repeats}: "
                f"run the notebook {REPEATS - repeats} more times, each with a seed and a folder of its own, "
                "and give all the folders"
            )
        mean, sd = mean_and_spread([record.value for record in records])
        errors = [record.se for record in records]
        typical = (sum(error**2 for error in errors) / repeats) ** 0.5
        return Entry("statistical", mean, repeats, sd=sd, se=typical, se_limit=se_limit(errors), **about)
    if first.kind == "ordinal":
        return _merged_order(name, records, about)
    values = [record.value for record in records]
    if first.kind == "time":
        return Entry("time", statistics.median(values), repeats, **about)
    if not all(_alike(first.kind, value, first.value) for value in values):
        advice = "it depends on the seed, so record it as statistical"
        raise ValueError(f"record {name!r} is {first.kind} but differs between the reruns: {advice}")
    return Entry(first.kind, first.value, repeats, **about)


def _alike(kind: str, one: Any, other: Any) -> bool:
    """Whether reruns found the same: equal, or for a computed number as near as a later run must come."""
    if kind != "numeric":
        return one == other
    ones, others = (value if isinstance(value, tuple) else (value,) for value in (one, other))
    return len(ones) == len(others) and all(map(functools.partial(math.isclose, rel_tol=NUMERIC / 2), ones, others))


def _merged_order(name: str, records: Sequence[Record], about: dict[str, Any]) -> Entry:
    """The mean order, and the pairs that are further apart than chance puts them."""
    first, repeats = records[0], len(records)
    if any(set(record.value) != set(first.value) for record in records):
        raise ValueError(f"record {name!r} orders different things in the reruns: they do not belong together")
    if any(record.scores is None for record in records):
        if any(record.value != first.value for record in records):
            raise ValueError(
                f"record {name!r} differs between the reruns: record it with scores, which tell ties apart"
            )
        pairs = [(a, b, 0.0, 0.0) for place, a in enumerate(first.value) for b in first.value[place + 1 :]]
        return Entry("ordinal", first.value, repeats, pairs=tuple(pairs), **about)
    tables = [dict(zip(record.value, record.scores, strict=True)) for record in records]
    order = sorted(first.value, key=lambda item: sum(table[item] for table in tables))
    pairs = []
    for place, better in enumerate(order):
        for worse in order[place + 1 :]:
            gap, spread = mean_and_spread([table[worse] - table[better] for table in tables])
            spread = max([spread, *(gap_error(record, better, worse) for record in records if repeats < REPEATS)])
            if gap > 2 * spread:
                pairs.append((better, worse, gap, spread))
    return Entry("ordinal", tuple(order), repeats, pairs=tuple(pairs), **about)


def gap_error(record: Record, better: str, worse: str) -> float:
    """The standard error of the gap between two scores of an ordinal, taken as independent."""
    if record.se is None:
        return 0.0
    errors = dict(zip(record.value, record.se, strict=True))
    return (errors[better] ** 2 + errors[worse] ** 2) ** 0.5


def _runs(directories: str | Path | Sequence[str | Path]) -> list[Run]:
    listed = [directories] if isinstance(directories, (str, Path)) else list(directories)
    if not listed:
        raise ValueError("no runs to accept: give the folders of their records")
    if len({Path(one).resolve() for one in listed}) < len(listed):
        raise ValueError("the same run folder is given twice: every rerun has a folder of its own")
    runs = [read(one) for one in listed]
    for run in runs[1:]:
        first = runs[0]
        if (run.notebook, run.preset) != (first.notebook, first.preset):
            raise ValueError(
                f"{run.directory} is a run of {run.notebook} ({run.preset}), "
                f"{first.directory} of {first.notebook} ({first.preset})"
            )
        if run.environment != first.environment:
            raise ValueError(
                f"{run.directory} ran with other library versions or on another machine than {first.directory}"
            )
        if run.records.keys() != first.records.keys():
            differing = sorted(run.records.keys() ^ first.records.keys())
            raise ValueError(f"{run.directory} and {first.directory} do not both record {', '.join(differing)}")
    return runs


def _different_seeds(entries: Mapping[str, Entry]) -> None:
    """Refuse reruns that are copies: with the same seeds the spread between them says nothing."""
    chance = [entry for entry in entries.values() if entry.kind == "statistical" and entry.se]
    if chance and all(entry.sd == 0 for entry in chance):
        raise ValueError("every statistical record is the same in all reruns: give each rerun a seed of its own")


def _successor(old: Entry, new: Entry, broken: bool) -> Entry:
    """The new entry with the old one noted in it, or the old one where nothing changed."""
    same = dataclasses.replace(new, reason=old.reason, date=old.date, commit=old.commit, old=old.old)
    if same == old and not broken:
        return old
    noted = {"value": old.value, "sd": old.sd, "repeats": old.repeats}
    return dataclasses.replace(new, old={**noted, "reason": old.reason, "date": old.date, "commit": old.commit})


def _write(path: Path, baseline: Baseline) -> None:
    head = {"notebook": baseline.notebook, "preset": baseline.preset, "environment": baseline.environment}
    entries = {}
    for name, entry in sorted(baseline.entries.items()):
        fields = {key: value for key, value in dataclasses.asdict(entry).items() if value is not None}
        seal = "broken" if name in baseline.edited else _seal([name, fields])
        entries[name] = {**fields, "seal": seal}
    content = {"schema": SCHEMA, **head, "entries": entries, "seal": _seal([head, sorted(entries)])}
    write_json(path, content)


def _seal(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _commit() -> str | None:
    """The commit of the checkout, if git answers."""
    root = places.checkout()
    if root is None:
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
