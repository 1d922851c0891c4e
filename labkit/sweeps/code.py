"""What a function's result depends on besides its arguments: its code, what that refers to, and the libraries.

The rule, which errs on the side of computing again:

1. The function, and every function, class and constant of its own module that it refers to, however indirectly,
   counts by its compiled code or its value. Comments, docstrings and line breaks do not count. So editing one
   notebook cell leaves the points of the others alone.
2. What it refers to in ``labkit``, or in any other module that is neither installed nor of the standard library,
   counts as the whole file, with all such files that one imports. So a change deep in the training loop is seen even
   where the code is reached through a registry.
3. Installed libraries count by their public version, and Python by its minor version.

Not covered: modules imported under a computed name, entries the caller registered by hand, files and the network.
Give ``fingerprint`` for those.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import importlib.metadata
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from labkit.sweeps import modules
from labkit.sweeps.values import encode

_ALWAYS = ("numpy", "scipy", "pandas", "scikit-learn", "torch")
_PLAIN = (bytes, complex, range, slice, PurePath, np.dtype, types.EllipsisType)


class Unhashable(TypeError):
    """A function refers to an object whose content cannot be told."""


@dataclasses.dataclass(frozen=True)
class Identity:
    """What decides a point's result besides its configuration: hashes of code by name, versions, data fingerprint."""

    function: str
    code: dict[str, str]
    versions: dict[str, str]
    fingerprint: str | None


def name_of(function: Callable) -> str:
    """The dotted name under which a function's points are kept.

    >>> name_of(name_of)
    'labkit.sweeps.code.name_of'
    """
    inner = _unwrapped(function)
    return f"{function_module(function)}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"


def function_module(function: Callable) -> str:
    """The name of the module a function was defined in."""
    return getattr(_unwrapped(function), "__module__", None) or "__main__"


def identify(function: Callable, fingerprint: str | None = None) -> Identity:
    """The identity of a function as it is now.

    ``fingerprint`` stands for data, and for every object the function refers to that has no content to hash. Raises
    ``Unhashable`` for such an object when no fingerprint is given.

    >>> "numpy" in identify(name_of).versions
    True
    """
    walk = _Walk(home=function_module(function), lenient=fingerprint is not None)
    walk.visit(function, "function")
    code = {**walk.parts, **modules.closure(walk.modules, walk.libraries)}
    return Identity(name_of(function), code, versions(walk.libraries), fingerprint)


