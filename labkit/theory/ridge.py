"""Ridge and kernel regression solved by its spectrum: the learning curve, and its exponent for power laws.

The features are uncorrelated along the eigenvectors of their covariance (for a kernel: its eigenfunctions), with
variances ``eigenvalues``. The target is a linear function of them plus noise, and ``target`` says how much of its
variance lies along each. Ridge regression minimises the sum of squared residuals plus ``ridge`` times the squared
length of the weights, which is ``alpha`` in scikit-learn's Ridge and KernelRidge.

What is printed is the deterministic equivalent for Gaussian features (Bordelon, Canatar and Pehlevan 2020; Hastie et
al. 2022; Simon et al. 2023): exact as examples and modes grow together, within a few percent from some twenty on.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from labkit.registry import nearest
from labkit.seeds import generator
from labkit.theory.arguments import broadcast, count, numbers

_NEWTON_STEPS = 500
_SECTIONS = 80
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
_AT_ONCE = 2**20
"""Examples times modes looked at in one batch."""


def power_law(modes: int, decay: float) -> np.ndarray:
    """The (modes,) spectrum 1, 2^-decay, 3^-decay, …

    >>> power_law(4, 2.0)
    array([1.        , 0.25      , 0.11111111, 0.0625    ])
    """
    count("modes", modes)
    decay = float(numbers("decay", decay))
    return np.arange(1.0, modes + 1.0) ** -decay


def exponent(
    spectrum_decay: float,
    target_decay: float,
    *,
    noise: bool = False,
    ridge: Literal["none", "fixed", "optimal"] = "none",
) -> float:
    """The exponent of the excess test error's fall with examples, for power-law spectra of many modes.

    Arguments:
        spectrum_decay: a in eigenvalues i^-a, above 1.
        target_decay: b in target variances i^-b, above 1.
        noise: whether the targets are noisy.
        ridge: "none"; "fixed", the same penalty whatever the number of examples; or "optimal", the best at each.

    With B = min(b - 1, 2a): noise-free B without ridge or with the best, B / a with a fixed one; noisy 0 without
    ridge, min(B / a, 1 - 1 / a) with a fixed one, B / (1 + B) with the best. At b - 1 = 2a a logarithm comes on top.

    Raises ``ValueError`` for decays of 1 or less, whose variances have no finite sum.

    Source: Caponnetto and De Vito (2007) for the best ridge, Cui et al. (2021) for the regimes.

    >>> exponent(1.5, 2.0), exponent(1.5, 2.0, noise=True, ridge="optimal")
    (1.0, 0.5)
    """
    a = float(numbers("spectrum_decay", spectrum_decay, 1.0, open_low=True))
    b = float(numbers("target_decay", target_decay, 1.0, open_low=True))
    if ridge not in ("none", "fixed", "optimal"):
        raise ValueError(f"unknown ridge {ridge!r}: {nearest(ridge, ('none', 'fixed', 'optimal'))}")
    bias = min(b - 1.0, 2.0 * a)
    if ridge == "fixed":
        return min(bias / a, 1.0 - 1.0 / a) if noise else bias / a
    if not noise:
        return bias
    return bias / (1.0 + bias) if ridge == "optimal" else 0.0


def test_error(
    examples: Any,
    eigenvalues: Any,
    target: Any,
    noise: Any = 0.0,  # noqa: PT028
    ridge: Any = 0.0,  # noqa: PT028
) -> np.ndarray | float:
    """The excess mean squared test error of ridge regression, averaged over training sets.

    Arguments:
        examples: numbers of training examples, above 0.
        eigenvalues: (modes,) variances of the features along their eigenvectors, above 0.
        target: (modes,) variance of the noise-free target along each.
        noise: variance of the noise in the training targets; the error does not include it.
        ridge: penalty on the squared weights beside the sum of squares; 0 is the least-norm interpolant; "optimal" is
            the penalty with the least error for each number of examples.

    ``examples``, ``noise`` and ``ridge`` broadcast, and the error has their common shape. It is infinite where the
    noise is interpolated at as many examples as modes without a ridge.

    Raises ``ValueError`` for numbers out of range and shapes that do not fit, ``TypeError`` for what is no number.

    >>> spectrum, target = power_law(10_000, 1.5), power_law(10_000, 2.0)
    >>> errors = test_error([100, 200, 400], spectrum, target)
    >>> np.log2(errors[:-1] / errors[1:]).round(2)
    array([1.0..., 1.0...])
    """
    n, spectrum, power, noise, penalty = _setting(examples, eigenvalues, target, noise, ridge)
    flat = np.empty(n.size)
    columns = [x.ravel() for x in (n, noise)]
    penalties = None if penalty is None else penalty.ravel()
    batch = max(1, _AT_ONCE // len(spectrum))
    for start in range(0, n.size, batch):
        rows = slice(start, start + batch)
        n_, noise_ = (column[rows] for column in columns)
        if penalties is None:
            flat[rows] = _least(n_, spectrum, power, noise_)
        else:
            flat[rows] = _excess(_implicit_ridge(n_, spectrum, penalties[rows]), n_, spectrum, power, noise_)
    return flat.reshape(n.shape)[()]


test_error.__test__ = False  # type: ignore[attr-defined]  # no test for pytest to collect


def simulate(
    examples: int,
    eigenvalues: Any,
    target: Any,
    noise: float = 0.0,
    ridge: float = 0.0,
    repeats: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """Excess test errors of ridge regressions on Gaussian features that were drawn at random.

    Arguments:
        examples: training examples of each regression, at least 1.
        eigenvalues, target, noise, ridge: one setting of ``test_error``, the ridge a number.
        repeats: how many training sets are drawn.
        seed: each repeat has its own stream; the same seed and examples draw alike whatever the noise and the ridge.

    Returns the (repeats,) errors, exact given the training set.

    Raises as ``test_error`` does.

    >>> spectrum = power_law(200, 1.5)
    >>> errors = simulate(50, spectrum, spectrum, repeats=40)
    >>> bool(abs(errors.mean() / test_error(50, spectrum, spectrum) - 1) < 0.1)
    True
    """
    count("examples", examples)
    n, spectrum, power, noise_, penalty = _setting(examples, eigenvalues, target, noise, ridge)
    if penalty is None or n.ndim:
        raise ValueError("a simulation is for one number each of examples, noise and ridge")
    scale = np.sqrt(spectrum)
    teacher = np.sqrt(power / spectrum)
    errors = np.empty(count("repeats", repeats))
    for repeat in range(repeats):
        rng = generator(seed, "ridge", examples, repeat)
        x = rng.standard_normal((examples, len(spectrum))) * scale
        y = x @ teacher + np.sqrt(float(noise_)) * rng.standard_normal(examples)
        errors[repeat] = np.sum(spectrum * (_weights(x, y, float(penalty)) - teacher) ** 2)
    return errors


def _weights(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    if ridge == 0.0:
        return np.linalg.lstsq(x, y, rcond=None)[0]
    if len(x) < x.shape[1]:
        return x.T @ np.linalg.solve(x @ x.T + ridge * np.eye(len(x)), y)
    return np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


def _setting(examples, eigenvalues, target, noise, ridge):
    """The arguments as arrays; the penalty is None where the best is asked for."""
    spectrum = numbers("eigenvalues", eigenvalues, 0.0, open_low=True)
    power = numbers("target", target, 0.0)
    if spectrum.ndim != 1 or spectrum.shape != power.shape or not spectrum.size:
        raise ValueError(
            f"eigenvalues have the shape {spectrum.shape} and target {power.shape}; expected the same (modes,)"
        )
    n = numbers("examples", examples, 0.0, open_low=True)
    noise = numbers("noise", noise, 0.0)
    if isinstance(ridge, str):
        if ridge != "optimal":
            raise ValueError(f"ridge is {ridge!r}; expected numbers from 0 up, or 'optimal'")
        n, noise = broadcast(examples=n, noise=noise)
        return n, spectrum, power, noise, None
    n, noise, penalty = broadcast(examples=n, noise=noise, ridge=numbers("ridge", ridge, 0.0))
    return n, spectrum, power, noise, penalty


def _implicit_ridge(n: np.ndarray, spectrum: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """k with k n - sum(k l / (l + k)) = penalty: below it, eigenvalues are not learned.

    The left side is convex in k, so Newton's method from its right end falls onto the root without overshooting.
    """
    k = (penalty + spectrum.sum()) / n
    interpolated = (penalty == 0.0) & (n >= len(spectrum))
    k[interpolated] = 0.0
    open_ = np.flatnonzero(~interpolated)
    for _ in range(_NEWTON_STEPS):
        if not len(open_):
            return k
        at = k[open_, None]
        share = spectrum / (spectrum + at)
        value = k[open_] * (n[open_] - share.sum(axis=1)) - penalty[open_]
        step = value / (n[open_] - np.sum(share**2, axis=1))
        k[open_] -= np.maximum(step, 0.0)
        open_ = open_[step > 1e-13 * k[open_]]
    raise RuntimeError(f"no implicit ridge was found for examples={n[open_[0]]:g}, ridge={penalty[open_[0]]:g}")


def _excess(k, n, spectrum, power, noise) -> np.ndarray:
    share = spectrum / (spectrum + k[:, None])
    bias = np.sum(power * (1.0 - share) ** 2, axis=1)
    variance = np.sum(share**2, axis=1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (bias + noise * variance) / (1.0 - variance)
    # Without a ridge and noise, as many examples as modes leave nothing to be wrong about.
    return np.where((bias == 0.0) & (noise == 0.0), 0.0, np.where(variance < 1.0, error, np.inf))


def _least(n, spectrum, power, noise) -> np.ndarray:
    """The error at the best ridge, by golden sections over the logarithm of the implicit one."""
    smallest = _implicit_ridge(n, spectrum, np.zeros_like(n))
    floor = np.maximum(smallest, 1e-9 * spectrum.min())
    low, high = np.log(floor), np.log(1e6 * spectrum.max() * np.maximum(1.0, len(spectrum) / n))

    def error(place: np.ndarray) -> np.ndarray:
        return _excess(np.exp(place), n, spectrum, power, noise)

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = error(left), error(right)
    for _ in range(_SECTIONS):
        down = at_left < at_right
        low, high = np.where(down, low, left), np.where(down, right, high)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_left, at_right = error(left), error(right)
    # The least ridge of all may be best, which sections only approach.
    return np.minimum(np.minimum(at_left, at_right), _excess(smallest, n, spectrum, power, noise))
