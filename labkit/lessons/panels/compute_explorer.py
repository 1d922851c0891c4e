"""Where a compute budget is best spent, by published laws and one's own: budget and inference load in, split out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit import grids, laws
from labkit.display.describe import about
from labkit.lessons.panels import compute_explorer_chart
from labkit.lessons.panels.base import Panel
from labkit.lessons.panels.controls import Several, Slider

LEAST, MOST = 1e9, 1e26
OURS = "ours"
_PUBLISHED = ("hoffmann-2022", "epoch-2024", "kaplan-2020", "muennighoff-2023")
_SERVED = (1.0, 1e14)
_SIZES = 1200  # on which the best is looked for
_COARSE = 30  # of which one is tried first
_BUDGETS = 35
_FACTORS = np.geomspace(1 / 32, 32, 61)
_DRAWS = 200
_TRAINING, _INFERENCE = 6.0, 2.0  # FLOPs per parameter and token


@dataclass(frozen=True, eq=False)
class ComputeOptimal:
    """The best split of one budget by several laws.

    ``table`` has a row per law: law, params, tokens, loss, tokens_per_param, params_low, params_high, tokens_low,
    tokens_high (missing for published laws, whose draws are not published), and ``factor``, by which the budget lies
    outside the compute of the runs behind one's own law (1 inside, missing for the published).
    ``frontier`` has law, compute, params; ``valley`` law, factor (of the best size) and excess (of the loss, a share).
    """

    compute: float
    inference_tokens: float
    interval: float
    table: pd.DataFrame
    frontier: pd.DataFrame
    valley: pd.DataFrame

    def __str__(self) -> str:
        told = [
            f"{row.law}: {about(row.params)} parameters on {about(row.tokens)} tokens, loss {row.loss:.3g}"
            + (f" (parameters {about(row.params_low)} to {about(row.params_high)})" if row.params_low > 0 else "")
            for row in self.table.itertuples()
            if row.params > 0
        ]
        if not told:
            return f"{about(self.compute)} FLOPs do not suffice to serve {about(self.inference_tokens)} tokens."
        far = self.table.factor.max()
        warned = f" Our law was fitted on runs {about(float(f'{far:.1g}'))} times away." if far > 10 else ""
        return f"For {about(self.compute)} FLOPs: {'; '.join(told)}.{warned}"


def compute_explorer(
    *,
    own: laws.ScalingLaw | None = None,
    compute: float = 1e12,
    inference_tokens: float = 1.0,
    sources: Sequence[str] = ("hoffmann-2022", "kaplan-2020", OURS),
    interval: float = 0.9,
    seed: int = 0,
) -> Panel:
    """Choose a budget, the tokens to be served later, and laws; see the best size, the tokens, and the loss.

    Arguments:
        own: a law fitted on params and tokens; None fits the shipped grid of transformers, parameters counted with
            embeddings.
        compute: FLOPs for training, and for serving where that is asked for: 1e9 to 1e26; where the control starts.
        inference_tokens: tokens served over the model's life, 1 (none to speak of) to 1e14, 2 FLOPs per parameter
            each, out of the same budget.
        sources: names of published laws, and "ours".
        interval: level of the limits of one's own law: of its refits, so of parameter uncertainty alone.
        seed: of the refits.

    ``panel.value`` is a ``ComputeOptimal`` record. The published laws count other letters than ours: their losses are
    in nats per token of their own text, and are not to be compared with ours. Raises ``ValueError`` for a start
    outside its control.

    >>> panel = compute_explorer(sources=["hoffmann-2022"], compute=5.76e23)
    >>> f"{panel.value.table.params[0]:.1e}"
    '3.2e+10'
    """
    controls = [
        Slider("compute", "compute in FLOPs", LEAST, MOST, compute, step=0.05, log=True, note="budget in FLOPs"),
        Slider(
            "inference_tokens", "tokens served", *_SERVED, inference_tokens, step=0.1, log=True,
            note="tokens served over the model's life, from the same budget",
        ),
        Several("sources", "laws", [*_PUBLISHED, OURS], sources, note="published laws, and ours"),
    ]  # fmt: skip
    fitted = functools.cache(lambda: own if own is not None else _ours(seed))
    draws = functools.cache(lambda: fitted().bootstrap(_DRAWS, seed=seed).to_numpy())

    def losses(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        law = fitted() if name == OURS else laws.published(name)
        columns = fitted()._form.columns if name == OURS else law.form.columns

        def at(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
            given = {"params": params, "tokens": tokens, "unique_tokens": tokens}
            return law.predict(pd.DataFrame({column: given[column] for column in columns}))

        return at

    @functools.lru_cache(maxsize=128)
    def line(name: str, served: float) -> pd.DataFrame:
        budgets = np.geomspace(LEAST, MOST, _BUDGETS)
        return pd.DataFrame(
            {"law": name, "compute": budgets, "params": _best(losses(name), budgets, served)[0]}
        ).dropna()

    def evaluate(settings: dict[str, Any]) -> ComputeOptimal:
        budget, served = settings["compute"], settings["inference_tokens"]
        rows, valleys = [], []
        for name in settings["sources"]:
            size, tokens, loss = (float(one[0]) for one in _best(losses(name), np.array([budget]), served))
            row = {"law": name, "params": size, "tokens": tokens, "loss": loss, "tokens_per_param": tokens / size}
            limits = _limits(fitted(), draws(), budget, served, interval) if name == OURS else [np.nan] * 4
            row |= dict(zip(("params_low", "params_high", "tokens_low", "tokens_high"), limits, strict=True))
            rows.append(row | {"factor": _outside(fitted(), budget) if name == OURS else np.nan})
            sizes = size * _FACTORS
            data = _tokens(sizes, budget, served)
            valley = pd.DataFrame({"law": name, "factor": _FACTORS, "data": data})[data > 0]
            loss_at = losses(name)(sizes[data > 0], data[data > 0]) if (data > 0).any() else np.empty(0)
            valleys.append(valley.drop(columns="data").assign(excess=loss_at / loss - 1))
        frontier = pd.concat([line(name, served) for name in settings["sources"]], ignore_index=True)
        valley = pd.concat(valleys, ignore_index=True)
        return ComputeOptimal(budget, served, interval, pd.DataFrame(rows), frontier, valley)

    return Panel("Where to spend the compute", controls, evaluate=evaluate, draw=compute_explorer_chart.draw, say=str)


def _tokens(sizes: np.ndarray, compute: np.ndarray | float, served: float) -> np.ndarray:
    return (compute / sizes - _INFERENCE * served) / _TRAINING


def _sizes(compute: np.ndarray, served: float) -> np.ndarray:
    """Sizes (budgets, sizes) that a budget can train on a token at least, and serve."""
    most = np.minimum(compute / _TRAINING, compute / (_INFERENCE * served)) * 0.999
    return np.geomspace(np.minimum(1.0, most / 10), most, _SIZES, axis=-1)


def _best(losses: Callable, compute: np.ndarray, served: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Size, tokens and loss of each budget at the lowest of many sizes; missing where no parameter is affordable."""
    sizes = _sizes(compute, served)
    tokens = _tokens(sizes, compute[:, None], served)
    values = losses(sizes.ravel(), tokens.ravel()).reshape(sizes.shape)
    place = (np.arange(len(compute)), np.argmin(values, axis=1))
    enough = sizes[:, -1] >= 1
    return tuple(np.where(enough, found[place], np.nan) for found in (sizes, tokens, values))


