"""What ``labkit fit`` and ``labkit forecast`` take: the file of a curve, sizes, and the file of a chart."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")  # first bytes of gzip, bzip2, xz and zip


class CurveFile(click.Path):
    """A path, or "-" for standard input: CSV, JSON or JSON lines, kept in a file until the command ends."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value, param, ctx):
        if str(value) != "-":
            return super().convert(value, param, ctx)
        content = sys.stdin.buffer.read()
        if content.startswith(_PACKED):
            self.fail("what is piped in is compressed: pipe it through gunzip -c first", param, ctx)
        folder = ctx.with_resource(tempfile.TemporaryDirectory(prefix="labkit-"))
        path = Path(folder) / f"stdin{_ending(content)}"
        path.write_bytes(content)
        return path


def _ending(content: bytes) -> str:
    """That of a file which holds such bytes."""
    if content.startswith(b"PAR1"):
        return ".parquet"
    text = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith((b"{", b"[")):
        return ".csv"
    first, _, more = text.partition(b"\n")
    try:
        values = json.loads(first)
    except ValueError:
        return ".json"  # written over several lines
    plain = isinstance(values, dict) and not any(isinstance(value, (list, dict)) for value in values.values())
    return ".jsonl" if plain or more.strip() else ".json"


class Size(click.ParamType):
    """A number above 0, as people write sizes: 10000, 10,000, 1e4, 10k, 2M."""

    name = "size"

    def convert(self, value, param, ctx):
        from labkit.written_numbers import size as written

        size = written(str(value))
        if not 0 < size < float("inf"):
            self.fail(f"{value!r} is no size; expected a number above 0, such as 10000, 1e4 or 10k", param, ctx)
        return size


class Level(click.ParamType):
    """A value of y as people write it: 0.05 or 5%."""

    name = "float"

    def convert(self, value, param, ctx):
        text = str(value).strip()
        try:
            return float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            self.fail(f"{value!r} is no number; expected one such as 0.05 or 5%", param, ctx)


class Share(Level):
    """A share of cases between none and all: 0.9 or 90%."""

    def convert(self, value, param, ctx):
        share = super().convert(value, param, ctx)
        if not 0 < share < 1:
            self.fail(f"{value!r} is no share between 0 and 1; expected one such as 0.9 or 90%", param, ctx)
        return share


class ChartFile(click.Path):
    """A file that a chart can be written to: its kind is told by the ending, and its folder exists."""

    kinds = (".svg", ".json")

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value, param, ctx):
        path = super().convert(value, param, ctx)
        if path.suffix.lower() not in self.kinds:
            self.fail(f"{path.name!r} must end in .svg (a picture) or .json (Vega-Lite)", param, ctx)
        if not path.absolute().parent.is_dir():
            self.fail(f"there is no folder {str(path.parent)!r} to write {path.name!r} to", param, ctx)
        return path


def file_options(command):
    """Give a command the file of a curve and what ``fit`` and ``forecast`` share."""
    options = [
        click.argument("file", type=CurveFile()),
        click.option("--x", "x", help="Column of the size; default: the one with a usual name: examples, step ..."),
        click.option("--y", "y", help="Column of the error or loss, or how its name ends; 1-accuracy for a score."),
        click.option("--se", help="Column of the standard error of y: surer points count for more."),
        click.option(
            "--where",
            multiple=True,
            metavar="COLUMN=VALUE",
            help="Only rows with that value; repeatable: one curve of several.",
        ),
        click.option(
            "--interval",
            default=0.9,
            show_default=True,
            type=Share(),
            help="Share of cases that the limits are to hold: 0.9 or 90%.",
        ),
        click.option("--seed", default=0, show_default=True, help="Seed of the resamples."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--report", "page", is_flag=True, help="Write a full page, too: forms compared, forecast, plan."),
        click.option(
            "--out", default="reports", show_default=True, type=click.Path(path_type=Path), help="Folder of that page."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
