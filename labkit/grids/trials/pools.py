"""How much of the data, how good, and how large a network, where the number of examples seen is fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit import datasets, training
from labkit.seeds import generator

_BATCH, _RATE = 32, 0.003


def sized(*, widths: Sequence[int], examples: Sequence[int], seeds: Sequence[int], steps: int = 600) -> pd.DataFrame:
    """Test losses of networks of several widths on pictures of letters, by the number of different examples.

    Every run takes as many steps of 32 examples, so that all widths and sizes see equally many. ``seeds`` are of
    examples, order and starting values. Returns width, examples, seed, ``loss`` and ``error`` (share wrong), held out.
    Source: Li, Xie and Cubuk (2024), with contrastive models of pictures and captions.

    >>> sized(widths=[4], examples=[64], seeds=[0], steps=5).columns.tolist()
    ['width', 'examples', 'seed', 'loss', 'error']
    """
    data = datasets.load("glyphs", examples=max(examples), validation=0, label_noise=0.1)
    rows = [{"width": w, "examples": n, "seed": s} for w in widths for n in examples for s in seeds]
    return _fitted(data, rows, rows, steps)[["width", "examples", "seed", "loss", "error"]]


def filtered(
    *, fractions: Sequence[float], steps: Sequence[int], seeds: Sequence[int], examples: int = 1500, blur: float = 0.5
) -> pd.DataFrame:
    """Keep the part of a pool that a blurred score calls good, and train for a little or for long.

    Arguments:
        fractions: of the pool that are kept. Four in ten labels of the pool are wrong.
        steps: of 32 examples each; few steps see little of the pool, many see it over and over.
        seeds: of order, starting values and blur.
        examples: in the pool.
        blur: standard deviation of the noise in the score, which is 1 for a wrong label and 0 for a right one.

    Returns fraction, steps, seed, ``wrong`` (share of wrong labels kept), ``loss`` and ``error``, held out.

    >>> filtered(fractions=[0.4, 1.0], steps=[5], seeds=[0], examples=100).fraction.tolist()
    [0.4, 1.0]
    """
    data = datasets.load("glyphs", examples=examples, validation=0, label_noise=0.4)
    bad = data.faults["label_flipped"].to_numpy()
    frames = []
    for count in steps:
        rows, runs = [], []
        for seed in seeds:
            score = bad + blur * generator(seed, "blurred").standard_normal(len(bad))
            for fraction in fractions:
                kept = np.argsort(score, kind="stable")[: round(fraction * len(bad))]
                rows.append({"fraction": fraction, "steps": count, "seed": seed, "wrong": float(bad[kept].mean())})
                runs.append({"width": 64, "seed": seed, "indices": np.sort(kept)})
        frames.append(_fitted(data, rows, runs, count))
    return pd.concat(frames, ignore_index=True)


def augmented(*, examples: Sequence[int], seeds: Sequence[int], steps: int = 1500) -> pd.DataFrame:
    """Train on pictures as they are, and on the same with copies moved by a pixel, for equally many steps.

    ``examples`` is how many different pictures there are. Returns examples, augmented, seed, loss and error, held out.

    >>> augmented(examples=[32], seeds=[0], steps=5).augmented.tolist()
    [False, True]
    """
    from dataclasses import replace

    pool, side = max(examples), 12
    data = datasets.load("glyphs", examples=pool, validation=0, size=side)
    pictures = data.inputs.reshape(pool, side, side)
    moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    moved = np.concatenate([np.roll(pictures, move, axis=(1, 2)).reshape(pool, -1) for move in moves])
    both = replace(data, inputs=moved, targets=np.tile(data.targets, len(moves)), faults=pd.DataFrame(), truth={})
    rows, runs = [], []
    for seed in seeds:
        order = generator(seed, "augmented").permutation(pool)
        for size in examples:
            for wide in (False, True):
                copies = [order[:size] + pool * copy for copy in range(len(moves) if wide else 1)]
                rows.append({"examples": size, "augmented": wide, "seed": seed})
                runs.append({"width": 64, "seed": seed, "indices": np.sort(np.concatenate(copies))})
    return _fitted(both, rows, runs, steps)


def _fitted(data: datasets.Dataset, rows: list[dict], runs: list[dict], steps: int) -> pd.DataFrame:
    rated = [{"learning_rate": _RATE, **run} for run in runs]
    fit = training.fit_many(
        "mlp", data, rated, steps=steps, batch_size=_BATCH, optimizer="adam", schedule="cosine", device="cpu"
    )
    return pd.DataFrame(rows).assign(loss=fit.table.test_loss.to_numpy(), error=fit.table.test_error.to_numpy())
