"""Some rows of a table written out as they stood: the bytes of the file, not a new rendering of its values."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_BOM = b"\xef\xbb\xbf"
ENDINGS = (*_SEPARATORS, *_LINES, ".parquet")


def write_rows(source: Path, kept: np.ndarray, rows: int, out: Path) -> None:
    """Copy the header and the records at ``kept`` (positions, sorted) of ``source`` to ``out``, whole or not at all.

    A record may span lines where a value in quotes does. Raises ``ValueError`` where the file does not fall into as
    many records as the table has ``rows``.
    """
    ending = source.suffix.lower()
    if ending == ".parquet":
        return _write_parquet(source, kept, out)
    content = source.read_bytes()
    records = list(_lines(content) if ending in _LINES else _records(content, _SEPARATORS[ending]))
    header = [] if ending in _LINES else [records.pop(0)]
    if len(records) != rows:
        raise ValueError(f"{source.name} has {len(records):,} records, but {rows:,} rows were read; is it whole?")
    chosen = [_ended(records[place]) for place in kept]
    _replace(out, b"".join([*map(_ended, header), *chosen]))
    return None


def _records(content: bytes, separator: str) -> Iterator[bytes]:
    """The records of a CSV file, blank lines left out."""
    lines = content.splitlines(keepends=True)
    first = 0
    # Separators, quotes and line ends are ASCII, so any reading of the other bytes will do.
    reader = csv.reader((line.decode("latin-1") for line in lines), delimiter=separator)
    for fields in reader:
        record, first = b"".join(lines[first : reader.line_num]), reader.line_num
        if fields and record.strip(b"\r\n"):
            yield record


def _lines(content: bytes) -> Iterator[bytes]:
    return (line for line in content.splitlines(keepends=True) if line.removeprefix(_BOM).strip())


def _ended(record: bytes) -> bytes:
    return record if record.endswith((b"\n", b"\r")) else record + b"\n"


def _write_parquet(source: Path, kept: np.ndarray, out: Path) -> None:
    import io

    import pandas as pd

    buffer = io.BytesIO()
    pd.read_parquet(source).iloc[kept].reset_index(drop=True).to_parquet(buffer)
    _replace(out, buffer.getvalue())


def _replace(out: Path, content: bytes) -> None:
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
