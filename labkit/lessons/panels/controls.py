"""Controls that can be used from the keyboard and are named for screen readers.

A slider's handle has no accessible name, so every slider stands behind a label that says meaning and value,
and beside a number box that carries the same name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from labkit.registry import nearest

_LABEL_WIDTH = "15em"
_WIDE = 1e7  # numbers from here on need a wider box
_DIGITS, _SHORT = ".7g", 1e-6  # of a place on a slider: a logarithmic one has sixteen, more than a box has room for
_INTERVALS = {"50%": 0.5, "80%": 0.8, "90%": 0.9, "95%": 0.95}


def levels(interval: float) -> dict[str, float]:
    """The usual levels of an interval and the one asked for, by what a menu says.

    >>> list(levels(0.68))
    ['50%', '68%', '80%', '90%', '95%']
    """
    if isinstance(interval, bool) or not isinstance(interval, float) or not 0 < interval < 1:
        raise ValueError(f"interval is the share of new observations it should hold, between 0 and 1; got {interval!r}")
    return dict(sorted({**_INTERVALS, f"{100 * interval:g}%": interval}.items(), key=lambda item: item[1]))


class Control:
    """One named value of a panel and the widgets that show it.

    ``value`` is the Python value, ``box`` the widget to display, ``note`` the comment of the parameters cell.
    """

    def __init__(self, name: str, label: str, note: str, value: Any) -> None:
        self.name, self.label, self.note = name, label, note
        self._value = value
        self._listeners: list[Callable[[], None]] = []
        self.failed: Callable[[Exception], None] | None = None
        self._setting = False
        self.box: widgets.Widget

    @property
    def value(self) -> Any:
        """The value the panel works with."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        value = self.accept(value)
        if value != self._value:
            self._value = value
            self._show()
            for listener in self._listeners:
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this after every change of the value, whoever made it."""
        self._listeners.append(listener)

    def accept(self, value: Any) -> Any:
        """The value in the control's own form; raises ValueError or TypeError for one it cannot take."""
        raise NotImplementedError

    def quietly(self, value: Any) -> None:
        """Change the value without telling the listeners."""
        self._value = self.accept(value)
        self._show()

    def _show(self) -> None:
        """Write the value into the widgets without taking their echo for a change made by the reader."""
        self._setting = True
        try:
            self._write()
        finally:
            self._setting = False

    def _write(self) -> None:
        raise NotImplementedError

    def _moved(self, change: Mapping[str, Any]) -> None:
        if not self._setting:
            self._take(change["new"])

    def _take(self, value: Any) -> None:
        """Take a value from a widget. What goes wrong is told to the panel: behind a widget nobody else would hear."""
        try:
            self.value = value
        except Exception as error:
            self._show()
            if self.failed is None:
                raise
            self.failed(error)


class Slider(Control):
    """A number between two ends: a label with the value, a slider, and a number box.

    Arguments:
        name: the keyword of ``panel.set`` and of the parameters cell.
        label: what the number means, in words.
        low, high: the ends, both included.
        value: where it starts; moved to the nearer end when outside is refused.
        step: of the slider; the number box takes any value between the ends (for integers, any integer).
        log: whether equal moves of the slider are equal factors.
    """

    def __init__(
        self,
        name: str,
        label: str,
        low: float,
        high: float,
        value: float,
        *,
        step: float,
        log: bool = False,
        note: str = "",
    ) -> None:
        if not low < high:
            raise ValueError(f"control {name} goes from {low!r} to {high!r}, expected a lower end below the upper one")
        self.low, self.high, self.step, self.log = low, high, step, log
        self.integer = all(isinstance(end, int) for end in (low, high)) and isinstance(step, int) and not log
        super().__init__(name, label, note or label, None)
        self._value = value = self.accept(value)
        style, tooltip = {"description_width": _LABEL_WIDTH}, f"{label}, from {low:g} to {high:g}"
        common = {"description": self._caption(value), "readout": False, "style": style, "tooltip": tooltip}
        wide = widgets.Layout(width="28em", max_width="100%")
        if log:
            self.slider = widgets.FloatLogSlider(
                value=value, base=10, min=math.log10(low), max=math.log10(high), step=step, layout=wide, **common
            )
        elif self.integer:
            self.slider = widgets.IntSlider(value=value, min=low, max=high, step=step, layout=wide, **common)
        else:
            self.slider = widgets.FloatSlider(value=value, min=low, max=high, step=step, layout=wide, **common)
        box = widgets.BoundedIntText if self.integer else widgets.BoundedFloatText
        self.number = box(
            value=value,
            min=low,
            max=high,
            step=step if not log else None,
            description=label,  # read out, not drawn: the label before the slider says it already
            style={"description_width": "0px"},
            tooltip=f"{tooltip}: type a number",
            layout=widgets.Layout(width="8em" if high < _WIDE else "12em"),
        )
        self.slider.observe(self._slid, "value")
        self.number.observe(self._moved, "value")
        self.box = widgets.HBox([self.slider, self.number], layout=widgets.Layout(flex_flow="row wrap"))

    def accept(self, value: Any) -> Any:
        if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
            raise TypeError(f"control {self.name} got {value!r}, expected a number from {self.low:g} to {self.high:g}")
        value = int(value) if self.integer and float(value).is_integer() else float(value)
        if self.integer and not isinstance(value, int):
            raise ValueError(f"control {self.name} got {value!r}, expected a whole number")
        slack = 1e-9 * (self.high - self.low)
        if not self.low - slack <= value <= self.high + slack:
            raise ValueError(f"control {self.name} got {value:g}, expected {self.low:g} to {self.high:g}")
        return min(max(value, self.low), self.high)

    def _caption(self, value: Any) -> str:
        plain = self.integer or 1000 <= value < 1e6  # 65,536 and not 6.554e+04
        return f"{self.label} = {value:,.0f}" if plain else f"{self.label} = {value:.4g}"

    def _write(self) -> None:
        self.slider.description = self._caption(self._value)
        if not math.isclose(self.slider.value, self._value, rel_tol=_SHORT):  # else the handle would twitch
            self.slider.value = self._value
        self.number.value = self._value

    def _slid(self, change: Mapping[str, Any]) -> None:
        """A move of the handle; the page sends a value between two steps back rounded, which is none."""
        new, old = (math.log10(one) if self.log else one for one in (change["new"], self._value))
        if self.integer or abs(new - old) > 0.501 * self.step:
            self._moved({"new": change["new"] if self.integer else float(f"{change['new']:{_DIGITS}}")})

    def _moved(self, change: Mapping[str, Any]) -> None:
        if not self._setting:
            # a log slider's own arithmetic can land a hair outside its ends
            self._take(min(max(change["new"], self.low), self.high))


