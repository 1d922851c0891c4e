"""The registry of dynamic methods: what chooses anew, while a model is trained, which examples it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from labkit.registry import Registry, UnknownName, nearest
from labkit.training import Selection

if TYPE_CHECKING:
    from labkit.pruning.log import Log


@dataclass(frozen=True)
class Dynamic:
    """A method of dynamic selection under a name.

    Fields:
        name: what ``pruning.dynamic`` is called with.
        method: the class, a frozen dataclass that subclasses ``training.Selection``; its fields are the dials.
        purpose: what it shows, in a few words.
        at: the dials with which it shows about a given share of the examples in a pass; None where it has no such dial
            and always shows all.
        prepare: called with the log of ``pruning.observe`` and a seed, gives the dials that must be measured before.
        source: author and year.
        aliases: other names.

    Raises ``TypeError`` where the method is no subclass of ``training.Selection``.

    >>> from labkit import pruning
    >>> entry = pruning.find_dynamic("rs2")
    >>> entry.name, dict(entry.at(0.1))
    ('repeated_random', {'share': 0.1})
    """

    name: str
    method: type[Selection]
    purpose: str = ""
    at: Callable[[float], Mapping[str, Any]] | None = None
    prepare: Callable[[Log, int], Mapping[str, Any]] | None = None
    source: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.method, type) and issubclass(self.method, Selection)):
            raise TypeError(f"method of {self.name!r} is {self.method!r}; expected a subclass of training.Selection")

    @property
    def options(self) -> dict[str, Any]:
        """The dials with their defaults; one without a default has ``...``."""
        return {field.name: ... if field.default is MISSING else field.default for field in fields(self.method)}


_registry: Registry[Dynamic] = Registry("dynamic method")


def register_dynamic(entry: Dynamic, *, replace: bool = False) -> Dynamic:
    """Add a dynamic method and return it; a taken name raises ``ValueError`` unless ``replace``."""
    return _registry.register(entry, replace=replace)


def unregister_dynamic(name: str) -> None:
    """Forget a dynamic method."""
    _registry.unregister(name)


def find_dynamic(name: str) -> Dynamic:
    """The dynamic method of that name or alias; an unknown one is refused with the nearest match."""
    return _registry[name]


def all_dynamic() -> list[Dynamic]:
    """Every dynamic method."""
    return list(_registry)


def dynamic(name: str, **dials: Any) -> Selection:
    """A method that chooses, while a model is trained, what it is shown: for ``fit_many(..., selection=...)``.

    Arguments:
        name: one of ``pruning.available("dynamic")`` or an alias.
        dials: those of the method, such as ``share=0.1``; unknown ones are refused.

    Raises ``UnknownName`` for an unknown method or dial, ``ValueError`` for a dial outside its range, ``TypeError``
    for one that is missing.

    >>> from labkit import datasets, pruning, training
    >>> method = pruning.dynamic("repeated_random", share=0.25)
    >>> fit = training.fit_many("softmax", datasets.load("digits"), [{"seed": 0}], steps=16, selection=method)
    >>> int(fit.exposures(0).max()), fit.table["selection_rounds"].item()
    (1, 2)
    """
    entry = find_dynamic(name)
    known = entry.options
    for dial in dials:
        if dial not in known:
            raise UnknownName(f"dynamic method {entry.name!r} has no dial {dial!r}: {nearest(dial, known)}")
    missing = [dial for dial, default in known.items() if default is ... and dial not in dials]
    if missing:
        raise TypeError(f"dynamic method {entry.name!r} needs {', '.join(missing)}: see {entry.method.__name__}")
    return entry.method(**dials)
