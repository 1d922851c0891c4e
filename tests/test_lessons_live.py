"""Live work: partial results, Stop, interrupts, errors; and the panel that trains learning curves."""

import itertools
import threading

import altair as alt
import numpy as np
import pandas as pd
import pytest

from labkit import sweeps
from labkit.lessons import panels
from labkit.lessons.panels import learning_curves, run_live
from labkit.lessons.panels.live import LiveRun, LiveView

SECONDS = 20


def chart(value):
    frame = pd.DataFrame({"x": [1, 2], "y": [1, value]})
    return alt.Chart(frame).mark_line().encode(x="x", y="y").properties(description="Two points.")


def endless(should_stop):
    for count in itertools.count():
        if should_stop():
            return
        yield count


def test_partial_results_arrive_in_order_and_the_run_finishes():
    got = []
    run = LiveRun(lambda should_stop: iter(range(5)), got.append).start(background=True)
    assert run.join(SECONDS)
    assert (run.state, got, run.error) == ("finished", [0, 1, 2, 3, 4], None)


def test_stop_ends_endless_work_and_says_stopped():
    begun = threading.Event()
    run = LiveRun(endless, lambda count: begun.set()).start(background=True)
    assert begun.wait(SECONDS)
    assert run.running
    run.stop()
    assert run.join(SECONDS)
    assert (run.state, run.running, run.error) == ("stopped", False, None)


class Halted(Exception):
    pass


def waits_then_raises(error):
    def work(should_stop):
        yield 0
        while not should_stop():
            pass
        raise error

    return work


@pytest.mark.parametrize(("error", "state"), [(Halted(), "stopped"), (KeyError("real"), "failed")])
def test_only_the_works_own_way_to_stop_counts_as_stopped(error, state):
    begun = threading.Event()
    run = LiveRun(waits_then_raises(error), lambda part: begun.set(), stopped_by=(Halted,)).start(background=True)
    assert begun.wait(SECONDS)
    run.stop()
    assert run.join(SECONDS)
    assert run.state == state


def failing(should_stop):
    yield 1
    raise ZeroDivisionError("half way")


def test_an_error_in_the_background_is_kept_with_the_run():
    run = LiveRun(failing, lambda part: None).start(background=True)
    assert run.join(SECONDS)
    assert run.state == "failed"
    assert isinstance(run.error, ZeroDivisionError)


def test_an_error_in_the_foreground_is_raised():
    with pytest.raises(ZeroDivisionError):
        LiveRun(failing, lambda part: None).start(background=False)


def test_an_interrupt_in_the_foreground_passes_through_and_leaves_the_state_true():
    def interrupted(should_stop):
        yield 1
        raise KeyboardInterrupt

    run = LiveRun(interrupted, lambda part: None)
    with pytest.raises(KeyboardInterrupt):
        run.start(background=False)
    assert (run.state, run.running) == ("stopped", False)


def test_headless_a_live_run_ends_first_and_shows_the_last_chart(headless, capsys):
    updates = []

    def update(part):
        updates.append(part)
        return chart(part)

    run = run_live(lambda should_stop: iter([1, 2, 3]), update)
    assert (run.state, updates) == ("finished", [1, 2, 3])
    assert capsys.readouterr().out.count("Two points.") == 1


def test_headless_errors_in_work_and_in_drawing_are_raised(headless):
    with pytest.raises(ZeroDivisionError):
        run_live(failing, lambda part: None)
    with pytest.raises(KeyError):
        run_live(lambda should_stop: iter([1]), lambda part: {}["missing"])


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="expected a function"):
        run_live([1, 2, 3], chart)


class Page:
    """Stands for the notebook: keeps what is published."""

    def __init__(self):
        self.published, self.updates = [], []

    def publish(self, data, raw=False, display_id=None):
        self.published.append(data)
        return self

    def update(self, data, raw):
        self.updates.append(data)


@pytest.fixture
def page(monkeypatch):
    page = Page()
    monkeypatch.setattr("IPython.display.display", page.publish)
    return page


def test_with_a_reader_the_stop_button_stops_and_the_chart_was_drawn_in_place(page):
    drawn = threading.Event()

    def update(part):
        drawn.set()
        return chart(part)

    run = run_live(endless, update, label="Endless")
    controls = page.published[0]
    assert drawn.wait(SECONDS)
    (button, status), _errors = controls.children[0].children, controls.children[1]
    assert not button.disabled
    button.click()
    assert run.join(SECONDS)
    assert button.disabled
    assert "Endless: stopped" in status.value
    assert "application/vnd.vegalite.v5+json" in page.updates[-1]


def test_with_a_reader_an_error_in_the_chart_ends_the_work_and_is_shown(page):
    run = run_live(endless, lambda part: {}["missing"], label="Endless")
    assert run.join(SECONDS)
    assert run.state == "failed"
    errors = page.published[0].children[1]
    assert "KeyError" in errors.value
    assert errors.layout.display == ""


def test_the_view_escapes_what_an_error_says():
    run = LiveRun(failing, lambda part: None).start(background=True)
    run.join(SECONDS)
    run.error = ValueError("<script>")
    view = LiveView("x")
    view.ended(run)
    assert "<script>" not in view.errors.value


# ---- learning curves, trained live ---------------------------------------------------------------------------------


