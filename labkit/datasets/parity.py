"""Many small skills of power-law frequency: each the parity of a few bits, learned one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import flip_labels, number, whole
from labkit.seeds import generator


def parity(
    *,
    skills: int = 64,
    alpha: float = 0.5,
    bits: int = 32,
    subset: int = 3,
    label_noise: float = 0.0,
    examples: int = 20_000,
    validation: int = 2_000,
    test: int = 10_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Two classes: the parity of those ``subset`` bits that belong to the example's skill.

    Arguments:
        skills: how many, 1 to 1,000. The first ``skills`` features are 1 for the example's skill and 0 for others.
        alpha: the k-th skill occurs in proportion to k ** -(1 + alpha); 0 to 5.
        bits: random bits, the other features, -1 or 1; from 16 (fewer would repeat themselves) to 1,000.
        subset: bits whose product decides, 1 to 8: the more, the longer a skill takes to learn.
        label_noise: share of the training labels that are flipped; ``faults`` says which.
        examples, validation, test: examples of each split, all with the same frequencies.
        source: which bits belong to which skill.
        seed: of the training examples. The skills, validation and test do not depend on it.

    ``truth`` has ``skill`` (n,), ``validation_skill`` and ``test_skill``; ``frequencies`` (skills,); ``subsets``
    (skills, subset), the numbers of the bits; and two exponents by which the loss would fall if skills were learned
    whole, in the order of their frequency: ``exponent_params``, alpha, with a size that allows so many skills, and
    ``exponent_examples``, alpha / (1 + alpha), with data where each skill needs equally many examples of it. They
    hold for many skills, before the last one is learned; that a network learns so is a hypothesis.

    Source: Michaud, Liu, Girit and Tegmark (2023); Barak and others (2022) on learning one parity.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = parity(skills=8, examples=100)
    >>> data.inputs.shape, data.truth["subsets"].shape
    ((100, 40), (8, 3))
    """
    options = dict(locals())
    whole("skills", skills, least=1, most=1000)
    number("alpha", alpha, most=5)
    whole("bits", bits, least=16, most=1000)
    whole("subset", subset, least=1, most=8)
    number("label_noise", label_noise)
    whole("examples", examples, least=1)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("source", source)
    whole("seed", seed)
    frequencies = np.arange(1, skills + 1, dtype=np.float64) ** -(1 + alpha)
    frequencies /= frequencies.sum()
    chosen = generator(source, "parity", "subsets", bits)
    subsets = np.array([np.sort(chosen.permutation(bits)[:subset]) for _ in range(skills)])
    arrays: dict[str, np.ndarray] = {}
    truth: dict[str, object] = {
        "exponent_params": float(alpha),
        "exponent_examples": alpha / (1 + alpha),
        "frequencies": frequencies,
        "subsets": subsets,
    }
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        count = options["examples" if split == "train" else split]
        random = generator(seed if split == "train" else 0, "parity", "examples", split)
        skill = random.choice(skills, size=count, p=frequencies)
        inputs = np.zeros((count, skills + bits), dtype=np.float32)
        inputs[np.arange(count), skill] = 1
        inputs[:, skills:] = 2 * random.integers(2, size=(count, bits)) - 1
        product = np.take_along_axis(inputs[:, skills:], subsets[skill], axis=1).prod(axis=1)
        arrays[f"{prefix}inputs"] = inputs
        arrays[f"{prefix}targets"] = (product < 0).astype(np.int64)
        truth[f"{prefix}skill"] = skill
    true = arrays["targets"]
    arrays["targets"], flipped = flip_labels(true, label_noise, 2, seed)
    return Dataset(
        name="parity",
        kind="classification",
        classes=2,
        faults=pd.DataFrame({"label_flipped": flipped, "true_label": true}) if label_noise else pd.DataFrame(),
        truth=truth,
        options=options,
        **arrays,
    )


register(
    Entry(
        name="parity",
        kind="classification",
        purpose="many skills of power-law frequency: smooth curves made of sudden steps, and who learns which when",
        build=parity,
        examples=20_000,
    )
)
