"""A table that holds several curves is not averaged in silence, and one of them can be asked for."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from labkit import curve_files, several_curves
from labkit.commands import curves, own_report

SIZES = np.array([64, 128, 256, 512, 1024, 2048])


def table(**column) -> pd.DataFrame:
    (name, values), *_ = column.items()
    parts = [
        pd.DataFrame({name: value, "examples": SIZES, "error": round(place, 1) * SIZES**-0.5})
        for place, value in enumerate(values, start=2)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.csv"
    table(model=["small", "large"]).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("name", "values"), [("model", ["a", "b"]), ("width", [8, 16]), ("split", ["train", "test"])])
def test_curves_that_would_be_averaged_are_remarked_on(name, values):
    [note] = curve_files.curve_of(table(**{name: values})).attrs["notes"]
    assert note.startswith(f"{name} has 2 values ({values[0]}, {values[1]}), averaged here")
    assert note.endswith(f"--where {name}={values[0]}.")


def test_the_condition_shown_can_be_pasted_into_a_shell():
    [note] = curve_files.curve_of(table(model=["big net", "b"])).attrs["notes"]
    assert note.endswith("--where 'model=big net'.")


@pytest.mark.parametrize("name", ["seed", "fold", "Repeat"])
def test_repeats_under_their_usual_names_are_not(name):
    assert curve_files.curve_of(table(**{name: ["a", "b"]})).attrs["notes"] == ()


def test_numbers_that_explain_nothing_are_not():
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"examples": np.tile(SIZES, 4), "machine": np.repeat([1, 2, 3, 4], 6)})
    rows["error"] = rows.examples**-0.5 * np.exp(0.1 * generator.standard_normal(24))
    assert curve_files.curve_of(rows).attrs["notes"] == ()


def test_a_name_for_every_row_tells_no_curves_apart():
    rows = table(seed=[1, 2]).assign(name=[f"run {place}" for place in range(12)])
    assert curve_files.curve_of(rows).attrs["notes"] == ()


def test_cells_that_are_lists_do_no_harm():
    rows = table(seed=[1, 2]).assign(tags=[["x"]] * 12)
    assert curve_files.curve_of(rows).attrs["notes"] == ()


def test_one_curve_of_several_is_forecast_as_if_it_were_alone(models, tmp_path):
    alone = tmp_path / "alone.csv"
    table(model=["small", "large"]).query("model == 'large'").to_csv(alone, index=False)
    asked = CliRunner().invoke(curves.forecast, [str(models), "--where", "model=large", "--at", "10k", "--json"])
    wanted = CliRunner().invoke(curves.forecast, [str(alone), "--at", "10k", "--json"])
    assert asked.exit_code == 0
    assert json.loads(asked.stdout) == json.loads(wanted.stdout)
    both = CliRunner().invoke(curves.forecast, [str(models), "--at", "10k", "--json"])
    assert "--where model=small" in json.loads(both.stdout)["notes"][0]


def test_conditions_add_up_and_numbers_are_compared_as_numbers():
    rows = table(width=[8, 16]).assign(lr=0.1)
    assert len(several_curves.only(rows, ["width=8.0", "lr=1e-1"])) == 6


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("model", "takes COLUMN=VALUE, such as model=a; got 'model'"),
        ("modle=small", "no column 'modle': did you mean 'model'"),
        ("model=smal", "no row has that model: did you mean 'small'"),
        ("examples=65", "no row has that examples"),
    ],
)
def test_a_condition_that_nothing_meets_says_what_there_is(condition, message):
    with pytest.raises(ValueError, match=message):
        several_curves.only(table(model=["small", "large"]), [condition])


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_page_about_one_curve_reads_its_rows_alone(tmp_path, monkeypatch, decimal):
    from types import SimpleNamespace

    from labkit import reports

    rows, path = table(model=["small", "large"]), tmp_path / "models.csv"
    texts = rows.assign(examples=[f"{x:,}".replace(",", ".") if decimal == "," else x for x in rows.examples])
    texts.to_csv(path, index=False, sep=";" if decimal == "," else ",", decimal=decimal)
    calls = []
    monkeypatch.setattr(
        reports, "run", lambda notebooks, **options: calls.append((notebooks[0], options)) or [SimpleNamespace()]
    )
    own_report.write(path, {}, tmp_path / "out", ["model=large"])
    ((notebook, options),) = calls
    assert notebook.name == "own_models_model_large.ipynb"
    curve = curve_files.read_curve(options["parameters"]["points"])
    assert curve.x.tolist() == SIZES.tolist()
    assert curve.y.tolist() == pytest.approx((3 * SIZES**-0.5).tolist())
    assert "models.csv, model=large" in notebook.read_text(encoding="utf-8")
