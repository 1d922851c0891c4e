"""The encoder-decoder is the one that plain torch makes: it reads both ways, writes one way, and counts its halves."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.datasets import Dataset
from labkit.models import EncoderDecoder, Ports
from labkit.models.contract import check
from labkit.registry import UnknownName

ENDS = Ports("text", inputs=9, outputs=13)
UNEVEN = EncoderDecoder(encoder_width=16, decoder_width=32, encoder_depth=2, decoder_depth=2, source=4)
KINDS = [EncoderDecoder(width=24), UNEVEN, EncoderDecoder(width=16, source=9), EncoderDecoder(width=16, source=1)]


def norm(x):
    return F.rms_norm(x, x.shape[-1:], eps=1e-5)


def attend(queries, keys, values, causal=False):
    heads = max(1, queries.shape[-1] // 16)
    split = (each.unflatten(2, (heads, -1)).transpose(1, 2) for each in (queries, keys, values))
    return F.scaled_dot_product_attention(*split, is_causal=causal).transpose(1, 2).flatten(2)


def part(weights, half, block):
    """The matrices of one block by the name of what they do."""
    names = {name: name.split("_") for name in weights if name.startswith(half)}
    return {words[1]: weights[name] for name, words in names.items() if words[2:] == [str(block)]}


def plain(model, weights, ids):
    """Logits (batch, places, vocabulary) of one model, as one writes it in torch."""
    read = len(weights["encoder_position"])
    x = weights["encoder_embedding"][ids[:, :read]] + weights["encoder_position"]
    for block in range(model.blocks[0]):
        of = {
            name[8:-2]: value
            for name, value in weights.items()
            if name.startswith("encoder") and name[-1] == f"{block}"
        }
        q, k, v = (norm(x) @ of["attend"].T).chunk(3, 2)
        x = x + attend(q, k, v) @ of["gather"].T
        x = x + F.relu(norm(x) @ of["up"].T) @ of["down"].T
    memory = norm(x)
    y = weights["decoder_embedding"][ids[:, read - 1 :]] + weights["decoder_position"]
    for block in range(model.blocks[1]):
        of = {
            name[8:-2]: value
            for name, value in weights.items()
            if name.startswith("decoder") and name[-1] == f"{block}"
        }
        q, k, v = (norm(y) @ of["attend"].T).chunk(3, 2)
        y = y + attend(q, k, v, causal=True) @ of["gather"].T
        k, v = (memory @ of["answer"].T).chunk(2, 2)
        y = y + attend(norm(y) @ of["ask"].T, k, v) @ of["take"].T
        y = y + F.relu(norm(y) @ of["up"].T) @ of["down"].T
    return norm(y) @ weights["unembedding"].T


def ids(runs, batch, seed=0):
    return torch.randint(13, (runs, batch, 9), generator=torch.Generator().manual_seed(seed))


def test_halves_of_several_sizes_keep_the_contract():
    check(EncoderDecoder(encoder_width=8, decoder_width=16, source=5))


@pytest.mark.parametrize("model", KINDS, ids=repr)
def test_answers_are_those_of_plain_torch(model):
    start, windows = model.initialise(ENDS, [0, 1]), ids(2, 4)
    targets = windows[:, :, 0]
    outputs, wanted = model.outcomes(start, windows, targets)
    read = model.read(9)
    assert outputs.shape[1] == 4 * model.predictions(ENDS) == 4 * (10 - read)
    for run in range(2):
        logits = plain(model, {name: value[run] for name, value in start.items()}, windows[run])
        torch.testing.assert_close(outputs[run].view(4, 10 - read, 13), logits, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.forward(start, windows)[run], logits[:, -1], rtol=1e-4, atol=1e-5)
        assert torch.equal(wanted[run].view(4, -1), torch.cat([windows[run, :, read:], targets[run][:, None]], 1))


def test_the_source_is_read_both_ways_and_the_rest_one_way():
    start, windows = UNEVEN.initialise(ENDS, [0]), ids(1, 1)
    before = UNEVEN.outcomes(start, windows, windows[..., 0])[0][0]
    for place in range(9):
        changed = windows.clone()
        changed[..., place] = (changed[..., place] + 1) % 13
        moved = (UNEVEN.outcomes(start, changed, windows[..., 0])[0][0] - before).abs().amax(1) > 1e-6
        # Place 0 of the decoder follows the source's last id, 3, and place k follows id 3 + k.
        assert moved.tolist() == [place <= 3 + k for k in range(6)]


def test_a_run_alone_and_among_others_agree():
    data = datasets.load("arithmetic", digits=1, examples=2000, validation=100, test=200)
    runs = [
        {"seed": seed, "width": 16, "encoder_depth": depth, "learning_rate": 2e-3, "batch_size": size}
        for seed, (depth, size) in enumerate([(1, 8), (2, 8), (1, 5)])
    ]
    together = training.fit_many("encoder_decoder", data, runs, steps=12, optimizer="adam")
    for row, run in enumerate(runs):
        alone = training.fit_many("encoder_decoder", data, [run], steps=12, optimizer="adam")
        found, wanted = together.predict(data.test_inputs)[row], alone.predict(data.test_inputs)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def mirrored(lines, seed):
    """Lines of three digits, the same three backwards, and an end."""
    digits = np.random.default_rng(seed).integers(10, size=(lines, 3))
    return np.concatenate([digits, digits[:, ::-1], np.full((lines, 1), 10)], 1).astype(np.uint8).ravel()


def test_it_learns_to_write_backwards_what_it_has_read():
    parts = {}
    for seed, (prefix, lines) in enumerate({"": 600, "validation_": 2, "test_": 100}.items()):
        line = mirrored(lines, seed)
        parts[f"{prefix}inputs"] = np.lib.stride_tricks.sliding_window_view(line[:-1], 5)
        parts[f"{prefix}targets"] = line[5:]
    text = Dataset(name="mirror", kind="text", vocabulary=11, context=5, **parts)
    begins = {split: np.arange(0, len(text.split(split)[0]), 7) for split in ("train", "test")}
    runs = [{"seed": seed, "learning_rate": 5e-3, "indices": begins["train"]} for seed in range(2)]
    fit = training.fit_many(EncoderDecoder(width=32, source=3), text, runs, steps=400, optimizer="adam")
    guesses = fit.predict(text.test_inputs[begins["test"]]).argmax(2)
    wrong = (guesses != text.test_targets[begins["test"]]).mean(1)
    assert (wrong < 0.1).all(), wrong
    assert (fit.table["train_loss"] < 0.2).all()


def test_counts_of_the_halves_are_those_by_hand_and_add_up():
    counts = UNEVEN.counts(ENDS)
    assert counts["encoder"] == 2 * 12 * 16**2
    assert counts["decoder"] == 2 * (14 * 32**2 + 2 * 32 * 16)
    assert counts["embeddings"] == (13 + 4) * 16 + (13 + 6) * 32 + 13 * 32
    assert sum(counts.values()) == UNEVEN.parameter_count(ENDS)
    assert counts["encoder"] + counts["decoder"] == UNEVEN.parameter_count(ENDS, embeddings=False)


def test_sizes_follow_from_the_width():
    assert {width: EncoderDecoder(width=width).blocks for width in (16, 64, 128)} == {
        16: (1, 1),
        64: (2, 2),
        128: (4, 4),
    }
    assert EncoderDecoder(width=64, decoder_width=32, encoder_depth=3).blocks == (3, 1)


def test_gradient_norms_are_those_of_a_loop_of_backwards():
    model = EncoderDecoder(width=8)
    parameters, windows = model.initialise(ENDS, [0]), ids(1, 2)
    targets, loss = windows[:, :, 1], model.loss(ENDS)
    found = training.gradient_norms(model, parameters, windows, targets, loss)
    for place in range(2):
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        model.losses(leaves, windows[:, place : place + 1], targets[:, place : place + 1], loss).sum().backward()
        wanted = sum(leaf.grad.square().sum() for leaf in leaves.values()).sqrt()
        assert float(found[0, place]) == pytest.approx(float(wanted), rel=1e-4)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="source=10 is more than a window holds; this data has 9 ids"):
        EncoderDecoder(source=10).parameter_count(ENDS)
    with pytest.raises(ValueError, match="decoder_depth=0 is too small"):
        models.build("encoder_decoder", decoder_depth=0)
    with pytest.raises(UnknownName, match="did you mean 'encoder_depth'"):
        models.build("encoder_decoder", encoder_dept=2)
    with pytest.raises(ValueError, match="takes text data"):
        EncoderDecoder().parameter_count(datasets.load("digits"))
