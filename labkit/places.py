"""Where files live: the checkout, the shipped data, and the folder for everything that tools write.

Jupyter, IPython, matplotlib and scikit-learn write into the user's home unless told otherwise.
``environment()`` says where they write instead: below the virtual environment, or ``.labkit`` without one.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)


def checkout() -> Path | None:
    """The source checkout this package is imported from, or None for an installed wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None


def data() -> Path:
    """The folder of the shipped tables, claims and baselines."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "data"


def notebooks() -> Path:
    """The folder of the lessons: the one we stand in, or the checkout's."""
    here = Path.cwd()
    for folder in (here, here / "notebooks"):
        if (folder / "presets").is_dir():
            return folder
    root = checkout()
    return (root or here) / "notebooks"


def work() -> Path:
    """The folder under which reports and stored points go: the checkout, or the current folder."""
    return checkout() or Path.cwd()


def var() -> Path:
    """The folder for what tools write on their own account."""
    in_environment = sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)
    return Path(sys.prefix) / "var" if in_environment else work() / ".labkit" / "var"


def cores() -> int:
    """The cores this process may use, which in a container or under ``taskset`` are fewer than the machine has.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def browser() -> str | None:
    """The path of a Chromium or Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def environment() -> dict[str, str]:
    """Environment variables that keep every tool inside ``var()``."""
    root = var()
    folders = {
        "JUPYTER_CONFIG_DIR": "jupyter/config",
        "JUPYTER_DATA_DIR": "jupyter/data",
        "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
        "JUPYTERLAB_SETTINGS_DIR": "jupyter/lab/settings",
        "JUPYTERLAB_WORKSPACES_DIR": "jupyter/lab/workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
        "SCIKIT_LEARN_DATA": "scikit-learn",
        "TORCH_HOME": "torch",
        "XDG_CACHE_HOME": "cache",
        "DASK_CONFIG": "dask/config",
        "DASK_TEMPORARY_DIRECTORY": "dask/work",
    }
    return {name: str(root / folder) for name, folder in folders.items()}


def settle() -> None:
    """Set those variables for this process and its children, leaving what the user set alone."""
    for name, folder in environment().items():
        os.environ.setdefault(name, folder)
