"""JupyterLab as the workbook starts it: settings beside the environment, nothing decided for the reader."""

import json

import pytest

from labkit import places
from labkit.lessons import jupyterlab


def test_settings_are_written_where_the_started_jupyterlab_reads_them(tmp_path):
    path = jupyterlab.prepare({"JUPYTER_CONFIG_DIR": str(tmp_path / "config")})
    assert path.is_relative_to(tmp_path)
    settings = json.loads(path.read_text())
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert settings["@jupyterlab/notebook-extension:tracker"]["windowingMode"] == "none"


def test_the_theme_is_left_to_the_reader():
    assert "themes" not in json.dumps(jupyterlab.SETTINGS)


def test_every_tool_has_a_folder_and_what_the_user_set_stays(monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", "/mine")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    variables = jupyterlab.environment()
    assert variables["IPYTHONDIR"] == "/mine"
    assert variables["MPLCONFIGDIR"] == places.environment()["MPLCONFIGDIR"]


def test_the_command_names_folder_and_port(tmp_path):
    command = jupyterlab.command(tmp_path, port=1234, browser=False, options=["--x=1"])
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--ServerApp.port=1234" in command
    assert "--no-browser" in command
    assert command[-1] == "--x=1"
    assert "--no-browser" not in jupyterlab.command(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        jupyterlab.serve(tmp_path / "gone")
