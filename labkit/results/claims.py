"""Published claims, and what each run found about them.

``data/claims.toml`` holds every claim in our own words with what would count as reproducing it. A notebook judges
a claim on the evidence of its own records; the ledger collects the verdicts of many runs.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import places
from labkit.registry import UnknownName, nearest
from labkit.results.files import read_json, write_json
from labkit.results.records import current, headless, read
from labkit.results.values import Record

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
VERDICTS = {True: "reproduced", False: "not reproduced", None: "inconclusive"}


@dataclass(frozen=True)
class Claim:
    """One statement of one paper: ``statement`` in our words, ``criterion`` what would count as reproduced here."""

    key: str
    paper: str
    authors: str
    year: int
    source: str
    statement: str
    criterion: str


def load() -> dict[str, Claim]:
    """The claims of ``data/claims.toml`` by key; a paper's further claims are ``paper/name``."""
    path = places.data() / "claims.toml"
    return dict(_parsed(path, path.stat().st_mtime_ns))


@functools.lru_cache(maxsize=4)
def _parsed(path: Path, _modified: int) -> dict[str, Claim]:
    with path.open("rb") as file:
        content = tomllib.load(file)
    found: dict[str, Claim] = {}
    for paper in content["paper"]:
        for claim in paper["claim"]:
            key = "/".join([paper["key"], *([claim["name"]] if "name" in claim else [])])
            if key in found:
                raise ValueError(f"{path}: the claim {key!r} stands there twice")
            about = {name: paper.get(name, "") for name in ("authors", "year", "source")}
            found[key] = Claim(key, paper["title"], **about, statement=claim["statement"], criterion=claim["criterion"])
    return found


def claims() -> pd.DataFrame:
    """Every claim the workbook knows, one row each: key, paper, authors, year, source, statement, criterion.

    >>> "deep-learning-scaling-predictable" in set(claims()["key"])
    True
    """
    import pandas as pd

    return pd.DataFrame([vars(claim) for claim in load().values()])


def judge(key: str, holds: bool | None = None, evidence: str | Sequence[str] = (), note: str = "") -> dict[str, Any]:
    """Record what this run says about a claim, on the evidence of its own records.

    Arguments: ``key`` (of ``claims()``); ``holds`` (True reproduced, False not reproduced, None inconclusive at this
    scale); ``evidence`` (names of records of this run, the one that carries the effect first); ``note`` (a sentence
    for the ledger).

    Raises ``UnknownName`` for an unknown claim or record, ``ValueError`` for no evidence and, headless, for a claim
    judged twice; when someone runs a cell again, the newer verdict takes the place of the older.

    >>> from labkit import results
    >>> _ = results.start("demo")
    >>> _ = results.record("exponent", 0.4, se=0.1, n=5, kind="statistical")
    >>> judge("deep-learning-scaling-predictable", holds=True, evidence=["exponent"])["verdict"]
    'reproduced'
    """
    known = load()
    if key not in known:
        raise UnknownName(f"unknown claim {key!r}: {nearest(key, known)}")
    if holds not in (True, False, None):
        raise ValueError(f"claim {key!r}: holds is True, False or None (inconclusive), not {holds!r}")
    holds = None if holds is None else bool(holds)
    evidence = [evidence] if isinstance(evidence, str) else list(evidence)
    run = current()
    if not evidence:
        raise ValueError(f"claim {key!r}: a verdict needs evidence, the names of records of this run")
    for name in evidence:
        if name not in run.records:
            raise UnknownName(
                f"claim {key!r}: the evidence {name!r} is no record of this run: {nearest(name, run.records)}"
            )
    if key in run.verdicts and headless():
        raise ValueError(f"claim {key!r} has been judged already in this run: judge it once, on all the evidence")
    verdict = {"key": key, "holds": holds, "verdict": VERDICTS[holds], "evidence": evidence, "note": note}
    run.verdicts[key] = verdict
    if run.directory:
        content = {"schema": SCHEMA, "notebook": run.notebook, "preset": run.preset}
        write_json(run.directory / "claims.json", {**content, "verdicts": list(run.verdicts.values())})
    return verdict


def ledger(directories: Iterable[str | Path], level: float = 0.9) -> pd.DataFrame:
    """The verdicts of many runs, one row each, with the effect size of the first piece of evidence.

    Arguments: ``directories`` (of runs; one that judged nothing adds no row); ``level`` (of the interval, 0.9).
    Columns: key, paper, year, statement, verdict, evidence, effect, low, high, unit, seeds, notebook, preset, note,
    directory. The interval is Student's, from the record's own standard error and number of seeds (normal where no
    number is given), and empty for records without a standard error.

    >>> ledger([]).empty
    True
    """
    import pandas as pd

    known = load()
    rows = []
    for directory in map(Path, directories):
        if not (directory / "claims.json").is_file():
            continue
        content = read_json(directory / "claims.json", SCHEMA)
        records = read(directory).records
        for verdict in content["verdicts"]:
            claim = known.get(verdict["key"])
            first = records[verdict["evidence"][0]]
            low, high = interval(first, level)
            rows.append(
                {
                    "key": verdict["key"],
                    "paper": claim.paper if claim else "",
                    "year": claim.year if claim else None,
                    "statement": claim.statement if claim else "",
                    "verdict": verdict["verdict"],
                    "evidence": verdict["evidence"],
                    "effect": first.value,
                    "low": low,
                    "high": high,
                    "unit": first.unit,
                    "seeds": first.n,
                    "notebook": content["notebook"],
                    "preset": content["preset"],
                    "note": verdict["note"],
                    "directory": str(directory),
                }
            )
    columns = "key paper year statement verdict evidence effect low high unit seeds notebook preset note directory"
    return pd.DataFrame(rows, columns=columns.split(), dtype=object)


def interval(record: Record, level: float = 0.9) -> tuple[float | None, float | None]:
    """The central interval of a record from its own standard error, or (None, None) where it has none.

    A record whose unit is "share" stays between 0 and 1.

    >>> from labkit.results import Record
    >>> [round(end, 3) for end in interval(Record("gap", 1.0, "statistical", se=0.1, n=5))]
    [0.787, 1.213]
    """
    if not isinstance(record.value, float) or not isinstance(record.se, float):
        return None, None
    from scipy import special

    upper = (1 + level) / 2
    many = record.n is not None and record.n > 1
    quantile = float(special.stdtrit(record.n - 1, upper) if many else special.ndtri(upper))
    low, high = record.value - quantile * record.se, record.value + quantile * record.se
    return (max(low, 0.0), min(high, 1.0)) if record.unit == "share" else (low, high)
