"""The fit and forecast explorer: what it fits, what it never sees, what it foretells, and what it draws."""

import json

import numpy as np
import pandas as pd
import pytest

from labkit import display, laws
from labkit.display.render import SVG, VEGALITE
from labkit.lessons import panels
from labkit.lessons.panels import fitted
from labkit.lessons.panels.points import shipped

SIZES = 2.0 ** np.arange(4, 12)
ERRORS = 0.05 + 2 * SIZES**-0.5
QUICK = ["power", "power_floor"]


def explorer(errors=ERRORS, **options):
    return panels.fit_explorer((SIZES, errors), **{"forms": QUICK, **options})


def row(record, form):
    return record.table.set_index("form").loc[form]


def test_the_law_is_recovered_and_the_held_out_points_are_counted():
    record = explorer(holdout=3).value
    assert record.parameters["power_floor"] == pytest.approx({"E": 0.05, "A": 2.0, "alpha": 0.5}, rel=1e-3)
    found = row(record, "power_floor")
    assert found["miss"] < 1e-3
    assert found["held_out"] == 3
    assert row(record, "power")["miss"] > 0.05
    assert "power_floor by 0.0%" in str(record)


def test_the_target_is_reached_where_the_law_says():
    record = explorer(holdout=0, forms=["power_floor"], target=0.1).value
    assert row(record, "power_floor")["needed"] == pytest.approx(1600, rel=0.01)  # 0.05 + 2 / sqrt(1600) = 0.1
    assert np.isinf(row(explorer(forms=["power_floor"], target=0.04).value, "power_floor")["needed"])


def test_the_plan_agrees_with_laws_plan():
    record = explorer(holdout=0, forms=["forecast"], target=0.09, bounds=(0, 1)).value
    plan = laws.plan((SIZES, ERRORS), 0.09, bounds=(0, 1))
    assert row(record, "forecast")["needed"] == pytest.approx(plan.x, rel=0.05)


def test_holding_out_nothing_claims_no_forecast():
    record = explorer(holdout=0).value
    assert record.table["miss"].isna().all()
    assert (record.points["part"] == "fitted").all()
    assert "Nothing held out" in str(record)


@pytest.mark.parametrize("form", ["power_floor", "forecast"])
def test_the_hold_out_is_never_fitted(form):
    spoiled = ERRORS.copy()
    spoiled[-2:] *= 5
    clean, dirty = (explorer(errors, holdout=2, forms=[form]).value for errors in (ERRORS, spoiled))
    pd.testing.assert_frame_equal(dirty.lines, clean.lines)
    assert row(dirty, form)["miss"] > 1


def test_every_form_offered_can_be_chosen():
    panel = explorer(holdout=1)
    record = panel.set(forms=panel.controls["forms"].options).value
    assert set(record.table["form"]) == set(panels.fitting.OFFERED)
    assert np.isfinite(record.lines[["x", "y"]]).all(axis=None)


def test_a_form_with_too_many_parameters_is_left_out_and_named():
    record = explorer(holdout=5, forms=["power", "broken_power"]).value
    assert record.table["form"].tolist() == ["power"]
    assert record.skipped == ("broken_power",)
    assert "Too few sizes left for broken_power" in str(record)


def test_a_panel_without_a_form_that_can_be_fitted_still_shows_the_points():
    panel = explorer(holdout=5, forms=["broken_power"])
    assert panel.value.table.empty
    assert "no form can be fitted" in display.svg(panel.figure)


def test_a_wider_interval_covers_no_less():
    rng = np.random.default_rng(0)
    x = np.repeat(SIZES, 3)
    noisy = np.repeat(ERRORS, 3) * np.exp(0.1 * rng.standard_normal(x.size))
    panel = panels.fit_explorer((x, noisy), holdout=3, forms=["power_floor"])
    narrow, wide = (panel.set(interval=level).value for level in (0.5, 0.95))
    assert (wide.lines["low"] <= narrow.lines["low"] + 1e-12).all()
    assert row(wide, "power_floor")["covered"] >= row(narrow, "power_floor")["covered"]
    assert row(wide, "power_floor")["latest"] >= row(narrow, "power_floor")["latest"]


def test_nothing_leaves_the_bounds():
    lines = explorer(1.2 * ERRORS, forms=["forecast", "power"], bounds=(0, 0.9)).value.lines
    assert lines[["y", "low", "high"]].le(0.9).all(axis=None)


def test_moving_a_dial_that_is_not_the_hold_out_refits_nothing(monkeypatch):
    panel = explorer(forms=["power_floor"], holdout=2, seed=41)
    assert panel.value.holdout == 2

    def refuse(*arguments, **options):
        raise AssertionError("refitted")

    monkeypatch.setattr(laws.ScalingLaw, "fit", refuse)
    panel.set(target=0.08)
    panel.set(interval=0.5)
    assert panel.value.interval == 0.5


def test_a_long_curve_lends_an_even_selection_of_its_points_to_slow_intervals():
    x = np.geomspace(1, 1e4, 500)
    fewer = fitted.Known(x, 1 / x, (0, None), 0).fewer()
    assert len(fewer.x) == 60
    assert (fewer.x[0], fewer.x[-1]) == (x[0], x[-1])


def test_a_form_of_several_variables_is_refused():
    with pytest.raises(ValueError, match="expected a form of one variable"):
        explorer(forms=["chinchilla"])


