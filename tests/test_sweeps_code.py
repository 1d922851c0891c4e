"""What counts as the same computation, and the reasons for computing again."""

import dataclasses
import functools
import importlib
import logging
import operator
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pandas as pd
import pytest

import labkit
from labkit import seeds, sweeps
from labkit.sweeps import code, modules
from labkit.sweeps.code import identify
from labkit.sweeps.walk import Unhashable

STUDY = """
import math
import numpy as np
from labkit import seeds
import {helper} as helper

STEPS = 10
TABLE = np.arange(3)

class Model:
    rate = 0.1
    def step(self, x):
        return x * self.rate

def inner(x):
    return x + STEPS

def unrelated(x):
    return x

def error(x, scale=1.0):
    "What it does."
    def local(y):
        return inner(y) * scale
    return local(x) + Model().step(x) + TABLE[0] + helper.shift(x) + seeds.derive(0, "x") * 0
"""

HELPER = """
def shift(x):
    "Adds one."
    return x + 1  # one
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Writes the study module and its helper, with replacements, and imports them afresh."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = f"study_{tmp_path.name}", f"helper_{tmp_path.name}"

    def load(*replacements, helper=()):
        for name, text, changes in (
            (names[0], STUDY.format(helper=names[1]), replacements),
            (names[1], HELPER, helper),
        ):
            for old, new in changes:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        modules._top.cache_clear()
        return importlib.import_module(names[0])

    yield load
    for name in names:
        sys.modules.pop(name, None)
    modules._top.cache_clear()


def reasons(load, *replacements, **more):
    store = f"memory://{load.__code__.co_name}-{id(load)}"
    sweeps.run(load().error, {"x": [1]}, store=store)
    return sweeps.explain(load(*replacements, **more).error, {"x": [1]}, store=store)["reason"].item()


def test_nothing_changed_is_found(study):
    assert reasons(study) == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("x + STEPS", "x - STEPS"), "inner"),
        (("STEPS = 10", "STEPS = 11"), "STEPS"),
        (("np.arange(3)", "np.arange(4)"), "TABLE"),
        (("rate = 0.1", "rate = 0.2"), "Model.rate"),
        (("x * self.rate", "x / self.rate"), "Model.step"),
        (("inner(y) * scale", "inner(y) / scale"), "error"),
        (("scale=1.0", "scale=2.0"), "error (defaults)"),
    ],
)
def test_a_change_in_what_the_function_uses_is_a_miss_with_its_name(study, change, named):
    assert reasons(study, change) == f"source changed: {named}"


@pytest.mark.parametrize(
    "change",
    [
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return 2 * x"),
        ('"What it does."', '"What it really does."'),
        ("STEPS = 10", "STEPS = 10  # steps"),
        ("\n\nclass Model", "\n\n\n\nclass Model"),
    ],
)
def test_what_the_function_does_not_use_is_no_miss(study, change):
    assert reasons(study, change) == ""


def test_a_module_beside_the_study_counts_as_a_whole_file(study):
    assert "source changed: helper" in reasons(study, helper=[("x + 1", "x + 2")])


def test_comments_and_docstrings_of_a_module_do_not_count(study):
    assert reasons(study, helper=[("  # one", ""), ('"Adds one."', '"One more."')]) == ""


def test_labkit_counts_by_the_files_reached_through_imports():
    found = modules.closure(["labkit.results.drift"], set())
    assert {"labkit.results.drift", "labkit.results.bounds", "labkit.registry"} <= set(found)
    assert "labkit.sweeps.store" not in found


def test_a_function_of_labkit_counts_with_its_whole_file():
    assert "labkit.seeds" in identify(importlib.import_module("labkit.seeds").derive).code


def test_imports_inside_a_function_count():
    def error(x):
        from labkit import seeds

        return seeds.derive(x)

    def relative(x):
        import labkit.results.bounds as held

        return held.reach(x)

    assert "labkit.seeds" in identify(error).code
    assert "labkit.results.bounds" in identify(relative).code


def test_a_changed_version_is_named(monkeypatch):
    real = code.importlib.metadata.version
    store = "memory://versions"
    sweeps.run(_square, {"x": [2]}, store=store)
    monkeypatch.setattr(code.importlib.metadata, "version", lambda name: "99.1+cpu" if name == "torch" else real(name))
    reason = sweeps.explain(_square, {"x": [2]}, store=store)["reason"].item()
    assert reason == f"torch {real('torch').split('+')[0]} → 99.1"


def test_versions_carry_no_local_label(monkeypatch):
    monkeypatch.setattr(code.importlib.metadata, "version", lambda name: "2.13.0+cu130")
    assert code.versions()["torch"] == "2.13.0"


def test_data_and_configuration_are_named():
    store = "memory://data"
    sweeps.run(_square, {"x": [2]}, store=store, fingerprint="aaa")
    told = sweeps.explain(_square, {"x": [2, 3]}, store=store, fingerprint="bbb")
    assert told["reason"].tolist() == ["data fingerprint aaa → bbb", "new configuration"]


def test_one_and_one_point_zero_are_different_configurations():
    store = "memory://ones"
    sweeps.run(_square, [{"x": 1}], store=store)
    assert sweeps.explain(_square, [{"x": 1.0}, {"x": True}, {"x": np.int64(1)}], store=store)["stored"].tolist() == [
        False,
        False,
        True,
    ]


def _square(x):
    return x * x


def _closing_over(thing):
    def error(x):
        return (x, thing)[0]

    return error


@dataclasses.dataclass
class Setting:
    depth: int


def _add(x, y):
    return x + y


@functools.lru_cache
def _cached(x):
    return x


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        ("a", "b"),
        (np.zeros(2), np.ones(2)),
        (np.array([None]), np.array(["x"], dtype=object)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.Series([1, 2]), pd.Series([1, 3])),
        ([1, {"a": (2,)}], [1, {"a": (3,)}]),
        ({"x", "y"}, {"x", "z"}),
        (Setting(1), Setting(2)),
        (len, max),
        (np.sin, np.cos),
        (np, dataclasses),
        (_square, identify),
        (_add, operator.sub),
        (_cached, functools.lru_cache(_square)),
        (Setting(1).__eq__, Setting(2).__eq__),
        (functools.partial(_add, 1), functools.partial(_add, 2)),
        (np.dtype("f4"), np.dtype("f8")),
        (seeds.derive, seeds.generator),
    ],
)
def test_closed_over_things_count_by_what_they_are(one, other):
    assert identify(_closing_over(one)) == identify(_closing_over(one))
    assert identify(_closing_over(one)).code != identify(_closing_over(other)).code


def test_a_list_that_holds_itself_can_be_told_apart():
    ring = [1]
    ring.append(ring)
    assert identify(_closing_over(ring)) == identify(_closing_over(ring))


def test_a_name_bound_to_another_function_of_the_same_module_is_a_miss():
    space = {"__name__": "somewhere"}
    exec("def a(x): return x\ndef b(x): return -x\nchosen = a\ndef error(x): return a(x) + b(x) + chosen(x)", space)
    before = identify(space["error"])
    space["chosen"] = space["b"]
    assert identify(space["error"]).code["chosen"] != before.code["chosen"]


def test_the_parts_of_labkit_count_however_they_are_reached():
    def inside(x):
        import labkit as kit

        return kit.seeds.derive(x)

    def outside(x):
        return labkit.seeds.derive(x)

    assert "labkit.seeds" in identify(inside).code
    assert "labkit.seeds" in identify(outside).code


def test_a_helper_that_reaches_labkit_through_its_face_brings_those_files(study):
    changed = study(helper=[("def shift", "import labkit as kit\ndef unused(): return kit.results\ndef shift")])
    assert "labkit.results.drift" in identify(changed.error).code


def test_loggers_and_streams_do_not_count():
    assert identify(_closing_over(logging.getLogger("one"))) == identify(_closing_over(sys.__stderr__))


def test_bound_arguments_count_and_keep_the_name():
    one, other = functools.partial(pow, 2), functools.partial(pow, 3)
    assert identify(one).function == identify(other).function
    assert identify(one).code != identify(other).code


def test_an_object_that_cannot_be_told_apart_is_refused_unless_a_fingerprint_stands_for_it():
    function = _closing_over(threading.Lock())
    with pytest.raises(Unhashable, match="refers to 'thing', a lock"):
        identify(function)
    assert identify(function, fingerprint="v1").fingerprint == "v1"


def test_an_object_with_a_fingerprint_counts_by_it():
    class Data:
        def __init__(self, fingerprint):
            self.fingerprint = fingerprint

    assert identify(_closing_over(Data("a"))) == identify(_closing_over(Data("a")))
    assert identify(_closing_over(Data("a"))) != identify(_closing_over(Data("b")))


def test_functions_that_call_each_other_end():
    space = {}
    exec(
        textwrap.dedent("""
        def even(x): return x == 0 or odd(x - 1)
        def odd(x): return x != 0 and even(x - 1)
    """),
        space,
    )
    assert set(identify(space["even"]).code) >= {"even", "odd"}


def test_sweeps_load_neither_torch_nor_pandas():
    asked = "('torch', 'pandas', 'scipy', 'joblib', 'fsspec')"
    script = f"import sys, labkit.sweeps; print([name for name in {asked} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