class Trainer:
    """Stands for the training: quick, countable, and able to wait or to fail."""

    def __init__(self):
        self.calls, self.gate, self.entered, self.fail = [], threading.Event(), threading.Event(), False
        self.gate.set()

    def __call__(self, dataset, model, width, examples, seeds, *, steps, should_stop):
        self.calls.append((dataset, model, width, examples, seeds))
        self.entered.set()
        while not self.gate.wait(0.005):
            if should_stop():
                raise sweeps.Stopped("stopped")
        if self.fail:
            raise RuntimeError("out of memory")
        error = examples**-0.5 * (1 + 0.1 * np.arange(seeds)) * (1 if width is None else 1 + 1 / width)
        shown = "-" if width is None else str(width)
        return pd.DataFrame({"examples": examples, "width": shown, "seed": range(seeds), "error": error})


@pytest.fixture
def trainer(monkeypatch):
    trainer = Trainer()
    monkeypatch.setattr(learning_curves, "measure", trainer)
    return trainer


def explorer(**options):
    return panels.learning_curve_explorer(**{"sizes": [32, 64, 128], "widths": [4, 16], **options})


def test_headless_the_curves_are_trained_before_they_are_read(trainer, headless):
    record = explorer().value
    assert record.missing == 0
    assert len(trainer.calls) == 6
    assert len(record.points) == 18
    assert record.means["n"].tolist() == [3] * 6


def test_headless_an_error_in_training_is_raised(trainer, headless):
    trainer.fail = True
    with pytest.raises(RuntimeError, match="out of memory"):
        _ = explorer().figure


def test_with_a_reader_nothing_is_trained_until_asked(trainer):
    panel = explorer()
    assert panel.value.missing == 6
    assert "press Train" in panel._status_line.value
    assert trainer.calls == []
    panel.bundle()  # an empty chart can be drawn


def test_partial_curves_appear_as_sizes_finish(trainer):
    panel = explorer()
    assert panel.value.missing == 6
    seen = []
    panel._status_line.observe(lambda change: seen.append(panel._drawn.record.missing), "value")
    panel.start()
    assert panel.wait(SECONDS)
    assert panel.value.missing == 0
    assert [call[3] for call in trainer.calls] == [32, 32, 64, 64, 128, 128]
    assert seen[-1] == 0


def test_stop_keeps_finished_points_and_start_goes_on_from_there(trainer):
    panel = explorer()
    trainer.gate.clear()
    panel.start()
    assert trainer.entered.wait(SECONDS)
    assert panel.running
    assert panel._start_button.disabled
    assert not panel._stop_button.disabled
    panel._stop_button.click()
    assert panel.wait(SECONDS)
    assert panel.error is None
    assert "stopped" in panel._progress_line.value
    trainer.gate.set()
    panel.start()
    assert panel.wait(SECONDS)
    assert panel.value.missing == 0


def test_moving_a_control_while_training_begins_again_with_the_new_settings(trainer):
    panel = explorer()
    trainer.gate.clear()
    panel.start()
    assert trainer.entered.wait(SECONDS)
    panel.controls["model"].menu.value = "softmax"
    trainer.gate.set()
    assert panel.wait(SECONDS)
    assert panel.value.model == "softmax"
    assert panel.value.missing == 0


def test_reading_the_value_does_not_disturb_the_training(trainer):
    panel = explorer()
    trainer.gate.clear()
    panel.start()
    assert trainer.entered.wait(SECONDS)
    assert panel.value.missing == 6
    panel.set(seeds=3)
    trainer.gate.set()
    assert panel.wait(SECONDS)
    assert len(trainer.calls) == 6


def test_an_error_in_training_is_shown_and_another_try_clears_it(trainer):
    panel = explorer()
    trainer.fail = True
    panel.start()
    assert panel.wait(SECONDS)
    assert "out of memory" in panel._error_box.value
    assert not panel._start_button.disabled
    trainer.fail = False
    panel.start()
    assert panel.wait(SECONDS)
    assert panel.error is None


def test_settings_trained_before_need_no_training(trainer, headless):
    panel = explorer()
    assert panel.value.missing == 0
    count = len(trainer.calls)
    panel.set(widths=[4])
    panel.set(largest=64)
    panel.set(widths=[4, 16], largest=128)
    assert len(trainer.calls) == count


def test_a_model_without_width_is_trained_once_per_size(trainer, headless):
    record = explorer(model="softmax").value
    assert [call[2] for call in trainer.calls] == [None] * 3
    assert set(record.points["width"]) == {"-"}


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        panels.learning_curve_explorer(datasets=["digit"])
    with pytest.raises(ValueError, match="did you mean 'mlp'"):
        panels.learning_curve_explorer(models=["mpl"])


def test_real_training_fills_a_curve_and_the_store_spares_the_second(tmp_path, monkeypatch, headless):
    monkeypatch.setenv("LABKIT_STORE", str(tmp_path))
    options = {"sizes": [32, 128], "widths": [16], "seeds": 2, "steps": 40}
    first = panels.learning_curve_explorer(**options).value
    assert first.means["error"].is_monotonic_decreasing
    monkeypatch.setattr("labkit.training.job.train", None)
    second = panels.learning_curve_explorer(**options).value
    pd.testing.assert_frame_equal(first.points, second.points)
