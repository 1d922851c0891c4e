"""Tables from readers' own files: CSV as programs and spreadsheets write it, JSON, JSON lines, Parquet, TensorBoard."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from labkit import log_files, written_numbers

MAX_BYTES = 100 * 2**20
_BLOCK = 50_000  # lines of JSON that become a frame together
_HEAD = 100_000  # characters in which decimal commas are looked for
_DECLARED = re.compile(r"sep=(.)")  # a first line that spreadsheets read, and write
_OTHER_MARKS = re.compile(r"(?<=\w)(?:\||:| )(?=\w)")
_UNCLOSED = re.compile(r"EOF inside string starting at row (\d+)")  # how pandas says these
_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def _encoding(path: Path) -> str:
    """UTF-8, or the UTF-16 in which spreadsheets write what they call Unicode text."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _json(path: Path) -> pd.DataFrame:
    """Records in a list, columns in a dict, the log within the state of a trainer, or lines under the wrong ending."""
    try:
        content = json.loads(path.read_text(encoding=_encoding(path)))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # after the object of a first line
            return _lines(path)
        raise
    if isinstance(content, dict):
        content = content.get("log_history", content)
    records = isinstance(content, list) and all(isinstance(row, dict) for row in content)
    columns = isinstance(content, dict) and all(isinstance(column, (list, dict)) for column in content.values())
    if not (records or columns):
        raise ValueError('expected a list of records, such as [{"examples": 100, "error": 0.3}], or a list per column')
    return pd.DataFrame(content)


def _lines(path: Path) -> pd.DataFrame:
    """JSON lines; a last line that breaks off, as while a run is still writing, is left out."""
    parts, rows, broken = [], [], None
    with path.open(encoding=_encoding(path)) as file:
        for number, line in enumerate(file, start=1):
            if broken is not None:
                raise ValueError(f"line {broken} is not JSON")
            try:
                rows += [json.loads(line)] if line.strip() else []
            except ValueError:
                broken = number
            if len(rows) == _BLOCK:  # a list of dicts takes many times the memory of a frame
                parts, rows = [*parts, _frame(rows)], []
    if broken is not None and not parts and not rows:
        raise ValueError(f"line {broken} is not JSON")
    return pd.concat([*parts, _frame(rows)], ignore_index=True)


def _frame(rows: list) -> pd.DataFrame:
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError('expected an object per line, such as {"step": 1, "loss": 0.5}')
    return pd.DataFrame(rows)


def _separated(path: Path, separator: str = ",") -> pd.DataFrame:
    encoding = _encoding(path)
    with path.open(encoding=encoding) as file:
        above = 0
        while (line := file.readline()).startswith("#"):
            above += 1
        if declared := _DECLARED.fullmatch(line.rstrip("\r\n")):
            separator, above, line = declared[1], above + 1, file.readline()
        rows = file.read(_HEAD)
    if separator == "," and line.count(";") > line.count(","):  # as spreadsheets write where the comma is decimal
        separator = ";"
    elif "\t" in line and "," not in line:
        separator = "\t"
    decimal = "," if separator != "," and written_numbers.has_decimal_commas(rows) else "."
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            decimal=decimal,
            encoding=encoding,
            skiprows=above,
            skipinitialspace=True,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        raise ValueError("it is empty: expected a header and at least one point") from None
    table = table.rename(columns=lambda name: str(name).strip())
    table.attrs["decimal"] = decimal
    if len(table.columns) == 1 and (mark := _OTHER_MARKS.search(line.strip())):
        raise ValueError(f"its header {line.strip()!r} is one column: put commas in place of {mark[0]!r}")
    return table


_READERS = {
    ".csv": _separated,
    ".tsv": lambda path: _separated(path, "\t"),
    ".txt": _separated,
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".parquet": pd.read_parquet,
}


_PACKED = {".gz", ".bz2", ".xz", ".zst", ".zip"}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table by its ending, or the scalars of a TensorBoard run; nothing in it is executed or unpickled.

    Raises ``FileNotFoundError`` or ``ValueError`` saying what was given, what is read, and what to do.
    """
    path = Path(path).expanduser()
    if log_files.is_events(path):
        return log_files.read_events(path)
    if path.is_dir():
        raise ValueError(
            f"{path.name or path} is a folder without TensorBoard event files: name a file in it, "
            f"ending in {', '.join(_READERS)}"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {str(path)!r}: give the path of a CSV, JSON lines or Parquet file "
            f"as it is seen from {Path.cwd()}"
        )
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        if path.suffix.lower() in _PACKED:
            raise ValueError(
                f"{path.name} is compressed: unpack it, or pipe it in with - in place of the file, "
                f"as in gunzip -c {path.name} | labkit forecast -"
            )
        raise ValueError(
            f"{path.name} has the ending {path.suffix!r}, but only {', '.join(_READERS)} are read: "
            "save it as CSV, with the names of the columns in the first line"
        )
    _refuse_large(path)
    try:
        table = reader(path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not text in UTF-8: save it in that encoding, which spreadsheets offer as CSV UTF-8"
        ) from error
    except ImportError as error:
        raise ValueError(
            f"{path.name} cannot be read as {path.suffix[1:]}: that needs pyarrow; pip install 'labkit[parquet]', or "
            "save it as CSV"
        ) from error
    except (ValueError, OSError) as error:  # pandas' parse errors are ValueErrors
        if ragged := _RAGGED.search(str(error)):
            wide, line, found = ragged.groups()
            raise ValueError(f"line {line} of {path.name} has {found} values, those before it {wide}") from error
        if unclosed := _UNCLOSED.search(str(error)):
            line = int(unclosed[1]) + 1
            raise ValueError(f"{path.name} opens a quotation mark in line {line} and never closes it") from error
        raise ValueError(f"{path.name} cannot be read as {path.suffix[1:]}: {str(error).strip()}") from error
    if table.empty:
        raise ValueError(f"{path.name} has no rows: expected a header and at least one point")
    table = table.rename(columns=str)
    if len(table.columns) > 1 and all(_is_number(name) for name in table.columns):
        raise ValueError(
            f"the first line of {path.name} holds numbers ({', '.join(table.columns[:3])}): "
            "put a line with the columns' names above it, such as examples,error"
        )
    return log_files.runs_of_export(table) if log_files.is_export(table) else table


def _refuse_large(path: Path) -> None:
    size = path.stat().st_size
    if size <= MAX_BYTES:
        return
    every = -(-size // (MAX_BYTES // 10))
    advice = "keep every k-th line of it"
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".jsonl", ".ndjson"):
        advice = f"keep every {every}th line: awk 'NR == 1 || NR % {every} == 0' {path.name} > short{path.suffix}"
    raise ValueError(
        f"{path.name} has {size / 2**20:.0f} MB, but at most {MAX_BYTES >> 20} MB are read: "
        f"a curve needs a few hundred points, so {advice}"
    )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return name.startswith("Unnamed: ")  # what an empty name becomes
    return True
