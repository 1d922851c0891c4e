"""How much faster stacked training is than one model at a time: python benchmarks/training.py [--quick]

Each piece of work is done by labkit and by what people use otherwise, in one process, with the same seeds, data,
batches drawn the same way, optimiser, steps and evaluation at the end. The loops are timed on a part of the models
and scaled up, since every model of a kind costs the same there; both sides run at their better of one and two
threads, and the best of several repeats counts. The final losses are compared as well. The machine should be quiet.

With --quick the work is smaller and the ratios are rougher.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.seeds import generator
from labkit.training.evaluate import MOST_TRAINING, MOST_WINDOWS, at_most
from labkit.training.order import Order, subset

BATCH = 32
THREADS = (1, 2)


def timed(work: Callable[[], object], repeats: int, quick: bool) -> tuple[float, object]:
    """Best seconds over the repeats and the numbers of threads, and the last result; quickly, once on one thread."""
    best, result = float("inf"), None
    for threads in THREADS[:1] if quick else THREADS:
        torch.set_num_threads(threads)
        for _ in range(1 if quick else repeats):
            start = time.perf_counter()
            result = work()
            best = min(best, time.perf_counter() - start)
    return best, result


class Loop:
    """A straightforward PyTorch loop: one module, one optimiser, one step at a time."""

    def __init__(self, data: datasets.Dataset, optimizer: Callable[..., torch.optim.Optimizer]) -> None:
        self.inputs, self.targets = torch.tensor(data.inputs), torch.tensor(data.targets)
        self.held = {
            split: (torch.tensor(data.split(split)[0]), torch.tensor(data.split(split)[1]))
            for split in ("train", "validation", "test")
        }
        self.optimizer = optimizer

    def fit(self, module: torch.nn.Module, seed: int, steps: int, size: int | None = None) -> float:
        """Train one module; its test loss."""
        size = len(self.inputs) if size is None else size
        places = Order(size, seed).take(steps * BATCH)
        if size < len(self.inputs):
            places = subset(len(self.inputs), seed, places)
        updater = self.optimizer(module.parameters())
        for chosen in torch.from_numpy(places).view(steps, BATCH):
            loss = F.cross_entropy(module(self.inputs[chosen]), self.targets[chosen])
            updater.zero_grad()
            loss.backward()
            updater.step()
        with torch.no_grad():
            losses = {split: F.cross_entropy(module(x), y).item() for split, (x, y) in self.held.items()}
        return losses["test"]


def module_of(model: models.Model, data: datasets.Dataset, seed: int) -> torch.nn.Module:
    """The plain module with the starting values of one seed."""
    start = {name: value[0] for name, value in model.initialise(data, [seed]).items()}
    layers: list[torch.nn.Module] = []
    for layer in range(len(start) // 2):
        weight = start[f"weight_{layer}"]
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data.copy_(weight)
        linear.bias.data.copy_(start[f"bias_{layer}"].squeeze(1))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def line(name: str, ours: float, theirs: float, *, least: float | None, gap: float, rate: float) -> str:
    """One row of the output."""
    ratio = theirs / ours
    wanted = "" if least is None else f"  (at least {least:g}: {'yes' if ratio >= least else 'NO'})"
    return f"{name:<58}{ours:8.2f} s {theirs:9.2f} s {ratio:7.1f} x {rate:9.0f} models/min  gap {gap:.1e}{wanted}"


def stacked_against_loop(
    name: str, model: models.Model, runs: list[dict], *, steps: int, optimizer: str, least: float | None, quick: bool
) -> str:
    """All runs at once against a loop over some of them."""
    data = datasets.load("digits")
    rate, momentum = runs[0]["learning_rate"], runs[0].get("momentum", 0.0)
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, lr=rate, momentum=momentum),
        "adam": lambda p: torch.optim.Adam(p, lr=rate),
    }
    loop = Loop(data, kinds[optimizer])
    some = runs[:: max(1, len(runs) // 4)]
    ours, fit = timed(
        lambda: training.fit_many(model, data, runs, steps=steps, batch_size=BATCH, optimizer=optimizer),
        3,
        quick,
    )
    theirs, losses = timed(
        lambda: [loop.fit(module_of(model, data, r["seed"]), r["seed"], steps, r.get("examples")) for r in some],
        2,
        quick,
    )
    found = fit.table["test_loss"].to_numpy()[[runs.index(run) for run in some]]
    gap = float(np.abs(found - losses).max())
    return line(name, ours, theirs * len(runs) / len(some), least=least, gap=gap, rate=60 * len(runs) / ours)


def curve_against_sklearn(quick: bool) -> str:
    """A learning curve of 8 sizes and 10 seeds against scikit-learn's ``learning_curve``, on both cores."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import ShuffleSplit, learning_curve
    from sklearn.neural_network import MLPClassifier

    data = datasets.load("digits")
    sizes = [int(size) for size in np.geomspace(32, 1024, 8)]
    seeds, epochs = (4, 5) if quick else (10, 20)
    ours, frame = timed(
        lambda: training.learning_curve(
            data, "mlp", examples=sizes, seeds=seeds, widths=[64], epochs=epochs, optimizer="adam",
            learning_rate=1e-3, batch_size=BATCH,
        ),
        3,
        quick,
    )  # fmt: skip
    network = MLPClassifier(
        (64,), solver="adam", learning_rate_init=1e-3, batch_size=BATCH, max_iter=epochs, alpha=0.0, tol=0.0,
        n_iter_no_change=10**6,
    )  # fmt: skip
    inputs = np.concatenate([data.inputs, data.test_inputs])
    targets = np.concatenate([data.targets, data.test_targets])
    splits = ShuffleSplit(n_splits=seeds, train_size=1024, test_size=500, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        _, _, scores = learning_curve(network, inputs, targets, train_sizes=sizes, cv=splits, n_jobs=2)
        theirs = time.perf_counter() - start
    # Starting values and splits are each library's own, so only the errors with most data should be close.
    gap = abs(float(frame.groupby("examples")["test_error"].mean().iloc[-1] - (1 - scores.mean(1)[-1])))
    name = f"curve: 8 sizes x {seeds} seeds, {epochs} epochs, against scikit-learn"
    return line(name, ours, theirs, least=None if quick else 8, gap=gap, rate=60 * len(frame) / ours)


class Decoder(torch.nn.Module):
    """The transformer as one writes it with torch's own attention and norms."""

    def __init__(self, model: models.Transformer, data: datasets.Dataset, seed: int) -> None:
        super().__init__()
        self.heads, self.blocks = model.heads, model.blocks
        start = {name: torch.nn.Parameter(value[0]) for name, value in model.initialise(data, [seed]).items()}
        self.weight = torch.nn.ParameterDict(start)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        x = F.embedding(ids, weight["embedding"]) + weight["position"].T
        for block in range(self.blocks):
            mixed = F.linear(F.rms_norm(x, x.shape[-1:], eps=1e-5), weight[f"attend_{block}"])
            q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in mixed.chunk(3, 2))
            found = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
            x = x + F.linear(found, weight[f"gather_{block}"])
            units = F.linear(F.rms_norm(x, x.shape[-1:], eps=1e-5), weight[f"up_{block}"]).relu()
            x = x + F.linear(units, weight[f"down_{block}"])
        return F.linear(F.rms_norm(x, x.shape[-1:], eps=1e-5), weight["unembedding"])


