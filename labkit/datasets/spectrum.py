"""Linear regression whose eigenvalues and target fall as power laws, so that its exponent is known."""

from __future__ import annotations

import numpy as np

from labkit.datasets.dataset import SPLITS, Dataset
from labkit.datasets.entries import Entry, register
from labkit.datasets.faults import number, whole
from labkit.seeds import generator


def spectrum(
    *,
    a: float = 1.5,
    b: float = 2.0,
    features: int = 1_024,
    noise: float = 0.0,
    examples: int = 2_048,
    validation: int = 500,
    test: int = 2_000,
    source: int = 0,
    seed: int = 0,
) -> Dataset:
    """Linear regression on independent Gaussian features of variance i ** -a, with a target of power i ** -b.

    Arguments:
        a: how fast the variances fall, above 1 and at most 4.
        b: how fast the target's power falls, above 1 and at most 8: the i-th feature adds c * i ** -b to the
            target's variance.
        features: how many, i = 1 to ``features``. Inputs are scaled to a mean square of 1, the target to variance 1.
        noise: standard deviation of what is added to the training targets; those held out are true.
        examples, validation, test: examples of each split.
        source: of the signs of the weights.
        seed: of the training examples. Weights, validation and test do not depend on it.

    ``truth`` has ``eigenvalues`` (features,), ``weights`` (features,), ``power`` (features,), the share of the target's
    variance in each feature, ``noise_variance``, and the exponents with which the mean squared test error of n
    examples falls where 1 << n << features: ``exponent`` without noise, as the ridge goes to 0, min(b - 1, 2 a);
    ``exponent_noisy`` with noise and the best ridge for each n, s / (1 + s) for that s.
    Nearer to ``features`` the curve falls faster, since nothing is left beyond the last feature.

    Source: Caponnetto and De Vito (2007); Bordelon, Canatar and Pehlevan (2020); Cui, Loureiro, Krzakala and
    Zdeborova (2021). In their terms the source r has b = 1 + 2 a r.

    Raises ``ValueError`` or ``TypeError`` for a dial outside its range.

    >>> data = spectrum(a=1.5, b=2.0, features=64, examples=100)
    >>> data.truth["exponent"], data.truth["exponent_noisy"], data.inputs.shape
    (1.0, 0.5, (100, 64))
    """
    options = dict(locals())
    for name, value, most in (("a", a, 4), ("b", b, 8)):
        if number(name, value, most=most) <= 1:
            raise ValueError(f"{name}={value!r} makes a sum that does not converge; expected above 1, at most {most}")
    number("noise", noise, most=100)
    whole("features", features, least=2, most=20_000)
    whole("examples", examples, least=1)
    whole("validation", validation)
    whole("test", test, least=1)
    whole("source", source)
    whole("seed", seed)
    place = np.arange(1, features + 1, dtype=np.float64)
    eigenvalues, power = place**-a, place**-b
    eigenvalues *= features / eigenvalues.sum()
    power /= power.sum()
    signs = generator(source, "spectrum", "signs").choice([-1.0, 1.0], size=features)
    # In units of the features' spread: the weight of feature i is this over the root of its eigenvalue.
    pull = signs * np.sqrt(power)
    arrays: dict[str, np.ndarray] = {}
    for split in SPLITS:
        prefix = "" if split == "train" else f"{split}_"
        random = generator(seed if split == "train" else 0, "spectrum", "examples", split)
        normal = random.standard_normal((options["examples" if split == "train" else split], features))
        arrays[f"{prefix}inputs"] = (normal * np.sqrt(eigenvalues)).astype(np.float32)
        targets = normal @ pull
        if split == "train":
            targets += noise * generator(seed, "spectrum", "noise").standard_normal(examples)
        arrays[f"{prefix}targets"] = targets.astype(np.float32)
    exponent = min(b - 1.0, 2.0 * a)
    truth = {
        "exponent": exponent,
        "exponent_noisy": exponent / (1 + exponent),
        "noise_variance": float(noise) ** 2,
        "eigenvalues": eigenvalues,
        "weights": pull / np.sqrt(eigenvalues),
        "power": power,
    }
    return Dataset(name="spectrum", kind="regression", truth=truth, options=options, **arrays)


register(
    Entry(
        name="spectrum",
        kind="regression",
        purpose="regression whose learning curve has an exponent known in closed form: to hold trainers and fits to",
        build=spectrum,
        examples=2_048,
    )
)
