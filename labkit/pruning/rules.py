"""Policies: which examples to keep, given their scores alone.

A policy sees the scores in ascending order and answers with ranks, so it cannot depend on the order of the examples.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labkit.pruning.quotas import allocate
from labkit.registry import Registry, nearest

STRATA = 50


@dataclass(frozen=True)
class Policy:
    """A rule that keeps a number of examples by their scores alone.

    Arguments:
        name: what ``keep(..., policy=name)`` is called with.
        keeps: which examples it keeps, in a few words.
        choose: called with the scores in ascending order (n,), the number to keep, a numpy generator, and its options
            by keyword; answers with that many different ranks from 0 (the easiest) to n - 1. Its options are its
            keyword-only parameters, which all need defaults.
        source: author and year, if any.
        aliases: other names.

    Raises ``TypeError`` where an option has no default.

    >>> import numpy as np
    >>> from labkit import pruning
    >>> every_other = pruning.Policy("every_other", "one of every few", lambda s, k, rng: np.arange(k) * len(s) // k)
    >>> every_other.options
    {}
    """

    name: str
    keeps: str
    choose: Callable[..., np.ndarray]
    source: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bare = [option for option, default in self.options.items() if default is inspect.Parameter.empty]
        if bare:
            raise TypeError(f"options of policy {self.name!r} without a default: {', '.join(bare)}; give each one")

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults."""
        return keyword_options(self.choose)


def keyword_options(function: Callable[..., Any]) -> dict[str, Any]:
    """The keyword-only parameters of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def refuse_unknown(what: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    """Raise ``TypeError`` with the nearest match for the first option that is not known."""
    for name in given:
        if name not in known:
            raise TypeError(f"{what} has no option {name!r}: {nearest(name, known)}")


def ranked(
    entry: Policy, scores: np.ndarray, budget: int, rng: np.random.Generator, options: dict[str, Any]
) -> np.ndarray:
    """The places that a policy keeps; of tied scores the earlier ones count as easier.

    Raises ``ValueError`` where the policy does not answer with exactly the budget.
    """
    order = np.argsort(scores, kind="stable")
    ranks = np.asarray(entry.choose(scores[order], budget, rng, **options))
    if ranks.shape != (budget,) or len(np.unique(ranks)) != budget:
        raise ValueError(
            f"policy {entry.name!r} answered with {len(np.unique(ranks))} different ranks; expected {budget}"
        )
    return order[ranks.astype(np.int64)]


_registry: Registry[Policy] = Registry("policy")


def register_policy(entry: Policy, *, replace: bool = False) -> Policy:
    """Add a policy and return it; a taken name raises ``ValueError`` unless ``replace``.

    >>> from labkit import pruning
    >>> pruning.register_policy(pruning.policy("hardest"))
    Traceback (most recent call last):
    ValueError: a policy named 'hardest' exists already; pass replace=True to replace it
    """
    return _registry.register(entry, replace=replace)


def unregister_policy(name: str) -> None:
    """Forget a policy."""
    _registry.unregister(name)


def policy(name: str) -> Policy:
    """The policy of that name; an unknown one is refused with the nearest match.

    >>> from labkit import pruning
    >>> pruning.policy("hardest").options
    {'cutoff': 0.0}
    """
    return _registry[name]


def policies() -> pd.DataFrame:
    """The policies that need scores alone: a frame with columns name, keeps, options, source.

    Every one of them works as ``keep(scores, fraction, policy=name)``.

    >>> from labkit import pruning
    >>> pruning.policies()["name"].tolist()
    ['hardest', 'easiest', 'middle', 'coverage_centric', 'stratified', 'sampled', 'random']
    """
    rows = [
        {
            "name": entry.name,
            "keeps": entry.keeps,
            "options": ", ".join(f"{option}={default!r}" for option, default in entry.options.items()),
            "source": entry.source,
        }
        for entry in _registry
    ]
    return pd.DataFrame(rows, columns=["name", "keeps", "options", "source"])


def _left(n: int, budget: int, cutoff: float) -> int:
    """How many of n examples stay when the hardest share goes; never fewer than the budget."""
    if not 0 <= cutoff < 1:
        raise ValueError(f"cutoff {cutoff!r} is not the share of hardest examples to drop: expected 0 <= cutoff < 1")
    return max(n - round(cutoff * n), budget)


def hardest(scores: np.ndarray, budget: int, rng: np.random.Generator, *, cutoff: float = 0.0) -> np.ndarray:
    """The hardest, after the very hardest share ``cutoff`` of all, which may be mislabelled, was dropped."""
    left = _left(len(scores), budget, cutoff)
    return np.arange(left - budget, left)


def easiest(scores: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(budget)


def middle(scores: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    first = (len(scores) - budget) // 2
    return np.arange(first, first + budget)


def coverage_centric(
    scores: np.ndarray, budget: int, rng: np.random.Generator, *, cutoff: float = 0.1, strata: int = STRATA
) -> np.ndarray:
    """Equal shares of ``strata`` equally wide ranges of the score, the smallest range first, at random inside each.

    What a small stratum cannot fill is shared by the larger ones.
    """
    _positive("strata", strata)
    scores = scores[: _left(len(scores), budget, cutoff)]
    # In parts of the largest magnitude, so that the range of huge scores does not overflow.
    scaled = scores / (np.abs(scores).max(initial=0.0) or 1.0)
    span = scaled[-1] - scaled[0] if len(scaled) else 0.0
    place = (scaled - scaled[0]) / span * strata if span > 0 else np.zeros(len(scores))
    place = np.minimum(place.astype(np.int64), strata - 1)
    kept, left = [], budget
    sizes = np.bincount(place, minlength=strata)
    filled = [stratum for stratum in np.argsort(sizes, kind="stable") if sizes[stratum]]
    for done, stratum in enumerate(filled):
        share = min(int(sizes[stratum]), left // (len(filled) - done))
        kept.append(rng.choice(np.flatnonzero(place == stratum), share, replace=False))
        left -= share
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)


def stratified(scores: np.ndarray, budget: int, rng: np.random.Generator, *, strata: int = STRATA) -> np.ndarray:
    """The same share of each of ``strata`` equally populated ranges of the score, at random inside each."""
    _positive("strata", strata)
    parts = [part for part in np.array_split(np.arange(len(scores)), strata) if len(part)]
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    shares = allocate(budget, sizes)
    kept = [rng.choice(part, share, replace=False) for part, share in zip(parts, shares, strict=True)]
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)


def sampled(scores: np.ndarray, budget: int, rng: np.random.Generator, *, temperature: float = 1.0) -> np.ndarray:
    """Drawn without replacement with odds exp(z / temperature), z the score in standard deviations.

    A temperature near 0 keeps the hardest, a large one keeps at random, a negative one prefers the easy.
    """
    if not np.isfinite(temperature) or temperature == 0:
        raise ValueError(f"temperature {temperature!r} is not a finite number other than 0")
    scaled = scores / (np.abs(scores).max(initial=0.0) or 1.0)
    scaled = (scaled - scaled.mean()) / (scaled.std() or 1.0)
    # The largest of logits plus Gumbel noise are such a draw.
    noisy = scaled / temperature + rng.gumbel(size=len(scores))
    return np.argsort(-noisy, kind="stable")[:budget]


def random(scores: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(len(scores), budget, replace=False)


def _positive(name: str, value: int) -> None:
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise ValueError(f"{name} {value!r} is not a whole number of at least 1")


for _entry in (
    Policy("hardest", "the largest scores, less the share cutoff at the very top", hardest, "", ("hard",)),
    Policy("easiest", "the smallest scores", easiest, "", ("easy",)),
    Policy("middle", "the block of ranks in the middle", middle),
    Policy(
        "coverage_centric",
        "equal shares of equally wide ranges, less the share cutoff at the top",
        coverage_centric,
        "Zheng et al. 2023",
        ("ccs",),
    ),
    Policy("stratified", "the same share of every range of ranks", stratified),
    Policy("sampled", "a random draw that prefers large scores", sampled),
    Policy("random", "any, whatever the score", random),
):
    register_policy(_entry)
