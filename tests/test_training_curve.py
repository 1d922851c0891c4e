"""Learning curves: a tidy frame, rates chosen on validation data, test data never looked at."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labkit import datasets, models, training
from labkit.registry import UnknownName

ARGUMENTS = {
    "dataset": "digits",
    "model": "mlp",
    "examples": [32, 256],
    "seeds": 3,
    "widths": [4, 32],
    "learning_rate": [0.001, 0.05, 1e12],
    "steps": 60,
    "dataset_options": {"validation": 200},
}


@pytest.fixture(scope="module")
def curve():
    return training.learning_curve(**json.loads(json.dumps(ARGUMENTS)))


def test_a_row_for_every_width_size_and_seed(curve):
    assert len(curve) == 2 * 2 * 3
    assert not curve.duplicated(["width", "examples", "seed"]).any()
    wanted = "dataset model width examples seed parameters validation_error validation_loss test_error test_loss"
    assert set(wanted.split()) <= set(curve.columns)
    assert set(curve["dataset"]) == {"digits"}
    assert set(curve["model"]) == {"mlp"}


def test_the_rate_kept_is_the_best_on_validation_data(curve):
    data = datasets.load("digits", validation=200)
    for (width, size), rows in curve.groupby(["width", "examples"]):
        losses = {}
        for rate in (0.001, 0.05):
            runs = [
                {"seed": s, "width": width, "examples": size, "learning_rate": rate, "momentum": 0.9} for s in range(3)
            ]
            losses[rate] = training.fit_many("mlp", data, runs, steps=60).table["validation_loss"].mean()
        assert set(rows["learning_rate"]) == {min(losses, key=losses.get)}
        assert rows["validation_loss"].mean() == pytest.approx(min(losses.values()), rel=1e-4)


def test_scrambling_the_test_targets_changes_no_choice(curve):
    data = datasets.load("digits", validation=200)
    scrambled = replace(data, test_targets=np.random.default_rng(0).permutation(data.test_targets))
    again = training.learning_curve(**{**ARGUMENTS, "dataset": scrambled, "dataset_options": None})
    kept = [column for column in curve if not column.startswith("test_")]
    pd.testing.assert_frame_equal(again[kept], curve[kept])
    assert (again["test_error"] > curve["test_error"]).all()


def test_more_data_and_longer_training_help(curve):
    means = curve.groupby("examples")["test_error"].mean()
    assert means[256] < means[32]


def test_where_every_rate_diverges_the_rows_say_so():
    frame = training.learning_curve("digits", "mlp", examples=[100], seeds=[1, 2], learning_rate=[1e12, 1e13], steps=20)
    assert frame["diverged"].all()
    assert frame["learning_rate"].tolist() == [1e12, 1e12]
    assert frame["validation_loss"].isna().all()


def test_models_without_rate_or_width_have_gaps():
    closed = training.learning_curve("digits", "random_features", examples=[50], seeds=2, widths=[10, 20])
    assert closed["width"].tolist() == [10, 10, 20, 20]
    assert closed["learning_rate"].isna().all()
    linear = training.learning_curve("digits", "softmax", examples=[50], seeds=[7], steps=5)
    assert linear["width"].isna().all()
    assert linear["seed"].tolist() == [7]


def test_objects_do_as_well_as_names():
    by_name = training.learning_curve(
        "digits", "mlp", examples=[50], seeds=2, steps=10, model_options={"width": 5}, schedule="cosine"
    )
    by_object = training.learning_curve(
        datasets.load("digits"),
        models.build("mlp", width=5),
        examples=[50],
        seeds=range(2),
        steps=10,
        schedule="cosine",
    )
    pd.testing.assert_frame_equal(by_name, by_object)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"dataset": "digts"}, UnknownName, "did you mean 'digits'"),
        ({"model": "mpl"}, UnknownName, "did you mean 'mlp'"),
        ({"examples": []}, ValueError, "examples is empty"),
        ({"examples": 100}, TypeError, "examples=100 is a int; expected a list"),
        ({"examples": [50, 50]}, ValueError, "a value twice"),
        ({"examples": [5000]}, ValueError, "examples=5,000"),
        ({"seeds": 0}, ValueError, "seeds is empty"),
        ({"model": "softmax"}, ValueError, "no width to vary"),
        ({"dataset_options": {"validation": 0}}, ValueError, "no validation examples"),
        ({"model": models.MLP(), "model_options": {"width": 3}}, ValueError, "ready made"),
        ({"steps": None}, ValueError, "neither of steps="),
    ],
)
def test_what_cannot_be_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        training.learning_curve(**{**ARGUMENTS, **changes})
