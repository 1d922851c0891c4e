"""Mean squared hinge loss of a linear student on pruned Gaussian inputs, with its gradient and Hessian.

The inputs of one setting live on three axes: z along the probe, n across it in the plane that it spans with the
teacher, g outside that plane. A student w = (r, b, s) has t = r z + b n + s g on them, the teacher is
tau = cos(angle) z + sin(angle) n, and an example is kept by its abs(z). By symmetry

    F(w) = E[(1 - sign(tau) t)_+^2 | kept] = (2 / f) E[(1 - t)_+^2 ; tau > 0, kept].

F depends on w only through the covariances of t with t, tau and z. Each derivative by a covariance moves one
derivative onto two factors of the integrand (Price 1958), which turns the conditions tau > 0 and kept into their
boundaries; all that is left are integrals over t alone, with a bivariate normal probability inside.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import ndtr, owens_t

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_REACH = 9.0
"""Standard deviations after which a normal tail, about 1e-19, is nothing."""
_SPREAD = 6.0
"""Widths of a turn of the integrand beyond which it is flat again."""
_TINY = 1e-300
"""Smaller arguments of Owen's function count as this: dividing by them would overflow."""
_DENSITY = 1.0 / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class Pruning:
    """What was kept, for m settings: each field has the shape (m,)."""

    fraction: np.ndarray
    """The share of the pool that was kept, in (0, 1]."""
    cut: np.ndarray
    """Examples on one side of abs(z) = cut are kept."""
    inside: np.ndarray
    """+1 where abs(z) < cut is kept, -1 where abs(z) > cut is."""
    cosine: np.ndarray
    sine: np.ndarray
    """Of the angle between probe and teacher; the sine is positive."""

    def __getitem__(self, rows: np.ndarray) -> Pruning:
        return Pruning(self.fraction[rows], self.cut[rows], self.inside[rows], self.cosine[rows], self.sine[rows])


@dataclass(frozen=True)
class _Plane:
    """A unit student in one setting per row; every field has the shape (rows, 1)."""

    r: np.ndarray
    b: np.ndarray
    s: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray
    cut: np.ndarray
    inside: np.ndarray
    margin: np.ndarray
    overlap: np.ndarray
    """R, the student along the teacher."""
    across: np.ndarray
    """The student in the plane across the teacher."""
    beside: np.ndarray
    """sqrt(1 - R^2)."""
    off_probe: np.ndarray
    """sqrt(1 - r^2)."""

    @classmethod
    def of(cls, w: np.ndarray, norm: np.ndarray, kept: Pruning) -> _Plane:
        r, b, s = (w / norm[:, None]).T[:, :, None]
        cut, inside, c, sine = (x[:, None] for x in (kept.cut, kept.inside, kept.cosine, kept.sine))
        overlap, across = r * c + b * sine, b * c - r * sine
        # Sums of squares keep the digits that 1 - R^2 loses where R is near one.
        beside, off_probe = np.hypot(across, s), np.hypot(b, s)
        return cls(r, b, s, c, sine, cut, inside, 1.0 / norm[:, None], overlap, across, beside, off_probe)

    def __getitem__(self, rows: np.ndarray) -> _Plane:
        return _Plane(*(field[rows] for field in astuple(self)))


def squared_hinge(w: np.ndarray, kept: Pruning) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F, its gradient and its Hessian by w, for a batch of settings.

    Arguments:
        w: (m, 3), components along z, n and g; the last one positive.
        kept: the settings.

    Returns arrays of shapes (m,), (m, 3) and (m, 3, 3).
    """
    norm = np.sqrt(np.sum(w * w, axis=1))
    plane = _Plane.of(w, norm, kept)
    t, weights, owner = _quadrature(plane)
    panels = plane[owner]
    first_panel = np.searchsorted(owner, np.arange(len(w)))
    scale = 2.0 / kept.fraction

    def integral(values: np.ndarray) -> np.ndarray:
        return scale * np.add.reduceat(np.sum(weights * values, axis=1), first_panel)

    room = panels.margin - t
    density = _phi(t) * _kept_probability(t, panels)
    on_teacher, on_teacher_slope = _teacher_face(t, panels)
    on_cut, on_cut_slope = _cut_faces(t, panels)
    value = integral(room**2 * density)
    by_variance = integral(density)
    first = np.stack([by_variance, -2.0 * integral(room * on_teacher), -2.0 * integral(room * on_cut)], axis=1)

    end = plane.margin
    end_density = _phi(end) * _kept_probability(end, plane)
    end_teacher, end_cut = _teacher_face(end, plane)[0], _cut_faces(end, plane)[0]
    bend = plane.overlap * end_teacher + plane.r * end_cut - end * end_density
    second = np.empty((len(w), 3, 3))
    second[:, 0, 0] = 0.5 * scale * bend[:, 0]
    second[:, 0, 1] = second[:, 1, 0] = -scale * end_teacher[:, 0]
    second[:, 0, 2] = second[:, 2, 0] = -scale * end_cut[:, 0]
    second[:, 1, 1] = 2.0 * integral(on_teacher_slope)
    second[:, 2, 2] = 2.0 * integral(on_cut_slope)
    second[:, 1, 2] = second[:, 2, 1] = 2.0 * scale * _edges(plane)[:, 0]

    # From derivatives by the covariances of t with t, tau and z to those by w.
    jacobian = np.zeros((len(w), 3, 3))
    jacobian[:, 0] = 2.0 * w / norm[:, None]
    jacobian[:, 1, 0], jacobian[:, 1, 1] = kept.cosine, kept.sine
    jacobian[:, 2, 0] = 1.0
    gradient = norm[:, None] * np.einsum("mi,mij->mj", first, jacobian)
    hessian = np.swapaxes(jacobian, 1, 2) @ second @ jacobian
    hessian[:, range(3), range(3)] += 2.0 * by_variance[:, None]
    return norm**2 * value, gradient, hessian


def _phi(x: np.ndarray) -> np.ndarray:
    return _DENSITY * np.exp(-0.5 * x * x)


def _quadrature(p: _Plane) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights (panels, nodes), and the row that each panel belongs to.

    The panels of a row end where its integrands turn: at zero, where t crosses a cut, where the teacher's boundary
    crosses a cut, and a few widths on either side of these.
    """
    lowest = -_REACH * np.where(p.overlap > 0, p.beside, 1.0)
    r, across, b = (np.where(np.abs(x) < 1e-12, 1e-12, x) for x in (p.r, p.across, p.b))
    turns = (
        (p.cut / r, p.off_probe / r),
        (p.cut * p.beside**2 / (p.sine * across), p.s * p.beside / across),
        (p.cut * (p.r - p.cosine * p.off_probe**2 / (p.sine * b)), p.s * p.off_probe / b),
    )
    edges = [lowest, np.zeros_like(lowest), p.margin]
    for at, width in turns:
        around = _SPREAD * np.abs(width)
        for centre in (at, -at):
            sharp = around < p.margin - lowest
            edges += [np.where(sharp, centre + side * around, lowest) for side in (-1.0, 0.0, 1.0)]
    edges = np.sort(np.clip(np.concatenate(edges, axis=1), lowest, p.margin), axis=1)
    half, centre = 0.5 * np.diff(edges, axis=1), 0.5 * (edges[:, 1:] + edges[:, :-1])
    owner, panel = np.nonzero(half > 1e-13 * (p.margin - lowest))
    half, centre = half[owner, panel, None], centre[owner, panel, None]
    return centre + half * _NODES, half * _WEIGHTS, owner


