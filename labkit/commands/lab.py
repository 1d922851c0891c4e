"""``labkit lab``: JupyterLab on the lessons, with settings kept beside the environment."""

from __future__ import annotations

import sys

import click


@click.command(
    epilog="""\b
Examples:
  labkit lab
  labkit lab --no-browser --port 8890"""
)
@click.option("--port", default=8888, show_default=True, type=click.IntRange(0, 65535), help="Port to serve on.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
def lab(port, no_browser):
    """Open JupyterLab on the notebooks; nothing is written outside the checkout."""
    from labkit import places
    from labkit.lessons import jupyterlab

    sys.exit(jupyterlab.serve(places.notebooks(), port=port, browser=not no_browser))
