"""The names that the literature gives to forms: each leads to its own formula, and a slip of case is understood."""

import numpy as np
import pytest

from labkit import laws
from labkit.registry import UnknownName, nearest

X = np.geomspace(2, 1e5, 11)

# error curves 1 - score, with the score as its authors write it, and our parameters of the same curve
SCORES = {
    "Hill4": (0.1 + 0.8 * X**0.6 / (30.0**0.6 + X**0.6), {"E": 0.1, "S": 0.8, "d": 30.0, "alpha": 0.6}),
    "janoschek4": (
        0.9 - (0.9 - 0.1) * np.exp(-0.05 * X**0.4),
        {"E": 0.1, "S": 0.8, "d": 0.05 ** (-1 / 0.4), "alpha": 0.4},
    ),
    "exp4": (0.9 - np.exp(-0.05 * X**0.4 - 0.2), {"E": 0.1, "S": np.exp(-0.2), "d": 0.05**-2.5, "alpha": 0.4}),
    "expd3": (0.9 - (0.9 - 0.1) * np.exp(-0.01 * X), {"E": 0.1, "S": 0.8, "d": 100.0}),
    "ilog2": (0.9 - 0.4 / np.log(1 + X), {"E": 0.1, "A": 0.4}),
    "pow4": (0.9 - (2.0 * X + 50.0) ** -0.3, {"E": 0.1, "A": 2.0**-0.3, "d": 25.0, "alpha": 0.3}),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_name_of_the_literature_stands_for_its_own_formula(name):
    score, parameters = SCORES[name]
    form = laws.get(name)
    assert set(form.names) == set(parameters)
    np.testing.assert_allclose(form.value(X, parameters), 1 - score, rtol=1e-12)


@pytest.mark.parametrize(("name", "breaks"), [("bnsl1", 1), ("bnsl2", 2)])
def test_broken_laws_are_known_by_their_number_of_breaks(name, breaks):
    assert sum(one.startswith("d") for one in laws.get(name).names) == breaks


def test_the_over_training_law_is_known_however_it_is_written():
    assert laws.get("over_training") is laws.get("overtraining")


@pytest.mark.parametrize("name", ["Hill3", "logpower3"])
def test_a_form_that_holds_what_ours_leaves_free_is_no_alias_of_it(name):
    with pytest.raises(UnknownName, match="did you mean"):
        laws.get(name)
    assert name in laws.get("mmf4").note


def test_forms_of_a_later_database_are_not_ascribed_to_an_earlier_paper():
    source = laws.get("janoschek4").source
    assert "janoschek4 of LCDB 1.1" in source
    assert "Mohr" not in source.split(";")[-1]
    assert "ln x" in laws.get("ilog2").source


@pytest.mark.parametrize(
    ("given", "meant"),
    [("m1", "M1"), ("m3", "M3"), ("POWER_FLOOR", "power_floor"), ("Bnsl-2", "BNSL-2"), ("Chinchila", "chinchilla")],
)
def test_a_name_in_the_wrong_case_is_understood(given, meant):
    with pytest.raises(UnknownName, match=f"did you mean '{meant}'"):
        laws.get(given)


def test_between_names_that_differ_in_case_alone_the_case_decides():
    assert nearest("hil", ["Hill", "hill"]).startswith("did you mean 'hill'")
    assert nearest("Hil", ["Hill", "hill"]).startswith("did you mean 'Hill'")


def test_nothing_is_suggested_where_nothing_is_close():
    assert nearest("POWER", ["xyz"]) == "Known: xyz"
