"""Larger real images from openml.org: MNIST, Fashion-MNIST and CIFAR-10, downloaded once and then kept."""

from __future__ import annotations

import functools
import os
import tempfile
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd

from labkit import places
from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, number, whole
from labkit.datasets.splits import keys, stratified


@dataclass(frozen=True)
class Source:
    """Where one of these comes from, and what is expected there.

    Arguments:
        name: of the dataset.
        data_id: its number on openml.org.
        rows: how many images it has, of which the last ``test`` are the usual test split.
        image_shape: of one image; colours first.
        labels: names of the classes in the order of their numbers.
    """

    name: str
    data_id: int
    rows: int
    test: int
    image_shape: tuple[int, ...]
    labels: tuple[str, ...]


MNIST = Source("mnist", 554, 70_000, 10_000, (28, 28), tuple("0123456789"))
FASHION_MNIST = Source(
    "fashion_mnist",
    40996,
    70_000,
    10_000,
    (28, 28),
    ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
)
CIFAR_10 = Source(
    "cifar_10",
    40927,
    60_000,
    10_000,
    (3, 32, 32),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


def images(
    source: Source,
    *,
    examples: int | None = None,
    validation: int = 5_000,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Images of one source; the first call downloads them.

    Arguments:
        source: which images.
        examples: training images, the first so many in an order that is fixed and shuffled; None is all.
        validation: images held out of those for training, each class giving its share.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        seed: of the flips. The splits do not depend on it.

    Pixels are divided by 255. Downloads are kept where scikit-learn keeps its data, together with a compact copy of
    the pixels that later calls read.

    Raises ``ConnectionError`` when the images are not kept yet and cannot be downloaded, ``ValueError`` when a dial is
    outside its range or what was downloaded is not what is expected.

    >>> from labkit import datasets
    >>> datasets.entry("mnist").options
    {'examples': None, 'validation': 5000, 'label_noise': 0.0, 'seed': 0}
    """
    usable = source.rows - source.test
    whole("validation", validation, most=usable - 1)
    whole("seed", seed)
    number("label_noise", label_noise)
    if examples is not None:
        whole("examples", examples, least=1, most=usable - validation)
    pixels, targets = _read(source)
    key = keys(source.name, usable)
    held = stratified(targets[:usable], np.arange(usable), key, validation)
    train = np.setdiff1d(np.arange(usable), held)
    # Another hash than the one that chose: by that one, classes would enter one after the other.
    order = keys(f"{source.name} order", usable)
    train, held = train[np.argsort(order[train])][:examples], held[np.argsort(order[held])]
    test = np.arange(usable, source.rows)
    labels, flipped = flip_labels(targets[train], label_noise, len(source.labels), seed)
    faults = pd.DataFrame({"label_flipped": flipped, "true_label": targets[train]}) if label_noise else pd.DataFrame()
    return Dataset(
        name=source.name,
        kind="classification",
        inputs=_scaled(pixels[train]),
        targets=labels,
        validation_inputs=_scaled(pixels[held]),
        validation_targets=targets[held],
        test_inputs=_scaled(pixels[test]),
        test_targets=targets[test],
        classes=len(source.labels),
        labels=source.labels,
        image_shape=source.image_shape,
        faults=faults,
        options={"examples": examples, "validation": validation, "label_noise": label_noise, "seed": seed},
    )


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return np.divide(pixels, 255, dtype=np.float32)


def folder() -> Path:
    """Where downloads are kept: ``SCIKIT_LEARN_DATA``, or a folder of this environment.

    >>> folder().is_absolute()
    True
    """
    return Path(os.environ.get("SCIKIT_LEARN_DATA") or places.environment()["SCIKIT_LEARN_DATA"]).absolute()


def _read(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 (n, d) and labels int64 (n,), from the compact copy or else from openml.org."""
    copy = folder() / "labkit" / f"openml-{source.data_id}.npz"
    if copy.is_file():
        with np.load(copy, allow_pickle=False) as kept:
            pixels, targets = kept["pixels"], kept["targets"]
        _check(source, pixels, targets)
        return pixels, targets
    pixels, targets = _fetch(source)
    _check(source, pixels, targets)
    copy.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=copy.parent, suffix=".part", delete=False) as file:
        np.savez(file, pixels=pixels, targets=targets)
    os.replace(file.name, copy)
    return pixels, targets


def _fetch(source: Source) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings():
            # It warns before every new attempt; the error below says it once.
            warnings.filterwarnings("ignore", message="A network error occurred|Invalid cache, redownloading")
            bunch = fetch_openml(
                data_id=source.data_id,
                data_home=str(folder()),
                as_frame=False,
                parser="pandas",
                # Every column is a small number, classes too. Left to itself it makes categories of them, which
                # scikit-learn up to 1.9 cannot read with pandas from 3.1 (scikit-learn issue 34892).
                read_csv_kwargs={"dtype": "float32", "quotechar": "'"},
            )
    except (URLError, HTTPException, TimeoutError, ConnectionError, EOFError) as problem:
        raise ConnectionError(
            f"{source.name} is not on this machine yet and openml.org did not answer ({problem}). Load it once with a "
            f"network, or copy the folder {folder()} from a machine that has it; digits, glyphs and python_source need "
            "no network"
        ) from problem
    pixels = np.asarray(bunch.data)
    if not (pixels.min() >= 0 and pixels.max() <= 255):
        raise ValueError(f"pixels of {source.name} run from {pixels.min()} to {pixels.max()}; expected 0 to 255")
    return pixels.astype(np.uint8), np.asarray(bunch.target).astype(np.int64)


def _check(source: Source, pixels: np.ndarray, targets: np.ndarray) -> None:
    expected = (source.rows, int(np.prod(source.image_shape)))
    if pixels.shape != expected or targets.shape != expected[:1] or np.ptp(targets) >= len(source.labels):
        raise ValueError(
            f"what is kept of {source.name} has pixels {pixels.shape} and {len(np.unique(targets))} classes; expected "
            f"{expected} and {len(source.labels)}. Delete {folder()} and load it again"
        )


def _entry(source: Source, purpose: str) -> Entry:
    return Entry(
        name=source.name,
        kind="classification",
        purpose=purpose,
        build=functools.partial(images, source),
        examples=source.rows - source.test - 5_000,
        needs_network=True,
    )


register(_entry(MNIST, "the usual handwritten digits, to compare with published curves"))
register(_entry(FASHION_MNIST, "clothes: as large as MNIST and harder, with natural label noise"))
register(_entry(CIFAR_10, "small colour photographs, where features matter most"))
