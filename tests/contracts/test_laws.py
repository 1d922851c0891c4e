"""Every registered form keeps the promises of a form."""

import pytest

from labkit import laws
from labkit.laws import contract


@pytest.mark.parametrize("name", laws.FORMS.names())
def test_form_keeps_its_promises(name):
    contract.check(laws.get(name))


def test_a_wrong_gradient_is_named():
    def law(x, A, alpha):
        return A * x**-alpha, (x**-alpha, A * x**-alpha)

    power = laws.get("power")
    form = laws.Form("mine", ("x",), power.parameters, law, "y", "a test", units=power.units)
    with pytest.raises(AssertionError, match="partial by alpha"):
        contract.check(form)


def test_wrong_units_are_named():
    power = laws.get("power")
    form = laws.Form("mine", ("x",), power.parameters, power.law, "y", "a test", units={"A": {"y": 1}})
    with pytest.raises(AssertionError, match="units of x"):
        contract.check(form)
