"""Numbers that notebooks stand by: records, the claims they bear on, accepted baselines and drift."""

from labkit.results.baselines import Baseline, Entry, accept, baseline_path, read_baseline
from labkit.results.bounds import power
from labkit.results.claims import Claim, claims, judge, ledger
from labkit.results.drift import check, compare
from labkit.results.records import Run, read, record, start, table
from labkit.results.values import Record

__all__ = [
    "Baseline",
    "Claim",
    "Entry",
    "Record",
    "Run",
    "accept",
    "baseline_path",
    "check",
    "claims",
    "compare",
    "judge",
    "ledger",
    "power",
    "read",
    "read_baseline",
    "record",
    "start",
    "table",
]
