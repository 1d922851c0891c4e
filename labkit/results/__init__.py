"""Numbers that notebooks stand by: records, the claims they bear on, accepted baselines and drift."""

from labkit.results.claims import Claim, claims, judge, ledger
from labkit.results.records import Run, read, record, start, table
from labkit.results.values import Record

__all__ = ["Claim", "Record", "Run", "claims", "judge", "ledger", "read", "record", "start", "table"]
