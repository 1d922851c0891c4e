"""JupyterLab as the workbook starts it: settings beside the environment, nothing decided for the reader."""

import json

import pytest

from labkit import places
from labkit.lessons import jupyterlab


def test_settings_are_written_where_the_started_jupyterlab_reads_them(tmp_path):
    variables = {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "spaces")}
    path = jupyterlab.prepare(variables)
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


def test_markdown_opens_rendered_and_the_kernel_is_chosen():
    assert jupyterlab.SETTINGS["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"] == {
        "markdown": "Markdown Preview"
    }
    assert jupyterlab.SETTINGS["@jupyterlab/notebook-extension:tracker"]["autoStartDefaultKernel"] is True


def test_the_table_of_contents_stands_there_at_first_and_a_readers_own_arrangement_stays(tmp_path):
    variables = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_WORKSPACES_DIR")}
    jupyterlab.prepare(variables)
    (file,) = (tmp_path / "JUPYTERLAB_WORKSPACES_DIR").iterdir()
    assert json.loads(file.read_text())["data"]["layout-restorer:data"]["left"]["current"] == "@jupyterlab/toc:plugin"
    mine = {"metadata": {"id": "default"}, "data": {"layout-restorer:data": {"left": {"collapsed": True}}}}
    file.write_text(json.dumps(mine))
    jupyterlab.prepare(variables)
    assert json.loads(file.read_text()) == mine


def test_a_folder_with_a_page_of_lessons_opens_on_it(tmp_path):
    assert jupyterlab.entry(tmp_path) == (tmp_path, [])
    (tmp_path / "README.md").write_text("# The lessons")
    assert jupyterlab.entry(tmp_path) == (tmp_path, ["--LabApp.default_url=/lab/tree/README.md"])


@pytest.mark.skipif(places.checkout() is None, reason="only a checkout has the lessons")
def test_in_a_checkout_the_pictures_beside_the_notebooks_are_served_as_well():
    root, options = jupyterlab.entry(places.checkout() / "notebooks")
    assert root == places.checkout()
    assert options == ["--LabApp.default_url=/lab/tree/notebooks/README.md"]
