"""Descriptors in float64, written for clarity: the definition that `screener features` prints and kernels are held to.

Sums run over elements in the order given, one addition at a time, so that a row's value depends neither on the rows
beside it nor on the machine; only the entropy's logarithm may differ in its last place between processors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import PRESENT_FOR_PAIRS, Descriptor, Kind
from screener.descriptors.properties import element_column, pair_matrix, parted

Vector = NDArray[np.float64]


def describe(fractions: NDArray[np.floating], symbols: Sequence[str], descriptors: Sequence[Descriptor]) -> Vector:
    """Compute descriptors in float64.

    Args:
        fractions: atomic fractions, rows sum to 1, shape (b, d).
        symbols: the d element symbols of the columns.
        descriptors: what to compute.

    Returns:
        Values, shape (b, f).

    Raises:
        CompositionError: an element that occurs lacks a property that a descriptor needs.
    """
    c = np.asarray(fractions, dtype=np.float64)
    present = np.flatnonzero(np.any(c > 0, axis=0)).tolist()
    c, symbols = np.ascontiguousarray(c[:, present]), [symbols[i] for i in present]
    apart = parted(c, symbols)
    out = np.zeros((len(c), len(descriptors)))
    for k, descriptor in enumerate(descriptors):
        out[:, k] = descriptor.scale * _evaluate(c, symbols, descriptor, apart)
    return out


def _evaluate(c: Vector, symbols: Sequence[str], d: Descriptor, apart: bool) -> Vector:
    """Evaluate one descriptor without its scale, shape (b,)."""
    match d.kind:
        case Kind.FRACTION:
            return c[:, symbols.index(d.first)] if d.first in symbols else np.zeros(len(c))
        case Kind.MEAN:
            return _mean(c, element_column(symbols, d.first))
        case Kind.SPREAD:
            return _spread(c, symbols, d.first)
        case Kind.RELATIVE_SPREAD:
            return np.asarray(_spread(c, symbols, d.first) / _mean(c, element_column(symbols, d.first)))
        case Kind.COVARIANCE:
            return _covariance(c, symbols, d.first, d.second)
        case Kind.PAIR_SUM:
            return _pair_sum(c, pair_matrix(symbols, d.first, apart=apart))
        case Kind.PAIR_MIN:
            return 0.0 - _pair_max(c, -pair_matrix(symbols, d.first, apart=apart))
        case Kind.PAIR_MAX:
            return _pair_max(c, pair_matrix(symbols, d.first, apart=apart))
        case Kind.ENTROPY:
            return _entropy(c)
        case Kind.COUNT:
            return np.asarray((c > 0).sum(axis=1, dtype=np.float64))
        case Kind.LARGEST:
            return np.asarray(c.max(axis=1, initial=0.0))
        case Kind.MEAN_PRODUCT:
            return _mean(c, element_column(symbols, d.first)) * _mean(c, element_column(symbols, d.second))
        case Kind.MEAN_RATIO:
            return _ratio(_mean(c, element_column(symbols, d.first)), _mean(c, element_column(symbols, d.second)))


def _mean(c: Vector, column: Vector) -> Vector:
    """Σ c_i p_i, elements in order, shape (b,)."""
    total = np.zeros(len(c))
    for i, value in enumerate(column):
        total += c[:, i] * value
    return total


def _covariance(c: Vector, symbols: Sequence[str], first: str, second: str) -> Vector:
    """Σ c_i (a_i − ⟨a⟩)(b_i − ⟨b⟩), shape (b,)."""
    a, b = element_column(symbols, first), element_column(symbols, second)
    mean_a, mean_b = _mean(c, a), _mean(c, b)
    total = np.zeros(len(c))
    for i in range(len(symbols)):
        total += c[:, i] * (a[i] - mean_a) * (b[i] - mean_b)
    return total


def _spread(c: Vector, symbols: Sequence[str], column: str) -> Vector:
    """√Σ c_i (p_i − ⟨p⟩)², shape (b,)."""
    return np.asarray(np.sqrt(_covariance(c, symbols, column, column)))


def _pair_sum(c: Vector, phi: Vector) -> Vector:
    """Σ_{i≠j} c_i c_j φ_ij, shape (b,)."""
    total = np.zeros(len(c))
    for i in range(len(phi)):
        for j in range(i + 1, len(phi)):
            total += c[:, i] * c[:, j] * phi[i, j]
    return 2.0 * total


def _pair_max(c: Vector, phi: Vector) -> Vector:
    """Largest φ_ij over pairs above the presence limit, 0 where there is no pair, shape (b,)."""
    best = np.full(len(c), -np.inf)
    for i in range(len(phi)):
        for j in range(i + 1, len(phi)):
            both = (c[:, i] > PRESENT_FOR_PAIRS) & (c[:, j] > PRESENT_FOR_PAIRS)
            best = np.where(both, np.maximum(best, phi[i, j]), best)
    return np.where(np.isfinite(best), best, 0.0)


def _entropy(c: Vector) -> Vector:
    """−Σ c_i ln c_i with 0 ln 0 = 0, shape (b,)."""
    total = np.zeros(len(c))
    for i in range(c.shape[1]):
        present = c[:, i] > 0
        total[present] -= c[present, i] * np.log(c[present, i])
    return total


def _ratio(above: Vector, below: Vector) -> Vector:
    """Divide, 0 where the denominator vanishes, shape (b,)."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)
