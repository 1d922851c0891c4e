"""JupyterLab with the workbook's settings: no news prompt, every cell drawn, nothing written into the home folder.

It opens on the page of all lessons, rendered, with the table of contents beside it. The theme is left to the reader.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit import places
from labkit.lessons import course

SETTINGS: dict[str, Any] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # far-off cells would otherwise stay undrawn until scrolled to, so a chart further down never updates
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/filebrowser-extension:browser": {"navigateToCurrentDirectory": True},
}

WORKSPACE: dict[str, Any] = {
    "metadata": {"id": "default"},
    "data": {
        "layout-restorer:data": {
            "left": {
                "collapsed": False,
                "visible": True,
                "current": "@jupyterlab/toc:plugin",
                "widgets": ["filebrowser", "running-sessions", "@jupyterlab/toc:plugin", "extensionmanager.main-view"],
            },
            "relativeSizes": [0.2, 0.8, 0],
        }
    },
}
"""What stands where at the first start: the table of contents on the left."""


def prepare(variables: Mapping[str, str]) -> Path:
    """Write the settings where this environment's JupyterLab reads its defaults; what a reader sets wins over them.

    The first arrangement of the window is written as well, unless there is one: a reader's own stays. Returns the file
    of the settings. ``variables`` are the environment variables JupyterLab will start with.
    """
    folder = Path(variables["JUPYTER_CONFIG_DIR"]) / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "default_setting_overrides.json"
    path.write_text(json.dumps(SETTINGS, indent=2) + "\n", encoding="utf-8")
    _arrange(Path(variables["JUPYTERLAB_WORKSPACES_DIR"]))
    return path


def _arrange(folder: Path) -> None:
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    manager = WorkspacesManager(str(folder))
    if not manager.load("default")["data"]:
        manager.save("default", json.dumps(WORKSPACE))


def environment() -> dict[str, str]:
    """This process's environment with every tool's folder below the virtual environment, unless the user set it."""
    return {**places.environment(), **os.environ}


def command(folder: Path, *, port: int = 8888, browser: bool = True, options: Sequence[str] = ()) -> list[str]:
    """The command line that starts JupyterLab on a folder."""
    # labkit first: it hides from jsonschema what would cost two seconds (see its first lines)
    start = "import sys, labkit; from jupyterlab.labapp import main; sys.exit(main())"
    arguments = [sys.executable, "-c", start, f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}"]
    # looking for language servers runs npm, which writes into the home folder
    arguments.append("--LanguageServerManager.autodetect=False")
    # In a container everybody is root, and Jupyter would refuse; it still serves this machine alone.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*arguments, *(["--allow-root"] if root else []), *([] if browser else ["--no-browser"]), *options]


def entry(folder: Path) -> tuple[Path, list[str]]:
    """The folder to serve for a folder of notebooks, and the options that open JupyterLab on its page of lessons.

    In a checkout all of it is served: the page shows pictures that stand beside the notebooks' folder.
    """
    page, whole = folder / course.PAGE, places.checkout()
    root = whole if whole is not None and folder.is_relative_to(whole) else folder
    address = page.relative_to(root).as_posix()
    return root, [f"--LabApp.default_url=/lab/tree/{address}"] if page.is_file() else []


def serve(folder: Path, *, port: int = 8888, browser: bool = True) -> int:
    """Run JupyterLab on the notebooks until it is stopped; returns its exit code.

    Raises ``FileNotFoundError`` when the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: run this in the checkout, or where the notebooks are")
    variables = environment()
    prepare(variables)
    try:
        root, options = entry(folder.resolve())
        return subprocess.run(command(root, port=port, browser=browser, options=options), env=variables).returncode
    except KeyboardInterrupt:  # JupyterLab got the interrupt as well and has shut down
        return 0
