"""Fit what repeated text is worth in two steps, on our grid and on published runs given by a path.

    python benchmarks/repetition.py [--constrained FILE.csv]

Constrained: columns params, tokens, unique_tokens, loss. The law of fresh text is fitted on runs of one epoch, R_D and
R_N on repeated ones, by the most epochs and the most parameters per unique token that a run may have.

What to expect of the runs of Muennighoff et al. (2023): all runs of one epoch lie 6 to 35 % above the published curve,
the smaller the more, so the published constants were not fitted to these runs as they are, and the source says that
it left outliers out, but not which. R_D depends on which runs are used: those of few epochs bound it from below alone;
all sizes up to 100 epochs give about 21 (10 to 85), which holds the published 15.4; runs of a thousand epochs turn up.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import grids, laws

EPOCHS = (4.5, 16, 40, 100, np.inf)
PARAMS_PER_TOKEN = (1, 5, np.inf)
DRAWS = 200
LEAST_TOKENS = 3e8
"""Fresh runs on fewer tokens than this are warm-up for the most part; no power law runs through them and the others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--constrained", type=Path)
    chosen = parser.parse_args()
    ours = [grids.load(name) for name in ("repetition", "compute_optimal")]
    ours = [grid.assign(params=grid.params_with_embeddings) for grid in ours]
    show("our grid", worths(*ours, epochs=(4, 8, 16, np.inf), ratios=(np.inf,)))
    price = grids.overfitting(*ours)
    print(f"\nour grid, price of overfitting, rms {price.rms:.4f}\n{price.table.round(4).to_string(index=False)}")
    errors = grids.hidden_epochs(*ours).errors.round(4)
    print(f"\nour grid, 16 and more epochs foretold from 8 and fewer\n{errors.to_string(index=False)}")
    if chosen.constrained:
        runs = pd.read_csv(chosen.constrained).assign(seed=0, dropout=0.0, weight_decay=0.0)
        runs["width"] = runs.params
        once = runs[runs.tokens <= 1.01 * runs.unique_tokens]
        miss = np.log(
            once.loss / laws.published("muennighoff-2023").predict(once[["params", "tokens", "unique_tokens"]])
        )
        above = f"{miss.min():.0%} to {miss.max():.0%}"
        print(f"\npublished: {len(once)} runs of one epoch are above the published curve by {above}")
        once = once[once.tokens >= LEAST_TOKENS].assign(tokens=lambda frame: frame.unique_tokens)
        again = runs[runs.tokens > 1.5 * runs.unique_tokens]
        show("published runs", worths(again, once, epochs=EPOCHS, ratios=PARAMS_PER_TOKEN))


def worths(repeated: pd.DataFrame, fresh: pd.DataFrame, *, epochs, ratios) -> pd.DataFrame:
    """R_D and R_N with 90 % limits, by the runs that are used; a limit of 10,000 is the end of the search."""
    rows = []
    for most in epochs:
        for ratio in ratios:
            runs = repeated[repeated.params <= ratio * repeated.unique_tokens]
            law = grids.data_constrained(runs, fresh, most=most, draws=DRAWS)
            row = {"most epochs": most, "most params / unique": ratio, "R_D": law.worth}
            row |= dict(zip(("R_D low", "R_D high"), law.worth_limits, strict=True)) | {"R_N": law.excess}
            rows.append(row | dict(zip(("R_N low", "R_N high"), law.excess_limits, strict=True)) | {"rms": law.rms})
    return pd.DataFrame(rows)


def show(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.to_string(index=False, float_format='%.4g')}")


if __name__ == "__main__":
    main()
