"""Every chart function is drawn, and its marks are counted in the picture: a valid specification is not yet a chart."""

import re

import altair as alt
import numpy as np
import pandas
import pytest
from drawing import SIZES, Law, X, curves, estimates, marks, record, sizes_tried, subtitle, texts, title

from labkit import display

# Learning curves


def test_learning_curves_draw_every_seed_a_line_and_a_band_per_model():
    chart = display.learning_curves(curves())
    assert len(marks(chart, "runs")) == 2 * len(SIZES) * 3
    assert len(marks(chart, "means")) == 2
    assert len({line.get("d") for line in marks(chart, "means")}) == 2
    assert len(marks(chart, "mean_points")) == 2 * len(SIZES)
    assert len(marks(chart, "bands")) == 2
    # The labels stand in the order of the line ends, the lower error below.
    assert [text.text for text in marks(chart, "labels")] == ["softmax", "mlp"]


def test_the_drawn_mean_is_the_mean_over_seeds():
    frame = pandas.DataFrame({"model": "m", "examples": [10, 10, 20, 20], "seed": [0, 1, 0, 1]})
    frame["test_error"] = [0.2, 0.4, 0.1, 0.1]
    rows = display.learning_curves(frame, interval=0.9).data
    means = rows[rows["kind"] == "mean"].set_index("x")
    assert means["y"].to_dict() == pytest.approx({10: 0.3, 20: 0.1})
    # Two seeds: half the range is one standard error, and t(0.95, 1) = 6.3138.
    assert means.loc[10, "high"] == pytest.approx(0.3 + 0.1 * 6.3138, rel=1e-4)
    assert means.loc[20, "low"] == pytest.approx(0.1)


def test_a_band_that_reaches_zero_is_drawn_down_to_the_axis():
    frame = pandas.DataFrame({"model": "m", "examples": [10, 10, 20, 20], "test_error": [0.2, 0.4, 0.1, 0.3]})
    (band,) = marks(display.learning_curves(frame), "bands")
    assert "NaN" not in band.get("d")


def test_several_datasets_get_a_panel_each():
    chart = display.learning_curves(curves(datasets=("digits", "glyphs", "markov", "teacher", "tables")))
    assert len(marks(chart, "means")) == 5 * 2
    assert len({line.get("d") for line in marks(chart, "means")}) == 10
    assert {"digits", "glyphs", "markov", "teacher", "tables"} <= set(texts(chart))


def test_more_than_four_series_get_a_legend_instead_of_labels():
    models = tuple("abcdef")
    chart = display.learning_curves(curves(models=models))
    assert marks(chart, "labels") == []
    assert set(models) <= set(texts(chart))


def test_series_differ_in_shape_and_dash_not_only_in_colour():
    chart = display.learning_curves(curves())
    assert len({line.get("stroke-dasharray") for line in marks(chart, "means")}) == 2
    assert len({point.get("d") for point in marks(chart, "mean_points")}) == 2


def test_every_series_up_to_the_limit_has_its_own_look():
    chart = display.learning_curves(curves(models=tuple("abcdefghijkl"), sizes=(10, 20)))
    points = {(point.get("fill"), point.get("d")) for point in marks(chart, "mean_points")}
    assert len(points) == 12


def test_a_legend_of_points_shows_their_shapes_without_dashes():
    svg = display.svg(display.learning_curves(curves(datasets=("digits", "glyphs"))))
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol"[^>]*>(<path[^>]*>)', svg)
    assert len(symbols) == 2
    assert not any("dasharray" in symbol for symbol in symbols)
    lines = display.svg(display.law_fit({name: Law(i / 100) for i, name in enumerate("abcde")}, X, Law().predict(X)))
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol"[^>]*>(<path[^>]*>)', lines)
    assert len({re.search(r'dasharray="([^"]*)"', symbol)[1] for symbol in symbols}) == 5


def test_mixing_widths_in_one_mean_is_refused_and_the_dial_named():
    frame = pandas.concat([curves(), curves().assign(width=128)])
    with pytest.raises(ValueError, match="select one width, or pass series='width'"):
        display.learning_curves(frame)
    chart = display.learning_curves(frame[frame["model"] == "mlp"], series="width")
    assert [text.text for text in marks(chart, "labels")] in (["width 64", "width 128"], ["width 128", "width 64"])


