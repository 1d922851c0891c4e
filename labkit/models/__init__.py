"""Tiny trainable models from one size dial, with exact parameter and FLOP counts."""

from labkit.models.chain import Chain
from labkit.models.context import ContextMLP
from labkit.models.convnet import ConvNet
from labkit.models.encdec import EncoderDecoder
from labkit.models.entries import available, build, register
from labkit.models.features import RandomFeatures
from labkit.models.linear import Softmax
from labkit.models.losses import CrossEntropy, Loss, Squared
from labkit.models.mlp import MLP
from labkit.models.model import Model
from labkit.models.module import Module
from labkit.models.ngram import NGram
from labkit.models.ports import Ports, ports
from labkit.models.transformer import Transformer
from labkit.models.twotower import TwoTower

__all__ = [
    "MLP",
    "Chain",
    "ContextMLP",
    "ConvNet",
    "CrossEntropy",
    "EncoderDecoder",
    "Loss",
    "Model",
    "Module",
    "NGram",
    "Ports",
    "RandomFeatures",
    "Softmax",
    "Squared",
    "Transformer",
    "TwoTower",
    "available",
    "build",
    "ports",
    "register",
]
