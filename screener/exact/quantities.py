"""Numbers of an alloy that can be bounded over a cell: predictions, linear sums, ratios of two, curved descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._frame_kernels import Floats, Frame, extent
from screener.exact.bounds import Block, net_ceiling
from screener.exact.folding import FoldedNet
from screener.exact.points import Points, net_output

_ROUNDING = 2.0**-44
"""Relative rounding of short sums in float64, with room to spare."""


class Quantity(Protocol):
    """A number of an alloy."""

    def ceiling(self, block: Block, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
        """Return what sign · number does not exceed in each cell (n,); may fill the best places to halve them."""
        ...

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the number lies at single points, as near as rounding allows."""
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """The value of a network."""

    net: FoldedNet

    def ceiling(self, block: Block, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
        """Bound it over cells."""
        return _padded(sign * self.net.rise(sign * net_ceiling(block, self.net, sign, places)))

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        output = net_output(points, self.net)
        rise, rounding = self.net.rise, self.net.rounding
        return -_padded(-rise(output - rounding)), _padded(rise(output + rounding))


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of amounts or properties times atomic fractions.

    Attributes:
        column: coefficient of every element, shape (d,).
        slack: how far the number reported may lie from the sum, as at.% of four decimals do.
    """

    column: Floats
    slack: float = 0.0

    def ceiling(self, block: Block, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
        """Bound it over cells, exactly but for rounding."""
        out = np.empty(len(block.frame.opened))
        linear_ceiling(block.frame, sign * self.column, out)
        if places is not None:
            widest(block.frame, self.column, places)
        return out + self._rounding

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        value = points.fractions @ self.column
        return value - self._rounding, value + self._rounding

    @property
    def _rounding(self) -> float:
        return self.slack + _ROUNDING * float(np.abs(self.column).max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two linear sums, columns (d,), the lower one positive."""

    top: Floats
    bottom: Floats

    def ceiling(self, block: Block, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
        """Bound it over cells: N/D = t + (N − t D)/D with t the ratio at the centre."""
        out = np.empty(len(block.frame.opened))
        ratio_ceiling(block.frame, sign * self.top, self.bottom, out)
        if places is not None:
            widest(block.frame, self.top, places)
        return _padded(out)

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        value = (points.fractions @ self.top) / (points.fractions @ self.bottom)
        return -_padded(-value), _padded(value)


@dataclass(frozen=True, slots=True)
class Curved:
    """A curved descriptor: its place among those enclosed, and a size it does not exceed."""

    place: int
    size: float

    def ceiling(self, block: Block, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
        """Bound it over cells by its enclosing lines."""
        out = np.empty(len(block.frame.opened))
        lines = block.lines.above if sign > 0 else block.lines.below
        line_ceiling(block.frame, np.ascontiguousarray(sign * lines[:, self.place]), out)
        if places is not None:
            widest(block.frame, np.zeros(0), places)
        return out + _ROUNDING * self.size

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Look it up at points."""
        value = points.curved[:, self.place]
        # Where a spread vanishes, its root has but half the digits.
        rounding = np.minimum(_ROUNDING * self.size**2 / np.maximum(value, 1e-300), 1e-6 * self.size)
        return value - rounding, value + rounding


def _padded(value: Floats) -> Floats:
    """Round up by more than the last places of the functions before."""
    return value + 1e-13 * np.abs(value)


@kernel
def linear_ceiling(frame: Frame, column: Floats, out: Floats) -> None:
    """Write the greatest Σ c_i a_i of every cell into ``out`` [n]."""
    slope = np.zeros(frame.centre.shape[1])
    for row in range(frame.opened.size):
        total = 0.0
        for i in range(slope.size):
            total += frame.centre[row, i] * column[frame.members[row, i]]
        for a in range(frame.opened[row]):
            slope[a] = column[frame.members[row, frame.place[row, a]]]
        out[row] = total + extent(slope, frame.width[row], frame.share[row], frame.opened[row])[1]


@kernel
def ratio_ceiling(frame: Frame, top: Floats, bottom: Floats, out: Floats) -> None:
    """Write a bound on Σ c_i a_i / Σ c_i b_i of every cell into ``out`` [n]."""
    slope, lower = np.zeros(frame.centre.shape[1]), np.zeros(frame.centre.shape[1])
    for row in range(frame.opened.size):
        above, below = 0.0, 0.0
        for i in range(slope.size):
            above += frame.centre[row, i] * top[frame.members[row, i]]
            below += frame.centre[row, i] * bottom[frame.members[row, i]]
        for a in range(frame.opened[row]):
            i = frame.members[row, frame.place[row, a]]
            slope[a] = top[i] - above / below * bottom[i]
            lower[a] = bottom[i]
        width, share, m = frame.width[row], frame.share[row], frame.opened[row]
        rise = extent(slope, width, share, m)[1]
        least = below + extent(lower, width, share, m)[0]
        out[row] = above / below + max(0.0, rise) / least


@kernel
def line_ceiling(frame: Frame, lines: Floats, out: Floats) -> None:
    """Write the greatest value of lines (n, s + 1) over their cells into ``out`` [n]."""
    for row in range(frame.opened.size):
        line = lines[row]
        out[row] = line[line.size - 1] + extent(line, frame.width[row], frame.share[row], frame.opened[row])[1]


@kernel
def widest(frame: Frame, column: Floats, out: NDArray[np.int64]) -> None:
    """Write the member of the greatest width, times how far its entry in ``column`` is from the mean if it has any."""
    for row in range(frame.opened.size):
        best, mean = -1.0, 0.0
        if column.size > 0:
            for i in range(frame.centre.shape[1]):
                mean += frame.centre[row, i] * column[frame.members[row, i]]
        for a in range(frame.opened[row]):
            i = frame.place[row, a]
            pull = abs(column[frame.members[row, i]] - mean) + 1e-9 if column.size > 0 else 1.0
            if frame.width[row, a] * pull > best:
                best = frame.width[row, a] * pull
                out[row] = i