def versions(libraries: set[str] = frozenset()) -> dict[str, str]:
    """Public versions of Python, of the numerical libraries and of the named top-level modules."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in {*_ALWAYS, *map(modules.distribution, libraries)} - {None}:
        try:
            found[name] = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def _unwrapped(function: Callable) -> Callable:
    while isinstance(function, functools.partial):
        function = function.func
    return function


class _Walk:
    """Goes through everything a function refers to and collects its parts."""

    def __init__(self, home: str, lenient: bool) -> None:
        self.home, self.lenient = home, lenient
        self.parts: dict[str, str] = {}
        self.modules: set[str] = set()
        self.libraries: set[str] = set()
        self._seen: dict[int, Any] = {}  # keeps what it saw alive, so that an id stays one object's

    def visit(self, thing: Any, label: str) -> None:
        if id(thing) in self._seen:
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, types.ModuleType):
            self._module(thing.__name__)
        elif isinstance(thing, functools.partial):
            self.visit(thing.func, label)
            self.visit([thing.args, thing.keywords], f"{label} (bound arguments)")
        elif isinstance(thing, types.MethodType):
            self.visit(thing.__func__, label)
            self.visit(thing.__self__, f"{label} (object)")
        elif isinstance(thing, (staticmethod, classmethod)):
            self.visit(thing.__func__, label)
        elif isinstance(thing, property):
            for part in (thing.fget, thing.fset):
                if part is not None:
                    self.visit(part, label)
        elif isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, type):
            self._class(thing)
        elif isinstance(thing, types.BuiltinFunctionType):
            self._module(thing.__module__ or "builtins")
        else:
            self._value(thing, label)

    def _module(self, name: str) -> None:
        if modules.is_local(name):
            self.modules.add(name)
        else:
            self.libraries.add(name.partition(".")[0])

    def _elsewhere(self, thing: Any) -> bool:
        """Whether a thing belongs to another module, which then counts as a whole."""
        module = getattr(thing, "__module__", None) or self.home
        if module == self.home and not modules.is_labkit(module):
            return False
        self._module(module)
        return True

    def _function(self, function: types.FunctionType) -> None:
        if not self._elsewhere(function):
            label = function.__qualname__
            self.parts[label] = _hash(self.parts.get(label), _code(function.__code__, function.__doc__))
            defaults = [function.__defaults__, function.__kwdefaults__]
            self.visit(defaults, f"{label} (defaults)")
            self._references(function.__code__, function.__globals__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.visit(cell.cell_contents, name)
            except ValueError:  # an empty cell: the name is not bound yet
                continue

    def _references(self, code: types.CodeType, namespace: dict[str, Any]) -> None:
        """Visit the globals that code reads, following the attributes of modules, and the modules it imports."""
        module: types.ModuleType | None = None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                found = namespace.get(step.argval, _ABSENT)
            elif module is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                found = getattr(module, step.argval, _ABSENT)
            elif step.opname == "IMPORT_NAME":
                self._module(modules.absolute(step.argval, namespace.get("__package__")))
                imported, found = step.argval, _ABSENT
            elif step.opname == "IMPORT_FROM":
                inner = f"{imported}.{step.argval}"
                if modules.file_of(modules.absolute(inner, namespace.get("__package__"))):
                    self._module(modules.absolute(inner, namespace.get("__package__")))
                found = _ABSENT
            elif isinstance(step.argval, types.CodeType):
                self._references(step.argval, namespace)
                found = _ABSENT
            elif step.opname in ("CACHE", "PUSH_NULL", "PRECALL"):
                continue
            else:
                found = _ABSENT
            module = found if isinstance(found, types.ModuleType) else None
            if found is not _ABSENT:
                self.visit(found, str(step.argval))

    def _class(self, kind: type) -> None:
        if self._elsewhere(kind):
            return
        for base in kind.__bases__:
            self.visit(base, base.__qualname__)
        self.parts[f"class {kind.__qualname__}"] = _hash(None, [base.__qualname__ for base in kind.__bases__])
        for name, member in sorted(vars(kind).items()):
            dunder = name.startswith("__") and name.endswith("__")
            described = isinstance(member, (types.FunctionType, staticmethod, classmethod, property))
            if described or (not dunder and not callable(member) and not hasattr(member, "__get__")):
                try:
                    self.visit(member, f"{kind.__qualname__}.{name}")
                except Unhashable:
                    continue  # what a class keeps for itself (slots, registries) is not what it computes with

    def _value(self, value: Any, label: str) -> None:
        content = self._content(value, label)
        if content is not None:
            self.parts[label] = _hash(self.parts.get(label), content)

    def _content(self, value: Any, label: str) -> Any:
        """A value as something to hash; code inside it is visited."""
        fingerprint = getattr(value, "fingerprint", None)
        if isinstance(fingerprint, str):
            return ["fingerprint", fingerprint]
        if isinstance(value, (list, tuple, set, frozenset)):
            parts = [self._content(one, label) for one in value]
            return [type(value).__name__, sorted(parts, key=repr) if isinstance(value, (set, frozenset)) else parts]
        if isinstance(value, Mapping):
            return ["mapping", [[repr(key), self._content(one, label)] for key, one in value.items()]]
        if isinstance(value, (types.FunctionType, types.ModuleType, type, functools.partial, types.MethodType)):
            self.visit(value, label)
            return name_of(value) if callable(value) else value.__name__
        if hasattr(value, "detach"):  # a tensor, without importing torch to ask
            value = value.detach().cpu().numpy()
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            return ["array", str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
        if hasattr(value, "to_numpy"):
            columns = [value[name] for name in value] if hasattr(value, "columns") else [value]
            return [type(value).__name__, [self._content(column.to_numpy(), label) for column in columns]]
        if isinstance(value, _PLAIN) or type(value).__module__ == "torch":
            return [type(value).__name__, repr(value)]
        if dataclasses.is_dataclass(value):
            self.visit(type(value), type(value).__qualname__)
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return [type(value).__qualname__, self._content(fields, label)]
        try:
            return ["value", encode(value)]
        except TypeError:
            return self._unknown(value, label)

    def _unknown(self, value: Any, label: str) -> None:
        module = type(value).__module__.partition(".")[0]
        if callable(value) and not modules.is_local(type(value).__module__):  # a ufunc, a compiled function
            self.libraries.add(module)
            return None
        if self.lenient:
            return None
        raise Unhashable(
            f"the function refers to {label!r}, a {type(value).__name__}, and there is no telling when that changes: "
            "make it a parameter of the grid (by name), build it inside the function, or give fingerprint=..."
        )


_ABSENT = object()


def _code(code: types.CodeType, docstring: str | None = None) -> list[Any]:
    """Compiled code without line numbers, file names and docstring."""
    constants = []
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            constants.append(_code(constant))
        elif place == 0 and docstring is not None and constant == docstring:
            constants.append("docstring")
        elif isinstance(constant, frozenset):
            constants.append(["frozenset", sorted(map(repr, constant))])
        else:
            constants.append([type(constant).__name__, repr(constant)])
    shape = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    return [code.co_code.hex(), constants, shape, [list(group) for group in names]]


def _hash(before: str | None, content: Any) -> str:
    return hashlib.sha256(repr((before, content)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
