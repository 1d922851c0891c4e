"""What the README shows works as it stands there."""

from __future__ import annotations

import re

import pytest

from labkit import cli, laws, places, pruning

ROOT = places.checkout()
pytestmark = pytest.mark.skipif(ROOT is None, reason="only a checkout has the README")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_python_runs(text):
    names: dict = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
            exec(block, names)
        assert names["law"].parameters_["alpha"] > 0
    finally:
        if "root" in laws.FORMS:
            laws.FORMS.unregister("root")
        if "split" in set(pruning.available("score")["name"]):
            pruning.unregister_score("split")


def test_its_commands_and_files_exist(text):
    for verb in re.findall(r"(?:bin/|`)labkit ([a-z]+)", text):
        assert verb in cli._VERBS, verb
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in target or (ROOT / target).exists(), target


def test_every_lesson_is_in_its_table(text):
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert f"notebooks/{path.name}" in text
