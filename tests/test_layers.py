"""Who may import whom: the package is a stack of layers without circles."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import labkit

PACKAGE = Path(labkit.__file__).parent
GROUND = {"registry", "seeds", "places", "progress", "loading"}
# Each entry may import the ground, itself, and what is listed.
ALLOWED = {
    **{name: set() for name in GROUND},
    "theory": set(),
    "laws": set(),
    "results": set(),
    "sweeps": set(),
    "log_files": set(),
    "written_numbers": set(),
    "several_curves": set(),
    "usual_names": set(),
    "table_files": {"log_files", "written_numbers"},
    "curve_files": {"table_files", "log_files", "several_curves", "usual_names", "written_numbers"},
    "datasets": {"theory"},
    "models": {"datasets"},
    "training": {"models", "datasets"},
    "pruning": {"training", "models", "datasets", "laws", "sweeps", "theory"},
    "grids": {"training", "models", "datasets", "laws", "sweeps"},
    "display": {"laws", "results"},
    "lessons": {
        *("curve_files", "display", "results", "sweeps", "laws", "theory"),
        *("datasets", "models", "training", "pruning", "grids"),
    },
}
TOP = {"reports", "cli", "commands", "doctor", "contracts", "__main__", "__init__"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def owner(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The labkit sub-packages that a module names in any import, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "labkit" and node.level == 0:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labkit."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("labkit.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_layers_below_it(path):
    name = owner(path)
    if name in TOP:
        return
    assert name in ALLOWED, f"{name} has no place in the layers: give it one here"
    wrong = imported(path) - GROUND - ALLOWED[name] - {name}
    assert not wrong, f"{name} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_folders_export_and_do_nothing_else():
    for path in PACKAGE.glob("*/__init__.py"):
        tree = ast.parse(path.read_text())
        kinds = {type(node) for node in tree.body}
        # A docstring, imports, __all__, and the two functions of a lazy face.
        assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.AnnAssign}, path
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert functions <= {"__getattr__", "__dir__"}, path


def test_what_trains_nothing_loads_without_torch():
    names = ["curve_files", "theory", "results", "sweeps", "datasets", "laws", "display", "cli"]
    look = "importlib.import_module('labkit.' + name); assert 'torch' not in sys.modules, name"
    code = f"import importlib, sys\nfor name in {names}: {look}"
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_importing_labkit_loads_nothing_else():
    code = "import sys, labkit; sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'numpy', 'altair')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_charts_do_not_wait_for_grammars():
    code = "import sys, labkit, altair; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60).returncode == 0


def test_unknown_sub_packages_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'lawz'"):
        labkit.lawz  # noqa: B018
