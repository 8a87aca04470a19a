"""Quadrature rules on [0, 1]: pure functions from a number of nodes to nodes and weights."""

import numpy as np

from ..base.errors import InputError

INEXACT = 0.02  # completeness error above which a quadrature is too coarse


def error_of_whole(errors: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Completeness error over all images, relative to their gains' sum.

    Scores are means over images, so an image on which the target gains next to nothing counts for
    as little, however large the error is beside its own gain.

    Args:
        errors: relative to each image's gain, (images, ...).
        gains: L(baseline) - L(target), the same shape.

    Returns:
        The errors' sizes summed, divided by the size of the gains' sum, (...).
    """
    missed = (errors * np.abs(gains)).sum(axis=0)
    return missed / np.maximum(np.abs(gains.sum(axis=0)), 1e-12)


def gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre rule: exact for polynomials up to degree 2 n - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def left(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Left Riemann sum: the released code's rule, with n = 100."""
    return np.arange(n) / n, np.full(n, 1 / n)


def right(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Right Riemann sum."""
    return (np.arange(n) + 1) / n, np.full(n, 1 / n)


def midpoint(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoint rule."""
    return (np.arange(n) + 0.5) / n, np.full(n, 1 / n)


def trapezoid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoid rule with n >= 2 nodes, both ends included."""
    if n < 2:
        raise InputError(f"the trapezoid rule needs at least 2 nodes, found {n}")
    weights = np.full(n, 1 / (n - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, n), weights


RULES = {
    "gauss-legendre": gauss_legendre,
    "left": left,
    "right": right,
    "midpoint": midpoint,
    "trapezoid": trapezoid,
}


def nodes_and_weights(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, each float64 (n,), of a rule in `RULES`; the weights sum to 1."""
    if rule not in RULES:
        raise InputError(f"unknown quadrature rule '{rule}'; known: {', '.join(RULES)}")
    if n < 1:
        raise InputError(f"a quadrature rule needs at least 1 node, found {n}")
    return RULES[rule](n)
