"""The store: whole points or none, and damage is noticed."""

import json
import os

import pytest

from labkit.sweeps import Store
from labkit.sweeps.store import Unreadable

RESULT = {"row": [["loss", 0.5]]}


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    url = str(tmp_path / "deep" / "points") if request.param == "folder" else f"memory://{tmp_path.name}"
    return Store(url, "study.error")


def test_a_point_written_is_read_back(store):
    assert store.names() == set()
    store.write("a-1", {"configuration": {"x": 1}}, RESULT)
    store.write("a-2", {"configuration": {"x": 2}}, RESULT)
    store.write("a-1", {"configuration": {"x": 1}}, RESULT)
    assert store.names() == {"a-1", "a-2"}
    assert store.read(["a-1"])["a-1"]["result"] == RESULT


def test_functions_do_not_share_points(store):
    store.write("a-1", {}, RESULT)
    assert Store(store.url, "study.error2").names() == set()


def test_names_that_look_alike_in_a_path_stay_apart(tmp_path):
    assert Store(tmp_path, "m.<lambda>").folder != Store(tmp_path, "m._lambda_").folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace("0.5", "0.6"),
        lambda text: "[]",
        lambda text: text.replace('"schema": 1', '"schema": 2'),
    ],
)
def test_a_damaged_point_is_unreadable(tmp_path, damage):
    store = Store(tmp_path, "study.error")
    store.write("a-1", {}, RESULT)
    [path] = tmp_path.rglob("*.json")
    path.write_text(damage(path.read_text()))
    assert isinstance(store.read(["a-1"])["a-1"], Unreadable)


def test_an_absent_point_is_unreadable_not_an_error(store):
    assert isinstance(store.read(["nowhere"])["nowhere"], Unreadable)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    store = Store(tmp_path, "study.error")

    def full(*_):
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no room"):
        store.write("a-1", {}, RESULT)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_half_written_is_no_point(tmp_path):
    store = Store(tmp_path, "study.error")
    store.write("a-1", {}, RESULT)
    (next(tmp_path.iterdir()) / ".b-1.0123.tmp").write_text("{")
    assert store.names() == {"a-1"}


def test_the_file_says_what_it_holds(tmp_path):
    Store(tmp_path, "study.error").write("a-1", {"configuration": {"x": 1}, "seconds": 2.0}, RESULT)
    content = json.loads(next(tmp_path.rglob("*.json")).read_text())
    assert (content["function"], content["configuration"], content["seconds"]) == ("study.error", {"x": 1}, 2.0)


def test_the_default_store_is_the_one_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STORE", str(tmp_path / "elsewhere"))
    assert Store(None, "study.error").folder.startswith(str(tmp_path / "elsewhere"))
