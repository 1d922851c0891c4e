"""The convolutional network is the one that torch's own convolutions make."""

import pytest
import torch
import torch.nn.functional as F

from labkit import datasets, models, training
from labkit.models import ConvNet, Ports


@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (6, 6, 3)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_outputs_are_those_of_torch_convolutions(shape, depth):
    side, channels = shape[0], shape[2] if len(shape) == 3 else 1
    model, ends = ConvNet(width=3, depth=depth), Ports("classification", side * side * channels, 5, shape)
    start = model.initialise(ends, [0, 1])
    start = {name: value + 0.01 for name, value in start.items()}
    inputs = torch.randn(2, 4, ends.inputs, generator=torch.Generator().manual_seed(0))
    found = model.forward(start, inputs)
    for run in range(2):
        x = inputs[run].view(4, side, side, channels).permute(0, 3, 1, 2)
        for layer in range(depth):
            weight = start[f"weight_{layer}"][run].view(-1, x.shape[1], 3, 3)
            x = F.conv2d(x, weight, start[f"bias_{layer}"][run, :, 0], stride=1 + (layer > 0), padding=1).relu()
        logits = F.linear(x.flatten(1), start[f"weight_{depth}"][run], start[f"bias_{depth}"][run, :, 0])
        torch.testing.assert_close(found[run], logits, rtol=1e-4, atol=1e-5)


def test_counts_are_those_by_hand():
    model, ends = ConvNet(width=4, depth=2), Ports("classification", 64, 10, (8, 8))
    assert model.parameter_count(ends) == (9 * 4 + 4) + (36 * 8 + 8) + (8 * 16 * 10 + 10)
    assert model.flops_per_example(ends, training=False) == 2 * (64 * 36 + 16 * 36 * 8 + 1280)


def test_it_beats_the_linear_model_on_digits():
    digits = datasets.load("digits")
    options = {"steps": 150, "record": ["gradient_norm"], "record_examples": range(5), "record_at": [0]}
    nets = training.fit_many("convnet", digits, [{"seed": 0, "momentum": 0.9, "learning_rate": 0.03}], **options)
    linear = training.fit_many("softmax", digits, [{"seed": 0}], steps=150)
    assert nets.table["test_error"][0] < linear.table["test_error"][0]
    assert (nets.dynamics["gradient_norm"] > 0).all()


@pytest.mark.parametrize("shape", [None, (4, 16)])
def test_data_without_square_images_is_refused(shape):
    with pytest.raises(ValueError, match="takes square images"):
        models.build("convnet").parameter_count(Ports("classification", 64, 10, shape))