def _kept_probability(t: np.ndarray, p: _Plane) -> np.ndarray:
    """P(tau > 0, kept | t), from bivariate normal probabilities by Owen's T function (Owen 1956)."""
    h = p.overlap * t / p.beside
    h = np.where(np.abs(h) < _TINY, _TINY, h)
    beyond = []
    for edge in (-p.cut, p.cut):
        k = (p.r * t - edge) / p.off_probe
        k = np.where(np.abs(k) < _TINY, _TINY, k)
        # (k - rho h) and (h - rho k) over sqrt(1 - rho^2), written so that nothing cancels as rho nears one.
        k_on_h = -(t * p.across * p.sine + edge * p.beside**2) / (p.sine * p.s * p.beside)
        h_on_k = (t * p.b * p.sine + edge * (p.cosine - p.r * p.overlap)) / (p.sine * p.s * p.off_probe)
        beyond.append(0.5 * ndtr(k) - owens_t(h, k_on_h / h) - owens_t(k, h_on_k / k) - 0.5 * (h * k < 0))
    within = np.maximum(beyond[0] - beyond[1], 0.0)
    return np.where(p.inside > 0, within, np.maximum(ndtr(h) - within, 0.0))


def _teacher_face(t: np.ndarray, p: _Plane) -> tuple[np.ndarray, np.ndarray]:
    """The density of (t, tau = 0, kept), and minus its slope by tau."""
    joint = _DENSITY * _phi(t / p.beside) / p.beside
    spread = p.sine * p.s / p.beside
    mean = -p.sine * p.across * t / p.beside**2
    high, low = (p.cut - mean) / spread, (-p.cut - mean) / spread
    within = ndtr(high) - ndtr(low)
    kept = np.where(p.inside > 0, within, 1.0 - within)
    shift = p.inside * (_phi(low) - _phi(high)) / spread
    drift = (p.cosine - p.r * p.overlap) / p.beside**2
    return joint * kept, -joint * (p.overlap * t / p.beside**2 * kept + drift * shift)


def _cut_faces(t: np.ndarray, p: _Plane) -> tuple[np.ndarray, np.ndarray]:
    """Density of (t, tau > 0) at z = -cut less that at z = cut, and minus the difference of its slopes by z."""
    total, slope = 0.0, 0.0
    steep = (p.cosine / p.sine - p.b * p.r / p.off_probe**2) * p.off_probe / p.s
    for z, side in ((-p.cut, 1.0), (p.cut, -1.0)):
        joint = _phi(z) * _phi((t - p.r * z) / p.off_probe) / p.off_probe
        argument = (p.cosine * z / p.sine + p.b * (t - p.r * z) / p.off_probe**2) * p.off_probe / p.s
        probability = ndtr(argument)
        total = total + side * joint * probability
        slope = slope - side * joint * ((p.r * t - z) / p.off_probe**2 * probability + steep * _phi(argument))
    return p.inside * total, p.inside * slope


def _edges(p: _Plane) -> np.ndarray:
    """Density of (t < margin, tau = 0) at z = -cut less that at z = cut."""
    density = _DENSITY * _phi(p.cut / p.sine) / p.sine
    away = p.across * p.cut / p.sine
    return p.inside * density * (ndtr((p.margin - away) / p.s) - ndtr((p.margin + away) / p.s))
