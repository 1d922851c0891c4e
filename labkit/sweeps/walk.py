"""Everything a function refers to, followed through its compiled code."""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import io
import logging
import types
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from labkit.sweeps import modules
from labkit.sweeps.values import encode

_TEXTUAL = (bytes, complex, range, slice, PurePath, np.dtype, types.EllipsisType)
_SILENT = (logging.Logger, io.IOBase)  # they say what happens and do not decide it
_HOLDERS = (staticmethod, classmethod, functools.cached_property, functools.partialmethod)
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_BETWEEN = ("CACHE", "PUSH_NULL", "PRECALL")


class Unhashable(TypeError):
    """A function refers to an object whose content cannot be told."""


class Walk:
    """Collects what code depends on: ``parts`` of the home module by hash, local ``modules``, installed ``libraries``.

    ``home`` is the module whose functions count one by one; ``lenient`` passes over objects without content.
    """

    def __init__(self, home: str, lenient: bool) -> None:
        self.home, self.lenient = home, lenient
        self.parts: dict[str, str] = {}
        self.modules: set[str] = set()
        self.libraries: set[str] = set()
        self._seen: dict[int, Any] = {}  # keeps what it saw alive, so that an id stays one object's
        self._within: list[int] = []  # containers being read, against those that hold themselves

    def visit(self, thing: Any, label: str) -> None:
        """Note what a name stands for; different things under one label are noted together."""
        content = self._content(thing, label)
        if content is not None:
            self._note(label, content)

    def _note(self, label: str, content: Any) -> None:
        text = repr((self.parts.get(label), content))
        self.parts[label] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _first_time(self, thing: Any) -> bool:
        first = id(thing) not in self._seen
        self._seen[id(thing)] = thing
        return first

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

    def _content(self, value: Any, label: str) -> Any:
        """A thing as something to hash: code by its name, noted on its own; data by its value; None for nothing."""
        if isinstance(value, (types.FunctionType, type)):
            if self._first_time(value):
                (self._class if isinstance(value, type) else self._function)(value)
            return ["code", value.__module__, value.__qualname__]
        if isinstance(value, types.ModuleType):
            self._module(value.__name__)
            return ["module", value.__name__]
        if isinstance(value, functools.partial):
            return ["partial", *(self._content(part, label) for part in (value.func, value.args, value.keywords))]
        if isinstance(value, types.MethodType):
            return ["method", self._content(value.__func__, label), self._content(value.__self__, label)]
        if isinstance(value, _HOLDERS):
            return self._content(getattr(value, "__func__", None) or value.func, label)
        if isinstance(value, property):
            return ["property", *(self._content(part, label) for part in (value.fget, value.fset))]
        if callable(getattr(value, "__wrapped__", None)):
            return ["wrapped", self._content(value.__wrapped__, label)]
        if isinstance(value, (list, tuple, set, frozenset, Mapping)):
            return self._container(value, label)
        return self._data(value, label)

    def _container(self, value: Any, label: str) -> Any:
        if id(value) in self._within:
            return ["itself", self._within.index(id(value))]
        self._within.append(id(value))
        try:
            if isinstance(value, Mapping):
                return ["mapping", [[repr(key), self._content(one, label)] for key, one in value.items()]]
            parts = [self._content(one, label) for one in value]
            return [type(value).__name__, sorted(parts, key=repr) if isinstance(value, (set, frozenset)) else parts]
        finally:
            self._within.pop()

    def _data(self, value: Any, label: str) -> Any:
        fingerprint = getattr(value, "fingerprint", None)
        if isinstance(fingerprint, str):
            return ["fingerprint", fingerprint]
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor, without importing torch to ask
            value = value.detach().cpu().numpy()
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            return ["array", str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
        if isinstance(value, np.ndarray):
            return ["objects", list(value.shape), self._container(value.ravel().tolist(), label)]
        if hasattr(value, "to_numpy"):
            columns = [[name, value[name]] for name in value] if hasattr(value, "columns") else [["", value]]
            return [type(value).__name__, [[name, self._data(one.to_numpy(), label)] for name, one in columns]]
        if isinstance(value, _TEXTUAL) or type(value).__module__ == "torch":  # its dtypes and devices
            return [type(value).__name__, repr(value)]
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return ["record", self._content(type(value), label), self._container(fields, label)]
        try:
            return ["value", encode(value)]
        except TypeError:
            return self._unknown(value, label)

    def _unknown(self, value: Any, label: str) -> Any:
        if callable(value) and not modules.is_local(type(value).__module__):  # built in, a ufunc, a compiled function
            module = getattr(value, "__module__", None) or type(value).__module__
            self._module(module)
            return ["compiled", module, getattr(value, "__qualname__", None) or getattr(value, "__name__", repr(value))]
        if self.lenient or isinstance(value, _SILENT):
            return None
        raise Unhashable(
            f"the function refers to {label!r}, a {type(value).__name__}, and there is no telling when that changes: "
            "make it a parameter of the grid (by name), build it inside the function, or give fingerprint=..."
        )

    def _function(self, function: types.FunctionType) -> None:
        if not self._elsewhere(function):
            label = function.__qualname__
            self._note(label, _code(function.__code__, function.__doc__))
            if function.__defaults__ or function.__kwdefaults__:
                self.visit([function.__defaults__, function.__kwdefaults__], f"{label} (defaults)")
            self._references(function.__code__, function.__globals__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:  # the name is not bound yet
                continue
            self.visit(held, name)

    def _references(self, code: types.CodeType, namespace: dict[str, Any]) -> None:
        """Visit the globals that code reads, the sub-modules it reaches through them, and the modules it imports."""
        package = namespace.get("__package__")
        module: types.ModuleType | None = None
        imported = ""
        for step in dis.get_instructions(code):
            if step.opname in _BETWEEN:
                continue
            found = None
            if step.opname in _GLOBAL and step.argval in namespace:
                found = namespace[step.argval]
                self.visit(found, step.argval)
            elif step.opname in _ATTRIBUTE and module is not None:
                # Anything else in a module counts with the whole module.
                found = getattr(module, step.argval, None)
                if isinstance(found, types.ModuleType):
                    self._module(found.__name__)
            elif step.opname == "IMPORT_NAME":
                imported = modules.absolute(step.argval, package)
                self._module(imported)
                if imported == "labkit":  # its parts are reached as attributes, under whatever name
                    self.modules.update(f"labkit.{name}" for name in code.co_names if modules.file_of(f"labkit.{name}"))
            elif step.opname == "IMPORT_FROM" and modules.file_of(f"{imported}.{step.argval}"):
                self._module(f"{imported}.{step.argval}")
            elif isinstance(step.argval, types.CodeType):
                self._references(step.argval, namespace)
            module = found if isinstance(found, types.ModuleType) else None

    def _class(self, kind: type) -> None:
        if self._elsewhere(kind):
            return
        self._note(f"class {kind.__qualname__}", [self._content(base, kind.__qualname__) for base in kind.__bases__])
        for name, member in _members(kind):
            try:
                self.visit(member, f"{kind.__qualname__}.{name}")
            except Unhashable:
                continue  # what a class keeps for itself, slots or a registry, is not what it computes with


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """The methods and attributes a class body gave a class, without those Python adds."""
    for name, member in sorted(vars(kind).items()):
        method = isinstance(member, (types.FunctionType, property, type, *_HOLDERS)) or hasattr(member, "__wrapped__")
        added = name.startswith("__") and name.endswith("__")
        if method or not (added or callable(member) or hasattr(member, "__get__")):
            yield name, member


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
