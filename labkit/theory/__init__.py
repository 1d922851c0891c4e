"""Exact results to hold experiments to: the pruned perceptron, ridge regression by spectrum, the noisy quadratic.

>>> from labkit import theory
>>> round(float(theory.perceptron.test_error(10.0, 0.5, keep="hardest")), 4)
0.0492
"""

from labkit.theory import perceptron, quadratic, ridge

__all__ = ["perceptron", "quadratic", "ridge"]