def _limits(law: laws.ScalingLaw, draws: np.ndarray, compute: float, served: float, interval: float) -> list[float]:
    """Limits of size and tokens from the law's refits."""
    sizes = _sizes(np.array([compute]), served)[0]

    def losses(places: np.ndarray) -> np.ndarray:
        known = {"params": sizes[places], "tokens": _tokens(sizes[places], compute, served)}
        return law._form.evaluate(tuple(known[column] for column in law._form.columns), draws)[0]

    # among few sizes first, then among all around the best of them: a valley has one lowest place
    coarse = np.arange(0, _SIZES, _COARSE)
    near = coarse[np.argmin(losses(coarse[None]), axis=1)][:, None] + np.arange(-_COARSE, _COARSE + 1)
    near = near.clip(0, _SIZES - 1)
    best = sizes[near[np.arange(len(near)), np.argmin(losses(near), axis=1)]]
    low, high = np.quantile(best, [(1 - interval) / 2, (1 + interval) / 2])
    return [low, high, _tokens(high, compute, served), _tokens(low, compute, served)]


def _outside(law: laws.ScalingLaw, compute: float) -> float:
    """By what factor a budget lies beyond the runs that a law was fitted on; 1 within them."""
    known = dict(zip(law._form.columns, law._data.columns, strict=True))
    spent = _TRAINING * known["params"][0] * known["tokens"][0]
    return float(max(compute / spent.max(), spent.min() / compute, 1.0))


@functools.cache
def _ours(seed: int) -> laws.ScalingLaw:
    runs = grids.load("compute_optimal")
    X = runs[["params_with_embeddings", "tokens"]].rename(columns={"params_with_embeddings": "params"}).astype(float)
    return laws.ScalingLaw("chinchilla_general", "log_squared", seed=seed).fit(X, runs.loss)
