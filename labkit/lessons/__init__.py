"""What the cells of a lesson call: set-up, exercise checks, panels and live runs."""

from labkit.lessons import panels, solutions
from labkit.lessons.checks import CheckFailed, Verdict, check, exercise
from labkit.lessons.lesson import Lab, LessonStopped, lesson
from labkit.lessons.panels import run_live

__all__ = [
    "CheckFailed",
    "Lab",
    "LessonStopped",
    "Verdict",
    "check",
    "exercise",
    "lesson",
    "panels",
    "run_live",
    "solutions",
]
