"""Make the shipped grids again: ``python -m labkit.grids compute_optimal --jobs 2``. What was trained is kept."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from labkit import places
from labkit.grids.designs import DEFAULTS, DESIGNS, PRESETS, design
from labkit.grids.rates import best_rates, rate_law
from labkit.grids.shipped import folder
from labkit.grids.training import Trained, text, train

ENSEMBLES = "ensembles"
_OPTIMIZER = "adamw, betas 0.9 and 0.999, no clipping; plain Adam where weight_decay is 0"
_DIGITS = {"loss": 6, "se": 6, "train_loss": 6, "seconds": 2}


def main(arguments: list[str] | None = None) -> int:
    """Train the named grids and write their tables, curves and provenance."""
    parser = argparse.ArgumentParser(prog="python -m labkit.grids", description=__doc__)
    names = [*DESIGNS, ENSEMBLES]
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--preset", default="full", choices=PRESETS)
    parser.add_argument("--jobs", type=int, default=2, help="processes, each on one core (%(default)s)")
    parser.add_argument("--store", default=None, help="folder or URL of the point store (that of the checkout)")
    parser.add_argument("--out", type=Path, default=None, help="where to write (data/grids)")
    chosen = parser.parse_args(arguments)
    if chosen.preset != "full" and chosen.out is None:
        parser.error(f"--preset {chosen.preset} is not what ships; say with --out where its tables go")
    out = chosen.out or folder()
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen.names:
        if name == ENSEMBLES:
            sys.stdout.write(f"{name}: {write_ensembles(out, chosen.jobs, chosen.store)} members in {out}\n")
            continue
        runs = design(name, chosen.preset)
        write(name, train(runs, jobs=chosen.jobs, store=chosen.store), out, runs)
        sys.stdout.write(f"{name}: {len(runs)} runs in {out}\n")
    return 0


def write(name: str, trained: Trained, out: Path, runs: pd.DataFrame) -> None:
    """Write ``name.csv``, ``name_curves.csv`` where there are any, and ``name.json``, each as a whole or not at all."""
    tables = {f"{name}.csv": trained.table}
    if runs.halvings.any():
        tables[f"{name}_curves.csv"] = trained.curves
    for file, table in tables.items():
        _put(out / file, table.round(_DIGITS).to_csv(index=False, float_format="%.8g", lineterminator="\n"))
    _put(out / f"{name}.json", json.dumps(_provenance(name, trained.table, runs), indent=1) + "\n")


def write_ensembles(out: Path, jobs: int, store: str | None) -> int:
    """Train the ensembles that ship and write their table and provenance; returns how many members there are."""
    from labkit import sweeps
    from labkit.grids.point import WINDOWS
    from labkit.grids.trials.members import ensembles, shipped_points

    points = shipped_points()
    data = text(DEFAULTS["context"], ())
    found = sweeps.run(ensembles, points, store=store, jobs=jobs, fingerprint=data.fingerprint)
    table = found[["width", "params", "weight_decay", "unique_tokens", "epochs", "seed", "members", "loss", "seconds"]]
    table = table.assign(params_with_embeddings=table.params, tokens=table.unique_tokens * table.epochs)
    _put(out / f"{ENSEMBLES}.csv", table.round(_DIGITS).to_csv(index=False, float_format="%.8g", lineterminator="\n"))
    said = {"made": date.today().isoformat(), "by": "python -m labkit.grids", "design": points}
    said |= {"optimizer": _OPTIMIZER, "held_out": {"split": "validation", "windows": WINDOWS}}
    said |= _circumstances(table)
    _put(out / f"{ENSEMBLES}.json", json.dumps(said, indent=1) + "\n")
    return int(table.groupby(["width", "weight_decay", "seed"]).members.max().sum())


def _circumstances(table: pd.DataFrame, context: int = DEFAULTS["context"]) -> dict[str, Any]:
    from labkit.sweeps.code import versions

    data = text(context, ())
    return {
        "text": {
            "dataset": data.name,
            "options": {"context": data.context, "packages": []},
            "fingerprint": data.fingerprint,
            "training_letters": len(data.stream("train")),
        },
        "versions": versions({"torch"}),
        "machine": {"cores": places.cores(), "accelerator": None},
        "core_seconds": round(float(table.seconds.sum())),
    }


def _provenance(name: str, table: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Any]:
    from labkit.grids.point import THINNING, WINDOWS

    axes = {column: sorted(runs[column].unique().tolist()) for column in runs.columns}
    found: dict[str, Any] = {
        "made": date.today().isoformat(),
        "by": "python -m labkit.grids",
        "design": axes,
        "optimizer": _OPTIMIZER,
        "held_out": {"split": "validation", "windows": WINDOWS, "along_the_way": WINDOWS // THINNING},
        **_circumstances(table, int(runs.context.iloc[0])),
    }
    if name == "tuning":
        constant, by_width, by_tokens = rate_law(table)
        found["law"] = {"constant": constant, "width": by_width, "tokens": by_tokens}
        found["best"] = best_rates(table).round(6).to_dict("records")
    return found


def _put(path: Path, content: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(content, encoding="utf-8", newline="\n")
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(main())
