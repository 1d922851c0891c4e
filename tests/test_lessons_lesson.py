"""The set-up call: where values come from, what is refused, and what it leaves for the report."""

import json
import math

import pytest

from labkit import results
from labkit.lessons import LessonStopped, lesson
from labkit.registry import UnknownName

TOML = """
seeds = 3
rates = [0.1]
[smoke]
sizes = [8, 16]
[lesson]
sizes = [64, 128]
note = "as taught"
fraction = 0.5
flag = true
[full]
sizes = [64, 128, 256]
seeds = 10
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "07_example.toml").write_text(TOML)
    monkeypatch.setenv("LABKIT_NOTEBOOKS", str(tmp_path))
    for name in ("LABKIT_PRESET", "LABKIT_RUN_DIR", "LABKIT_HEADLESS", "LABKIT_STORE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_given_wins_over_preset_wins_over_default(folder):
    assert lesson("07", sizes=None, seeds=None).seeds == 3
    assert lesson("07", preset="full", seeds=None).seeds == 10
    assert lesson("07", preset="full", seeds=5).seeds == 5


def test_parameters_that_are_none_come_from_the_preset(folder):
    assert lesson("07", sizes=None).sizes == [64, 128]
    assert lesson("07", preset="smoke", sizes=None).sizes == [8, 16]


def test_a_falsy_value_is_a_value(folder):
    lab = lesson("07", seeds=0, flag=False, note="")
    assert (lab.seeds, lab.flag, lab.note) == (0, False, "")


def test_preset_comes_from_the_environment_when_none_is_given(folder, monkeypatch):
    monkeypatch.setenv("LABKIT_PRESET", "smoke")
    assert lesson("07").preset == "smoke"
    assert lesson("07", preset="full").preset == "full"


def test_unknown_preset_names_the_nearest(folder):
    with pytest.raises(UnknownName, match="did you mean 'smoke'"):
        lesson("07", preset="smok")


def test_a_parameter_without_any_value_is_named(folder):
    with pytest.raises(ValueError, match=r"no value for width.*preset 'smoke' of 07_example.toml"):
        lesson("07", preset="smoke", width=None)


def test_unknown_attribute_says_which_presets_have_it(folder):
    lab = lesson("07", preset="smoke")
    with pytest.raises(AttributeError, match=r"'smoke' has no parameter 'note'; presets lesson have it"):
        _ = lab.note
    with pytest.raises(AttributeError, match=r"no preset in 07_example\.toml has it"):
        _ = lab.colour


@pytest.mark.parametrize(
    ("name", "value"),
    [("seeds", "oops"), ("seeds", 2.5), ("seeds", True), ("sizes", 64), ("note", 3), ("fraction", "0.5"), ("flag", 1)],
)
def test_a_value_of_another_kind_is_refused(folder, name, value):
    with pytest.raises(TypeError, match=f"parameter {name} is"):
        lesson("07", **{name: value})


def test_whole_numbers_do_for_fractions_and_tuples_for_lists(folder):
    lab = lesson("07", fraction=1, sizes=(1, 2))
    assert lab.fraction == 1
    assert lab.sizes == (1, 2)


@pytest.mark.parametrize("number", ["08", "7", "0", "7_example", ""])
def test_an_unknown_lesson_says_where_it_looked(folder, number):
    with pytest.raises(FileNotFoundError, match=r"presets.*found 07_example.toml"):
        lesson(number)


def test_two_files_for_one_number_are_refused(folder):
    (folder / "presets" / "07_other.toml").write_text(TOML)
    with pytest.raises(ValueError, match="ambiguous"):
        lesson("07")


@pytest.mark.parametrize(("content", "match"), [("seeds = ", "not valid TOML"), ("seeds = 3", "holds no preset")])
def test_a_broken_file_of_presets_is_named(folder, content, match):
    (folder / "presets" / "09_broken.toml").write_text(content)
    with pytest.raises(ValueError, match=match):
        lesson("09")


def test_the_run_folder_gets_a_full_account(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUN_DIR", str(tmp_path / "run"))
    lesson("07", seeds=5)
    account = json.loads((tmp_path / "run" / "lesson.json").read_text())
    assert account["notebook"] == "07_example"
    assert account["preset"] == "lesson"
    assert account["parameters"]["sizes"] == [64, 128]
    assert account["seeds"] == 5
    assert account["versions"]["python"].startswith("3.")
    assert "+" not in account["versions"]["torch"]
    assert account["device"] in ("cpu", "cuda")
    assert list((tmp_path / "run").glob("*.partial")) == []


def test_a_lesson_begins_with_no_records(folder):
    results.start("other")
    results.record("left over", 1, kind="exact")
    lab = lesson("07")
    assert len(lab.found()) == 0
    results.record("new", 2, kind="exact")
    assert lab.found()["name"].tolist() == ["new"]


def test_stop_ends_the_lesson_and_says_why(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUN_DIR", str(tmp_path))
    lab = lesson("07")
    with pytest.raises(LessonStopped, match="no data here") as caught:
        lab.stop("no data here")
    assert json.loads((tmp_path / "lesson.json").read_text())["stopped"] == "no data here"
    assert caught.value._render_traceback_() == ["The lesson stops here: no data here"]


def test_the_summary_names_preset_versions_and_budget_and_escapes_values(folder):
    lab = lesson("07", note="<script>alert(1)</script>")
    assert "preset lesson" in repr(lab)
    assert "90 s" in repr(lab)
    assert "torch" in repr(lab)
    assert "<script>" not in lab._repr_html_()
    assert "&lt;script&gt;" in lab._repr_html_()


def test_a_preset_of_ones_own_has_no_budget(folder):
    (folder / "presets" / "07_example.toml").write_text(TOML + "\n[tiny]\nsizes = [2]\n")
    lab = lesson("07", preset="tiny", sizes=None)
    assert lab.budget_seconds is None
    assert lab.sizes == [2]


def test_headless_is_read_from_the_environment(folder, monkeypatch):
    assert lesson("07").interactive
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    assert lesson("07").headless


def double(size):
    return {"twice": 2 * size}


def test_run_sweeps_a_function_over_a_grid_with_the_lessons_store(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STORE", str(tmp_path / "points"))
    lab = lesson("07")
    frame = lab.run(double, [{"size": 3}, {"size": 4}])
    assert frame["twice"].tolist() == [6, 8]
    assert any((tmp_path / "points").rglob("*"))


def test_parameters_cannot_be_changed_through_the_copy(folder):
    lab = lesson("07")
    lab.parameters["seeds"] = math.inf
    assert lab.seeds == 3
