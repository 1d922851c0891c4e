"""A system Chromium, a JupyterLab of its own for the tests, and pages that may talk to nobody else."""

import json
import os
import re
import secrets
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from labkit import places
from labkit.lessons import jupyterlab

ARTEFACTS = Path(__file__).resolve().parents[2] / "test-artefacts"
OUTSIDE = re.compile(r"^(?!(data|blob|about|file):|(https?|wss?)://(127\.0\.0\.1|localhost)[:/])")
START_SECONDS = 90
LOOK_MS = 200  # between two looks at a page; by default it is asked, and drawn, sixty times a second


@pytest.fixture(scope="session")
def chromium():
    """A running browser; skips where there is none."""
    path = places.browser()
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium to run the browser tests")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            env={**os.environ, "XDG_CONFIG_HOME": str(places.var() / "config")},  # its crash reports go there
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


def _opener(chromium):
    """Opens pages that reach nothing outside this machine; the pages it opened are its ``opened``."""
    pages = []

    def open_page(**options):
        context = chromium.new_context(viewport={"width": 1200, "height": 1000}, **options)
        page = context.new_page()
        page.outside = []  # what the page asked of other machines

        def refuse(route):
            page.outside.append(route.request.url)
            route.abort()

        context.route(OUTSIDE, refuse)
        page.set_default_timeout(30_000)
        pages.append(page)
        return page

    open_page.opened = pages
    return open_page


@pytest.fixture(scope="module")
def pages(chromium):
    """Opens pages that stay open until the module's last test."""
    opener = _opener(chromium)
    yield opener
    for page in opener.opened:
        page.context.close()


@pytest.fixture
def open_page(pages, request):
    """The same for one test: its pages are closed at its end, and kept as screenshots when it fails."""
    before = len(pages.opened)
    yield pages
    _keep(request, pages.opened)
    while len(pages.opened) > before:
        pages.opened.pop().context.close()


@pytest.fixture(scope="session")
def _lab_page(laboratory, chromium):
    page = _opener(chromium)()
    laboratory.enter(page)
    yield page
    page.context.close()


@pytest.fixture
def lab_page(_lab_page, request):
    """A page of JupyterLab, loaded once for all tests, and kept as a screenshot when a test fails."""
    yield _lab_page
    _keep(request, [_lab_page])


@pytest.fixture
def desk(lab_page, laboratory):
    """The same for one test: what it opens there is closed at its end."""
    lab_page.outside.clear()
    yield lab_page
    laboratory.clear(lab_page)


def _keep(request, pages):
    if getattr(request.node, "failed", False):
        ARTEFACTS.mkdir(exist_ok=True)
        for number, page in enumerate(pages):
            page.screenshot(path=ARTEFACTS / f"{request.node.name}-{number}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True
    return report


class Laboratory:
    """A JupyterLab on a folder of its own."""

    def __init__(self, folder, home, url, token):
        self.folder, self.home, self.url, self.token = folder, home, url, token

    def write(self, name, *cells):
        """Write a notebook of code cells; returns its name."""
        import nbformat

        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.folder / name)
        return name

    def enter(self, page, place=""):
        """Load JupyterLab in a workspace of its own; ``place`` is what it shows, such as a notebook."""
        workspace = secrets.token_hex(4)
        page.goto(f"{self.url}/lab/workspaces/{workspace}{place}?token={self.token}", wait_until="commit")
        page.wait_for_selector(".jp-LauncherCard, .jp-Notebook .jp-Cell", timeout=60_000)

    def open(self, page, name):
        """Open a notebook and wait for its kernel; a page that is in JupyterLab already stays in it."""
        if page.url.startswith(self.url):
            command = "name => void window.jupyterapp.commands.execute('docmanager:open', {path: name})"
            page.evaluate(command, name)
        else:
            self.enter(page, f"/tree/{name}")
        page.wait_for_function(
            """name => {
                const shown = window.jupyterapp?.shell?.currentWidget;
                const session = shown?.sessionContext;
                return shown?.context?.path === name && shown.context.isReady && session?.isReady &&
                    session.session?.kernel?.status === 'idle';
            }""",
            arg=name,
            timeout=60_000,
            polling=LOOK_MS,
        )

    def clear(self, page):
        """Close every notebook of a page, saved or not, and have its kernel end, which takes its time, alone."""
        page.evaluate(
            """() => {
                for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
                    widget.sessionContext?.shutdown().catch(() => {});
                    widget.dispose();
                }
            }"""
        )

    def request(self, path):
        """The server's answer to a request of its own interface."""
        question = urllib.request.Request(f"{self.url}/{path}", headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(question, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="session")
def laboratory(chromium, tmp_path_factory, shared_points):
    """A running JupyterLab with the workbook's settings, an empty home, and a place of its own for every tool."""
    root = tmp_path_factory.mktemp("laboratory")
    folder, home = root / "notebooks", root / "home"
    folder.mkdir()
    home.mkdir(mode=0o555)
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("LABKIT_", "JUPYTER", "XDG_"))}
    variables |= {name: str(root / "var" / name.lower()) for name in places.environment()}
    variables |= {"HOME": str(home), "LABKIT_STORE": str(shared_points), "OMP_NUM_THREADS": "1"}
    jupyterlab.prepare(variables)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = [
        f"--IdentityProvider.token={token}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.expose_app_in_browser=True",
    ]
    command = jupyterlab.command(folder, port=port, browser=False, options=options)
    with open(root / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    laboratory = Laboratory(folder, home, f"http://127.0.0.1:{port}", token)
    try:
        _await(laboratory, server, root / "jupyterlab.log")
        yield laboratory
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await(laboratory, server, log):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            laboratory.request("api/status")
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
