"""Measure scores and selectors beside the usual ways: python benchmarks/pruning.py [--quick] [--json OUT.json]

Both sides of a row do the same work in one process, on the same data; the best of several repeats counts. Where apricot
or cleanlab is installed it is the other side; else a plain version of the same algorithm is, and the row says so. "gap"
is the relative difference of objectives, the largest difference of values, or 1 - the rank correlation.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from training import BATCH, module_of

from labkit import datasets, models, pruning
from labkit.pruning.measures.dynamics import EARLY
from labkit.pruning.measures.labels import shapley_values
from labkit.pruning.neighbours import neighbours
from labkit.training.order import Order

SCORES = ("el2n", "aum", "forgetting", "grand")


def timed(work: Callable[[], object], repeats: int = 3) -> tuple[float, object]:
    """Best seconds and the last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def peak(work: Callable[[], object]) -> float:
    """MiB that a call holds at most beyond what there was, as numpy allocates them."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 2**20


def row(work: str, way: str, ours: float, theirs: float = np.nan, gap: float = np.nan, memory: float = np.nan) -> dict:
    return {"work": work, "against": way, "seconds": ours, "other": theirs, "gap": gap, "MiB": memory}


def similarities(features: np.ndarray) -> np.ndarray:
    """Longest distance minus distance, the whole table at once."""
    lengths = (features**2).sum(1)
    distances = np.sqrt(np.maximum(lengths[:, None] + lengths - 2 * features @ features.T, 0))
    return distances.max() - distances


def plain_greedy(features: np.ndarray, budget: int) -> list[int]:
    """Facility location that tries every candidate in every step."""
    like = similarities(features)
    served, kept = np.zeros(len(like), like.dtype), []
    for _ in range(budget):
        gains = np.maximum(like, served[:, None]).sum(0)
        gains[kept] = -np.inf
        kept.append(int(gains.argmax()))
        served = np.maximum(served, like[:, kept[-1]])
    return kept


def apricot_greedy(features: np.ndarray, budget: int) -> np.ndarray:
    from apricot import FacilityLocationSelection

    chosen = FacilityLocationSelection(budget, metric="precomputed", optimizer="lazy").fit(similarities(features))
    return chosen.ranking


def facility(features: np.ndarray, n: int, budget: int) -> dict:
    features = features[:n]
    other = apricot_greedy if importlib.util.find_spec("apricot") else plain_greedy
    ours, kept = timed(lambda: pruning.select("facility_location", features, budget / n))
    theirs, chosen = timed(lambda: other(features, budget))
    like = similarities(features.astype(float))
    gap = like[:, kept].max(1).sum() / like[:, chosen].max(1).sum() - 1
    return row(f"facility location, n={n}, k={budget}", other.__name__.replace("_", " "), ours, theirs, gap)


def plain_shapley(near: np.ndarray, targets: np.ndarray, k: int) -> np.ndarray:
    """The recursion of Jia et al. (2019), one query after another, among its nearest neighbours."""
    values = np.zeros(len(targets))
    for query, places in enumerate(near):
        right = targets[places] == targets[query]
        value = right[-1] / max(len(places), k)
        values[places[-1]] += value
        for i in range(len(places) - 2, -1, -1):
            value += (int(right[i]) - int(right[i + 1])) / k * min(k, i + 1) / (i + 1)
            values[places[i]] += value
    return values / len(near)


def shapley(features: np.ndarray, targets: np.ndarray, k: int = 10) -> list[dict]:
    near = neighbours(features, k)
    ours, values = timed(lambda: shapley_values(near, targets, targets, k), 5)
    theirs, others = timed(lambda: plain_shapley(near, targets, k), 1)
    memory = peak(lambda: shapley_values(near, targets, targets, k))
    name = f"KNN-Shapley, n={len(targets)}, k={k}, neighbours given"
    rows = [row(name, "plain recursion", ours, theirs, np.abs(values - others).max(), memory)]
    if importlib.util.find_spec("cleanlab"):
        from cleanlab.data_valuation import data_shapley_knn

        whole = np.argsort(((features[:500, None] - features[None, :500]) ** 2).sum(2), axis=1)[:, 1:]
        theirs, _ = timed(lambda: data_shapley_knn(targets, features=features, k=k), 1)
        small = data_shapley_knn(targets[:500], features=features[:500], k=k)
        exact = shapley_values(whole, targets[:500], targets[:500], k)
        gap = 1 - spearmanr(exact, small).statistic
        rows.append(row(name, "cleanlab with its search", ours, theirs, gap))
    return rows


def plain_k_centre(features: np.ndarray, budget: int) -> list[int]:
    """Farthest first as one writes it down."""
    nearest, kept = np.full(len(features), np.inf, features.dtype), []
    chosen = int(((features - features.mean(0)) ** 2).sum(1).argmin())
    while True:
        kept.append(chosen)
        if len(kept) == budget:
            return kept
        nearest = np.minimum(nearest, ((features - features[chosen]) ** 2).sum(1))
        chosen = int(nearest.argmax())


def plain_herding(features: np.ndarray, budget: int) -> list[int]:
    """The example that brings the mean of the kept ones closest to the mean of all, as one writes it down."""
    mean, total, kept = features.mean(0), np.zeros(features.shape[1], features.dtype), []
    while len(kept) < budget:
        apart = (((total + features) / (len(kept) + 1) - mean) ** 2).sum(1)
        apart[kept] = np.inf
        kept.append(int(apart.argmin()))
        total = total + features[kept[-1]]
    return kept


PLAIN = {"k_centre": plain_k_centre, "herding": plain_herding}


def spread(features: np.ndarray, name: str, fraction: float) -> dict:
    """The gap is the share of examples that only one side keeps: rounding decides between nearly equal ones."""
    n, budget = len(features), round(fraction * len(features))
    ours, kept = timed(lambda: pruning.select(name, features, fraction))
    memory = peak(lambda: pruning.select(name, features, fraction))
    work = f"{name}, n={n}, d={features.shape[1]}, k={budget}"
    if name not in PLAIN:
        return row(work, "", ours, memory=memory)
    theirs, chosen = timed(lambda: PLAIN[name](features, budget), 1)
    return row(work, "plain numpy", ours, theirs, 1 - len(np.intersect1d(kept, chosen)) / budget, memory)


def looped(data: datasets.Dataset, log: pruning.Log, seed: int) -> dict[str, np.ndarray]:
    """The four scores from one model and a plain loop that looks at all examples at the moments of the log."""
    module = module_of(log.model, data, seed)
    inputs, targets = torch.tensor(data.inputs), torch.tensor(data.targets)
    early, moments = int(log.steps[log.place(EARLY)]), set(log.steps.tolist())
    updater = torch.optim.Adam(module.parameters(), lr=1e-3)
    margins, rights, found = [], [], {}
    one_hot = F.one_hot(targets, data.classes).float()

    def loss_of(parameters: dict, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(torch.func.functional_call(module, parameters, (x[None],)), y[None])

    places = torch.from_numpy(Order(len(inputs), seed).take(int(log.steps[-1]) * BATCH)).view(-1, BATCH)
    for step, chosen in enumerate(places, start=1):
        loss = F.cross_entropy(module(inputs[chosen]), targets[chosen])
        updater.zero_grad()
        loss.backward()
        updater.step()
        if step not in moments:
            continue
        with torch.no_grad():
            logits = module(inputs)
            own = logits.gather(1, targets[:, None])[:, 0]
            margins.append(own - (logits - 1e9 * one_hot).max(1).values)
            rights.append(logits.argmax(1) == targets)
            if step == early:
                found["el2n"] = (logits.softmax(1) - one_hot).norm(dim=1).numpy()
        if step == early:
            parameters = {name: value.detach() for name, value in module.named_parameters()}
            slopes = torch.func.vmap(torch.func.grad(loss_of), (None, 0, 0))(parameters, inputs, targets)
            found["grand"] = torch.sqrt(sum(part.flatten(1).square().sum(1) for part in slopes.values())).numpy()
    right = torch.stack(rights)
    lost = (right[:-1] & ~right[1:]).sum(0)
    found["forgetting"] = torch.where(right.any(0), lost, len(right)).numpy()
    found["aum"] = -torch.stack(margins).mean(0).numpy()
    return found


def dynamics(quick: bool) -> dict:
    """Four scores of 2,000 examples from ten models, against a loop over two of them, scaled up."""
    data = datasets.load("glyphs", examples=2000, validation=100, test=100)
    seeds, some, steps = 10, 2, 200 if quick else 1500
    model = models.build("mlp", width=64)

    def observed(count: int) -> pruning.Log:
        return pruning.observe(data, model, seeds=count, steps=steps, batch_size=BATCH, learning_rate=1e-3)

    ours, _ = timed(lambda: pruning.scores(SCORES, observed(seeds)), 1 if quick else 2)
    log = observed(some)
    theirs, found = timed(lambda: [looped(data, log, seed) for seed in range(some)], 1 if quick else 2)
    same = pruning.scores(SCORES, log)
    gap = max(1 - spearmanr(same[name], sum(one[name] for one in found)).statistic for name in SCORES)
    name = f"EL2N, AUM, forgetting, GraNd of {len(data.inputs)}, {seeds} seeds, {steps} steps"
    return row(name, "plain PyTorch loop", ours, theirs * seeds / some, gap)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rng = np.random.default_rng(0)
    features = rng.standard_normal((5_000 if chosen.quick else 50_000, 64)).astype(np.float32)
    count = 1_000 if chosen.quick else 10_000
    rows = [
        facility(features, 1000, 100),
        facility(features, 1000 if chosen.quick else 4000, 400),
        *shapley(features[:count], rng.integers(10, size=count)),
        *(spread(features, name, 1000 / 50_000) for name in ("k_centre", "herding", "graph_cut", "log_determinant")),
        dynamics(chosen.quick),
    ]
    table = pd.DataFrame(rows)
    table["ratio"] = table["other"] / table["seconds"]
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}", na_rep=""))
    if chosen.json:
        chosen.json.write_text(table.to_json(orient="records", indent=2) + "\n")


if __name__ == "__main__":
    main()
