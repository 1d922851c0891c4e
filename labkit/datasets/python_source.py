"""Text to predict letter by letter: the source of the running interpreter's own standard library."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import whole
from labkit.datasets.windows import windows
from labkit.seeds import derive

_NAMES = """
__future__ _collections_abc _compat_pickle _markupbase _py_abc _pydecimal _pyio _sitebuiltins _strptime
_threading_local _weakrefset abc argparse ast asyncio base64 bdb bisect bz2 cProfile calendar cmd code codecs codeop
collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes curses
dataclasses datetime dbm decimal difflib dis doctest email enum filecmp fileinput fnmatch fractions ftplib functools
genericpath getopt getpass gettext glob graphlib gzip hashlib heapq hmac html http imaplib importlib inspect io
ipaddress json keyword linecache locale logging lzma mailbox mimetypes modulefinder multiprocessing netrc ntpath
numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posixpath pprint
profile pstats pty py_compile pyclbr pydoc queue quopri random re reprlib rlcompleter runpy sched secrets selectors
shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics string stringprep struct
subprocess symtable sysconfig tabnanny tarfile tempfile textwrap threading timeit token tokenize tomllib trace
traceback tracemalloc tty turtle types typing unittest urllib uuid warnings wave weakref webbrowser wsgiref xml xmlrpc
zipapp zipfile zipimport zoneinfo
"""

MODULES: tuple[str, ...] = tuple(_NAMES.split())
"""The modules and packages whose source is read: those that every CPython 3.11 to 3.13 has.

Left out are tests, ``tkinter``, ``idlelib``, ``lib2to3`` and ``encodings``, what belongs to one platform, what some
distributions package apart (``venv``, ``ensurepip``), tables of generated text (``pydoc_data``), and what a release
between 3.11 and 3.13 removed or added.
"""

VOCABULARY = 128
"""Ids are ASCII codes; 0 ends a file."""

_SKIPPED = frozenset({"test", "tests", "idle_test", "macholib", "conftest.py", "__pycache__"})
_BLOCK = 16


def python_source(*, context: int = 16, packages: tuple[str, ...] = ()) -> Dataset:
    """The source text of the standard library, as windows of ``context`` letters and the letter that follows.

    Arguments:
        context: letters in a window.
        packages: installed packages whose source is added, such as ``("sklearn", "pandas")``; they are read, not
            imported.

    Every file belongs whole to training, validation or test. Of every 16 files next to each other in length, one goes
    to the test and one to validation, drawn by a hash of the path, so that each has about a sixteenth of the letters,
    in files long and short. Files follow each other in the order of another hash, each ended by a 0, so that any
    stretch is a mixture of subjects. ``stream(split)`` gives the text itself; windows are a view of it, overlap, and
    some reach over the end of a file. A letter outside ASCII (one in 40,000) becomes ``?``; line ends are those of
    Unix.

    The text has about 7.4 million letters. It differs between versions of Python, and where an interpreter lacks some
    module: the fingerprint says which text you have. ``packages=("numpy", "pandas", "scipy", "sklearn")`` brings it to
    about 40 million, in a style of its own: a different source, not only a longer one.

    Raises ``ValueError`` where a package is not installed or has no source, or a window does not fit.

    >>> data = python_source(context=32)
    >>> data.inputs.shape[1], data.vocabulary, "import" in bytes(data.stream("test")).decode("ascii")
    (32, 128, True)
    """
    whole("context", context, least=1, most=4096)
    if not isinstance(packages, tuple):
        example = packages if isinstance(packages, str) else "sklearn"
        raise TypeError(f"packages={packages!r}; expected a tuple of names, such as ({example!r},)")
    if not all(isinstance(package, str) for package in packages):
        raise TypeError(f"packages={packages!r}; expected names, which are strings")
    parts = _split({name: _letters(path) for name, path in _files(packages)})
    arrays: dict[str, np.ndarray] = {}
    for side, texts in parts.items():
        if not texts:
            raise ValueError(
                "this interpreter's standard library has no readable source files (an embedded or zipped Python?); "
                "use a regular CPython, or another dataset"
            )
        prefix = "" if side == "train" else f"{side}_"
        line = np.frombuffer(b"".join(texts), dtype=np.uint8)
        arrays[f"{prefix}inputs"], arrays[f"{prefix}targets"] = windows(line, context)
    return Dataset(
        name="python_source",
        kind="text",
        vocabulary=VOCABULARY,
        context=context,
        options={"context": context, "packages": packages},
        **arrays,
    )


def _split(texts: dict[str, bytes]) -> dict[str, list[bytes]]:
    """The texts of each split, given all by name: one in 16 for test and validation each, long and short ones alike."""
    by_length = sorted(texts, key=lambda name: (-len(texts[name]), name))
    held: dict[str, str] = {}
    for start in range(0, len(by_length), _BLOCK):
        drawn = sorted(by_length[start : start + _BLOCK], key=lambda name: derive(0, "held out", name))
        held.update(zip(drawn, ("test", "validation"), strict=False))
    parts: dict[str, list[bytes]] = {"train": [], "validation": [], "test": []}
    for name in sorted(texts, key=lambda name: derive(0, "order", name)):
        parts[held.get(name, "train")].append(texts[name])
    return parts


def _letters(path: Path) -> bytes:
    """The text of one file in ASCII, ended by a 0."""
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "?")
    return text.encode("ascii", "replace") + b"\0"


def _files(packages: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Name and place of every file: the modules of the standard library, then the added packages."""
    library = Path(sysconfig.get_path("stdlib"))
    for module in MODULES:
        single = library / f"{module}.py"
        if single.is_file():
            yield single.name, single
        else:
            yield from _below(library / module)
    for package in dict.fromkeys(packages):
        found = list(_below(_place(package)))
        if not found:
            raise ValueError(f"package {package!r} has no Python source to read; leave it out of packages=")
        yield from found


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*.py"):
        name = path.relative_to(folder.parent)
        if _SKIPPED.isdisjoint(name.parts):
            yield name.as_posix(), path


def _place(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"no package {package!r} with a folder is installed here: install it, or leave it out of packages="
        )
    return Path(next(iter(spec.submodule_search_locations)))


register(
    Entry(
        name="python_source",
        kind="text",
        purpose="real text that is on every machine: next-letter prediction, loss against data, parameters and compute",
        build=python_source,
    )
)
