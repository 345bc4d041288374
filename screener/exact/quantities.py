"""Numbers of an alloy that can be bounded over a cell: predictions, linear sums, ratios of two, curved descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from screener._jit import kernel
from screener.exact._cut_kernels import Roof
from screener.exact._frame_kernels import Floats, Frame, extent
from screener.exact.bounds import Block, net_roof, new_roof
from screener.exact.folding import FoldedNet
from screener.exact.points import Points, net_output

_ROUNDING = 2.0**-44
"""Relative rounding of short sums in float64, with room to spare."""
_MARGIN = 1e-9
"""Share by which an inverted rise is lowered, so that the rise of what comes out stays below."""


class Quantity(Protocol):
    """A number of an alloy: one that can be bounded, or a rising function of it."""

    def roof(self, block: Block, sign: float, least: Floats | None = None, pull: Floats | None = None) -> Roof:
        """Return what sign · bounded number does not exceed in each cell; may fill the promise of members (n, s)."""
        ...

    def risen(self, value: Floats, sign: float) -> Floats:
        """Turn limits of sign · bounded number (n,) into limits of sign · number."""
        ...

    def needed(self, value: Floats, sign: float) -> Floats:
        """Return what sign · bounded number must reach (n,) for sign · number to reach a value, or less."""
        ...

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the number lies at single points, as near as rounding allows."""
        ...


class _Plain:
    """A number that is bounded itself."""

    __slots__ = ()

    def risen(self, value: Floats, sign: float) -> Floats:
        """Return the limits as they are."""
        return value

    def needed(self, value: Floats, sign: float) -> Floats:
        """Return the values as they are."""
        return value


@dataclass(frozen=True, slots=True)
class Prediction:
    """The value of a network."""

    net: FoldedNet

    def roof(self, block: Block, sign: float, least: Floats | None = None, pull: Floats | None = None) -> Roof:
        """Bound the output over cells."""
        return net_roof(block, self.net, sign, least, pull)

    def risen(self, value: Floats, sign: float) -> Floats:
        """Let limits of the output rise."""
        return _padded(sign * self.net.rise(sign * value))

    def needed(self, value: Floats, sign: float) -> Floats:
        """Look for an output whose rise stays below a value; −∞ where none is found."""
        about = sign * self.net.rise.back(sign * value)
        about -= np.where(np.isfinite(about), _MARGIN * (1.0 + np.abs(about)), 0.0)
        return np.where(self.risen(about, sign) < value, about, -np.inf)

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        output = net_output(points, self.net)
        rise, rounding = self.net.rise, self.net.rounding
        return -_padded(-rise(output - rounding)), _padded(rise(output + rounding))


