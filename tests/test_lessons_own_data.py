"""A reader's own files in a lesson: which they are, what is checked, and an estimator's learning curve."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from labkit import curve_files, display, laws, lessons, places
from labkit.lessons import notebook_files, own_data
from labkit.sweeps import code

EXAMPLES = places.data() / "examples"
KNN = "sklearn.neighbors.KNeighborsClassifier"


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    kind = np.repeat(["a", "b"], 100)
    frame = pd.DataFrame({"p": rng.normal((kind == "a") * 2.0), "q": rng.normal(size=200), "kind": kind})
    frame.loc[3, "q"] = np.nan
    frame = pd.concat([frame, frame.iloc[[0, 1]], frame.iloc[[150]].assign(kind="a")], ignore_index=True)
    path = tmp_path / "mine.csv"
    frame.to_csv(path, index=False)
    return path


def test_files_not_given_are_the_examples_and_say_so(table):
    files = own_data.files(curve=None, log=None, table=str(table))
    assert files.whose.to_dict() == {"curve": "example", "log": "example", "table": "yours"}
    assert files.file["table"] == "mine.csv"
    with pytest.raises(FileNotFoundError, match=r"log: there is no file 'none\.csv' as it is seen from"):
        own_data.files(log="none.csv")


def test_the_checks_count_repeats_and_contradictions(table):
    found = own_data.table_checks(table, "kind")
    assert found["rows"] == 203
    assert found["rows that repeat another"] == 3
    assert found["repeats with different labels"] == 1
    assert found["missing values"] == 1
    assert (found["rows of the largest class"], found["rows of the smallest class"]) == (103, 100)


def test_a_table_of_one_s_own_needs_its_label(table):
    assert own_data.label_column(str(table), "kind") == "kind"
    with pytest.raises(ValueError, match=r"which column of mine.csv holds the class, as label=...; it has p, q, kind"):
        own_data.label_column(str(table), None)


def test_the_error_of_an_estimator_falls_with_examples_and_a_seed_repeats_it(table):
    curve = own_data.estimator_curve(str(table), "kind", KNN, sizes=5, folds=4)
    assert curve.groupby("examples").size().eq(4).all()
    mean = curve.groupby("examples").error.mean()
    assert mean.iloc[-1] < mean.iloc[0]
    # two normal classes, two spreads apart: no rule gets below 0.16
    assert 0.1 < mean.iloc[-1] < 0.3
    pd.testing.assert_frame_equal(own_data.estimator_curve(str(table), "kind", KNN, sizes=5, folds=4), curve)
    assert not own_data.estimator_curve(str(table), "kind", KNN, sizes=5, folds=4, seed=1).equals(curve)


def test_an_estimator_is_named_in_full_or_refused():
    with pytest.raises(ValueError, match=r"expected a full name such as 'sklearn.svm.SVC'"):
        own_data.estimator("SVC")
    with pytest.raises(ValueError, match=r"expected a full name"):
        own_data.estimator("sklearn.svm.SCV")
    with pytest.raises(ValueError, match="no class with fit and predict"):
        own_data.estimator("sklearn.preprocessing.StandardScaler")


def test_the_fingerprint_follows_the_content(table):
    before = own_data.fingerprint(table)
    table.write_text(table.read_text() + "1,1,a\n")
    assert own_data.fingerprint(table) != before


def test_the_shipped_log_is_the_same_run_in_every_format():
    csv = curve_files.read_curve(EXAMPLES / "log.csv", y="validation_loss")
    columns = {"log.jsonl": "validation_loss", "wandb_export.csv": "wide - validation_loss"}
    if importlib.util.find_spec("tensorboard"):
        columns["tensorboard"] = "validation/loss"
    for name, column in columns.items():
        other = curve_files.read_curve(EXAMPLES / name, y=column)
        np.testing.assert_allclose(other[["x", "y"]], csv[["x", "y"]], rtol=1e-4)


def test_the_shipped_files_are_small_and_the_run_learned():
    files = [path for path in EXAMPLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    for name, column in (
        ("curve.csv", "error"),
        ("log.csv", "train_loss"),
        ("wandb_export.csv", "narrow - validation_loss"),
    ):
        curve = curve_files.read_curve(EXAMPLES / name, y=column)
        assert curve.y[curve.x == curve.x.max()].mean() < 0.8 * curve.y[curve.x == curve.x.min()].mean()


def test_a_chart_or_panel_that_changes_leaves_the_stored_curves_alone():
    parts = code.identify(own_data.estimator_curve, "as given").code
    assert "labkit.lessons.own_data" in parts
    assert not [name for name in parts if name.startswith(("labkit.display", "labkit.lessons.panels"))]


def test_every_name_that_lessons_offers_is_there():
    assert all(getattr(lessons, name) is not None for name in lessons.__all__)
    assert callable(lessons.lesson)
    with pytest.raises(AttributeError, match="no attribute 'panel'"):
        _ = lessons.panel


def cells(*names):
    path = places.notebooks() / "90_your_own_data.ipynb"
    if not path.is_file():
        pytest.skip("no notebooks here")
    sources = {cell["id"]: "".join(cell["source"]) for cell in notebook_files.read(path)["cells"]}
    return "\n".join(sources[name] for name in names)


def told(path, **given):
    """What the lesson's cells make of a curve."""
    lab = SimpleNamespace(interval=0.9, seed=0, preset="smoke", show=lambda chart: None)
    settings = {"x": None, "y": None, "se": None, "bounds": None, "target": None} | given
    names = settings | {"lab": lab, "files": own_data.files(curve=str(path)), "np": np, "pd": pd}
    names |= {"curve_files": curve_files, "own_data": own_data, "laws": laws, "display": display}
    exec(cells("read", "forecast", "fit", "plan"), names)
    return names


def test_the_lesson_heeds_standard_errors_by_any_name_as_its_panel_does(tmp_path):
    x = 2.0 ** np.arange(4, 14)
    errors = np.where(np.arange(10) % 3 == 1, 0.15, 0.002)
    frame = pd.DataFrame({"examples": x, "error": (0.05 + x**-0.5) * (1 + errors), "se": errors * 0.1})
    frame.to_csv(tmp_path / "se.csv", index=False)
    frame.rename(columns={"se": "spread"}).to_csv(tmp_path / "spread.csv", index=False)
    usual, named = told(tmp_path / "se.csv"), told(tmp_path / "spread.csv", se="spread")
    without = told(tmp_path / "spread.csv")
    assert usual["law"].parameters_ == named["law"].parameters_
    assert abs(usual["law"].parameters_["E"] - 0.05) < abs(without["law"].parameters_["E"] - 0.05)
    assert usual["ahead"].table.equals(named["ahead"].table)
    assert usual["ahead"].table.prediction.iloc[-1] != without["ahead"].table.prediction.iloc[-1]
    assert usual["plan"].x == named["plan"].x != without["plan"].x


def test_a_standard_error_of_zero_counts_as_the_smallest_above_it():
    points = pd.DataFrame({"x": [1.0, 2, 3], "y": [0.4] * 3, "se": [0.0, 0.1, 0.2]})
    weights = own_data.weights(points)
    assert weights[0] == weights[1] == pytest.approx(4 * weights[2])
    assert own_data.weights(points.assign(se=0.0)) is None
    assert own_data.weights(points.drop(columns="se")) is None
