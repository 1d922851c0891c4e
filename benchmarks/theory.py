"""Measure the pruned perceptron: seconds for a 60 by 60 map of errors, and simulation beside least distance by NNLS.

python benchmarks/theory.py [--json OUT.json]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from labkit.theory import perceptron
from labkit.theory.hard_margin import separate


def maps() -> dict[str, float]:
    """Seconds per map of pools from 0.2 to 200 per dimension and fractions from 0.02 to 1."""
    pool, fraction = np.geomspace(0.2, 200, 60)[:, None], np.geomspace(0.02, 1, 60)
    seconds = {}
    for angle in (0, 5, 20, 45):
        for keep in ("hardest", "easiest"):
            start = time.perf_counter()
            perceptron.test_error(pool, fraction, keep, angle)
            seconds[f"{keep} {angle}"] = time.perf_counter() - start
    return seconds


def separators(dimension: int = 200, sets: int = 8) -> dict[str, float]:
    """Seconds per set, ours and by NNLS, which agree to the digits checked here."""
    rng = np.random.default_rng(0)
    seconds = {}
    for rows in (2 * dimension, 10 * dimension):
        x = rng.standard_normal((sets, rows, dimension))
        x *= np.sign(x[:, :, :1])
        start = time.perf_counter()
        ours = separate(x)
        seconds[f"batched {rows}"] = (time.perf_counter() - start) / sets
        start = time.perf_counter()
        right = np.r_[np.zeros(dimension), 1.0]
        for examples, w in zip(x, ours, strict=True):
            system = np.vstack([examples.T, np.ones(rows)])
            residual = system @ nnls(system, right, maxiter=30 * rows)[0] - right
            np.testing.assert_allclose(-residual[:-1] / residual[-1], w, atol=1e-4 * np.linalg.norm(w))
        seconds[f"nnls {rows}"] = (time.perf_counter() - start) / sets
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    out = parser.parse_args().json
    measured = {"map_seconds": maps(), "separator_seconds": separators()}
    text = json.dumps(measured, indent=2)
    print(text)
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