class Choice(Control):
    """One of a few options, as a drop-down list."""

    def __init__(
        self, name: str, label: str, options: Sequence[Any] | Mapping[str, Any], value: Any, *, note: str = ""
    ) -> None:
        self.options = dict(options) if isinstance(options, Mapping) else {str(option): option for option in options}
        super().__init__(name, label, note or label, None)
        self._value = self.accept(value)
        self.menu = widgets.Dropdown(
            options=list(self.options.items()),
            value=self._value,
            description=label,
            style={"description_width": _LABEL_WIDTH},
            tooltip=label,
            layout=widgets.Layout(width="28em", max_width="100%"),
        )
        self.menu.observe(self._moved, "value")
        self.box = self.menu

    def accept(self, value: Any) -> Any:
        for option in self.options.values():
            if option == value:
                return option
        hint = nearest(value, map(str, self.options.values()))
        raise ValueError(f"control {self.name} got {value!r}: {hint}")

    def _write(self) -> None:
        self.menu.value = self._value


class Several(Control):
    """Any number of options, at least one, as a row of check boxes."""

    def __init__(self, name: str, label: str, options: Sequence[Any], value: Sequence[Any], *, note: str = "") -> None:
        self.options = list(options)
        super().__init__(name, label, note or label, None)
        self._value = self.accept(value)
        self.boxes = [
            widgets.Checkbox(
                value=option in self._value,
                description=str(option),
                tooltip=f"{label}: {option}",
                indent=False,
                layout=widgets.Layout(width="auto", margin="0 1em 0 0"),
            )
            for option in self.options
        ]
        for box in self.boxes:
            box.observe(self._moved, "value")
        look = {
            "width": _LABEL_WIDTH,
            "min_width": _LABEL_WIDTH,
            "margin": "0 8px 0 2px",
            "justify_content": "flex-end",
        }
        boxes = widgets.HBox(self.boxes, layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.HBox([widgets.Label(label, layout=widgets.Layout(**look)), boxes])

    def accept(self, value: Any) -> Any:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise TypeError(f"control {self.name} got {value!r}, expected a list of options")
        chosen = list(value)
        for item in chosen:
            if item not in self.options:
                raise ValueError(f"control {self.name} got {item!r}: {nearest(item, map(str, self.options))}")
        if not chosen:
            raise ValueError(f"control {self.name} needs at least one of {', '.join(map(str, self.options))}")
        return [option for option in self.options if option in chosen]

    def _write(self) -> None:
        for option, box in zip(self.options, self.boxes, strict=True):
            box.value = option in self._value

    def _moved(self, change: Mapping[str, Any]) -> None:
        if self._setting:
            return
        chosen = [option for option, box in zip(self.options, self.boxes, strict=True) if box.value]
        if chosen:
            self._take(chosen)
        else:  # the last one stays ticked
            self._show()
