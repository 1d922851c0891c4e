"""The pruning explorer: what it keeps is what the policy keeps, its errors are those of training, and Stop ends it."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from labkit import display, pruning
from labkit.display.render import VEGALITE
from labkit.lessons import panels
from labkit.lessons.panels.pruning_explorer_work import chosen
from labkit.registry import UnknownName

POOLS = {
    "clean": ("digits", {"validation": 900}),
    "noisy": ("digits", {"validation": 900, "label_noise": 0.1}),
}
SMALL = {"pools": POOLS, "scores": ["aum", "el2n"], "steps": 10, "seeds": 2}
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("points")


@pytest.fixture(autouse=True)
def store(monkeypatch, folder):
    """One for all tests: what one has trained the next only reads."""
    monkeypatch.setenv("LABKIT_STORE", str(folder))


def test_headless_it_scores_and_trains_before_the_first_value(headless):
    record = panels.pruning_explorer(**SMALL).value
    assert record.missing == 0
    assert {name: len(values) for name, values in record.errors.items()} == {"all": 2, "random": 2, "chosen": 2}
    assert record.kept.tolist() == pruning.keep(record.scores, 0.2, seed=0).tolist()
    assert "points" in str(record)
    assert "than random" in str(record)


def test_the_gallery_shows_kept_dropped_and_the_hardest(headless):
    record = panels.pruning_explorer(**SMALL, policy="easiest", fraction=0.5).value
    kept, dropped, suspicious = record.shown.values()
    assert np.isin(kept, record.kept).all()
    assert not np.isin(dropped, record.kept).any()
    assert record.scores[suspicious].min() >= np.sort(record.scores)[-len(suspicious)]


def test_wrong_labels_are_counted_and_named(headless):
    panel = panels.pruning_explorer(**SMALL, pool="noisy")
    assert "with a wrong label (10% of all)" in str(panel.value)
    captions = [row["caption"] for values in panel.bundle()[VEGALITE]["datasets"].values() for row in values
                if "caption" in row]  # fmt: skip
    assert any("(is " in caption for caption in captions)


def test_every_row_of_the_picture_has_its_own_images(headless):
    figure = panels.pruning_explorer(**SMALL).figure
    named = [layer.get("name") for part in figure.to_dict()["vconcat"][:3] for layer in part["layer"]]
    assert named == [None] * len(named)
    pictures = re.findall(r'href="(data:image[^"]*)"', display.svg(figure))
    assert len(pictures) == 21
    assert len(set(pictures)) > 14


def test_a_dial_that_a_choice_does_not_read_trains_nothing_again(headless):
    panel = panels.pruning_explorer(**SMALL)
    before = panel.value
    after = panel.set(policy="easiest").value
    assert after.errors["random"] == before.errors["random"]
    assert after.errors["chosen"] != before.errors["chosen"]


def test_the_cut_off_is_heeded_where_a_policy_has_one():
    scores = np.arange(10.0)
    assert chosen(scores, "hardest", 0.2, 0, {"cutoff": 0.2}) == [6, 7]


def test_with_a_reader_nothing_is_trained_until_it_is_asked_for_and_stop_ends_it():
    panel = panels.pruning_explorer(**{**SMALL, "steps": 20_000, "seeds": 10})
    assert panel.value.scores is None
    assert "press Train" in str(panel.value)
    panel.start()
    time.sleep(0.3)
    panel.stop()
    assert panel.wait(SECONDS)
    assert not panel.running
    assert panel.error is None


def test_its_settings_can_be_pasted_as_parameters():
    lines = panels.pruning_explorer(**SMALL, policy="coverage_centric", cutoff=0.1).to_parameters()
    assert "policy: str | None = 'coverage_centric'" in lines
    assert "cutoff: float | None = 0.1" in lines


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'aum'"):
        panels.pruning_explorer(scores=["aumm"])
    with pytest.raises(ValueError, match="did you mean 'clean'"):
        panels.pruning_explorer(**SMALL, pool="clan")


def test_the_ends_of_the_error_axis_stand_under_their_ticks(headless):
    (part,) = panels.pruning_explorer(**SMALL).bundle()[VEGALITE]["vconcat"][3:]
    axis = part["layer"][0]["encoding"]["x"]["axis"]
    assert axis["labelFlush"] is False
