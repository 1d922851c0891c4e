"""The doctor says plainly what a machine lacks."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from labkit import doctor


def test_an_unsupported_python_is_wrong_and_says_which_is_needed():
    finding = doctor.python((3, 9, 1))
    assert finding.verdict == "wrong"
    assert "3.11" in finding.detail


def test_a_wrong_package_version_is_named_with_the_range():
    (finding,) = doctor.packages(["numpy<1"])
    assert (finding.subject, finding.verdict) == ("numpy", "wrong")
    assert "numpy<1" in finding.detail


def test_a_missing_package_is_wrong_but_a_missing_test_package_is_only_missing():
    needed, optional = doctor.packages(["no-such-package>=1", 'no-such-test-package>=1; extra == "test"'])
    assert needed.verdict == "wrong"
    assert "make setup" in needed.detail
    assert optional.verdict == "missing"


def test_a_machine_without_a_browser_is_told_what_is_skipped(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    finding = doctor.browser()
    assert finding.verdict == "missing"
    assert "PDF" in finding.detail


def test_a_machine_without_a_gpu_is_told_that_none_is_needed(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "nothing here needs one" in doctor.device().detail


@pytest.mark.parametrize(("command", "verdict"), [(sys.executable, "fine"), ("/somewhere/else/bin/python", "wrong")])
def test_a_kernel_of_another_environment_is_wrong(tmp_path, command, verdict):
    folder = tmp_path / "share" / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": [command, "-m", "ipykernel"]}))
    assert doctor.kernel(str(tmp_path)).verdict == verdict


def test_an_environment_without_a_kernel_is_wrong(tmp_path):
    assert doctor.kernel(str(tmp_path)).verdict == "wrong"
