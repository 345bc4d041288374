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
from screener.exact.points import Points
from screener.exact.quantities import Quantity
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
    """A condition weight · quantity ≥ least; meeting it by rounding only is left to the judge."""

    quantity: Quantity
    weight: float
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
    """

    space: CompositionSpace
    curves: Curves
    parts: tuple[Part, ...]
    constant: float = 0.0
    product: bool = False
    conditions: tuple[Condition, ...] = ()
    absent: tuple[bool, ...] = ()

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
        return np.asarray(inside)

    def ceiling(self, block: Block, places: NDArray[np.int64]) -> Floats:
        """Return what the score does not exceed in each cell (n,), −∞ where a condition cannot be met."""
        scores = [part.ceiling(block, places if k == 0 else None) for k, part in enumerate(self.parts)]
        ceiling = self._together(scores, 1.0)
        for each in self.conditions:
            most = abs(each.weight) * each.quantity.ceiling(block, 1.0 if each.weight > 0 else -1.0)
            ceiling[most < each.least] = -np.inf
        return ceiling

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the score lies; −∞ where a condition may not be met, or is not.

        The lower limit holds for candidates sure to count, the upper one for those that may.
        """
        pairs = [part.range_at(points) for part in self.parts]
        low = self._together([pair[0] for pair in pairs], -1.0)
        high = self._together([pair[1] for pair in pairs], 1.0)
        for each in self.conditions:
            first, last = each.quantity.range_at(points)
            ends = (each.weight * first, each.weight * last)
            least, most = ends if each.weight > 0 else ends[::-1]
            low[least < each.least] = -np.inf
            high[most < each.least] = -np.inf
        return low, high

    def _together(self, scores: Sequence[Floats], outward: float) -> Floats:
        """Add up or multiply the parts, rounded outward by more than the judge may differ."""
        if len(scores) == 1 and not self.constant:
            return scores[0].copy()
        if self.product:
            total = np.prod(scores, axis=0)
            return np.asarray(total * (1.0 + outward * _ROUNDING))
        sizes = np.sum(np.abs(scores), axis=0) + abs(self.constant)
        return np.asarray(np.sum(scores, axis=0) + self.constant + outward * _ROUNDING * sizes)
