"""What the cells of a lesson call: set-up, exercise checks, panels and live runs.

Names load on first use, so that a chart that is drawn differently leaves the stored points of a lesson's own studies
alone.
"""

from __future__ import annotations

from labkit.loading import load

_WHERE = {
    "CheckFailed": "checks",
    "Lab": "lab",
    "LessonStopped": "lab",
    "Verdict": "checks",
    "check": "checks",
    "exercise": "checks",
    "lesson": "lab",
    "run_live": "panels",
}
_MODULES = ("checks", "panels", "solutions")
__all__ = [*_WHERE, *_MODULES]


def __getattr__(name: str):
    if name in _MODULES:
        return load(f"labkit.lessons.{name}")
    if name in _WHERE:
        return getattr(load(f"labkit.lessons.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labkit.lessons' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
