"""Choose a score, a policy and a fraction; see what is kept, dropped and suspicious, and train on what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.lessons.panels import pruning_explorer_chart as chart
from labkit.lessons.panels import pruning_explorer_work as work
from labkit.lessons.panels.controls import Choice, Slider
from labkit.lessons.panels.live_panel import LivePanel
from labkit.lessons.panels.pruning_explorer_work import RANDOM

_SCORES = ("aum", "el2n", "forgetting", "learning_percentage", "self_supervised_prototypes")
_MODELS = 5  # whose scores are averaged
_POLICIES = ("hardest", "easiest", "middle", "coverage_centric", "stratified")
_POOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits": ("digits", {}),
    "digits, 10% of the labels wrong": ("digits", {"label_noise": 0.1}),
    "glyphs": ("glyphs", {"examples": 2000, "characters": "abcdefghij", "validation": 0, "test": 1000}),
}


@dataclass(frozen=True, eq=False)
class Pruned:
    """What a choice keeps, and how well training on it goes as far as that is known.

    Fields:
        data: the dataset; wrong: bool (n,), the labels that were flipped on purpose.
        score, policy, fraction: the settings.
        scores: (n,), larger is harder, or None before the scoring.
        kept: numbers of the kept examples of the first seed; empty before the scoring.
        shown: numbers of the examples in the gallery by what they are.
        errors: test errors of the runs by what they were trained on: all, random, chosen.
        missing: trainings that have not been done yet.
    """

    data: Any
    score: str
    policy: str
    fraction: float
    scores: np.ndarray | None = field(repr=False)
    kept: np.ndarray = field(repr=False)
    shown: dict[str, np.ndarray] = field(repr=False)
    errors: dict[str, list[float]]
    wrong: np.ndarray = field(repr=False)
    missing: int

    @property
    def difference(self) -> float:
        """Mean test error of the choice less that of random examples, over the seeds that both have; NaN before."""
        pairs = list(zip(self.errors["chosen"], self.errors["random"], strict=False))
        return float(np.mean([one - other for one, other in pairs])) if pairs else float("nan")

    def __str__(self) -> str:
        if self.scores is None:
            return "Not scored yet; press Train."
        name = f"{self.score.replace('_', ' ')}, {self.policy.replace('_', ' ')}"
        said = f"{name}: {len(self.kept):,} of {len(self.scores):,} examples kept"
        if self.wrong.any():
            said += f", {self.wrong[self.kept].mean():.0%} of them with a wrong label ({self.wrong.mean():.0%} of all)"
        if not self.errors["chosen"]:
            return f"{said}. Press Train for the error."
        said += f". Test error {np.mean(self.errors['chosen']):.1%}"
        if self.errors["random"]:
            word = "more" if self.difference > 0 else "less"
            said += f", {100 * abs(self.difference):.1f} points {word} than random"
        return f"{said}; {self.missing} training{'s' * (self.missing > 1)} to go." if self.missing else f"{said}."


def pruning_explorer(
    *,
    pools: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    scores: Sequence[str] = _SCORES,
    policies: Sequence[str] = _POLICIES,
    pool: str | None = None,
    score: str | None = None,
    policy: str | None = None,
    fraction: float = 0.2,
    cutoff: float = 0.0,
    seeds: int = 3,
    steps: int = 500,
) -> LivePanel:
    """Rank the examples of a dataset, keep some, look at them, and train on them.

    Arguments:
        pools: datasets of images to choose from: words for each, with its name and options. None: digits, digits with
            wrong labels, glyphs.
        scores, policies: what there is to choose from, by name.
        pool, score, policy, fraction, cutoff, seeds: where the controls start: the first of each, a fifth, nothing cut
            off, three. The cut-off is the share at the hardest end that the policies hardest and coverage centric leave
            out.
        steps: of every training, whatever is kept.

    ``panel.start()`` scores and trains what the settings miss and ``panel.stop()`` ends that; scores are kept in the
    point store, errors as long as the panel. ``panel.value`` is a ``Pruned`` record. Random examples and all examples
    are always trained on for comparison.
    Raises ``ValueError`` or ``UnknownName`` for names that are not there.

    >>> panel = pruning_explorer(scores=["el2n", "aum"])
    >>> panel.settings["score"], panel.running
    ('el2n', False)
    """
    pools = {name: (given, dict(options)) for name, (given, options) in (pools or _POOLS).items()}
    scores, policies = _known(scores, policies)
    ranked: dict[str, Any] = {}
    errors: dict[tuple[Any, ...], float] = {}
    first = next(iter(pools))
    controls = [
        Choice("pool", "data", list(pools), pool or first, note="data to choose from"),
        Choice("score", "score", scores, score or scores[0], note="score that ranks the examples"),
        Choice("policy", "policy", policies, policy or policies[0], note="which part of the ranking is kept"),
        Slider("fraction", "share kept", 0.05, 1.0, fraction, step=0.05, note="share of the examples that is kept"),
        Slider("cutoff", "cut off at the top", 0.0, 0.5, cutoff, step=0.01, note="share of the hardest left out"),
        Slider("seeds", "seeds", 1, 10, seeds, step=1, note="trainings per choice, each from its own start"),
    ]

    def pieces(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        """One scoring, then for every seed a training on all, on random and on chosen examples."""
        where, fraction = settings["pool"], round(settings["fraction"], 4)
        choice = (settings["score"], settings["policy"], fraction, round(settings["cutoff"], 4))
        ways = [("all",), (RANDOM, fraction), ("chosen", *choice)]
        return [("scores", where), *((where, way, seed) for seed in range(settings["seeds"]) for way in ways)]

    def missing(settings: dict[str, Any]) -> list[tuple[Any, ...]]:
        done = {("scores", where) for where in ranked} | errors.keys()
        return [piece for piece in pieces(settings) if piece not in done]

    def do(piece: tuple[Any, ...], should_stop: Callable[[], bool]) -> None:
        from labkit.pruning.trials import hardness

        name, options = pools[piece[1] if piece[0] == "scores" else piece[0]]
        point = {"dataset": name, "dataset_options": options, "steps": steps}
        if piece[0] == "scores":
            point |= {"scores": scores, "models": _MODELS}
            ranked[piece[1]] = work.stored(hardness, point, should_stop)
            return
        where, way, seed = piece
        errors[piece] = work.error_of(_kept(ranked[where], way, seed), seed=seed, should_stop=should_stop, **point)

    def evaluate(settings: dict[str, Any]) -> Pruned:
        return _record(settings, pools, ranked, errors, pieces(settings), len(missing(settings)))

    return LivePanel(
        "Pruning, looked at and trained live",
        controls,
        evaluate=evaluate,
        draw=chart.draw,
        say=str,
        missing=missing,
        work=do,
        stopped_by=_stopped(),
    )


def _kept(ranked: Any, way: tuple[Any, ...], seed: int) -> list[int]:
    """The examples that a training is shown."""
    if way[0] == "all":
        return list(range(len(ranked)))
    if way[0] == RANDOM:
        return work.chosen(np.zeros(len(ranked)), RANDOM, way[1], seed, {})
    _, score, policy, fraction, cutoff = way
    options = {"cutoff": cutoff} if policy in ("hardest", "coverage_centric") else {}
    return work.chosen(ranked[score].to_numpy(), policy, fraction, seed, options)


def _record(
    settings: dict[str, Any],
    pools: Mapping[str, tuple[str, Mapping[str, Any]]],
    ranked: Mapping[str, Any],
    errors: Mapping[tuple[Any, ...], float],
    pieces: list[tuple[Any, ...]],
    missing: int,
) -> Pruned:
    from labkit import datasets

    name, options = pools[settings["pool"]]
    data = datasets.load(name, **options)
    n = len(data.inputs)
    wrong = data.faults["label_flipped"].to_numpy() if "label_flipped" in data.faults else np.zeros(n, dtype=bool)
    table = ranked.get(settings["pool"])
    about = {name: settings[name] for name in ("score", "policy", "fraction")}
    trained = {way: [] for way in ("all", RANDOM, "chosen")}
    for piece in pieces[1:]:
        if piece in errors:
            trained[piece[1][0]].append(errors[piece])
    if table is None:
        shown = {"Not scored yet: the first examples": np.arange(chart.ACROSS)}
        return Pruned(data, **about, scores=None, kept=np.zeros(0, int), shown=shown, errors=trained, wrong=wrong,
                      missing=missing)  # fmt: skip
    scores = table[settings["score"]].to_numpy()
    kept = np.array(_kept(table, pieces[3][1], 0))
    order = np.argsort(-scores, kind="stable")
    shown = {
        "Kept, spread from hard to easy": _spread(order[np.isin(order, kept)]),
        "Dropped, spread from hard to easy": _spread(order[~np.isin(order, kept)]),
        "Suspicious: the hardest of all": order[: chart.ACROSS],
    }
    return Pruned(data, **about, scores=scores, kept=kept, shown=shown, errors=trained, wrong=wrong, missing=missing)


def _spread(places: np.ndarray) -> np.ndarray:
    """A row of the gallery, evenly through the ranking."""
    return places[np.linspace(0, len(places) - 1, min(chart.ACROSS, len(places))).round().astype(int)]


def _known(scores: Sequence[str], policies: Sequence[str]) -> tuple[list[str], list[str]]:
    from labkit import pruning

    return [pruning.find_score(name).name for name in scores], [pruning.policy(name).name for name in policies]


def _stopped() -> tuple[type[Exception], ...]:
    from labkit import sweeps, training

    return (sweeps.Stopped, training.Stopped)