def test_zeros_and_missing_values_are_left_out_and_counted_in_the_subtitle():
    frame = curves()
    frame.loc[0, "test_error"] = 0.0
    frame.loc[[5, 9], "test_error"] = np.nan
    chart = display.learning_curves(frame)
    assert len(marks(chart, "runs")) == len(frame) - 3
    assert "1 value ≤ 0 and 2 missing not drawn" in subtitle(chart)


def test_one_seed_has_no_band_and_says_so():
    chart = display.learning_curves(curves(seeds=1))
    assert marks(chart, "bands") == []
    assert "no band" in subtitle(chart)


def test_a_frame_without_a_model_is_one_curve():
    chart = display.learning_curves(curves(models=("mlp",))[["examples", "seed", "test_error"]])
    assert len(marks(chart, "means")) == 1


def test_the_title_does_not_claim_a_winner_when_intervals_overlap():
    alike = curves(models=("a",)).assign(model="b")
    assert "overlap" in title(display.learning_curves(pandas.concat([curves(models=("a",)), alike])))
    assert "mlp has the lowest" in title(display.learning_curves(curves()))


def test_a_rising_curve_is_not_called_falling():
    frame = pandas.DataFrame({"examples": [10, 20], "test_error": [0.1, 0.3]})
    assert "rises from 0.1 to 0.3" in title(display.learning_curves(frame))


def test_nothing_to_draw_is_an_error_that_says_why():
    with pytest.raises(ValueError, match=r"nothing to draw in examples, test_error: 24 values ≤ 0"):
        display.learning_curves(curves().assign(test_error=0.0))
    with pytest.raises(ValueError, match="no rows"):
        display.learning_curves(curves().iloc[:0])
    with pytest.raises(ValueError, match="did you mean 'test_error'"):
        display.learning_curves(curves(), y="tst_error")


def test_a_column_of_words_is_named():
    with pytest.raises(ValueError, match="test_error must hold numbers"):
        display.learning_curves(curves().assign(test_error="low"))


def test_rows_without_a_series_are_refused():
    frame = curves().astype({"model": object})
    frame.loc[0, "model"] = None
    with pytest.raises(ValueError, match="some rows have no 'model'"):
        display.learning_curves(frame)


@pytest.mark.parametrize("interval", [0, 1, 90, -0.5])
def test_an_interval_in_per_cent_is_refused(interval):
    with pytest.raises(ValueError, match="between 0 and 1"):
        display.learning_curves(curves(), interval=interval)
    with pytest.raises(ValueError, match="between 0 and 1"):
        display.law_fit(Law(), X, Law().predict(X), interval=interval)


# Fitted laws


def test_a_law_draws_its_points_line_band_and_the_range_not_measured():
    x = np.array(SIZES)
    chart = display.law_fit(Law(), x, Law().predict(x), to=10_000)
    assert len(marks(chart, "points")) == len(SIZES)
    assert len(marks(chart, "law")) == 1
    assert len(marks(chart, "interval")) == 1
    assert len(marks(chart, "not_measured")) == 1
    assert [text.text for text in marks(chart, "not_measured_label")] == ["not measured"]
    assert "reaches 0.04 (90% interval 0.032 to 0.048) at 10,000" in title(chart)


def test_nothing_is_shaded_when_nothing_is_extrapolated():
    x = np.array(SIZES)
    assert marks(display.law_fit(Law(), x, Law().predict(x)), "not_measured") == []


def test_held_out_points_are_hollow_and_the_range_is_called_held_out():
    x = np.array(SIZES)
    chart = display.law_fit(Law(), x, Law().predict(x), held_out=([1000, 2000], [0.1, 0.08]), se=0.01)
    assert len(marks(chart, "held_out")) == 2
    assert len(marks(chart, "standard_errors")) == len(SIZES)
    assert [text.text for text in marks(chart, "not_measured_label")] == ["held out"]
    assert all(point.get("fill") in (None, "transparent") for point in marks(chart, "held_out"))


