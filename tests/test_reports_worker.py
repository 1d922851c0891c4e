"""A kernel that dies at its start is started again; one that dies later is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labkit.reports import worker


def engine(monkeypatch, failures: list[Exception]):
    """Run the engine with clients that fail so, one after the other, and count them."""
    made = []

    def client(nb_man, kernel_name, watch):
        made.append(nb_man)

        def execute():
            if failures:
                raise failures.pop(0)

        return SimpleNamespace(execute=execute)

    monkeypatch.setattr(worker, "_client", client)
    watch = SimpleNamespace(client=None, notebook=None)
    notebook = SimpleNamespace(metadata=SimpleNamespace(papermill={}))
    try:
        worker._engine(watch).execute_managed_notebook(SimpleNamespace(nb=notebook), "python3")
    finally:
        engine.started = len(made)


DIED = "Kernel died before replying to kernel_info"


def test_a_kernel_that_dies_before_its_first_word_is_started_again(monkeypatch):
    engine(monkeypatch, [RuntimeError(DIED)])
    assert engine.started == 2


def test_it_is_not_started_for_ever(monkeypatch):
    with pytest.raises(RuntimeError, match=DIED):
        engine(monkeypatch, [RuntimeError(DIED)] * 9)
    assert engine.started == worker._STARTS


def test_other_errors_are_not_tried_again(monkeypatch):
    with pytest.raises(RuntimeError, match="something else"):
        engine(monkeypatch, [RuntimeError("something else")])
    assert engine.started == 1
