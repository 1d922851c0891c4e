"""Notebooks run headless and strictly, and turned into pages that open anywhere, offline."""

from .outcome import Outcome, Reason, ReportError, exit_code
from .parameters import Parameter, ParameterError
from .runner import run

__all__ = ["Outcome", "Parameter", "ParameterError", "Reason", "ReportError", "exit_code", "run"]