@dataclass(frozen=True, slots=True)
class Linear(_Plain):
    """A sum of amounts or properties times atomic fractions.

    Attributes:
        column: coefficient of every element, shape (d,).
        slack: how far the number reported may lie from the sum, as at.% of four decimals do.
    """

    column: Floats
    slack: float = 0.0

    def roof(self, block: Block, sign: float, least: Floats | None = None, pull: Floats | None = None) -> Roof:
        """Bound it over cells, exactly but for rounding."""
        out = new_roof(block)
        linear_roof(block.frame, sign * self.column, out)
        if pull is not None:
            pull_by_column(block.frame, self.column, pull)
        return _raised(out, self._rounding)

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        value = points.fractions @ self.column
        return value - self._rounding, value + self._rounding

    @property
    def _rounding(self) -> float:
        return self.slack + _ROUNDING * float(np.abs(self.column).max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Ratio(_Plain):
    """A ratio of two linear sums, columns (d,), the lower one positive."""

    top: Floats
    bottom: Floats

    def roof(self, block: Block, sign: float, least: Floats | None = None, pull: Floats | None = None) -> Roof:
        """Bound it over cells: N/D = t + (N − t D)/D with t the ratio at the centre."""
        out = new_roof(block)
        ratio_roof(block.frame, sign * self.top, self.bottom, out)
        if pull is not None:
            pull_by_column(block.frame, self.top, pull)
        return Roof(_padded(out.ceiling), _padded(out.level), out.slope, _padded(out.floor))

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Evaluate it at points."""
        value = (points.fractions @ self.top) / (points.fractions @ self.bottom)
        return -_padded(-value), _padded(value)


@dataclass(frozen=True, slots=True)
class Curved(_Plain):
    """A curved descriptor: its place among those enclosed, and a size it does not exceed."""

    place: int
    size: float

    def roof(self, block: Block, sign: float, least: Floats | None = None, pull: Floats | None = None) -> Roof:
        """Bound it over cells by its enclosing lines."""
        out = new_roof(block)
        lines = block.lines.above if sign > 0 else block.lines.below
        line_roof(block.frame, np.ascontiguousarray(sign * lines[:, self.place]), out)
        if pull is not None:
            pull_by_column(block.frame, np.zeros(0), pull)
        return _raised(out, _ROUNDING * self.size)

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Look it up at points."""
        value = points.curved[:, self.place]
        # Where a spread vanishes, its root has but half the digits.
        rounding = np.minimum(_ROUNDING * self.size**2 / np.maximum(value, 1e-300), 1e-6 * self.size)
        return value - rounding, value + rounding


def _raised(roof: Roof, by: float) -> Roof:
    """Lift a roof."""
    return Roof(roof.ceiling + by, roof.level + by, roof.slope, roof.floor)


def _padded(value: Floats) -> Floats:
    """Round up by more than the last places of the functions before."""
    return value * (1.0 + np.copysign(1e-13, value))


@kernel
def linear_roof(frame: Frame, column: Floats, out: Roof) -> None:
    """Write Σ c_i a_i over every cell, the greatest and as a line."""
    for row in range(frame.opened.size):
        total, slope = 0.0, out.slope[row]
        for i in range(slope.size):
            total += frame.centre[row, i] * column[frame.members[row, i]]
        for a in range(frame.opened[row]):
            slope[a] = column[frame.members[row, frame.place[row, a]]]
        out.level[row] = total
        out.ceiling[row] = total + extent(slope, frame.width[row], frame.share[row], frame.opened[row])[1]


@kernel
def ratio_roof(frame: Frame, top: Floats, bottom: Floats, out: Roof) -> None:
    """Write a bound on Σ c_i a_i / Σ c_i b_i over every cell and, for ratios above that at the centre, a line."""
    lower = np.zeros(frame.centre.shape[1])
    for row in range(frame.opened.size):
        above, below, slope = 0.0, 0.0, out.slope[row]
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
        out.ceiling[row] = above / below + max(0.0, rise) / least
        out.level[row] = out.floor[row] = above / below
        for a in range(m):
            slope[a] /= least


@kernel
def line_roof(frame: Frame, lines: Floats, out: Roof) -> None:
    """Write lines (n, s + 1) and their greatest value over the cells."""
    for row in range(frame.opened.size):
        line, last = lines[row], lines.shape[1] - 1
        out.slope[row] = line[:last]
        out.level[row] = line[last]
        out.ceiling[row] = line[last] + extent(line, frame.width[row], frame.share[row], frame.opened[row])[1]


@kernel
def pull_by_column(frame: Frame, column: Floats, out: Floats) -> None:
    """Write how far each member's entry in ``column`` is from the mean into ``out`` [n, s]; 1 if it has none."""
    for row in range(frame.opened.size):
        mean = 0.0
        if column.size > 0:
            for i in range(frame.centre.shape[1]):
                mean += frame.centre[row, i] * column[frame.members[row, i]]
        for i in range(frame.centre.shape[1]):
            out[row, i] = abs(column[frame.members[row, i]] - mean) + 1e-9 if column.size > 0 else 1.0
