"""Warnings that point to a reader's own line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

INSIDE = str(Path(__file__).parents[1])


def warn(message: str) -> None:
    """Warn (``UserWarning``) at the line outside of labkit that led here, however deep in it the cause was seen."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
