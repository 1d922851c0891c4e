"""``labkit doctor``: what this machine has, and what to do about what it lacks."""

from __future__ import annotations

import dataclasses
import json
import sys

import click


@click.command(
    epilog="""\b
Examples:
  labkit doctor
  labkit doctor --json"""
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json):
    """Say what works on this machine and what is missing; exit code 2 when something needed is wrong."""
    from labkit import doctor as examination

    findings = examination.examine()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.verdict:>8}  {finding.subject:<{width}}  {finding.detail}")
    sys.exit(2 if any(finding.verdict == "wrong" for finding in findings) else 0)