def test_several_laws_are_lines_with_names_and_without_bands():
    x = np.array(SIZES)
    chart = display.law_fit({"power": Law(0), "power_floor": Law()}, x, Law().predict(x), to=4096)
    assert len({line.get("d") for line in marks(chart, "law")}) == 2
    assert marks(chart, "interval") == []
    assert {text.text for text in marks(chart, "labels")} == {"power", "power_floor"}


def test_a_forecast_is_drawn_from_numbers_alone():
    points = pandas.DataFrame({"x": [10, 100, 50], "y": [0.5, 0.2, np.nan]})
    curve = pandas.DataFrame({"x": [10, 1000], "y": [0.5, 0.08], "low": [0.4, 0.0], "high": [0.6, 0.1]})
    chart = display.forecast(points, curve)
    assert len(marks(chart, "points")) == 2
    (band,) = marks(chart, "interval")
    assert "NaN" not in band.get("d")


@pytest.mark.parametrize("named", [{"series": "forecast"}, {}])
def test_a_forecast_is_called_one_and_counts_steps_in_the_plural(named):
    points = pandas.DataFrame({"x": [10.0, 100.0], "y": [0.4, 0.2]})
    curve = pandas.DataFrame({"x": [100.0, 3000.0], "y": [0.2, 0.12], **named})
    told = display.forecast(points, curve, interval=None, names=("step", "loss")).description
    assert "loss against step with a forecast, 2 fitted points" in told.lower()
    assert told.endswith("the forecast from 2 points reaches 0.12 at 3,000 steps.")


def test_a_law_beside_a_forecast_makes_two_curves_and_not_two_laws():
    points = pandas.DataFrame({"x": [10.0, 100.0], "y": [0.4, 0.2]})
    ends = {"x": [100.0, 3000.0] * 2, "y": [0.2, 0.12, 0.2, 0.1]}
    curves = pandas.DataFrame({**ends, "series": ["forecast"] * 2 + ["power"] * 2})
    assert display.forecast(points, curves, interval=None).description.endswith(
        "2 curves reach 0.1 to 0.12 at 3,000 training examples."
    )


def test_the_finding_compares_at_the_largest_size_that_several_series_reach():
    sizes = pandas.DataFrame({"model": ["a", "b", "all"], "fraction": [0.4, 0.4, 1.0], "test_error": [0.1, 0.2, 0.05]})
    told = display.learning_curves(sizes, x="fraction").description
    assert "at fraction kept 0.4 a has the lowest test error: 0.1" in told


def test_one_point_and_no_extrapolation_is_still_a_chart():
    assert len(marks(display.law_fit(Law(), [32.0], [0.3]), "points")) == 1


@pytest.mark.parametrize("to", [np.inf, np.nan])
def test_an_end_that_is_no_size_is_refused(to):
    with pytest.raises(ValueError, match="between positive sizes"):
        display.law_fit(Law(), X, Law().predict(X), to=to)


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([[1]], [[1]]), ([], [])])
def test_points_of_differing_shapes_are_refused(x, y):
    for chart in (display.law_fit, display.residuals):
        with pytest.raises(ValueError, match="equally long"):
            chart(Law(), x, y)


def test_residuals_draw_each_point_once_around_a_zero_line():
    x = np.array(SIZES)
    chart = display.residuals(Law(), x, Law().predict(x) * [1.1, 0.9, 1.1, 0.9])
    assert len(marks(chart, "residuals")) == len(SIZES)
    assert len(marks(chart, "zero")) == 1
    assert "Largest residual 10%; the sign changes 3 times between 4 points" in title(chart)
    both = display.residuals({"a": Law(), "b": Law(0)}, x, Law().predict(x))
    assert len(marks(both, "steps")) == 2


# Best sizes, estimates, histories, galleries


def test_best_sizes_draw_every_size_tried_and_the_best_of_each_amount():
    chart = display.best_size(sizes_tried())
    assert len(marks(chart, "tried")) == 15
    assert len(marks(chart, "best_line")) == 1
    assert len(marks(chart, "best")) + len(marks(chart, "best_at_edge")) == 3
    assert len(marks(chart, "best_at_edge")) == 2
    assert "edge of the sizes tried (2 of 3)" in subtitle(chart)