def decode(model: models.Transformer, data: datasets.Dataset, run: dict, steps: int) -> float:
    """Train one transformer with a plain loop; its loss on the held-out windows that labkit measures."""
    places = Order(len(data.inputs), run["seed"]).take(steps * BATCH)
    net = Decoder(model, data, run["seed"])
    updater = torch.optim.Adam(net.parameters(), lr=run["learning_rate"])

    def loss(inputs: np.ndarray, targets: np.ndarray) -> torch.Tensor:
        ids = torch.from_numpy(np.concatenate([inputs, targets[:, None]], 1).astype(np.int64))
        return F.cross_entropy(net(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

    for chosen in places.reshape(steps, BATCH):
        value = loss(data.inputs[chosen], data.targets[chosen])
        updater.zero_grad()
        value.backward()
        updater.step()
    with torch.no_grad():
        for split in ("train", "validation", "test"):
            inputs, targets = data.split(split)
            windows = held_out(inputs, data.context) if split != "train" else np.arange(MOST_TRAINING // 16)
            found = np.mean([float(loss(inputs[w], targets[w])) for w in np.array_split(windows, 8)])
    return float(found)


def decode_alone(job: tuple) -> float:
    """`decode` on one thread, for one of several processes."""
    torch.set_num_threads(1)
    return decode(*job)


def held_out(inputs: np.ndarray, context: int) -> np.ndarray:
    """Numbers of the held-out windows that labkit measures sequence models on."""
    most = at_most(MOST_WINDOWS, context)
    return np.sort(generator(0, "held-out windows").choice(len(inputs), most, replace=False))


def transformers(quick: bool) -> list[str]:
    """16 two-layer transformers of width 16 to 32 against a loop in one process, and against one in each of two.

    The three take turns, so that whatever else the machine does meets them alike, and the best of their times count.
    The loop's processes are started beforehand and are its own: labkit's keep freed memory, which helps a loop as well.
    """
    data, steps = datasets.load("python_source", context=64), 10 if quick else 100
    model = models.build("transformer", depth=2)
    runs = [{"seed": seed, "width": (16, 24, 32)[seed % 3], "learning_rate": 3e-3} for seed in range(16)]
    some = runs[: 3 if quick else 6]  # as many of each width, of which there are 6, 5 and 5
    share = len(runs) / len(some)
    jobs = [(model.with_dials(width=run["width"]), data, run, steps) for run in some]
    best: dict[str, float] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(decode_alone, [(*job[:-1], 1) for job in jobs[:2]]))
        for _ in range(1 if quick else 3):
            torch.set_num_threads(2)
            fit = _clock(best, "ours", 1, lambda: training.fit_many(
                model, data, runs, steps=steps, batch_size=BATCH, optimizer="adam"))  # fmt: skip
            _clock(best, "processes", share, lambda: list(pool.map(decode_alone, jobs)))
            for threads in THREADS[:1] if quick else THREADS:
                torch.set_num_threads(threads)
                losses = _clock(best, f"loop {threads}", share, lambda: [decode(*job) for job in jobs])
    gap = float(np.abs(fit.table["test_loss"].to_numpy()[: len(some)] - losses).max())
    rate = 60 * len(runs) / best["ours"]
    name, loop = f"16 transformers, 2 blocks, {steps} steps", min(best["loop 1"], best.get("loop 2", np.inf))
    least = None if quick else 1.5
    speed = fit.table["flops"].sum() / best["ours"] / 1e9
    return [
        line(name, best["ours"], loop, least=least, gap=gap, rate=rate),
        line("  the loop in two processes", best["ours"], best["processes"], least=None if quick else 1.0, gap=gap,
             rate=rate),
        line("  in seconds of CPU, the loop on one thread", best["ours cpu"], best["loop 1 cpu"], least=None, gap=gap,
             rate=rate),
        f"  training alone is {speed:.0f} GFLOP/s over the whole time, {speed / peak(quick):.0%} of large products",
    ]  # fmt: skip


def _clock(best: dict[str, float], name: str, share: float, work: Callable[[], object]) -> object:
    """Keep the least seconds that some work took, by the clock and of CPU, scaled up from a share of it."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    result = work()
    for key, value in ((name, time.perf_counter() - wall), (f"{name} cpu", _cpu_seconds() - cpu)):
        best[key] = min(best.get(key, float("inf")), value * share)
    return result


def _cpu_seconds() -> float:
    """Of this process and its workers."""
    here = psutil.Process()
    ended = sum(here.cpu_times()[2:4])  # of workers that have gone
    return ended + sum(sum(process.cpu_times()[:2]) for process in (here, *here.children()))


def gradient_norms(quick: bool) -> list[str]:
    """Norms of the gradients of 2,000 single examples against a loop of backwards, of an MLP and of a transformer."""
    images, text = datasets.load("glyphs"), datasets.load("python_source", context=32)
    lines = []
    for model, data, count in (
        (models.build("mlp"), images, 2000),
        (models.build("transformer", width=16, depth=2), text, 100 if quick else 2000),
    ):
        ends = model.check(data)
        start, loss = model.initialise(data, [0]), model.loss(ends)
        inputs = torch.tensor(data.inputs[:count])[None]
        inputs = inputs if inputs.is_floating_point() else inputs.long()
        targets = torch.tensor(data.targets[:count].astype(np.int64))[None]
        ours, norms = timed(lambda: training.gradient_norms(model, start, inputs, targets, loss), 3, quick)  # noqa: B023
        leaves = {name: value.requires_grad_() for name, value in start.items()}
        some = min(count, 200)

        def loop() -> list[float]:
            found = []
            for example in range(some):  # noqa: B023
                part = slice(example, example + 1)
                values = model.losses(leaves, inputs[:, part], targets[:, part], loss)  # noqa: B023
                gradients = torch.autograd.grad(values.sum(), list(leaves.values()))  # noqa: B023
                found.append(float(torch.sqrt(sum(gradient.square().sum() for gradient in gradients))))
            return found

        theirs, wanted = timed(loop, 2, quick)
        gap = float(np.abs(norms[0, :some].numpy() - wanted).max())
        name = f"gradient norms of {count} examples, {model.name}"
        least = 50 if model.name == "mlp" else None
        lines.append(line(name, ours, theirs * count / some, least=least, gap=gap, rate=60 / ours))
    return lines


def peak(quick: bool) -> float:
    """GFLOP/s of a large matrix product at the better number of threads."""
    a = torch.randn(1024, 1024)
    seconds, _ = timed(lambda: a @ a, 10, quick)
    return 2 * 1024**3 / seconds / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller work, rougher ratios")
    quick = parser.parse_args().quick
    steps = 50 if quick else 500
    print(f"{'work':<58}{'labkit':>10} {'otherwise':>11} {'ratio':>9}   (gap: largest difference of a loss or error)")
    mlp = [{"seed": seed, "learning_rate": 0.05, "momentum": 0.9} for seed in range(64)]
    for name, model, runs, optimizer, least in (
        ("64 MLPs 64-64-10, SGD with momentum", models.build("mlp"), mlp, "sgd", 8),
        ("64 MLPs 64-64-10, Adam", models.build("mlp"), [{**r, "learning_rate": 1e-3} for r in mlp], "adam", None),
        ("64 MLPs 64-256-10, SGD with momentum", models.build("mlp", width=256), mlp, "sgd", None),
        (
            "512 softmax regressions on subsets of 256",
            models.build("softmax"),
            [{"seed": seed, "learning_rate": 0.1, "examples": 256} for seed in range(512)],
            "sgd",
            30,
        ),
    ):
        title = f"{name}, {steps} steps"
        result = stacked_against_loop(
            title, model, runs, steps=steps, optimizer=optimizer, least=None if quick else least, quick=quick
        )
        print(result, flush=True)
    print(curve_against_sklearn(quick), flush=True)
    for rows in (transformers, gradient_norms):
        print("\n".join(rows(quick)), flush=True)
    data, model = datasets.load("digits"), models.build("mlp")
    seconds, fit = timed(lambda: training.fit_many(model, data, mlp, steps=steps), 3, quick)
    speed, limit = fit.table["flops"].sum() / seconds / 1e9, peak(quick)
    print(f"the 64 MLPs run at {speed:.0f} GFLOP/s, {speed / limit:.0%} of this machine's large products ({limit:.0f})")
    if torch.cuda.is_available():
        many = [{**mlp[0], "seed": seed} for seed in range(4096)]
        training.fit_many(model, data, many[:64], steps=5, device="cuda")
        start = time.perf_counter()
        training.fit_many(model, data, many, steps=steps, device="cuda")
        print(f"on the GPU: {60 * len(many) / (time.perf_counter() - start):,.0f} models/min of the first kind")


if __name__ == "__main__":
    main()
