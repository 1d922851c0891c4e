"""The small things that everything stands on: names, seeds, places, progress."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import places, progress, seeds
from labkit.registry import Registry, UnknownName, nearest


def entry(name, *aliases):
    return SimpleNamespace(name=name, aliases=aliases)


def test_an_unknown_name_is_refused_with_the_nearest_match():
    forms = Registry("form")
    forms.register(entry("power_floor", "pow3"))
    with pytest.raises(UnknownName, match="unknown form 'power_flor': did you mean 'power_floor'"):
        forms["power_flor"]
    with pytest.raises(UnknownName, match="Known: none"):
        Registry("form")["anything"]


def test_something_that_is_no_name_is_refused_like_an_unknown_one():
    with pytest.raises(UnknownName, match="unknown form"):
        Registry("form")[["power"]]


def test_a_taken_name_is_refused_unless_replaced():
    forms = Registry("form")
    first = forms.register(entry("power", "pow2"))
    with pytest.raises(ValueError, match="'pow2' exists already"):
        forms.register(entry("other", "pow2"))
    assert forms["pow2"] is first
    second = forms.register(entry("power"), replace=True)
    assert forms["power"] is second


def test_a_forgotten_entry_takes_its_aliases_along():
    forms = Registry("form")
    forms.register(entry("power", "pow2"))
    forms.unregister("pow2")
    assert len(forms) == 0
    assert "pow2" not in forms


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_the_hint_always_lists_what_is_known(name, options):
    assert nearest(name, options).endswith(", ".join(sorted(options)) or "none")


@given(st.integers(0, 2**40), st.text(max_size=10), st.text(max_size=10))
def test_streams_for_different_purposes_differ_and_repeat(seed, one, other):
    assert seeds.derive(seed, one) == seeds.derive(seed, one)
    assert (seeds.derive(seed, one) == seeds.derive(seed, other)) == (one == other)


def test_derived_streams_are_uncorrelated():
    draws = np.array([seeds.generator(seed, "order").normal(size=400) for seed in range(50)])
    correlations = np.corrcoef(draws)[np.triu_indices(50, 1)]
    assert abs(correlations).max() < 5 / np.sqrt(400)


@given(st.floats(0, 1e6))
def test_a_duration_is_told_to_the_nearest_second_and_from_an_hour_on_minute(seconds):
    told = progress.duration(seconds)
    each = {"h": 3600, "min": 60, "s": 1}
    read = sum(int(amount) * each[unit] for amount, unit in re.findall(r"(\d+) (h|min|s)\b", told))
    half = 30 if "h" in told else 0.5
    assert -half <= seconds - read < half
    assert progress.duration(2.5) == "3 s"


def test_progress_says_nothing_about_short_work_and_tells_the_time_left_of_long_work(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    bar = progress.Progress(10, "points", stream)
    bar.advance(skipped=True)
    now[0] = 4.0
    bar.advance()
    assert stream.getvalue() == ""
    now[0] = 8.0
    bar.advance()
    # One point was found in the store: two were computed in 8 s, so the other seven take 28 s.
    assert stream.getvalue() == "points: 3/10, 8 s gone, 28 s left\n"


def test_tools_write_below_the_environment_and_the_users_own_choice_wins():
    code = "import os; from labkit import places; places.settle(); "
    code += "print(os.environ['IPYTHONDIR'], os.environ['MPLCONFIGDIR'])"
    environment = {k: v for k, v in os.environ.items() if k not in places.environment()}
    environment["MPLCONFIGDIR"] = "mine"
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert out[0].startswith(str(places.var()))
    assert out[1] == "mine"
