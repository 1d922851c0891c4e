"""pyproject.toml, requirements.lock, environment.yml and what is installed say the same thing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit import places

ROOT = places.checkout()
pytestmark = pytest.mark.skipif(ROOT is None, reason="only a checkout has these files")

OPTIONAL = {"ray"}  # a backend for sweeps, used where someone has installed it
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
    "jupyter-client": "jupyter_client",
    "jupyterlab-server": "jupyterlab_server",
}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def ranges() -> dict[str, Requirement]:
    table = project()
    wanted = [
        *table["project"]["dependencies"],
        *table["project"]["optional-dependencies"]["test"],
        *table["build-system"]["requires"],
    ]
    return {canonicalize_name(r.name): r for r in map(Requirement, wanted)}


def imported() -> set[str]:
    """The top-level modules that the package names in any import."""
    found = set()
    for path in (ROOT / "labkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"labkit"}


def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins), "only name==public.version"
    return {canonicalize_name(name): version for name, version in (pin.split("==") for pin in pins)}


def test_the_lock_pins_torch_and_leaves_out_the_packages_that_come_with_its_builds():
    assert lock()["torch"] == "2.13.0"
    assert not [name for name in lock() if name.startswith(("nvidia", "triton", "cuda"))]


def test_every_locked_version_lies_in_its_range():
    pins = lock()
    for name, requirement in ranges().items():
        assert requirement.specifier.contains(pins[name], prereleases=True), requirement


def test_conda_has_the_same_names_and_ranges():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-e ."]}
    written = dict(line.split(" ", 1) if " " in line else (line, "") for line in conda)
    python = written.pop("python")
    assert python == project()["project"]["requires-python"]
    assert written.pop("pip") == ""
    expected = {CONDA_NAMES.get(name, name): str(r.specifier) for name, r in ranges().items()}

    def parts(text: str) -> set[str]:
        return set(text.replace(" ", "").split(",")) - {""}

    assert {n: parts(s) for n, s in written.items()} == {n: parts(s) for n, s in expected.items()}


def test_every_line_of_the_conda_file_says_what_needs_it():
    lines = (ROOT / "environment.yml").read_text().split("dependencies:")[1].splitlines()
    for line in lines:
        if re.match(r"  - [a-z]", line) and not line.strip().startswith("- pip:"):
            assert "#" in line, line


def test_everything_the_package_imports_is_declared():
    providers = metadata.packages_distributions()
    needed = {canonicalize_name(providers[module][0]) for module in imported() - OPTIONAL}
    assert needed <= set(ranges()), sorted(needed - set(ranges()))


def test_installed_versions_lie_in_the_ranges():
    for name, requirement in ranges().items():
        version = metadata.version(name).partition("+")[0]
        assert requirement.specifier.contains(version, prereleases=True), (name, version)


def test_the_declared_pythons_include_this_one():
    assert (
        f"Programming Language :: Python :: {sys.version_info[0]}.{sys.version_info[1]}"
        in project()["project"]["classifiers"]
    )


def test_no_tracked_file_names_a_package_index():
    for name in ("requirements.lock", "environment.yml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "--hash" not in text, name


def test_what_make_bench_runs_exists_and_knows_its_options():
    recipe = re.findall(r"benchmarks/(\w+\.py)(.*)", (ROOT / "Makefile").read_text())
    assert recipe
    for name, options in recipe:
        source = (ROOT / "benchmarks" / name).read_text(encoding="utf-8")
        for option in re.findall(r"--\w+", options):
            assert f'add_argument("{option}"' in source, f"{name} has no {option}"
