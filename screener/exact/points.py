"""Single compositions in float64: what leaves of the search and its first guesses are scored with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._curve_kernels import ENTROPY, PAIR, RELATIVE, Curves
from screener.exact._frame_kernels import Floats
from screener.exact.folding import FoldedNet


@dataclass(frozen=True, slots=True)
class Points:
    """Compositions, b of them.

    Attributes:
        fractions: atomic fractions, shape (b, d).
        curved: curved descriptors, shape (b, q).
    """

    fractions: Floats
    curved: Floats

    @classmethod
    def of(cls, counts: NDArray[np.integer], units: int, curves: Curves) -> Points:
        """Describe amounts in grid units (b, d)."""
        fractions = np.ascontiguousarray(counts, np.float64) / units
        curved = np.empty((len(fractions), curves.kind.size))
        curved_values(fractions, curves, curved)
        return cls(fractions, curved)


@kernel
def curved_values(fractions: Floats, curves: Curves, out: Floats) -> None:
    """Write the curved descriptors of compositions (b, d) into ``out`` (b, q)."""
    for row in range(fractions.shape[0]):
        for q in range(curves.kind.size):
            kind, total, mean = curves.kind[q], 0.0, 0.0
            for i in range(fractions.shape[1]):
                amount = fractions[row, i]
                if amount > 0.0:
                    if kind == ENTROPY:
                        total -= amount * np.log(amount)
                    elif kind == PAIR:
                        for j in range(i):
                            total += 2.0 * amount * fractions[row, j] * curves.pair[q, i, j]
                    else:
                        mean += amount * curves.column[q, i]
            if kind != ENTROPY and kind != PAIR:
                for i in range(fractions.shape[1]):
                    total += fractions[row, i] * (curves.column[q, i] - mean) ** 2
                total = np.sqrt(total) / mean if kind == RELATIVE else np.sqrt(total)
            out[row, q] = curves.scale[q] * total


def net_output(points: Points, net: FoldedNet) -> Floats:
    """Return the output of a network (b,), before what makes it rise, to within its ε."""
    weights = net.weights
    first = points.fractions @ weights.linear
    first += points.curved @ weights.curved
    first += weights.bias
    np.maximum(first, 0.0, out=first)
    second = first @ weights.inner
    second += weights.inner_bias
    np.maximum(second, 0.0, out=second)
    return np.asarray(second @ weights.outer + weights.outer_bias[0])
