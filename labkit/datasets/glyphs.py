"""Images of letters, as many as wanted, with dials for how hard they are and what is wrong with them."""

from __future__ import annotations

import string

import numpy as np
import pandas as pd

from labkit.datasets.dataset import Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import class_counts, copy_examples, flip_labels, number, whole
from labkit.datasets.typeface import CHARACTERS, FONTS, bend, draw
from labkit.seeds import generator

_ROTATION, _SHEAR, _SCALE, _SHIFT = 0.2, 0.2, 0.12, 0.05


def glyphs(
    *,
    examples: int = 20_000,
    characters: str = string.ascii_lowercase,
    size: int = 12,
    distortion: float = 1.0,
    pixel_noise: float = 0.0,
    label_noise: float = 0.0,
    duplicates: float = 0.0,
    imbalance: float = 1.0,
    validation: int = 2_000,
    test: int = 5_000,
    seed: int = 0,
) -> Dataset:
    """Images of characters in 21 fonts, each bent in its own way.

    Arguments:
        examples: training images.
        characters: one class for each; letters and digits of ASCII. I, l and 1, and O and 0, look alike in some fonts.
        size: pixels along a side, 8 to 32.
        distortion: how strongly images are turned (standard deviation 11 degrees at 1), slanted, stretched and
            shifted; 0 leaves 21 different images per character, 3 is the most.
        pixel_noise: standard deviation of the noise added to pixels, which are then cut to [0, 1]; 0 to 1.
        label_noise: share of the training labels that are flipped to another class.
        duplicates: share of the training examples that are exact copies of others; their labels are flipped apart.
        imbalance: how many times more training examples the first character has than the last; those between fall
            off geometrically. 1 is balanced.
        validation, test: held-out images, which depend on nothing but their number and the characters, size,
            distortion and pixel noise: they are balanced, their labels true, and equal for every ``seed``.
        seed: of the training examples.

    All fonts occur in every split, so the test asks for generalisation to new distortions, not to new fonts.
    With a planted fault, ``faults`` has for each training example ``label_flipped``, ``true_label``, ``duplicate_of``
    (the number of the example it copies, or -1) and ``font``. Counts are exact: ``round(share * examples)``.
    Pixels have 256 levels; what is drawn depends on the versions of the fonts, which the fingerprint shows.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range or a character that is not offered.

    >>> data = glyphs(examples=100, characters="abc", label_noise=0.1, validation=30, test=30)
    >>> data.inputs.shape, int(data.faults["label_flipped"].sum())
    ((100, 144), 10)
    """
    whole("examples", examples, least=1)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("size", size, least=8, most=32)
    whole("seed", seed)
    number("distortion", distortion, most=3)
    number("pixel_noise", pixel_noise, most=1)
    number("imbalance", imbalance, least=1, most=10_000)
    _check_characters(characters)

    def images(labels: np.ndarray, *purpose: object) -> tuple[np.ndarray, np.ndarray]:
        return _images(labels, characters, size, distortion, pixel_noise, purpose)

    classes = len(characters)
    held: dict[str, np.ndarray] = {}
    for split, count in (("validation", validation), ("test", test)):
        labels = _labels(class_counts(count, classes), 0, split)
        held[f"{split}_inputs"], _ = images(labels, 0, split)
        held[f"{split}_targets"] = labels

    labels = _labels(class_counts(examples, classes, imbalance), seed, "train")
    inputs, fonts = images(labels, seed, "train")
    source = copy_examples(examples, duplicates, seed)
    if duplicates:
        inputs, labels, fonts = inputs[source], labels[source], fonts[source]
    targets, flipped = flip_labels(labels, label_noise, classes, seed)
    faults = pd.DataFrame()
    if label_noise or duplicates or imbalance > 1:
        copied = source != np.arange(examples)
        faults = pd.DataFrame(
            {
                "label_flipped": flipped,
                "true_label": labels,
                "duplicate_of": np.where(copied, source, -1),
                "font": np.array(FONTS)[fonts],
            }
        )
    return Dataset(
        name="glyphs",
        kind="classification",
        inputs=inputs,
        targets=targets,
        classes=classes,
        labels=tuple(characters),
        image_shape=(size, size),
        faults=faults,
        options={
            "examples": examples,
            "characters": characters,
            "size": size,
            "distortion": distortion,
            "pixel_noise": pixel_noise,
            "label_noise": label_noise,
            "duplicates": duplicates,
            "imbalance": imbalance,
            "validation": validation,
            "test": test,
            "seed": seed,
        },
        **held,
    )


def _check_characters(characters: str) -> None:
    if not isinstance(characters, str):
        raise TypeError(
            f"characters={characters!r} is a {type(characters).__name__}; expected a string, one class each"
        )
    unknown = sorted(set(characters) - set(CHARACTERS))
    if unknown:
        raise ValueError(f"characters has {', '.join(map(repr, unknown))}; expected letters and digits of ASCII only")
    twice = sorted({c for c in characters if characters.count(c) > 1})
    if twice:
        raise ValueError(f"characters has {', '.join(map(repr, twice))} more than once; each character is one class")
    if len(characters) < 2:
        raise ValueError(f"characters={characters!r} makes {len(characters)} classes; expected at least 2")


def _labels(counts: np.ndarray, seed: int, split: str) -> np.ndarray:
    return generator(seed, "glyphs", split, "labels").permutation(np.repeat(np.arange(len(counts)), counts))


def _images(
    labels: np.ndarray, characters: str, size: int, distortion: float, pixel_noise: float, purpose: tuple[object, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """One image for each label, float32 (n, size * size), and the number of the font it is in."""
    seed, split = purpose
    drawn = draw(characters, size)
    fonts = generator(seed, "glyphs", split, "fonts").integers(len(FONTS), size=len(labels))
    maps = _maps(len(labels), distortion, seed, split)
    images = bend(drawn.reshape(-1, *drawn.shape[2:]), labels * len(FONTS) + fonts, maps, size)
    random = generator(seed, "glyphs", split, "pixels")
    for part in np.array_split(images, len(images) // 4096 + 1):
        if pixel_noise:
            part += np.float32(pixel_noise) * random.standard_normal(part.shape, dtype=np.float32)
        # Whole levels, so that machines that round differently in the last place still make the same images.
        part[:] = np.rint(np.clip(part, 0, 1) * 255) / np.float32(255)
    return images, fonts


def _maps(count: int, distortion: float, seed: int, split: str) -> np.ndarray:
    """Affine maps, float32 (count, 2, 3): turn, slant and stretch about the centre, then a shift."""
    turn, slant, high, wide, down, right = generator(seed, "glyphs", split, "maps").standard_normal((count, 6)).T
    turn, slant = distortion * _ROTATION * turn, distortion * _SHEAR * slant
    high, wide = np.exp(distortion * _SCALE * high), np.exp(distortion * _SCALE * wide)
    cos, sin = np.cos(turn), np.sin(turn)
    maps = np.empty((count, 2, 3), dtype=np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = cos * high, -sin * wide
    maps[:, 1, 0], maps[:, 1, 1] = (sin + slant * cos) * high, (cos - slant * sin) * wide
    maps[:, 0, 2], maps[:, 1, 2] = distortion * _SHIFT * down, distortion * _SHIFT * right
    return maps


register(
    Entry(
        name="glyphs",
        kind="classification",
        purpose="unlimited images with known faults: long learning curves, label noise, duplicates, imbalance",
        build=glyphs,
        examples=20_000,
    )
)
