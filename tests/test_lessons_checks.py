"""Exercise checks: they never stop a lesson, they help in steps, and CI can make them strict."""

import numpy as np
import pytest
from exercise_answers import RIGHT, WRONG

from labkit.lessons import CheckFailed, Verdict, check, checks
from labkit.registry import UnknownName


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.delenv("LABKIT_STRICT", raising=False)
    checks._wrong_answers.clear()


def test_every_exercise_has_answers():
    assert set(checks.known()) == set(RIGHT) == set(WRONG)


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_answer_is_right(name):
    verdict = check(name, RIGHT[name])
    assert verdict.state == "right", verdict
    assert bool(verdict)


@pytest.mark.parametrize(("name", "place"), [(name, i) for name in WRONG for i in range(len(WRONG[name]))])
def test_a_wrong_answer_gets_a_hint_and_never_raises(name, place):
    verdict = check(name, WRONG[name][place])
    assert verdict.state == "not yet", verdict
    assert "Hint 1 of 3" in verdict.message


def unwritten(*arguments): ...


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("answer", [..., (..., 1), [...], {"a": ...}], ids=str)
def test_an_untouched_stub_is_not_attempted(name, answer):
    assert check(name, answer).state == "not attempted"


@pytest.mark.parametrize("name", [name for name, answer in RIGHT.items() if callable(answer)])
def test_a_function_whose_body_is_dots_is_not_attempted(name):
    assert check(name, unwritten).state == "not attempted"
    assert check(name, lambda *a: ...).state == "not attempted"


def test_hints_become_more_concrete_with_every_other_wrong_answer():
    hints = [check("00.3", wrong).message.split("Hint ")[1] for wrong in (3, 5, 6, 7)]
    assert [hint[:6] for hint in hints] == ["1 of 3", "2 of 3", "3 of 3", "3 of 3"]
    assert len(set(hints)) == 3


def test_the_same_wrong_answer_again_is_no_new_attempt():
    assert check("00.3", 3).attempts == check("00.3", 3).attempts == 1


def test_an_error_in_the_answer_is_told_not_raised():
    verdict = check("01.2", lambda errors: 1 / 0)
    assert verdict.state == "not yet"
    assert "ZeroDivisionError" in verdict.message


@pytest.mark.parametrize("answer", [..., 3])
def test_strict_mode_raises_unless_right(monkeypatch, answer):
    monkeypatch.setenv("LABKIT_STRICT", "1")
    with pytest.raises(CheckFailed, match=r"00\.3"):
        check("00.3", answer)
    assert check("00.3", 16)


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean"):
        check("00.11", 3)


def test_a_verdict_is_escaped_on_the_page_and_not_told_by_colour_alone():
    verdict = Verdict("00.1", "not yet", "<b>no</b>")
    assert "<b>" not in verdict._repr_html_()
    marks = {Verdict("00.1", state, "").__repr__()[0] for state in ("right", "not yet", "not attempted")}
    assert len(marks) == 3


def test_numpy_scalars_are_numbers():
    assert check("00.3", np.float64(16.0))
    assert check("00.3", np.array([16]))
    assert check("00.3", np.array([15, 16])).state == "not yet"


def test_an_id_cannot_be_registered_twice():
    def other(answer): ...

    with pytest.raises(ValueError, match="registered twice"):
        checks.exercise("00.1", hints=[], praise="")(other)
