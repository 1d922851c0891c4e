"""Notebooks run headless and strictly, and turned into pages that open anywhere, offline."""

from . import page, pdf
from .ledger import index
from .outcome import Outcome, Reason, ReportError, exit_code
from .parameters import Parameter, ParameterError
from .repeat import repeat
from .runner import run

__all__ = [
    "Outcome",
    "Parameter",
    "ParameterError",
    "Reason",
    "ReportError",
    "exit_code",
    "index",
    "page",
    "pdf",
    "repeat",
    "run",
]
