"""Cells in atomic fractions around a centre, and the exact extent of linear functions over them.

A composition of a cell is c = c0 + x with Σ x = 0 and −θ w_i ≤ x_i ≤ (1 − θ) w_i: the centre c0 lies at the same
share θ of the way between the limits of every element. Elements whose amount is settled (w_i = 0) only count in c0.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._cell_kernels import Small

Floats: TypeAlias = NDArray[np.float64]


class Frame(NamedTuple):
    """A block of cells around their centres; s members each, of which the first m of ``place`` are open.

    Attributes:
        members: positions of elements in the space, shape (n, s).
        centre: atomic fractions of the centre, shape (n, s).
        opened: m, how many elements are open, shape (n,).
        place: their places among the members, shape (n, s).
        width: their widths in atomic fractions, shape (n, s).
        share: θ, shape (n,).
        units: grid units of a whole alloy.
    """

    members: Small
    centre: Floats
    opened: NDArray[np.int64]
    place: NDArray[np.int64]
    width: Floats
    share: Floats
    units: int


def new_frame(members: Small, lower: Small, upper: Small, units: int) -> Frame:
    """Lay out cells (n, s) around their centres."""
    n, s = lower.shape
    ints, floats = np.zeros((n, s), np.int64), np.zeros((2, n, s))
    frame = Frame(members, floats[0], np.zeros(n, np.int64), ints, floats[1], np.zeros(n), units)
    lay_out(lower, upper, frame)
    return frame


@kernel
def lay_out(lower: Small, upper: Small, out: Frame) -> None:
    """Fill the frame of cells (n, s)."""
    units = out.units
    for row in range(lower.shape[0]):
        rest, total, m = units, 0, 0
        for i in range(lower.shape[1]):
            rest -= lower[row, i]
            total += upper[row, i] - lower[row, i]
        share = rest / total if total > 0 else 0.0
        for i in range(lower.shape[1]):
            width = upper[row, i] - lower[row, i]
            out.centre[row, i] = (lower[row, i] + share * width) / units
            if width > 0:
                out.place[row, m] = i
                out.width[row, m] = width / units
                m += 1
        out.opened[row] = m
        out.share[row] = share


@kernel
def extent(slope: Floats, width: Floats, share: float, m: int) -> tuple[float, float]:
    """Return the least and the greatest value of slope·x over a cell.

    With W = Σ w and y = x + θ w: max a·y = min_k [a_k θ W + Σ w_i (a_i − a_k)⁺], and every single k gives a bound,
    so that rounding in the comparison does no harm.
    """
    total, mean = 0.0, 0.0
    for i in range(m):
        total += width[i]
        mean += width[i] * slope[i]
    low, high = -np.inf, np.inf
    for k in range(m):
        above = 0.0
        for i in range(m):
            rise = slope[i] - slope[k]
            above += width[i] * (rise if rise > 0.0 else 0.0)
        base = slope[k] * share * total
        high = min(high, base + above)
        low = max(low, base - (above - (mean - slope[k] * total)))
    return (low - share * mean, high - share * mean) if m > 0 else (0.0, 0.0)


@kernel
def extent_of_rows(
    slope: Floats | NDArray[np.float32], width: Floats, share: float, m: int, work: Floats, out: Floats
) -> None:
    """Write least and greatest value of many slopes (m, h) at once into ``out`` [2, h]; ``work`` [2, h] is scratch."""
    size = out.shape[1]
    low, high, mean, above = out[0], out[1], work[0], work[1]
    total = 0.0
    low[:] = -np.inf
    high[:] = np.inf
    mean[:] = 0.0
    for i in range(m):
        total += width[i]
        for h in range(size):
            mean[h] += width[i] * slope[i, h]
    for k in range(m):
        above[:] = 0.0
        own = slope[k]
        for i in range(m):
            if i != k:
                weight, other = width[i], slope[i]
                for h in range(size):
                    rise = np.float64(other[h]) - own[h]
                    above[h] += weight * (rise if rise > 0.0 else 0.0)
        for h in range(size):
            base = own[h] * share * total
            top = base + above[h]
            high[h] = top if top < high[h] else high[h]
            bottom = base - above[h] + mean[h] - own[h] * total
            low[h] = bottom if bottom > low[h] else low[h]
    for h in range(size):
        low[h] = low[h] - share * mean[h] if m > 0 else 0.0
        high[h] = high[h] - share * mean[h] if m > 0 else 0.0
