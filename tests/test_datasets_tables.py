"""A reader's own table: what becomes of its columns, and how broken ones are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets import tables as module

SPLITS = ("train", "validation", "test")


def flats(count: int = 500, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": random.normal(60, 20, count),
            "rooms": random.integers(1, 6, count),
            "town": random.choice(["Ulm", "Jena", "Bonn"], count, p=[0.6, 0.3, 0.1]),
            "lift": random.choice([True, False], count),
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 999, count), "D"),
            "price": random.normal(300_000, 80_000, count),
        }
    )


def rows(data) -> dict[str, set[bytes]]:
    return {split: {row.tobytes() for row in data.split(split)[0]} for split in SPLITS}


def test_numbers_are_standardised_on_the_training_rows_and_categories_spread():
    data = datasets.from_frame(flats(), "price")
    assert data.kind == "regression"
    assert data.truth["features"] == ("size", "rooms", "town=Bonn", "town=Jena", "town=Ulm", "lift", "sold")
    columns = dict(zip(data.truth["features"], data.inputs.T, strict=True))
    for name in ("size", "rooms", "lift", "sold"):
        assert columns[name].mean() == pytest.approx(0, abs=1e-5)
        assert columns[name].std() == pytest.approx(1, abs=1e-5)
    towns = np.stack([columns[f"town={town}"] for town in ("Bonn", "Jena", "Ulm")])
    assert (towns.sum(axis=0) == 1).all()
    assert abs(data.test_inputs[:, 0].mean()) > 1e-6
    prices = data.targets * data.truth["target_scale"] + data.truth["target_mean"]
    assert np.isin(np.round(prices, -2), np.round(flats()["price"], -2)).mean() > 0.95
    assert (data.targets.mean(), data.targets.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_shares_are_exact_and_every_row_is_in_one_split():
    data = datasets.from_frame(flats(), "price", validation=0.1, test=0.3)
    assert [len(data.split(split)[0]) for split in SPLITS] == [300, 50, 150]
    parts = rows(data)
    assert len(set.union(*parts.values())) == 500


@settings(deadline=None, max_examples=15)
@given(st.integers(10, 200), st.floats(0, 0.4), st.floats(0.1, 0.4), st.integers(0, 2**40))
def test_equal_rows_stay_together_and_the_order_of_rows_does_not_matter(count, validation, test, seed):
    frame = flats(count)
    frame = pd.concat([frame, frame.iloc[: count // 3]], ignore_index=True)
    options = {"validation": validation, "test": test, "seed": seed}
    data = datasets.from_frame(frame, "price", **options)
    parts = rows(data)
    assert sum(map(len, parts.values())) == len(set.union(*parts.values()))
    assert sum(len(data.split(split)[0]) for split in SPLITS) == len(frame)
    shuffled = datasets.from_frame(frame.sample(frac=1, random_state=1), "price", **options)
    for split in SPLITS:
        np.testing.assert_allclose(data.split(split)[0], shuffled.split(split)[0], atol=1e-4)


def test_held_out_targets_change_nothing_about_the_training_rows():
    frame = flats().assign(price=np.random.default_rng(1).permutation(500) * 1.0)
    plain = datasets.from_frame(frame, "price")
    held = np.concatenate([plain.test_targets, plain.validation_targets]).astype(np.float64)
    prices = np.rint(held * plain.truth["target_scale"] + plain.truth["target_mean"])
    mine = frame["price"].isin(prices)
    assert mine.sum() == 175
    other = datasets.from_frame(frame.assign(price=frame["price"].where(~mine, 1e6)), "price")
    assert np.array_equal(plain.inputs, other.inputs)
    assert np.array_equal(plain.targets, other.targets)
    assert (other.test_targets > 100).all()


def test_missing_numbers_get_the_mean_and_a_feature_that_says_so():
    frame = flats()
    gone = np.arange(500) % 5 == 0
    frame.loc[gone, "size"] = np.nan
    frame["rooms"] = frame["rooms"].astype("Int64").mask(pd.Series(np.arange(500) % 7 == 0))
    data = datasets.from_frame(frame, "price")
    columns = dict(zip(data.truth["features"], data.inputs.T, strict=True))
    missing = columns["size missing"] == 1
    assert missing.mean() == pytest.approx(0.2, abs=0.06)
    assert (columns["size"][missing] == 0).all()
    assert columns["size"][~missing].std() == pytest.approx(1, abs=1e-5)
    assert "rooms missing" in columns


def test_missing_and_rare_categories_are_categories():
    frame = flats(1000)
    frame["town"] = frame["town"].where(np.arange(1000) % 10 > 0)
    frame["street"] = [f"street {n % 97}" if n % 2 else "main" for n in range(1000)]
    data = datasets.from_frame(frame, "price", categories=8)
    names = data.truth["features"]
    assert "town=(missing)" in names
    assert sum(name.startswith("street=") for name in names) == 8
    assert "street=(rare)" in names
    assert "street=main" in names
    street = [name.startswith("street=") for name in names]
    assert (data.inputs[:, street].sum(axis=1) == 1).all()


def test_a_category_that_training_lacks_is_no_category():
    frame = flats(200)
    frame["town"] = [f"t{n}" if n < 4 else "Ulm" if n % 2 else "Jena" for n in range(200)]
    for seed in range(5):
        data = datasets.from_frame(frame, "price", seed=seed)
        town = [name.startswith("town=") for name in data.truth["features"]]
        assert (data.inputs[:, town].sum(axis=1) == 1).all()
        unknown = sum((data.split(split)[0][:, town].sum(axis=1) == 0).sum() for split in ("validation", "test"))
        assert unknown == 4 - (sum(town) - 2)


def test_columns_that_say_nothing_are_left_out_with_the_reason():
    frame = flats()
    frame["same"], frame["void"], frame["one"] = 3, np.nan, "x"
    frame["name"] = [f"flat {n}" for n in range(500)]
    data = datasets.from_frame(frame, "price")
    assert dict(data.truth["dropped"]) == {
        "same": "constant",
        "void": "empty",
        "one": "constant",
        "name": "identifier",
    }


@pytest.mark.parametrize(
    ("column", "kind", "labels"),
    [
        (["b", "a", "c"], "classification", ("a", "b", "c")),
        ([10, 2, 1], "classification", ("1", "2", "10")),
        ([True, False, True], "classification", ("False", "True")),
        ([0.5, 1.5, 2.5], "regression", None),
    ],
)
def test_the_target_says_what_kind_of_question_it_is(column, kind, labels):
    frame = flats(300).assign(answer=column * 100)
    data = datasets.from_frame(frame, "answer")
    assert (data.kind, data.labels) == (kind, labels)
    if labels:
        assert data.classes == len(labels)
        assert sum(np.bincount(data.split(split)[1], minlength=data.classes) for split in SPLITS).tolist() == [
            [str(value) for value in frame["answer"]].count(label) for label in labels
        ]
    assert datasets.from_frame(frame.assign(answer=range(300)), "answer").kind == "regression"


def test_rows_without_a_target_are_left_out_and_counted():
    frame = flats()
    frame.loc[:99, "price"] = np.nan
    data = datasets.from_frame(frame, "price")
    assert data.truth["rows_without_target"] == 100
    assert sum(len(data.split(split)[0]) for split in SPLITS) == 400


def test_a_table_of_few_different_rows_is_split_row_by_row():
    frame = pd.DataFrame({"a": ["x", "y"] * 100, "b": [1, 1, 2, 2] * 50, "c": ["p", "q", "q", "p"] * 50})
    data = datasets.from_frame(frame, "c")
    assert [len(data.split(split)[0]) for split in SPLITS] == [130, 30, 40]
    assert set(data.test_targets.tolist()) == {0, 1}


def test_huge_tiny_and_far_numbers_stay_finite():
    frame = flats()
    frame["size"] *= 1e300
    frame["rooms"] = frame["rooms"] * 1e-300
    frame["far"] = np.where(np.arange(500) == 7, 1e12, np.arange(500) % 10)
    data = datasets.from_frame(frame, "price")
    for split in SPLITS:
        inputs = data.split(split)[0]
        assert np.isfinite(inputs).all()
        assert np.abs(inputs).max() <= 100
    np.testing.assert_allclose(data.inputs[:, :2].std(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"target": "cost"}, "target 'cost' is no column of the table; expected one of 'size', 'rooms'"),
        ({"price": 1.5}, {}, "there is nothing to predict"),
        ({"price": "same"}, {}, "has 1 different values"),
        ({"price": [f"{n}" for n in range(500)]}, {}, "has 500 different values in 500 rows"),
        ({"price": np.nan}, {}, "has 0 rows with a target"),
        ({"size": np.inf}, {}, r"column 'size' has \d+ infinite values"),
        ({"price": ["a", "b"] * 250}, {"kind": "regression"}, "is not numeric"),
        ({}, {"kind": "text"}, "kind='text'; expected 'classification'"),
        ({}, {"test": 0.0}, "expected some test"),
        ({}, {"validation": 0.5, "test": 0.5}, "at most 0.9 together"),
        ({}, {"categories": 0}, "categories=0 is outside"),
    ],
)
def test_tables_that_cannot_work_are_refused(change, options, message):
    with pytest.raises(ValueError, match=message):
        datasets.from_frame(flats().assign(**change), **{"target": "price", **options})


def test_a_held_out_target_beyond_all_training_ones_is_refused():
    frame = flats().assign(price=np.random.default_rng(1).permutation(500) * 1.5)
    data = datasets.from_frame(frame, "price")
    largest = float(data.test_targets.max()) * data.truth["target_scale"] + data.truth["target_mean"]
    frame["price"] = frame["price"].where(np.abs(frame["price"] - largest) > 0.1, 1e200)
    with pytest.raises(ValueError, match="spreads of the training rows from their mean; remove it or predict"):
        datasets.from_frame(frame, "price")


CELLS = {
    "floats": [0.0, -1.5, 1e300, 5e-324, -9.4e37, None, float("nan")],
    "whole": [2**62, -(2**62), 0, 7],
    "few": [0, 1, 2],
    "texts": ["", "a", "a,b", "é", "(rare)", None, "0"],
    "mixed": [1, "1", True, None, 2.5, (1, 2), pd.NA],
    "truths": [True, False],
    "dates": [pd.Timestamp("1700-01-01"), pd.Timestamp("2200-12-31"), pd.NaT],
    "same": [0.1],
}


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32), st.integers(10, 60), st.lists(st.sampled_from(sorted(CELLS)), min_size=2, max_size=5))
@example(29647, 10, ["few", "texts", "dates", "floats", "few"])  # the smallest of all numbers is the spread
def test_whatever_is_in_a_frame_it_becomes_numbers_or_is_refused_in_words(seed, count, kinds):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            f"{kind}{place}": [CELLS[kind][one] for one in random.integers(len(CELLS[kind]), size=count)]
            for place, kind in enumerate(kinds)
        }
    )
    try:
        made = datasets.from_frame(frame, frame.columns[0])
    except ValueError as refused:
        assert "the table" in str(refused) or "target" in str(refused) or "no column is left" in str(refused)  # noqa: PT017
        return
    assert sum(len(made.split(split)[0]) for split in SPLITS) == frame[frame.columns[0]].notna().sum()
    for split in SPLITS:
        inputs, targets = made.split(split)
        assert inputs.dtype == np.float32
        assert np.isfinite(inputs).all()
        assert np.abs(inputs).max(initial=0) <= 100
        assert np.isfinite(targets).all()


def test_frames_without_features_or_with_doubled_names_are_refused():
    with pytest.raises(TypeError, match="expected a pandas frame"):
        datasets.from_frame([[1, 2]], "a")
    with pytest.raises(ValueError, match="no column beside the target"):
        datasets.from_frame(flats()[["price"]], "price")
    with pytest.raises(ValueError, match=r"no column is left as a feature; left out: 'same' \(constant\)"):
        datasets.from_frame(flats()[["price"]].assign(same=1), "price")
    with pytest.raises(ValueError, match="more than one column named 'a'"):
        datasets.from_frame(pd.DataFrame(np.ones((20, 3)), columns=["a", "a", "b"]), "b")


def test_a_table_too_large_as_features_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr("labkit.datasets.frames._MOST_NUMBERS", 1000)
    with pytest.raises(ValueError, match="500 rows of 7 features are more than 1,000 numbers"):
        datasets.from_frame(flats(), "price")


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t")])
def test_a_file_gives_what_its_frame_gives(tmp_path, suffix, separator):
    path = tmp_path / f"flats{suffix}"
    flats().drop(columns="sold").to_csv(path, index=False, sep=separator)
    data = datasets.load("tables", path=path, target="price", test=0.3)
    assert (data.name, data.options["path"]) == ("flats", str(path))
    same = datasets.from_frame(flats().drop(columns="sold"), "price", test=0.3)
    np.testing.assert_allclose(data.inputs, same.inputs, atol=1e-5)


def test_a_file_that_changed_is_read_again(tmp_path):
    path = tmp_path / "flats.csv"
    flats(100).to_csv(path, index=False)
    before = datasets.load("tables", path=str(path), target="price")
    flats(200).to_csv(path, index=False)
    assert len(datasets.load("tables", path=str(path), target="price").inputs) == 2 * len(before.inputs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n \n", "is empty"),
        (b"PK\x03\x04\0\0\0binary", "is not text"),
        (b"a,b\n\xff\xfe\xfa,2\n", "is no table in UTF-8"),
        (b"a,b\n1,2\n1,2,3,4\n", "is no table in UTF-8"),
        (b"a,b,c\n1,2,3\n4,5,6,7\n", "is no table in UTF-8"),
        (b"a,a,c\n" + b"1,2,3\n" * 20, "more than one column named 'a'"),
        (b'a,c\n"1,2\n' + b"1,2\n" * 20, "is no table in UTF-8"),
        (b"," * 20_000 + b"\n", "has 20,001 columns"),
        (b"a,c\n", "has 0 rows with a target"),
    ],
)
def test_files_that_are_no_tables_are_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        datasets.load("tables", path=str(path), target="c")


def test_paths_that_are_no_local_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="give both: the file"):
        datasets.load("tables")
    with pytest.raises(ValueError, match=r"ends in '\.pkl'; expected a \.csv or \.tsv"):
        datasets.load("tables", path="a.pkl", target="c")
    for path in ("nowhere.csv", "http://127.0.0.1:9/a.csv", str(tmp_path)):
        with pytest.raises((ValueError, FileNotFoundError), match=r"no file|ends in"):
            datasets.load("tables", path=path, target="c")
    large = tmp_path / "large.csv"
    large.write_text("a,c\n" + "1,2\n" * 100)
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="has 404 bytes; expected at most 100: take"):
        datasets.load("tables", path=large, target="c")
