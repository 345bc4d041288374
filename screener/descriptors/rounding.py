"""How far a descriptor made by the float32 kernel may lie from its float64 reference, for any alloy.

The kernel adds in float64; what it errs by comes from fractions that are float32 before (each off by up to u = 2⁻²⁴ of
itself, which normalising doubles) and from the float32 number that comes out. First-order bounds follow from the sums:
a mean moves by u/2 of the range of its property, a pair sum by 4u of its largest term, a spread by 2u of itself.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import Descriptor, Kind
from screener.descriptors.properties import element_column, pair_matrix
from screener.elements import element_symbols
from screener.errors import CompositionError

_U = 2.0**-24
"""Relative rounding of float32."""
_ROOM = 1.0 + 1e-4
"""For terms of second order."""
_NOISE = 1e-14
"""Share of a property that float64 leaves of a deviation that is zero."""


class Rounding(NamedTuple):
    """Limit of a difference: ``absolute`` + ``relative`` · |value|.

    Attributes:
        absolute: in the unit of the value.
        relative: share of the value.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def of(self, value: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the limit at values (n,)."""
        return self.absolute + self.relative * np.abs(np.asarray(value, np.float64))


@cache
def rounding_of(d: Descriptor) -> Rounding:
    """Bound what separates kernel and reference in any alloy of elements that have the properties.

    Smallest and largest pair values are those of the same pairs as long as no fraction is within 1e-8 of the limit from
    which elements take part.
    """
    match d.kind:
        case Kind.COUNT:
            return Rounding()
        case Kind.FRACTION | Kind.PAIR_MIN | Kind.PAIR_MAX:
            return Rounding(0.0, _U * _ROOM)
        case Kind.LARGEST:
            return Rounding(0.0, 3 * _U * _ROOM)
        case Kind.ENTROPY:
            # d(−c ln c) = −(ln c + 1) dc, and −Σ c ln c is the value itself
            return _scaled(d, Rounding(2 * _U, 3 * _U))
        case Kind.PAIR_SUM:
            return _scaled(d, Rounding(4 * _U * _largest(_pairs(d.first)), _U))
    a = _column(d.first)
    b = _column(d.second) if d.second else a
    match d.kind:
        case Kind.MEAN:
            return _scaled(d, Rounding(_U * _range(a) + _NOISE * _largest(a), _U))
        case Kind.SPREAD:
            return _scaled(d, Rounding(_NOISE * _largest(a), 3 * _U))
        case Kind.RELATIVE_SPREAD:
            return _scaled(d, Rounding(_NOISE * _largest(a) / a.min(), 3 * _U + _U * _range(a) / a.min()))
        case Kind.COVARIANCE:
            return _scaled(d, Rounding(2 * _U * _range(a) * _range(b) + _NOISE * _largest(a) * _largest(b), _U))
        case Kind.MEAN_PRODUCT:
            return _scaled(d, Rounding(_U * (_range(a) * _largest(b) + _range(b) * _largest(a)), 2 * _U))
        case _:
            # numerators and denominators are sums of terms of one sign
            return _scaled(d, Rounding(0.0, 5 * _U))


def _scaled(d: Descriptor, plain: Rounding) -> Rounding:
    """Bring a limit into the unit of the descriptor, with room for what is of second order."""
    return Rounding(abs(d.scale) * plain.absolute * _ROOM, plain.relative * _ROOM)


def _column(text: str) -> NDArray[np.float64]:
    """Return a property of every element that has it."""
    values = []
    for symbol in element_symbols():
        try:
            values.append(float(element_column([symbol], text)[0]))
        except CompositionError:
            continue
    return np.array(values)


def _pairs(text: str) -> NDArray[np.float64]:
    """Return a pair property of the elements that have it."""
    known = []
    for symbol in element_symbols():
        try:
            pair_matrix([symbol], text)
        except CompositionError:
            continue
        known.append(symbol)
    return pair_matrix(known, text, apart=True)


def _range(values: NDArray[np.float64]) -> float:
    return float(values.max() - values.min())


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.abs(values).max())
