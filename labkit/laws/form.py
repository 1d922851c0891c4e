"""What a form is: a formula with named columns and parameters, its partial derivatives, and how units enter it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from labkit.registry import Registry

Exponent = float | str | Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a form: name, meaning, bounds, and where a search for it starts.

    ``starts`` are starting values in a unit in which every rescalable column has geometric mean 1 and y has mean
    magnitude 1. A parameter without starts enters the formula linearly and is solved for, not searched. With ``along``
    the parameter is a place on that column: starts and bounds then count the log-range of the data
    (0 the smallest value seen, 1 the largest). ``log`` lets the solver step in the logarithm.

    >>> Parameter("alpha", "exponent", 0.0, 3.0, starts=(0.1, 0.5)).linear
    False
    """

    name: str
    meaning: str
    low: float = 0.0
    high: float = np.inf
    starts: tuple[float, ...] | None = None
    along: str | None = None
    log: bool = False

    @property
    def linear(self) -> bool:
        """Whether the formula is linear in this parameter."""
        return self.starts is None


Law = Callable[..., tuple[np.ndarray, tuple[np.ndarray, ...]]]


@dataclass(frozen=True, eq=False)
class Twin:
    """The same law in other coordinates, in which the laws it tends to lie at finite places.

    A form that the points do not bend tends to a simpler one as some of its parameters run to infinity together, and no
    solver follows them there in reasonable time. A twin names such a limit by a number. ``parameters`` and ``law`` are
    as in ``Form``; columns are in a unit in which their geometric mean is 1. ``into`` takes parameters of the form
    (B, p) to coordinates; ``back`` takes coordinates and the form's bounds, all (B, p), to parameters inside the
    bounds. ``endless`` names the form's parameters that grow beyond all bounds. ``ends`` takes the form's bounds to
    those of the coordinates; without it these are the bounds in ``parameters``. ``limit`` names the coordinate that is
    zero where the form is a simpler one.
    """

    parameters: tuple[Parameter, ...]
    law: Law
    into: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    endless: tuple[str, ...] = ()
    limit: str = ""
    ends: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None

    def evaluate(self, columns: tuple[np.ndarray, ...], theta: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Value (B, n) and partials for coordinates ``theta`` (B, p) on columns that broadcast to (B, n)."""
        return _evaluate(self.law, columns, theta)

    def bounds(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (B, p) of the coordinates where those of the form's parameters are ``low`` and ``high`` (B, p)."""
        if self.ends is not None:
            return self.ends(low, high)
        ends = np.array([[one.low, one.high] for one in self.parameters], float).T
        return tuple(np.repeat(end[None], len(low), 0) for end in ends)


def _evaluate(law: Law, columns, theta):
    split = tuple(theta[:, i : i + 1] for i in range(theta.shape[1]))
    with np.errstate(all="ignore"):
        return law(*columns, *split)


@dataclass(frozen=True, eq=False, repr=False)
class Form:
    """A scaling law: ``law(*columns, *parameters)`` returns the value and its partial derivatives, one per parameter.

    Columns and parameters arrive as arrays that broadcast against one another, so one call evaluates many curves with
    many parameter sets. ``rescalable`` names the columns whose unit may change (all by default), ``equivariant`` says
    whether the unit of y may. ``units`` says how each parameter changes with the unit of y (key ``"y"``) and of the
    rescalable columns: a power, the name of the parameter that is the power, or a function of the parameters.
    ``twin`` helps the solver to the limits of the form. A form that ships is pickled and copied as itself.

    >>> line = Form("line", ("x",), (Parameter("A", "slope"),), lambda x, A: (A * x, (x,)), latex="y = A x",
    ...             source="for illustration", units={"A": {"y": 1, "x": -1}})
    >>> line.value(np.array([1.0, 2.0]), {"A": 3.0})
    array([3., 6.])
    """

    name: str
    columns: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    law: Law
    latex: str
    source: str
    units: Mapping[str, Mapping[str, Exponent]] = field(default_factory=dict)
    rescalable: tuple[str, ...] | None = None
    equivariant: bool = True
    inverse: Callable[..., np.ndarray] | None = None
    aliases: tuple[str, ...] = ()
    subject: str = "one variable"
    note: str = ""
    twin: Twin | None = None

    def __post_init__(self) -> None:
        if self.rescalable is None:
            object.__setattr__(self, "rescalable", self.columns)
        known = {parameter.name for parameter in self.parameters}
        for name in self.units:
            if name not in known:
                raise ValueError(f"form {self.name!r}: units name {name!r}, which is no parameter ({sorted(known)})")

    def __repr__(self) -> str:
        return f"Form({self.name!r}, columns={self.columns}, parameters={self.names})"

    def __reduce_ex__(self, protocol):
        # formulas that ship are mostly lambdas, which no pickle holds: their form's name stands for them
        ships = (getattr(self.law, "__module__", None) or "").startswith(f"{__package__}.")
        if ships and self.name in FORMS and FORMS[self.name] is self:
            return get, (self.name,)
        return super().__reduce_ex__(protocol)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameter names, in the order the law takes them."""
        return tuple(parameter.name for parameter in self.parameters)

    def evaluate(self, columns: tuple[np.ndarray, ...], theta: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Value (B, n) and partials for parameters ``theta`` (B, p) on columns that broadcast to (B, n)."""
        return _evaluate(self.law, columns, theta)

    def value(self, X: np.ndarray, parameters: Mapping[str, float]) -> np.ndarray:
        """The law at points ``X`` (n,) or (n, k), in the column order of ``columns``."""
        columns = tuple(np.atleast_2d(np.asarray(X, float).T))
        theta = np.array([[float(parameters[name]) for name in self.names]])
        value, _ = self.evaluate(tuple(column[None] for column in columns), theta)
        return np.broadcast_to(value, (1, columns[0].size))[0].copy()

    def rescale(self, theta: np.ndarray, factors: Mapping[str, float | np.ndarray]) -> np.ndarray:
        """The parameters (B, p) of the same law when each named quantity is in numbers ``factor`` times larger."""
        values = {name: theta[:, i] for i, name in enumerate(self.names)}
        logs = {quantity: np.log(factor) for quantity, factor in factors.items()}
        scaled = theta.astype(float)
        for i, name in enumerate(self.names):
            log_factor = 0.0
            for quantity, power in self.units.get(name, {}).items():
                if quantity in logs:
                    exponent = values[power] if isinstance(power, str) else power(values) if callable(power) else power
                    log_factor = log_factor + exponent * logs[quantity]
            with np.errstate(over="ignore", invalid="ignore"):
                scaled[:, i] *= np.exp(log_factor)
        return scaled


FORMS: Registry[Form] = Registry("form")


def register(form: Form, *, replace: bool = False) -> Form:
    """Make a form known by its name and aliases, and return it.

    Raises ``ValueError`` when the name is taken and ``TypeError`` when it is not a ``Form``.

    >>> register(FORMS["power"])
    Traceback (most recent call last):
    ValueError: a form named 'power' exists already; pass replace=True to replace it
    """
    if not isinstance(form, Form):
        raise TypeError(f"expected a labkit.laws.Form, got {type(form).__name__}; see laws.Form")
    return FORMS.register(form, replace=replace)


def get(form: str | Form) -> Form:
    """The form of that name or alias; a ``Form`` passes through."""
    return form if isinstance(form, Form) else FORMS[form]


def forms():
    """Every registered form as a frame: name, aliases, subject, columns, parameters, inverse, latex, source, note.

    >>> frame = forms()
    >>> frame.set_index("name").loc["power_floor", "parameters"]
    'E A alpha'
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "name": form.name,
                "aliases": " ".join(form.aliases),
                "subject": form.subject,
                "columns": " ".join(form.columns),
                "parameters": " ".join(form.names),
                "rescalable": " ".join(form.rescalable),
                "inverse": form.inverse is not None,
                "latex": form.latex,
                "source": form.source,
                "note": form.note,
            }
            for form in FORMS
        ]
    )
