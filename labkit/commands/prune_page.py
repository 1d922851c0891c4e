"""The page of ``labkit prune``: the histogram of scores, what is kept, suspicious rows, and the pilot's evidence."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from labkit import display, reports
from labkit.reports import files, page, provenance
from labkit.reports.outcome import Reason

_BINS, _ROWS, _COLUMNS, _LONGEST = 40, 20, 8, 40


def write(
    file: Path, frame: pd.DataFrame, label: str, table: Any, choice: Any, found: dict[str, Any], out: Path
) -> Path:
    """Write the page into the folder ``out`` and return where it lies."""
    name = "prune_" + (re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).strip("_") or "table")
    directory, process = out.resolve() / "runs" / name, psutil.Process()
    title = f"What to keep of {_plain(file.name)}"
    cells = [
        _prose(f"# {title}\n\n" + _kept_words(found)),
        _shown("found['classes']", _table(_classes(found))),
        _prose("## Scores\n\nLarger is harder. A bar counts all rows of that score; its dark part is kept."),
        _shown(f"pruning.score({choice.drawn!r}, log)", display.bundle(histogram(choice))),
        _prose("## Rows at the ends\n\nThe hardest rows, and whether they are kept; then the easiest."),
        _shown("frame.loc[hardest]", _table(_extremes(frame, label, choice, hardest=True))),
        _shown("frame.loc[easiest]", _table(_extremes(frame, label, choice, hardest=False))),
        *_doubts(frame, label, table, choice),
        *_evidence(choice),
    ]
    content = {
        "notebook": name,
        "title": title,
        "path": _plain(file.name),
        "preset": "own",
        "parameters": {key: found[key] for key in ("label", "keep", "score", "policy")},
        "seeds": None,
        "started": datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds"),
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "commit": provenance.commit(),
        "process": files.this_process(),
        "details": "",
        "drift": None,
        "page": f"{name}.html",
        "status": Reason.OK.status,
        "reason": Reason.OK.value,
        "exit_code": 0,
        "sentence": f"{found['kept']:,} of {found['rows']:,} rows are kept.",
        "seconds": time.time() - process.create_time(),
        "peak_bytes": process.memory_info().rss,
    }
    files.write_json(directory / files.RUN, content)
    files.write_json(directory / files.EXECUTED, {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    written = page.build(directory, out.resolve() / f"{name}.html")
    reports.index(out)
    return written


def histogram(choice: Any):
    """Rows by their score, those kept apart from those left out."""
    import altair as alt

    kept = np.zeros(len(choice.scores), dtype=bool)
    kept[choice.kept] = True
    edges = np.histogram_bin_edges(choice.scores, _BINS)
    bars = pd.concat(
        [
            pd.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": np.histogram(choice.scores[part], edges)[0],
                          "which": which})
            for which, part in (("kept", kept), ("left out", ~kept))
        ]
    )  # fmt: skip
    what = f"{kept.sum():,} of {len(kept):,} rows are kept"
    return (
        alt.Chart(bars[bars["rows"] > 0])
        .mark_bar()
        .encode(
            x=alt.X("low:Q", title=f"{choice.drawn} (larger is harder)", bin="binned"),
            x2="high:Q",
            y=alt.Y("rows:Q", title="rows", stack="zero"),
            color=alt.Color("which:N", title=None, scale=alt.Scale(domain=["kept", "left out"],
                                                                  range=["#0072B2", "#B0B0B0"])),
            order=alt.Order("which:N"),
        )
        .properties(title=what, description=f"Histogram: {what}.", width=460, height=240)
    )  # fmt: skip


def _kept_words(found: dict[str, Any]) -> str:
    by = f"`{found['policy']}`" + (f" by `{found['score']}`" if found["score"] else "")
    lines = [f"{found['kept']:,} of {found['rows']:,} rows are kept: {by}.", *found["notes"]]
    return "\n".join(f"- {_plain(line)}" if i else line for i, line in enumerate([lines[0] + "\n", *lines[1:]]))


def _classes(found: dict[str, Any]) -> pd.DataFrame:
    rows = [{"class": name, **counts} for name, counts in found["classes"].items()]
    return pd.DataFrame(rows).assign(share=lambda t: (t["kept"] / t["rows"].clip(lower=1)).map("{:.0%}".format))


def _extremes(frame: pd.DataFrame, label: str, choice: Any, *, hardest: bool) -> pd.DataFrame:
    order = np.argsort(-choice.scores if hardest else choice.scores, kind="stable")[:_ROWS]
    first = {"row": order + 1, choice.drawn: np.round(choice.scores[order], 3),
             "kept": np.where(np.isin(order, choice.kept), "yes", "")}  # fmt: skip
    return _beside(first, frame, label, order)


def _doubts(frame: pd.DataFrame, label: str, table: Any, choice: Any) -> list[dict[str, Any]]:
    suspected = np.flatnonzero(choice.suspicion > 1)
    heading = "## Suspicious labels\n\n"
    if not len(suspected):
        return [_prose(heading + "Models that have not seen a row doubt no label.")]
    order = suspected[np.argsort(-choice.suspicion[suspected], kind="stable")]
    inside = int(np.isin(order, choice.kept).sum())
    said = (
        f"Models that have not seen a row doubt {len(order):,} labels, {inside:,} of them on rows that are kept. "
        "The most doubted stand first, with the class the models take them for."
    )
    shown = order[:_ROWS]
    first = {"row": shown + 1, "kept": np.where(np.isin(shown, choice.kept), "yes", ""),
             "looks like": [table.labels[place] for place in choice.like[shown]]}  # fmt: skip
    cell = _shown("pruning.score('confident_learning', log)", _table(_beside(first, frame, label, shown)))
    return [_prose(heading + said), cell]


def _evidence(choice: Any) -> list[dict[str, Any]]:
    if choice.advice is None:
        return []
    said = "\n".join(f"- {_plain(line)}" for line in choice.advice.sentences)
    table = choice.advice.table
    rows = table[table["fraction"] < 1].drop(columns=["fraction", "se"]).sort_values("difference")
    rows = rows.round(4).rename(columns={"difference": "minus random", "chance": "chance to be better"})
    told = "Each rule chose from parts of the rows; the other parts judged. Below 0 is better than random."
    return [_prose(f"## The pilot\n\n{said}\n\n{told}"), _shown("advice.table", _table(rows))]


def _beside(first: dict[str, Any], frame: pd.DataFrame, label: str, places: np.ndarray) -> pd.DataFrame:
    """The first columns of some rows, the label in front."""
    columns = [label, *(name for name in frame.columns if name != label)][:_COLUMNS]
    values = frame.iloc[places][columns].reset_index(drop=True).map(_short)
    clashing = {name: f"{name} (column)" for name in columns if name in first}
    return pd.concat([pd.DataFrame(first), values.rename(columns=clashing)], axis=1)


def _short(value: Any) -> str:
    text = "" if pd.isna(value) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(text: str) -> str:
    """Text in which markdown means nothing."""
    return re.sub(r"([\\`*_{}\[\]<>#$|!])", r"\\\1", text)


def _table(frame: pd.DataFrame) -> dict[str, str]:
    return {"text/html": frame.to_html(index=False, escape=True, border=0), "text/plain": escape(frame.to_string())}


def _prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _shown(source: str, data: dict[str, Any]) -> dict[str, Any]:
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [output], "execution_count": None}
