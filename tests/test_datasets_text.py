"""Text from the standard library: windows that cost nothing, files held out whole."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets import python_source as module
from labkit.datasets.windows import unroll, windows

SPLITS = ("train", "validation", "test")


def texts(data) -> dict[str, list[bytes]]:
    """The files of each split, without the 0 that ends each."""
    return {split: bytes(data.stream(split)).split(b"\0")[:-1] for split in SPLITS}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A standard library of 40 small modules that a test may change."""
    monkeypatch.setattr(module, "MODULES", tuple(f"module{i}" for i in range(40)))
    monkeypatch.setattr(module.sysconfig, "get_path", lambda name: str(tmp_path))
    for i in range(40):
        (tmp_path / f"module{i}.py").write_text(f"# module {i}\n" * (i + 5))
    return tmp_path


def test_windows_and_targets_are_consecutive_letters():
    data = datasets.load("python_source", context=24)
    for split in SPLITS:
        inputs, targets = data.split(split)
        line = data.stream(split)
        assert len(line) == len(inputs) + 24
        assert np.array_equal(line[24:], targets)
        for at in (0, 1, 777, len(inputs) - 1):
            assert np.array_equal(inputs[at], line[at : at + 24])


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 4096))
def test_the_text_does_not_depend_on_the_window(context):
    data = datasets.load("python_source", context=context)
    assert data.inputs.shape[1] == data.context == context
    assert np.array_equal(data.stream("test"), datasets.load("python_source").stream("test"))


def test_nothing_is_copied_for_the_windows():
    tracemalloc.start()
    try:
        data = module.python_source(context=1024)
        largest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data.inputs.size > 4e9
    assert largest < 60e6
    assert data.nbytes < 10e6
    for split in SPLITS:
        inputs, targets = data.split(split)
        assert np.shares_memory(data.stream(split), targets[:1])
        assert inputs.strides == (1, 1)


def test_it_has_megabytes_of_text_in_few_letters():
    data = datasets.load("python_source")
    assert len(data.inputs) > 5e6
    for split in ("validation", "test"):
        assert 0.03 < len(data.split(split)[0]) / len(data.inputs) < 0.15
    used = np.unique(data.stream())
    assert used.max() < data.vocabulary == 128
    assert len(used) < 105


def test_every_file_is_whole_and_in_one_split_only():
    files = texts(datasets.load("python_source"))
    counts = {split: len(parts) for split, parts in files.items()}
    assert sum(counts.values()) > 250
    assert counts["test"] == counts["validation"] == pytest.approx(sum(counts.values()) / 16, abs=1.5)
    # Empty files, and those with one line, may be equal; no others are.
    long = {split: {text for text in parts if len(text) > 200} for split, parts in files.items()}
    assert not long["train"] & (long["validation"] | long["test"])
    assert not long["validation"] & long["test"]
    argparse = next(path for name, path in module._files(()) if name == "argparse.py")
    assert module._letters(argparse)[:-1] in set().union(*map(set, files.values()))


def test_held_out_files_are_long_and_short_alike():
    files = texts(datasets.load("python_source"))
    lengths = {split: np.log([len(text) + 1 for text in parts]) for split, parts in files.items()}
    for split in ("validation", "test"):
        assert lengths[split].mean() == pytest.approx(lengths["train"].mean(), abs=0.5)


def test_tests_platform_files_and_removed_modules_are_left_out():
    names = [name for name, _ in module._files(())]
    gone = {"asynchat", "asyncore", "imp", "distutils", "smtpd", "cgi", "crypt", "telnetlib", "lib2to3"}
    kept_out = {"test", "tests", "idlelib", "tkinter", "encodings", "idle_test", "site-packages", "venv"}
    for name in names:
        parts = name.removesuffix(".py").split("/")
        assert not set(parts) & (gone | kept_out), name
    assert len(names) == len(set(names))
    assert set(module.MODULES) <= sys.stdlib_module_names


def test_every_module_of_the_list_has_source_here():
    found = {name.removesuffix(".py").split("/")[0] for name, _ in module._files(())}
    assert found == set(module.MODULES)


