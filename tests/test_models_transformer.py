"""The transformer is the one that plain torch modules make, learns from every position, and never looks ahead."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import training
from labkit.datasets import Dataset
from labkit.models import Ports, Transformer
from labkit.models.contract import check
from labkit.training import evaluate, job, parallel

ENDS = Ports("text", inputs=10, outputs=13)
KINDS = [
    Transformer(width=24, depth=1),
    Transformer(width=32, tied=True),
    Transformer(width=32, depth=1, qk_norm=True),
    Transformer(width=48, depth=1, mup=True),
    Transformer(width=64, depth=1, mup=True, tied=True, qk_norm=True),
]


def line(count, seed=0):
    """Ids in which the next follows from the last, but for one coin in ten."""
    random = np.random.default_rng(seed)
    ids = [1]
    for _ in range(count - 1):
        ids.append((3 * ids[-1] + 1 + (random.random() < 0.1)) % 13)
    return np.array(ids, dtype=np.uint8)


@pytest.fixture(scope="module")
def text():
    parts = {}
    for prefix, ids in zip(("", "validation_", "test_"), np.split(line(6000), [4000, 5000]), strict=True):
        parts[f"{prefix}inputs"] = np.lib.stride_tricks.sliding_window_view(ids[:-1], 10)
        parts[f"{prefix}targets"] = ids[10:]
    return Dataset(name="small text", kind="text", vocabulary=13, context=10, **parts)


def norm(x):
    return F.rms_norm(x, x.shape[-1:], eps=1e-5)


def plain(model, weights, ids):
    """Logits (batch, positions, vocabulary) of one model, as one writes a transformer in torch."""
    hidden = 32 / model.width if model.mup else 1.0
    x = weights["embedding"][ids] + weights["position"].T
    batch, length, width = x.shape
    for block in range(model.blocks):
        mixed = norm(x) @ weights[f"attend_{block}"].T * hidden
        q, k, v = (part.view(batch, length, model.heads, -1).transpose(1, 2) for part in mixed.split(width, 2))
        if model.qk_norm:
            q, k = norm(q), norm(k)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width)
        x = x + found @ weights[f"gather_{block}"].T * hidden
        x = x + F.relu(norm(x) @ weights[f"up_{block}"].T * hidden) @ weights[f"down_{block}"].T * hidden
    if model.tied:
        return norm(x) @ weights["embedding"].T * 0.5 / np.sqrt(32 if model.mup else width) * hidden
    return norm(x) @ weights["unembedding"].T * hidden


@pytest.mark.parametrize("model", [KINDS[1], KINDS[4]], ids=repr)
def test_it_keeps_the_contract(model):
    check(model)


@pytest.mark.parametrize("model", KINDS, ids=repr)
def test_answers_are_those_of_plain_torch(model):
    start = model.initialise(ENDS, [0, 1])
    ids = torch.randint(13, (2, 4, 10), generator=torch.Generator().manual_seed(0))
    targets = ids[:, :, 0]
    outputs, wanted = model.outcomes(start, ids, targets)
    for run in range(2):
        logits = plain(model, {name: value[run] for name, value in start.items()}, ids[run])
        torch.testing.assert_close(outputs[run].view(4, 10, 13), logits, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.forward(start, ids)[run], logits[:, -1], rtol=1e-4, atol=1e-5)
        assert torch.equal(wanted[run].view(4, 10), torch.cat([ids[run, :, 1:], targets[run][:, None]], 1))


@pytest.mark.parametrize("model", KINDS, ids=repr)
def test_the_way_back_is_that_of_autograd(model):
    start = model.initialise(ENDS, [0, 1])
    ids = torch.randint(13, (2, 4, 10), generator=torch.Generator().manual_seed(0))
    arguments = (start, ids, ids[:, :, 3], torch.full((2, 1, 1), 0.25))
    found, wanted = ({name: torch.ones_like(value) for name, value in start.items()} for _ in range(2))
    for kind, into in ((model, found), (super(Transformer, model), wanted)):
        kind.gradient(*arguments, loss=model.loss(ENDS), into=into, beta=0.5, trace=torch.empty(2, 1, 4))
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-5)


def test_no_position_sees_what_comes_after():
    model = Transformer(width=32)
    start = model.initialise(ENDS, [0])
    ids = torch.randint(13, (1, 1, 10), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[..., 6:] = (changed[..., 6:] + 1) % 13
    first, second = (model.outcomes(start, each, each[..., 0])[0][0] for each in (ids, changed))
    torch.testing.assert_close(first[:6], second[:6])
    assert not torch.allclose(first[6:], second[6:])


def test_training_is_the_loop_over_modules(text):
    model, steps, batch = Transformer(width=16, depth=2), 25, 8
    runs = [{"seed": 0, "learning_rate": 3e-3}, {"seed": 1, "learning_rate": 1e-3, "examples": 500}]
    fit = training.fit_many(model, text, runs, steps=steps, batch_size=batch, optimizer="adam")
    for row, run in enumerate(runs):
        leaves = {name: value[0].requires_grad_() for name, value in model.initialise(text, [row]).items()}
        updater = torch.optim.Adam(leaves.values(), lr=run["learning_rate"])
        size = run.get("examples", len(text.inputs))
        places = training.order.Order(size, row).take(steps * batch)
        places = places if "examples" not in run else training.order.subset(len(text.inputs), row, places)
        for chosen in places.reshape(steps, batch):
            ids = torch.tensor(np.c_[text.inputs[chosen], text.targets[chosen]].astype(np.int64))
            loss = F.cross_entropy(plain(model, leaves, ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            updater.zero_grad()
            loss.backward()
            updater.step()
        ids = torch.tensor(text.test_inputs[:200].astype(np.int64))
        with torch.no_grad():
            wanted = plain(model, leaves, ids)[:, -1].numpy()
        np.testing.assert_allclose(fit.predict(text.test_inputs[:200])[row], wanted, atol=2e-3)


def test_it_learns_and_reports_the_mean_over_positions(text):
    runs = [{"seed": seed, "learning_rate": 3e-3} for seed in range(2)]
    fit = training.fit_many("transformer", text, runs, steps=200, optimizer="adam", batch_size=16)
    entropy = -0.1 * np.log(0.1) - 0.9 * np.log(0.9)
    assert fit.table["test_loss"].between(entropy - 0.05, entropy + 0.1).all()
    guesses = fit.predict(text.test_inputs).argmax(2)
    assert (guesses != text.test_targets).mean() < 0.15
    outputs, wanted = fit.parts[0].model.outcomes(
        fit.parts[0].parameters,
        torch.tensor(text.test_inputs[:300].astype(np.int64)).expand(2, -1, -1),
        torch.tensor(text.test_targets[:300].astype(np.int64)).expand(2, -1),
    )
    near = F.cross_entropy(outputs[0], wanted[0])
    assert fit.table["test_loss"][0] == pytest.approx(float(near), rel=0.1)


def test_a_run_alone_and_among_others_agree_on_one_thread_and_on_two(text, monkeypatch):
    runs = [
        {"seed": seed, "width": [16, 24][seed % 2], "learning_rate": 2e-3, "examples": [100, 3990][seed // 2 % 2]}
        for seed in range(6)
    ]
    model = Transformer(depth=1)
    options = {"steps": 12, "batch_size": 8, "optimizer": "adam", "record": ["loss"], "record_examples": [3, 1, 4]}
    together = training.fit_many(model, text, runs, **options)
    monkeypatch.setitem(job._STACK_NUMBERS, "cpu", 1)
    monkeypatch.setattr(evaluate, "_NUMBERS", 100_000)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        apart = training.fit_many(model, text, runs, **options)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert len(apart.parts) == 6
    ids = text.test_inputs[:100]
    np.testing.assert_allclose(apart.predict(ids), together.predict(ids), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(apart.dynamics["loss"], together.dynamics["loss"], rtol=1e-4, atol=1e-5)
    alone = training.fit_many(model, text, [runs[4]], **options)
    np.testing.assert_allclose(alone.predict(ids)[0], together.predict(ids)[4], rtol=1e-4, atol=1e-5)


def test_threads_stop_when_asked_and_tell_of_errors(text, monkeypatch):
    monkeypatch.setitem(job._STACK_NUMBERS, "cpu", 1)
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        with pytest.raises(training.Stopped, match="was stopped after"):
            training.fit_many(
                "transformer", text, [{"seed": s} for s in range(4)], steps=10**6,
                progress=lambda step, steps: seen.append(step), should_stop=lambda: bool(seen) and seen[-1] > 5,
            )  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            training.fit_many("transformer", text, [{}, {}], steps=5, progress=lambda step, steps: 1 // 0)
        stacks = [[SimpleNamespace(steps=1, batch=1, model=None)]] * 2
        work = SimpleNamespace(device="cpu", flops=lambda stack: 1.0, fit=lambda stack, watch: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            parallel.fit_all(work, stacks, training.stop.Watch(1))
    finally:
        torch.set_num_threads(before)


def test_gradient_norms_are_those_of_a_loop_of_backwards():
    model = Transformer(width=8, depth=1)
    parameters = model.initialise(ENDS, [0, 1])
    random = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(13, (2, 3, 10), generator=random), torch.randint(13, (2, 3), generator=random)
    loss = model.loss(ENDS)
    found = training.gradient_norms(model, parameters, ids, targets, loss)
    for run in range(2):
        for place in range(3):
            leaves = {name: value[run : run + 1].clone().requires_grad_() for name, value in parameters.items()}
            each = ids[run, place][None, None], targets[run, place][None, None]
            model.losses(leaves, *each, loss).sum().backward()
            wanted = torch.sqrt(sum(leaf.grad.square().sum() for leaf in leaves.values()))
            assert float(found[run, place]) == pytest.approx(float(wanted), rel=1e-4)


def test_size_follows_from_the_width():
    sizes = {width: (Transformer(width=width).blocks, Transformer(width=width).heads) for width in (8, 16, 40, 64, 256)}
    assert sizes == {8: (2, 1), 16: (2, 1), 40: (2, 2), 64: (2, 4), 256: (8, 16)}
    model = Transformer(width=64, depth=3)
    assert model.parameter_count(ENDS, embeddings=False) == 3 * 12 * 64**2
    assert model.parameter_count(ENDS) == 3 * 12 * 64**2 + 64 * (2 * 13 + 10)


@pytest.mark.parametrize("width", [32, 256])
def test_mup_starts_alike_at_every_width(width):
    start = Transformer(width=width, depth=1, mup=True).initialise(ENDS, [0])
    scale = 32 / width
    assert float(start["attend_0"].std()) * scale == pytest.approx(width**-0.5, rel=0.05)
    assert float(start["unembedding"].std()) == pytest.approx(0.5 / 32**0.5, rel=0.1)


def test_label_noise_is_refused(text):
    with pytest.raises(ValueError, match="no single label"):
        training.fit_many("transformer", text, [{}, {"label_noise": 0.1}], steps=1)
