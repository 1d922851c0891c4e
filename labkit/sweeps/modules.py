"""Source files that may change between two runs: labkit's own, and every module that is not installed."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_LABKIT = Path(__file__).resolve().parent.parent
_INSTALLED = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml", "vl_convert": "vl-convert-python"}


def is_labkit(name: str) -> bool:
    return name.partition(".")[0] == "labkit"


def is_local(name: str) -> bool:
    """Whether a module's source is neither installed nor of the standard library.

    >>> is_local("labkit.seeds"), is_local("json"), is_local("numpy")
    (True, False, False)
    """
    return is_labkit(name) or _top(name.partition(".")[0]) is not None


def is_own(name: str) -> bool:
    """Whether a module's source is the reader's: neither installed, nor of the standard library, nor labkit's.

    >>> is_own("labkit.seeds"), is_own("json")
    (False, False)
    """
    return is_local(name) and not is_labkit(name)


@functools.cache
def _top(name: str) -> Path | None:
    """The folder (of a package) or file (of a module) of a local top-level name, None for all others."""
    if name in sys.stdlib_module_names or name in ("__main__", ""):
        return None
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None) or importlib.machinery.PathFinder.find_spec(name)
    folders = list(getattr(spec, "submodule_search_locations", None) or [])
    origin = folders[0] if folders else getattr(spec, "origin", None)
    if not origin or not Path(origin).exists():
        return None
    path = Path(origin).resolve()
    installed = "site-packages" in path.parts or "dist-packages" in path.parts
    return None if installed or str(path).startswith(_INSTALLED) else path


def importable(name: str) -> bool:
    """Whether a fresh process with this one's search path could import a module.

    >>> importable("labkit.seeds"), importable("loaded_from_nowhere")
    (True, False)
    """
    top = name.partition(".")[0]
    return top == "__main__" or importlib.machinery.PathFinder.find_spec(top) is not None


def file_of(name: str) -> Path | None:
    """The source file of a local module, found without importing it; None where there is none."""
    top, _, rest = name.partition(".")
    root = _LABKIT if top == "labkit" else _top(top)
    if root is None:
        return None
    if root.is_file():
        return root if not rest and root.suffix == ".py" else None
    path = os.path.join(root, *rest.split(".")) if rest else str(root)
    for candidate in (os.path.join(path, "__init__.py"), f"{path}.py"):
        if os.path.isfile(candidate):
            return Path(candidate)
    return None


def absolute(name: str, package: str | None) -> str:
    """A module's full name, where an import may have been relative to a package."""
    if package and not is_labkit(name) and file_of(f"{package}.{name}"):
        return f"{package}.{name}"
    return name


def closure(names: Iterable[str], libraries: set[str]) -> dict[str, str]:
    """Hashes of local modules and of all local modules they import; installed ones are added to ``libraries``."""
    found: dict[str, str] = {}
    waiting = [part for name in names for part in _parents(name)]
    seen = {"labkit"}  # whose face only says what there is
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = file_of(name)
        if path is None:
            continue
        stamp = path.stat()
        found[name], imports = _read(str(path), name, path.name == "__init__.py", stamp.st_mtime_ns, stamp.st_size)
        for imported in imports:
            if is_local(imported):
                waiting.extend(_parents(imported))
            else:
                libraries.add(imported.partition(".")[0])
    return dict(sorted(found.items()))


def distribution(module: str) -> str | None:
    """The distribution that a top-level module comes from; None for the standard library and unknown ones."""
    if module in sys.stdlib_module_names or module == "__main__":
        return None
    if module in _DISTRIBUTIONS:
        return _DISTRIBUTIONS[module]
    return module if version(module, importlib.metadata.version) else next(iter(_packages().get(module, [])), None)


@functools.cache
def version(distribution: str, read: Callable[[str], str]) -> str | None:
    """The version of a distribution that ``read`` tells, asked once; None where it is not installed."""
    try:
        return read(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _packages() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _parents(name: str) -> list[str]:
    """A module and the packages around it, whose ``__init__`` runs when it is imported."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


@functools.lru_cache(maxsize=1024)
def _read(path: str, name: str, package: bool, _modified: int, _size: int) -> tuple[str, tuple[str, ...]]:
    """The hash of a source file, comments and docstrings apart, and the full names of what it imports."""
    tree = ast.parse(Path(path).read_bytes())
    imports: set[str] = set()
    face = {"labkit"}  # the names under which labkit itself, whose parts are attributes, is known in this file
    bound: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
            face.update(alias.asname for alias in node.names if alias.name == "labkit" and alias.asname)
            bound.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                around = name.split(".") if package else name.split(".")[:-1]
                around = around[: len(around) - node.level + 1]
                base = ".".join([*around, *([base] if base else [])])
            imports.add(base)
            imports.update(f"{base}.{alias.name}" for alias in node.names)
            bound.update(alias.asname or alias.name for alias in node.names)
        body = getattr(node, "body", None)
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body[0].value = ast.Constant(value=None)
    for node in ast.walk(tree) if face & bound else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in face:
            imports.add(f"labkit.{node.attr}")
    text = ast.dump(tree, include_attributes=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], tuple(sorted(imports - {""}))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module and every statement in it; leaving expressions out takes a tenth of the time of ``ast.walk``."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in _BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list):  # a conditional expression has single ones
                waiting.extend(block)