def test_an_unknown_form_curve_and_a_strange_interval_are_refused():
    with pytest.raises(ValueError, match="did you mean 'power_floor'"):
        explorer(forms=["power_flor"])
    with pytest.raises(ValueError, match="did you mean 'forecast'"):
        explorer(forms=["forcast"])
    with pytest.raises(ValueError, match="did you mean 'mine'"):
        panels.fit_explorer({"mine": (SIZES, ERRORS)}, curve="mien")
    with pytest.raises(ValueError, match="between 0 and 1; got 90"):
        explorer(interval=90)


def test_an_interval_of_ones_own_is_offered_and_kept():
    panel = explorer(interval=0.68)
    assert panel.value.interval == 0.68
    assert "interval: float | None = 0.68" in panel.to_parameters()


def test_several_curves_are_a_choice_and_each_keeps_its_own_sizes():
    short = (SIZES[:5], ERRORS[:5])
    panel = panels.fit_explorer({"long": (SIZES, ERRORS), "short": short}, forms=["power"], holdout=4)
    assert panel.value.curve == "long"
    record = panel.set(curve="short").value
    assert record.holdout == 2  # three sizes are left to fit
    assert len(record.points) == 5


def test_curves_ship_with_the_package():
    curves = shipped()
    assert "digits, mlp" in curves
    panel = panels.fit_explorer(forms=["power"])
    assert list(panel.controls["curve"].options) == list(curves)
    assert panel.value.curve == next(iter(curves))


def test_the_chart_draws_every_form_every_point_and_every_residual():
    panel = explorer(holdout=2)
    data = panel.bundle()[VEGALITE]["datasets"].values()
    rows = [one for frame in data for one in frame]
    assert len([one for one in rows if "part" in one and "form" not in one]) == len(SIZES)
    assert len([one for one in rows if "part" in one and "form" in one]) == 2 * len(SIZES)
    assert panel.bundle()[SVG].count("<path") >= 3 * len(SIZES)


def test_thousands_of_points_still_make_a_small_chart():
    x = np.repeat(SIZES, 500)
    rng = np.random.default_rng(1)
    noisy = np.repeat(ERRORS, 500) * np.exp(0.1 * rng.standard_normal(x.size))
    panel = panels.fit_explorer((x, noisy), forms=QUICK)
    assert len(json.dumps(panel.bundle())) < 400_000
    rows = [one for frame in panel.bundle()[VEGALITE]["datasets"].values() for one in frame]
    residuals = [one["y"] for one in rows if "part" in one and "form" in one]
    assert len(residuals) == 2 * len(SIZES)
    assert np.isfinite(residuals).all()


def spoiled():
    """Points of a power law with floor, one of them far off; and standard errors that know which."""
    errors, se = ERRORS.copy(), 0.01 * ERRORS
    errors[1] *= 1.5
    se[1] = 0.5 * errors[1]
    return errors, se


def test_points_count_by_their_standard_errors():
    errors, se = spoiled()
    told = pd.DataFrame({"examples": SIZES, "error": errors, "se": se})
    weighed, alike = (panels.fit_explorer(given, forms=["power_floor"]) for given in (told, told.drop(columns="se")))
    missed = [abs(panel.value.parameters["power_floor"]["E"] - 0.05) for panel in (weighed, alike)]
    assert missed[0] < 0.001 < missed[1]
    assert "weighed by their standard errors" in str(weighed.value)
    assert "standard errors" not in str(alike.value)


def test_forecasts_hear_of_standard_errors():
    errors, se = spoiled()
    panel = panels.fit_explorer((SIZES, errors, se), forms=["forecast"], holdout=0)
    lines = panel.value.lines
    assert lines["y"].tolist() == pytest.approx(laws.forecast(SIZES, errors, lines["x"], se=se).tolist())
    assert lines["y"].tolist() != pytest.approx(laws.forecast(SIZES, errors, lines["x"]).tolist())


def test_error_bars_reach_one_standard_error_and_stay_on_the_axis():
    se = np.r_[2.0, np.full(7, 0.1)] * ERRORS  # one that reaches below zero
    assert "standard error" not in json.dumps(explorer(forms=["power"]).bundle()[VEGALITE])
    panel = panels.fit_explorer((SIZES, ERRORS, se), forms=["power"])
    spec = display.specification(panel.figure)
    points = pd.DataFrame(spec["datasets"]["points"])
    assert points["high"].tolist() == pytest.approx((ERRORS + se).tolist(), rel=1e-4)
    assert points["low"].iloc[1:].tolist() == pytest.approx((ERRORS - se)[1:].tolist(), rel=1e-4)
    assert points["low"].min() > 0
    assert "bars: ± 1 standard error" in display.svg(panel.figure)


def test_a_column_of_another_name_is_taken_for_the_standard_errors_when_it_is_named():
    given = pd.DataFrame({"examples": SIZES, "error": ERRORS, "spread": 0.1 * ERRORS})
    assert panels.fit_explorer(given, se="spread").value.points["se"].tolist() == given["spread"].tolist()
    assert "se" not in panels.fit_explorer(given).value.points
    with pytest.raises(ValueError, match="no column 'spred': did you mean 'spread'"):
        panels.fit_explorer(given, se="spred")


@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan])
def test_a_standard_error_that_cannot_be_weighed_by_is_refused(bad):
    se = 0.1 * ERRORS
    se[2] = bad
    with pytest.raises(ValueError, match="1 of 8 standard errors in column 'se' are missing"):
        panels.fit_explorer((SIZES, ERRORS, se))
