"""Text of exactly known entropy: is the floor of a fitted law the entropy of the source?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labkit import datasets, training


def entropy_floor(
    *,
    temperature: float,
    examples: Sequence[int],
    vocabulary: int = 64,
    source: int = 0,
    seeds: Sequence[int] = (0, 1, 2),
) -> pd.DataFrame:
    """Losses of counted pairs of ids on text from a Markov chain, by the amount of text.

    Arguments:
        temperature: of the chain; lower is more certain, so that its entropy is lower.
        examples: ids of text, each size a part of the next.
        vocabulary: ids of the chain, which depends on the last id alone.
        source: which chain.
        seeds: of the text.

    Returns examples, seed, ``loss`` (nats per id on held-out text), ``entropy`` (that of the source, exact) and
    ``shift``, what luck with the held-out text adds to the loss of the true chain itself.
    Source: Henighan et al. (2020), who fit floors to neural networks of many sizes; here the data grow.

    >>> found = entropy_floor(temperature=1.0, examples=[500, 5000], vocabulary=8, seeds=[0])
    >>> bool((found.loss > found.entropy).all())
    True
    """
    rows = []
    for seed in seeds:
        data = datasets.load(
            "markov", vocabulary=vocabulary, temperature=temperature, context=1, examples=max(examples), source=source,
            validation=0, test=100_000, seed=seed,
        )  # fmt: skip
        # The first so many ids, as they come, not a draw: the pairs of a text stand side by side.
        runs = [{"seed": seed, "indices": np.arange(size)} for size in examples]
        counts = _chance(data, runs)
        true = data.truth["transitions"]
        before, after = data.test_inputs[:, -1].astype(int), data.test_targets.astype(int)
        luck = float(-np.log(true[before, after]).mean() - data.truth["entropy_rate"])
        for size, chance in zip(examples, counts, strict=True):
            loss = float(-np.log(chance[before, after]).mean())
            rows.append((size, seed, loss, float(data.truth["entropy_rate"]), luck))
    return pd.DataFrame(rows, columns=["examples", "seed", "loss", "entropy", "shift"])


def _chance(data: datasets.Dataset, runs: list[dict]) -> np.ndarray:
    """What the counts make of every pair, (runs, vocabulary, vocabulary)."""
    fit = training.fit_many("ngram", data, runs, steps=1, device="cpu")
    every = np.arange(data.vocabulary, dtype=np.uint8)[:, None]
    return np.exp(fit.predict(every))
