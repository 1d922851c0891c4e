"""A panel: a few controls, one evaluation, one chart, and a sentence about it.

A panel works without a front end (``set``, ``value``, ``figure``), shows its chart below the controls when
somebody is looking, and leaves a static picture in a report. Errors are never hidden: they stand in the panel,
and are raised as well where nobody is looking.
"""

from __future__ import annotations

import html
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from labkit import display
from labkit.lessons.panels.controls import Control
from labkit.lessons.panels.drawn import Drawn
from labkit.lessons.panels.latest import Latest
from labkit.lessons.panels.messages import error_html, status_html
from labkit.lessons.panels.parameters import PANEL, Parameters
from labkit.lessons.panels.shown import Shown
from labkit.registry import nearest

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_REMEMBERED = 64  # evaluations kept, so that going back redraws at once


class Panel:
    """Controls that drive one evaluation and its chart.

    Arguments:
        title: what the panel is for; names the group of controls for screen readers.
        controls: the controls, in the order of their rows.
        evaluate: pure function of the settings (a dict by control name) that returns a record.
        draw: function of the record that returns a chart of fixed size: a Vega-Lite specification as a dictionary (see
            ``vega``), or an Altair chart, which takes ten times as long to make.
        say: function of the record that returns one or two sentences for the status line.

    The functions run on a thread when somebody is looking, so they must not touch widgets.
    """

    def __init__(
        self,
        title: str,
        controls: Sequence[Control],
        *,
        evaluate: Callable[[dict[str, Any]], Any],
        draw: Callable[[Any], Any],
        say: Callable[[Any], str],
    ) -> None:
        self.title = title
        self.controls = {control.name: control for control in controls}
        self.error: Exception | None = None
        self._evaluate, self._draw, self._say = evaluate, draw, say
        self._remembered: OrderedDict[str, Drawn] = OrderedDict()
        self._drawn: Drawn | None = None
        self._shown = Shown()
        self._parameter: str | None = None
        self._lock = threading.RLock()
        self._latest = Latest(self._compute, self._deliver, self._fail, lambda: self._status("computing …"))
        self._build()
        self._parameters.refresh()
        for control in controls:
            control.listen(self._parameters.refresh)
            control.listen(self._changed)
            control.failed = self._fail

    # ---- without a front end -------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every control by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> Panel:
        """Move controls and evaluate once; returns the panel.

        Raises ``ValueError`` or ``TypeError`` for a value its control cannot take, and moves nothing then.
        """
        self._place(values)
        self._refresh()
        return self

    @property
    def value(self) -> Any:
        """The record of the current settings."""
        return self._ensure().record

    @property
    def figure(self) -> Any:
        """The chart of the current record."""
        return self._ensure().figure

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until no evaluation runs or waits; False when the time was up first."""
        return self._latest.wait(timeout)

    def in_parameter(self, name: str, given: Mapping[str, Any] | None = None) -> Panel:
        """Keep all settings in one parameter of the notebook, a dict, and start from what is given there.

        For a notebook whose parameters already mean something else under the controls' names, or are many. Returns
        the panel. Raises as ``set`` does, and ``TypeError`` for what is no dict.
        """
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"parameter {name} is {given!r}, expected a dict such as {self.settings!r}")
        self._parameter, self._drawn = name, None
        self._place(given or {})
        return self

    def to_parameters(self) -> str:
        """Lines for the parameters cell that bring a report to these settings.

        Names are the controls' names; a notebook passes its parameters to the panel under the same names. After
        ``in_parameter`` it is one line.
        """
        if self._parameter:
            return f"{self._parameter}: dict | None = {self.settings!r}  # settings of the panel: {self.title}"
        lines = [
            f"{name}: {_annotation(control.value)} | None = {control.value!r}  # {control.note}"
            for name, control in self.controls.items()
        ]
        return "\n".join(lines)

    def _place(self, values: Mapping[str, Any]) -> None:
        """Move controls without evaluating; none of them, where one of the values is refused."""
        for name in values:
            if name not in self.controls:
                raise ValueError(f"this panel has no control {name!r}: {nearest(name, self.controls)}")
        accepted = {name: self.controls[name].accept(value) for name, value in values.items()}
        for name, value in accepted.items():
            self.controls[name].quietly(value)
        self._parameters.refresh()

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def _ensure(self) -> Drawn:
        if self._drawn is None:
            self._refresh()
        return self._drawn

    def _refresh(self) -> None:
        """Evaluate in this thread and raise what it raises."""
        self._latest.supersede()
        try:
            self._deliver(self._compute(self.settings))
        except Exception as error:
            self._show_error(error)
            raise

    def _changed(self) -> None:
        if display.headless():
            self._refresh()
        else:
            self._latest.submit(self.settings)

    def _compute(self, settings: dict[str, Any]) -> Drawn:
        key = self._key(settings)
        with self._lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        record = self._evaluate(settings)
        drawn = Drawn(record, self._draw(record))
        with self._lock:
            self._remembered[key] = drawn
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return drawn

    def _key(self, settings: dict[str, Any]) -> str:
        """What an evaluation depends on."""
        return repr(settings)

    def _deliver(self, drawn: Drawn) -> None:
        """Make this the panel's state, in the panel and in every place where its chart is shown."""
        said = self._say(drawn.record)
        with self._lock:
            self._drawn = drawn
            self.error = None
            self._shown.update(drawn)
            self._error_box.layout.display = "none"
            self._error_box.value = ""
            self._status(said)

    def _fail(self, error: Exception) -> None:
        """What a callback does with an exception: show it to who is looking, raise it where nobody is."""
        self._show_error(error)
        if display.headless():
            raise error

    # ---- with a front end ----------------------------------------------------------------------------------------

    def _build(self) -> None:
        # room for two lines, so that a longer sentence does not move the chart
        self._status_line = widgets.HTML(layout=widgets.Layout(min_height="60px"))
        self._error_box = widgets.HTML(layout=widgets.Layout(display="none"))
        self._parameters = Parameters(lambda: self.to_parameters(), rows=2 * len(self.controls))
        self._on_click(self._parameters.toggle, self._parameters.show_or_hide)
        heading = widgets.HTML(f"<b>{html.escape(self.title)}</b>")
        rows = [control.box for control in self.controls.values()]
        self.widget = widgets.VBox(
            [heading, *rows, self._buttons(), self._parameters.field, self._status_line, self._error_box]
        )
        self.widget.add_class(PANEL)

    def _buttons(self) -> widgets.Widget:
        return widgets.HBox(self._parameters.buttons, layout=widgets.Layout(flex_flow="row wrap"))

    def _on_click(self, button: widgets.Button, action: Callable[[], Any]) -> None:
        """Do this when the button is pressed; what it raises is not lost in the machinery of widgets."""

        def pressed(_button: widgets.Button) -> None:
            try:
                action()
            except Exception as error:
                self._fail(error)

        button.on_click(pressed)

    def _status(self, text: str) -> None:
        self._status_line.value = status_html(text)

    def _show_error(self, error: Exception) -> None:
        self.error = error
        self._error_box.value = error_html(error)
        self._error_box.layout.display = ""
        self._status("That did not work; the chart still shows the last settings that did.")

    def bundle(self) -> dict[str, Any]:
        """The MIME bundle: the widget view first, then the chart, its static picture and its sentence."""
        return {**self._view(), **self._ensure().bundle}

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        return self.bundle()

    def _ipython_display_(self) -> None:
        """One output with everything for a report; controls above a live chart for somebody who is looking."""
        from IPython.display import display as publish

        if display.headless():
            publish(self.bundle(), raw=True)
            return
        publish({**self._view(), "text/plain": f"{self.title}: run this cell to use the controls."}, raw=True)
        try:
            chart = self._ensure().bundle
        except Exception:  # stands in the panel already; the chart's place is kept for when it works
            chart = {"text/plain": ""}
        self._shown.add(publish(chart, raw=True, display_id=True))

    def _view(self) -> dict[str, Any]:
        return {_WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}}


def _annotation(value: Any) -> str:
    if isinstance(value, list):
        return f"list[{type(value[0]).__name__}]"
    return type(value).__name__
