"""Where a report comes from: commit, versions, machine class."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from importlib import metadata

import psutil

from labkit import places

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "altair", "papermill")


@functools.cache
def commit() -> str:
    """The commit of the checkout, with ``+`` where tracked files differ from it; ``unknown`` outside one."""
    root = places.checkout()
    if root is None:
        return "unknown"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(root: os.PathLike, *arguments: str) -> str:
    command = ["git", "-C", os.fspath(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


@functools.cache
def versions() -> dict[str, str]:
    """Python, labkit and the packages numbers depend on; public versions, without local labels."""
    from labkit import __version__

    found = {"python": platform.python_version(), "labkit": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def machine() -> str:
    """The class of this machine: system, processor family, cores and memory, and nothing that names it."""
    cores = places.cores()
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} {platform.machine()}, {cores} cores, {memory:.0f} GiB"
