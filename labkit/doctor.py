"""What this machine has and lacks: each finding says what works, or what to do.

Every examiner is a plain function returning findings, so a test can call it on a made-up machine.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from labkit import places


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ``verdict`` is fine, missing (something optional) or wrong (something needed)."""

    subject: str
    verdict: str
    detail: str


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether the interpreter is one that labkit is tested on."""
    text = ".".join(map(str, version))
    if (3, 11) <= version[:2] <= (3, 13):
        return Finding("Python", "fine", text)
    return Finding("Python", "wrong", f"{text}, but 3.11 to 3.13 is needed: make setup PYTHON=/path/to/python3.11")


def packages(requirements: list[str] | None = None) -> list[Finding]:
    """Whether every package that labkit needs is installed, in a version that it was tested with."""
    if requirements is None:
        requirements = metadata.requires("labkit") or []
    findings = []
    for requirement in map(Requirement, requirements):
        optional = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            use = "only the tests need it" if optional else "run make setup"
            verdict = "missing" if optional else "wrong"
            findings.append(Finding(requirement.name, verdict, f"not installed, expected {wanted}: {use}"))
            continue
        # A local label such as +cpu names a build, not a version.
        public = version.partition("+")[0]
        if not requirement.specifier.contains(public, prereleases=True):
            findings.append(Finding(requirement.name, "wrong", f"{version}, but {wanted} is needed: run make setup"))
    return findings or [Finding("packages", "fine", f"all {len(requirements)} in the tested ranges")]


def device() -> Finding:
    """Which device ``device="auto"`` means here."""
    try:
        import torch
    except ImportError as error:
        return Finding("torch", "wrong", f"cannot be imported ({error}): run make setup")
    if torch.cuda.is_available():
        return Finding("GPU", "fine", torch.cuda.get_device_name(0))
    return Finding("GPU", "missing", f"none, so everything runs on {places.cores()} CPU cores; nothing here needs one")


def browser() -> Finding:
    """Whether browser tests and PDF reports can run."""
    path = places.browser()
    if path:
        return Finding("browser", "fine", path)
    return Finding("browser", "missing", "no Chromium or Chrome: reports are built, PDF and browser tests are skipped")


def kernel(prefix: str = sys.prefix) -> Finding:
    """Whether the notebooks' kernel, python3, is this interpreter and no other."""
    spec = Path(prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    if not spec.is_file():
        return Finding("kernel", "wrong", "no python3 kernel in this environment: run make setup")
    command = json.loads(spec.read_text())["argv"][0]
    if command in ("python", "python3") or Path(command).parent == Path(sys.executable).parent:
        return Finding("kernel", "fine", "python3 is this environment's interpreter")
    return Finding("kernel", "wrong", f"python3 starts {command}, not {sys.executable}: run make setup")


def folders() -> list[Finding]:
    """Whether reports and stored points can be written, and the lessons found."""
    work = places.work()
    findings = []
    if os.access(work, os.W_OK):
        free = shutil.disk_usage(work).free / 2**30
        verdict = "fine" if free > 1 else "wrong"
        findings.append(Finding("disk", verdict, f"{free:.1f} GB free where reports and stored points go"))
    else:
        findings.append(Finding("disk", "wrong", f"{work} cannot be written: run labkit from a folder of your own"))
    found = len(list(places.notebooks().glob("[0-9]*.ipynb")))
    detail = f"{found} lessons" if found else f"none in {places.notebooks()}: run labkit from the checkout"
    findings.append(Finding("notebooks", "fine" if found else "missing", detail))
    return findings


def examine() -> list[Finding]:
    """Every finding, in the order a reader wants them.

    >>> {finding.verdict for finding in examine()} <= {"fine", "missing", "wrong"}
    True
    """
    return [python(), *packages(), kernel(), device(), browser(), *folders()]