def test_sizes_within_noise_of_the_best_are_spanned_by_a_bar():
    frame = pandas.DataFrame(
        {"examples": 10, "parameters": [1, 1, 2, 2, 4, 4], "validation_error": [0.5, 0.6, 0.52, 0.62, 5.0, 5.1]}
    )
    chart = display.best_size(frame)
    (bar,) = [layer.to_dict() for layer in chart.layer if layer.name.startswith("not_told_apart_")]
    (row,) = chart.to_dict()["datasets"][bar["data"]["name"]] if "data" in bar else [{"low": 1, "high": 2}]
    assert (row["low"], row["high"]) == (1, 2)


def test_a_forest_draws_a_dot_and_a_bar_per_estimate_and_the_reference():
    chart = display.forest(estimates(), axis="exponent", reference=0.5, reference_label="published")
    drawn = [
        element
        for index in range(4)
        for kind in ("rule", "text", "point")
        for element in marks(chart, f"{kind}_{index}")
    ]
    assert len(drawn) == 1 + 1 + 3 + 3
    assert "1 of 3 intervals contains 0.5" in title(chart)


def test_a_forest_keeps_the_given_order_and_tells_series_apart():
    frame = pandas.concat([estimates().assign(dataset="digits"), estimates().assign(dataset="glyphs")])
    chart = display.forest(frame, series="dataset")
    found = [text for text in texts(chart) if text in {"mlp", "softmax", "features"}]
    assert found == ["mlp", "softmax", "features"]
    assert {"digits", "glyphs"} <= set(texts(chart))


def test_a_forest_without_intervals_says_so():
    chart = display.forest(estimates().drop(columns="se"))
    assert len(marks(chart, "point_0")) == 3
    assert "no intervals" in subtitle(chart)


def test_a_history_is_one_line_per_run():
    assert len({line.get("d") for line in marks(display.history(record()), "runs")}) == 3
    assert len(marks(display.history(record(runs=20)), "runs")) == 20


def test_a_long_history_is_thinned_and_says_so():
    chart = display.history(record(runs=4, steps=20_000))
    assert len(marks(chart, "runs")) == 4
    assert re.search(r"\d+ steps of 20,000 drawn", subtitle(chart))
    assert chart.layer[0].data["x"].max() == 19_999


def test_too_many_runs_for_one_chart_are_refused():
    with pytest.raises(ValueError, match="too many for one chart"):
        display.history(record(runs=700, steps=20))


def test_an_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'train_loss'"):
        display.history(record(), metric="train_los")


def test_a_gallery_draws_every_picture_with_its_caption():
    images = np.random.default_rng(0).random((10, 64))
    chart = display.gallery(images, labels=range(10))
    pictures = marks(chart, "images")
    assert len(pictures) == 10
    assert all(value.startswith("data:image/png") for p in pictures for key, value in p.items() if key.endswith("href"))
    assert [text.text for text in marks(chart, "captions")] == [str(i) for i in range(10)]


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.ones((2, 7)), {}, "do not fit image_shape"),
        (np.zeros(4), {}, "expected images of shape"),
        (np.zeros((2, 4)), {"labels": ["a"]}, "one label per image"),
        (np.zeros((201, 4)), {}, "at most 200"),
        (np.zeros((2, 3, 3, 2)), {}, "one channel or three"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(images, options, message):
    with pytest.raises(ValueError, match=message):
        display.gallery(images, **options)


def test_charts_put_together_each_show_their_own_rows():
    rng = np.random.default_rng(0)
    galleries = [display.gallery(rng.random((3, 16)), labels=list(labels)) for labels in ("abc", "def")]
    assert {text for text in texts(alt.vconcat(*galleries)) if len(text) == 1} == set("abcdef")
    frame = pandas.DataFrame({"model": "mlp", "examples": [32, 64, 128], "test_error": [0.4, 0.3, 0.2]})
    straight, bent = frame, frame.assign(test_error=[0.4, 0.21, 0.2])
    both = alt.vconcat(*(display.learning_curves(one) for one in (straight, bent)))
    assert len({line.get("d") for line in marks(both, "means")}) == 2
