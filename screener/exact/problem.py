"""What an exact search maximises, over which cells, under which conditions: everything in numbers, nothing in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import CellLimits
from screener.exact._curve_kernels import Curves
from screener.exact._frame_kernels import Floats
from screener.exact.bounds import Block
from screener.exact.cells import Cells
from screener.exact.points import Points
from screener.exact.quantities import Quantity
from screener.exact.regions import Neighbourhoods
from screener.space import CompositionSpace

_ROUNDING = 2.0**-44


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score.

    Attributes:
        quantity: what it reads.
        weight: factor on it, negative where less is better.
        desired: the ends of a desirability, worthless and ideal after the factor; None for a plain sum.
    """

    quantity: Quantity
    weight: float
    desired: tuple[float, float] | None = None

    def ceiling(self, block: Block, places: NDArray[np.int64] | None = None) -> Floats:
        """Return what it does not exceed in each cell (n,)."""
        sign = 1.0 if self.weight > 0 else -1.0
        return self._worth(abs(self.weight) * self.quantity.ceiling(block, sign, places))

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which it lies at points."""
        low, high = self.quantity.range_at(points)
        ends = (self.weight * low, self.weight * high)
        least, most = ends if self.weight > 0 else ends[::-1]
        return self._worth(least), self._worth(most)

    def _worth(self, value: Floats) -> Floats:
        """Turn a weighted number into its desirability, where there is one."""
        if self.desired is None:
            return value
        worthless, ideal = self.desired
        return np.clip((value - worthless) / (ideal - worthless), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a sum; where only rounding decides, the judge does.

    Attributes:
        parts: terms of the sum, without desirabilities.
        least: what the sum must reach.
    """

    parts: tuple[Part, ...]
    least: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A search for the greatest score.

    Attributes:
        space: the candidates.
        curves: curved descriptors that parts and conditions read.
        parts: parts of the score.
        constant: added to their sum.
        product: whether parts are desirabilities that multiply instead.
        conditions: what a candidate must meet.
        absent: elements (d,) that no candidate may hold.
        near: where a candidate must lie; None for anywhere.
        apart: where it must not; None for nowhere.
    """

    space: CompositionSpace
    curves: Curves
    parts: tuple[Part, ...]
    constant: float = 0.0
    product: bool = False
    conditions: tuple[Condition, ...] = ()
    absent: tuple[bool, ...] = ()
    near: Neighbourhoods | None = None
    apart: Neighbourhoods | None = None

    @property
    def limits(self) -> CellLimits:
        """What every cell must meet."""
        space, groups = self.space, self.space.groups
        grouped = np.zeros((len(groups), len(space.elements)), np.bool_)
        for row, group in enumerate(groups):
            grouped[row, list(group.members)] = True
        low, high = (np.array([getattr(g, n) for g in groups], np.int64) for n in ("lower", "upper"))
        return CellLimits(space.units, *space.components, grouped, low, high)

    def holds(self, counts: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Say which amounts (n, d), of whole alloys, lie in the space."""
        space, present = self.space, (counts > 0).sum(axis=1)
        inside = ((counts >= space.lower) & (counts <= space.upper)).all(axis=1)
        inside &= (present >= space.components[0]) & (present <= space.components[1])
        for group in space.groups:
            total = counts[:, list(group.members)].sum(axis=1)
            inside &= (total >= group.lower) & (total <= group.upper)
        if any(self.absent):
            inside &= (counts[:, np.array(self.absent)] == 0).all(axis=1)
        return np.asarray(inside) & self.placed(counts)

    def placed(self, counts: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Say which candidates (n, d) lie where they must and not where they must not."""
        rows = np.ones(len(counts), np.bool_)
        if self.near is not None:
            rows &= self.near.hold(counts)
        if self.apart is not None:
            rows &= ~self.apart.hold(counts)
        return rows

    def placeable(self, cells: Cells) -> NDArray[np.bool_]:
        """Say which cells (n,) may hold a candidate that is placed so."""
        rows = np.ones(len(cells), np.bool_)
        if self.near is not None:
            rows &= self.near.meet(cells)[0]
        if self.apart is not None:
            rows &= ~self.apart.meet(cells)[1]
        return rows

    def ceiling(self, block: Block, places: NDArray[np.int64]) -> Floats:
        """Return what the score does not exceed in each cell (n,), −∞ where a condition cannot be met."""
        ceiling = _ceiling(self.parts, self.constant, block, self.product, places)
        for each in self.conditions:
            ceiling[_ceiling(each.parts, 0.0, block) < each.least] = -np.inf
        return ceiling

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the score lies; −∞ where a condition may not be met, or is not.

        The lower limit holds for candidates sure to count, the upper one for those that may.
        """
        low, high = _range(self.parts, self.constant, points, self.product)
        for each in self.conditions:
            least, most = _range(each.parts, 0.0, points)
            low[least < each.least] = -np.inf
            high[most < each.least] = -np.inf
        return low, high

    def shortfall(self, points: Points) -> Floats:
        """Return how far points (b,) are from meeting every condition, each on the scale of its own limit."""
        total = np.zeros(len(points.fractions))
        for each in self.conditions:
            least, _ = _range(each.parts, 0.0, points)
            total += np.maximum(0.0, each.least - least) / (1.0 + abs(each.least))
        return total


def _ceiling(
    parts: Sequence[Part],
    constant: float,
    block: Block,
    product: bool = False,
    places: NDArray[np.int64] | None = None,
) -> Floats:
    """Return what the parts together do not exceed in each cell (n,)."""
    each = [part.ceiling(block, places if k == 0 else None) for k, part in enumerate(parts)]
    return _together(each, constant, product, 1.0)


def _range(parts: Sequence[Part], constant: float, points: Points, product: bool = False) -> tuple[Floats, Floats]:
    """Return limits (b,) between which the parts together lie at points."""
    pairs = [part.range_at(points) for part in parts]
    low, high = ([pair[end] for pair in pairs] for end in (0, 1))
    return _together(low, constant, product, -1.0), _together(high, constant, product, 1.0)


def _together(values: Sequence[Floats], constant: float, product: bool, outward: float) -> Floats:
    """Add up or multiply, rounded outward by more than the judge may differ."""
    if len(values) == 1 and not constant:
        return values[0].copy()
    if product:
        # Desirabilities round little; one of exactly 1, or 0, stays that.
        return np.asarray(np.prod(values, axis=0) * (1.0 + outward * _ROUNDING))
    sizes = np.sum(np.abs(values), axis=0) + abs(constant)
    return np.asarray(np.sum(values, axis=0) + constant + outward * _ROUNDING * sizes)