def test_letters_outside_ascii_line_ends_and_zeros_are_replaced(tmp_path):
    file = tmp_path / "a.py"
    file.write_bytes("é = '→'\r\n\0x\xff".encode() + b"\xff\n")
    assert module._letters(file) == b"? = '?'\n?x??\n\0"


def test_the_fingerprint_shows_a_change_of_any_file(library):
    before = module.python_source(context=4).fingerprint
    assert module.python_source(context=4).fingerprint == before
    changed = set()
    for i in (0, 17, 39):
        file = library / f"module{i}.py"
        text = file.read_text()
        file.write_text(text.replace("module", "modula", 1))
        changed.add(module.python_source(context=4).fingerprint)
        file.write_text(text)
    assert len(changed | {before}) == 4
    assert module.python_source(context=5).fingerprint != before


def test_a_module_that_is_missing_is_left_out_and_shows(library):
    before = module.python_source(context=4)
    (library / "module3.py").unlink()
    after = module.python_source(context=4)
    assert sum(len(after.stream(s)) for s in SPLITS) < sum(len(before.stream(s)) for s in SPLITS)
    assert after.fingerprint != before.fingerprint


def test_the_order_of_the_file_system_does_not_matter(library, monkeypatch):
    (library / "package").mkdir()
    for i in range(20):
        (library / "package" / f"part{i}.py").write_text(f"x = {i}\n" * 9)
    monkeypatch.setattr(module, "MODULES", (*module.MODULES, "package"))
    before = module.python_source(context=4).fingerprint
    below = module._below
    monkeypatch.setattr(module, "_below", lambda folder: reversed(list(below(folder))))
    monkeypatch.setattr(module, "MODULES", module.MODULES[::-1])
    assert module.python_source(context=4).fingerprint == before


def test_files_of_one_subject_are_not_neighbours(library):
    order = [int(text.split()[2]) for text in texts(module.python_source(context=4))["train"]]
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.2


def test_an_interpreter_without_source_says_so(library):
    for file in library.glob("*.py"):
        file.unlink()
    with pytest.raises(ValueError, match="no readable source files"):
        module.python_source()


def test_packages_enlarge_the_text_and_are_not_imported():
    plain = datasets.load("python_source")
    before = set(sys.modules)
    more = datasets.load("python_source", packages=["papermill"])
    assert "papermill" in before or "papermill" not in sys.modules
    assert len(more.stream()) > len(plain.stream())
    assert more.fingerprint != plain.fingerprint
    assert datasets.load("python_source", packages=("papermill", "papermill")).fingerprint == more.fingerprint


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_windows_unroll_to_the_line_they_were_cut_from(count, context, copied):
    line = np.random.default_rng(count).integers(0, 9, count + context).astype(np.uint8)
    inputs, targets = windows(line, context)
    assert (inputs.shape, targets.shape) == ((count, context), (count,))
    if copied:
        inputs = inputs.copy()
    assert np.array_equal(unroll(inputs, targets), line)
    assert np.shares_memory(unroll(inputs, targets), line) != copied


def test_a_context_longer_than_a_split_is_refused(library):
    with pytest.raises(ValueError, match="no window of 4,000 ids and a target fits"):
        module.python_source(context=4000)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"context": 0}, ValueError, "context=0 is outside its range; expected from 1 to 4,096"),
        ({"context": 16.0}, TypeError, "expected a whole number"),
        ({"packages": "sklearn"}, TypeError, r"expected a tuple of names, such as \('sklearn',\)"),
        ({"packages": ("no_such_package",)}, ValueError, "no package 'no_such_package' with a folder is installed"),
        ({"packages": ("sklearn.linear_model",)}, ValueError, "no package 'sklearn.linear_model'"),
        ({"packages": ("six",)}, ValueError, "no package 'six'"),
        ({"packages": (3,)}, TypeError, "expected names"),
        ({"packages": None}, TypeError, "expected a tuple of names"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        datasets.load("python_source", **options)
