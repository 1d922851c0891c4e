"""Fit, compare, forecast and plan with scaling laws.

>>> from labkit import laws
>>> law = laws.ScalingLaw("power").fit([1.0, 2.0, 4.0], [1.0, 0.5, 0.25])
>>> round(law.parameters_["alpha"], 6)
1.0
"""

from labkit.laws import families as _families  # noqa: F401  (registers the forms that ship)
from labkit.laws.allocation import Allocation, allocate, next_run
from labkit.laws.backtest import backtest, backtest_summary
from labkit.laws.comparison import compare
from labkit.laws.contract import check
from labkit.laws.estimator import ScalingLaw
from labkit.laws.families.mixtures import mixing
from labkit.laws.families.schedules import multi_power, schedule_areas
from labkit.laws.forecast import ForecastReport, forecast, forecast_many, forecast_report
from labkit.laws.form import FORMS, Form, Parameter, forms, get, register
from labkit.laws.frontier import Frontier, frontier
from labkit.laws.generate import generate
from labkit.laws.overtraining_cost import overtraining_cost
from labkit.laws.planning import Plan, plan
from labkit.laws.publications import Published, published

__all__ = [
    "FORMS",
    "Allocation",
    "ForecastReport",
    "Form",
    "Frontier",
    "Parameter",
    "Plan",
    "Published",
    "ScalingLaw",
    "allocate",
    "backtest",
    "backtest_summary",
    "check",
    "compare",
    "forecast",
    "forecast_many",
    "forecast_report",
    "forms",
    "frontier",
    "generate",
    "get",
    "mixing",
    "multi_power",
    "next_run",
    "overtraining_cost",
    "plan",
    "published",
    "register",
    "schedule_areas",
]
