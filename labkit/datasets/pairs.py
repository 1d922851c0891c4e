"""Two views of the same thing, some of which do not belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import number, whole
from labkit.datasets.levels import levelled
from labkit.seeds import generator


def pairs(
    *,
    width: int = 32,
    dimension: int = 8,
    topics: int = 16,
    spread: float = 1.0,
    noise: float = 0.5,
    mismatch: float = 0.0,
    examples: int = 8_192,
    validation: int = 1_000,
    test: int = 4_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Pairs of views, side by side: two linear pictures of one hidden vector, each with noise of its own.

    Arguments:
        width: features of one view; inputs have the first view, then the second.
        dimension: of the hidden vector, at most ``width``.
        topics: clusters of hidden vectors; the topic of the first view is the target.
        spread: standard deviation of hidden vectors about the centre of their topic, to that of the centres, 0 to 10.
        noise: standard deviation of the noise in a view's features, to that of the picture, 0 to 10.
        mismatch: share of the training pairs whose second view belongs to another pair; ``faults`` says which.
        examples, validation, test: pairs of each split. Held-out pairs always belong together.
        source: which pictures and topics.
        seed: of the training pairs. Pictures, topics, validation and test do not depend on it.

    ``faults``, where there are mismatches, has for each training example ``mismatched`` and ``partner``, the number of
    the example whose second view it shows (its own where they match). Exactly ``round(mismatch * examples)`` are
    mismatched, and every second view is still shown once, unless there is a single mismatch.
    ``truth`` has ``view_width``; ``maps`` (2, dimension, width), the pictures; ``centres`` (topics, dimension); and
    ``latent`` (n, dimension), ``validation_latent``, ``test_latent``, the hidden vector of the first view.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = pairs(width=16, examples=100, mismatch=0.25)
    >>> data.inputs.shape, int(data.faults["mismatched"].sum())
    ((100, 32), 25)
    """
    options = dict(locals())
    whole("width", width, least=1, most=10_000)
    whole("dimension", dimension, least=1, most=width)
    whole("topics", topics, least=2, most=1000)
    number("spread", spread, most=10)
    number("noise", noise, most=10)
    number("mismatch", mismatch)
    whole("examples", examples, least=2)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("source", source)
    whole("seed", seed)
    random = generator(source, "pairs", "pictures", width, dimension, topics)
    maps = np.stack([np.linalg.qr(random.standard_normal((width, dimension)))[0].T for _ in range(2)])
    # Hidden vectors of variance 1 altogether; pictures and noise of mean square 1 altogether.
    centres = random.standard_normal((topics, dimension)) / np.sqrt(1 + spread**2)
    within = spread / np.sqrt(1 + spread**2)
    picture, added = np.sqrt(width / dimension) / np.sqrt(1 + noise**2), noise / np.sqrt(1 + noise**2)
    arrays: dict[str, np.ndarray] = {}
    truth: dict[str, object] = {"view_width": width, "maps": maps, "centres": centres}
    faults = pd.DataFrame()
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        count = options["examples" if split == "train" else split]
        random = generator(seed if split == "train" else 0, "pairs", "examples", split)
        topic = random.integers(topics, size=count)
        hidden = centres[topic] + within * random.standard_normal((count, dimension))
        one, two = (picture * hidden @ view + added * random.standard_normal((count, width)) for view in maps)
        if split == "train" and mismatch:
            partner = _partners(count, mismatch, seed)
            two = two[partner]
            faults = pd.DataFrame({"mismatched": partner != np.arange(count), "partner": partner})
        arrays[f"{prefix}inputs"] = levelled(np.concatenate([one, two], axis=1))
        arrays[f"{prefix}targets"] = topic
        truth[f"{prefix}latent"] = hidden.astype(np.float32)
    return Dataset(
        name="pairs", kind="classification", classes=topics, faults=faults, truth=truth, options=options, **arrays
    )


def _partners(count: int, share: float, seed: int) -> np.ndarray:
    """Whose second view each example shows, int (count,): mismatched ones pass theirs on in a ring."""
    order = generator(seed, "pairs", "mismatch").permutation(count)
    chosen = order[: round(share * count)]
    partner = np.arange(count)
    partner[chosen] = np.roll(chosen, 1) if len(chosen) > 1 else order[1 : 1 + len(chosen)]
    return partner


register(
    Entry(
        name="pairs",
        kind="classification",
        purpose="two-view pairs with a share of mismatches: contrastive learning and the filtering of pairs",
        build=pairs,
        examples=8_192,
    )
)
