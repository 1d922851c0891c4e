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
import functools
import importlib.metadata
import sys
from collections.abc import Callable

from labkit.sweeps import modules
from labkit.sweeps.walk import Walk

_ALWAYS = ("numpy", "scipy", "pandas", "scikit-learn", "torch")


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
    walk = Walk(home=function_module(function), lenient=fingerprint is not None)
    walk.visit(function, "function")
    code = {**walk.parts, **modules.closure(walk.modules, walk.libraries)}
    return Identity(name_of(function), code, versions(walk.libraries), fingerprint)


def versions(libraries: set[str] = frozenset()) -> dict[str, str]:
    """Public versions of Python, of the numerical libraries and of the named top-level modules."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in {*_ALWAYS, *map(modules.distribution, libraries)} - {None}:
        if installed := modules.version(name, importlib.metadata.version):
            found[name] = installed.split("+")[0]
    return dict(sorted(found.items()))


def _unwrapped(function: Callable) -> Callable:
    while isinstance(function, functools.partial):
        function = function.func
    return function
