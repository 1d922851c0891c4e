"""A scikit-learn learning curve becomes a forecast: from results, from an estimator, as a chart."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.model_selection import learning_curve
from sklearn.naive_bayes import GaussianNB

from labkit import laws
from labkit.display import LearningCurveForecastDisplay as Display

SIZES = np.array([50, 100, 200, 400, 800, 1600])
ERRORS = 0.05 + 2 * SIZES[:, None] ** -0.6 * np.array([[0.95, 1.0, 1.05]])


def test_the_forecast_is_that_of_laws_with_the_folds_as_standard_errors():
    display = Display.from_results(SIZES, 1 - ERRORS, to=20_000)
    se = ERRORS.std(1, ddof=1) / np.sqrt(3)
    expected = laws.forecast(SIZES, ERRORS.mean(1), [20_000], interval=0.9, se=se, bounds=(0, 1))
    np.testing.assert_allclose(display.table_.iloc[-1][["prediction", "low", "high"]], np.ravel(expected), rtol=1e-9)
    assert display.table_.x.iloc[0] == pytest.approx(1600)


def test_scores_become_errors_in_the_way_that_is_said():
    assert Display.from_results(SIZES, 1 - ERRORS).bounds == (0, 1)
    np.testing.assert_allclose(Display.from_results(SIZES, 1 - ERRORS).errors, ERRORS)
    negated = Display.from_results(SIZES, -10 * ERRORS)
    np.testing.assert_allclose(negated.errors, 10 * ERRORS)
    assert negated.bounds == (0, None)
    np.testing.assert_allclose(Display.from_results(SIZES, ERRORS, error="as_is").errors, ERRORS)


def test_an_estimator_gives_what_its_learning_curve_gives():
    X, y = load_digits(return_X_y=True)
    display = Display.from_estimator(GaussianNB(), X, y, cv=3, train_sizes=[100, 200, 400, 800], seed=3)
    _, _, scores = learning_curve(
        GaussianNB(), X, y, cv=3, train_sizes=[100, 200, 400, 800], shuffle=True, random_state=3
    )
    np.testing.assert_allclose(display.errors, 1 - scores)


def test_a_regression_with_a_negated_scorer_is_forecast_too():
    X, y = load_diabetes(return_X_y=True)
    scoring = "neg_mean_squared_error"
    display = Display.from_estimator(Ridge(), X, y, cv=4, scoring=scoring, error_name="squared_error")
    assert display.bounds == (0, None)
    assert (display.table_.low > 0).all()
    assert "Squared error" in display.plot().to_dict()["description"]


def test_the_chart_shows_points_forecast_and_where_nothing_was_measured():
    display = Display.from_results(SIZES, 1 - ERRORS, to=20_000)
    chart = display.plot()
    assert chart is display.chart_
    drawn = {layer["name"].rpartition("_")[0] for layer in chart.to_dict()["layer"]}
    assert {"points", "law", "interval", "not_measured"} <= drawn
    assert "20,000" in chart.to_dict()["description"]


def test_the_plan_for_a_target_is_the_one_of_laws_and_repr_says_the_forecast():
    display = Display.from_results(SIZES, 1 - ERRORS, interval=0.8)
    plan = display.plan(0.06)
    assert plan.interval == 0.8
    assert plan.low < plan.x < plan.high
    assert "at 12,800 examples" in repr(display)
    assert "80% interval" in repr(display)


@pytest.mark.parametrize(
    ("sizes", "scores", "given", "message"),
    [
        (SIZES[:3], 1 - ERRORS, {}, "shape"),
        (SIZES, (1 - ERRORS).mean(1), {}, "shape"),
        (SIZES, 1 - ERRORS, {"to": 1600}, "above the largest"),
        (SIZES, 1 - ERRORS, {"error": "minus"}, "one_minus, negated, as_is"),
        (SIZES, 5 + ERRORS, {}, "say how it becomes one"),
        (SIZES, np.full_like(ERRORS, np.nan), {}, "not finite"),
    ],
)
def test_what_is_no_learning_curve_is_refused(sizes, scores, given, message):
    with pytest.raises(ValueError, match=message):
        Display.from_results(sizes, scores, **given)
