"""The point store: one JSON file per finished point, under any folder or fsspec URL.

A file's name is the hash of everything that decides the result, so a point is either there or has to be computed;
when it has to be computed, the files of the same configuration say what changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable
from typing import Any

from labkit import places

SCHEMA = 1


class Unreadable(ValueError):
    """A stored point that is damaged: truncated, altered, or of another schema."""


def default_url() -> str:
    """Where points go when nobody says: ``LABKIT_STORE``, or ``.labkit/points`` of the checkout."""
    return os.environ.get("LABKIT_STORE") or str(places.work() / ".labkit" / "points")


def digest(content: Any) -> str:
    """A hash of a JSON value that does not depend on the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Points of one function under one URL.

    >>> store = Store("memory://example", "study.error")
    >>> store.write("a-1", {"configuration": {"x": 1}}, {"row": [["value", 2]]})
    >>> store.names(), store.read(["a-1"])["a-1"]["result"]
    ({'a-1'}, {'row': [['value', 2]]})
    """

    def __init__(self, url: str | os.PathLike | None, function: str) -> None:
        import fsspec.core

        self.url = os.fspath(url) if url else default_url()
        self.function = function
        self.files, root = fsspec.core.url_to_fs(self.url)
        readable = re.sub(r"[^\w.]+", "_", function).strip("_.")[-60:]
        self.folder = f"{root.rstrip('/')}/{readable}-{hashlib.sha256(function.encode()).hexdigest()[:8]}"

    @property
    def shared(self) -> bool:
        """Whether other processes see the same files."""
        protocol = self.files.protocol
        return "memory" not in ((protocol,) if isinstance(protocol, str) else protocol)

    @property
    def _local(self) -> bool:
        protocol = self.files.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}.json"

    def names(self) -> set[str]:
        """The names of all points there."""
        self.files.invalidate_cache()
        try:
            paths = self.files.ls(self.folder, detail=False)
        except FileNotFoundError:
            return set()
        return {path.rsplit("/", 1)[-1][:-5] for path in paths if path.endswith(".json")}

    def read(self, names: Iterable[str]) -> dict[str, dict[str, Any] | Unreadable]:
        """The points of these names; a damaged one is given as the ``Unreadable`` that says how."""
        paths = {self.path(name): name for name in names}
        if not paths:
            return {}
        texts = self.files.cat(list(paths), on_error="return")
        return {name: _checked(texts.get(path)) for path, name in paths.items()}

    def write(self, name: str, about: dict[str, Any], result: dict[str, Any]) -> None:
        """Store a point in one step: whoever reads meanwhile finds the whole point or none."""
        content = {"schema": SCHEMA, "function": self.function, **about, "result": result, "checksum": digest(result)}
        data = json.dumps(content, allow_nan=False).encode()
        self.files.makedirs(self.folder, exist_ok=True)
        temporary = f"{self.folder}/.{name}.{uuid.uuid4().hex}.tmp"
        try:
            self.files.pipe_file(temporary, data)
            if self._local:
                os.replace(temporary, self.path(name))
            else:
                self.files.mv(temporary, self.path(name))
        except BaseException:
            if self.files.exists(temporary):
                self.files.rm_file(temporary)
            raise

    def raise_flag(self, flag: str) -> None:
        """Leave a sign that every worker of a run sees."""
        self.files.makedirs(self.folder, exist_ok=True)
        self.files.pipe_file(f"{self.folder}/.{flag}.flag", b"stop")

    def flagged(self, flag: str) -> bool:
        self.files.invalidate_cache()
        return self.files.exists(f"{self.folder}/.{flag}.flag")

    def lower_flag(self, flag: str) -> None:
        path = f"{self.folder}/.{flag}.flag"
        if self.files.exists(path):
            self.files.rm_file(path)


def _checked(text: Any) -> dict[str, Any] | Unreadable:
    if not isinstance(text, bytes):
        return Unreadable(f"it could not be read ({text})")
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA:
            return Unreadable(f"it has schema {content['schema']}, not {SCHEMA}")
        if digest(content["result"]) != content["checksum"]:
            return Unreadable("its content does not match its checksum")
    except (ValueError, KeyError, TypeError):
        return Unreadable("it is truncated or not a stored point")
    return content
