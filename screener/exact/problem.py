"""What an exact search maximises, over which cells, under which conditions: everything in numbers, nothing in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import CellLimits
from screener.exact._curve_kernels import Curves
from screener.exact._frame_kernels import Floats
from screener.exact.bounds import Block
from screener.exact.cells import Cells
from screener.exact.parts import Condition, Covered, Part, covered, range_of
from screener.exact.points import Points
from screener.exact.regions import Neighbourhoods
from screener.space import CompositionSpace


@dataclass(frozen=True, slots=True)
class Bounded:
    """Score and conditions over a block of n cells.

    Attributes:
        ceiling: what the score does not exceed, shape (n,); −∞ where a condition cannot be met.
        block: the cells.
        score: the score.
        rows: cells whose score may reach the threshold: only of these the conditions are bounded, shape (r,).
        hopeful: these cells.
        conditions: sums that conditions are on.
    """

    ceiling: Floats
    block: Block
    score: Covered
    rows: NDArray[np.int64]
    hopeful: Block
    conditions: tuple[Covered, ...]


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

    def bounded(self, block: Block, threshold: float, pull: Floats) -> Bounded:
        """Bound the score and every condition over cells (n,) and fill the promise of their members (n, s).

        Bounds below the threshold, or below what a condition asks, are no closer than is quick.
        """
        score = covered(self.parts, self.constant, block, threshold, self.product, pull)
        ceiling, rows = score.ceiling.copy(), np.arange(len(score.ceiling))
        if not self.conditions:
            return Bounded(ceiling, block, score, rows, block, ())
        rows = np.flatnonzero(ceiling >= threshold)
        hopeful = block.take(rows)
        conditions = tuple(covered(each.parts, 0.0, hopeful, each.least) for each in self.conditions)
        for each, under in zip(self.conditions, conditions, strict=True):
            ceiling[rows[under.ceiling < each.least]] = -np.inf
        return Bounded(ceiling, block, score, rows, hopeful, conditions)

    def cut(self, bounded: Bounded, threshold: float, cells: Cells) -> NDArray[np.bool_]:
        """Shrink bounded cells, in place, to where conditions may be met and the score may reach a threshold.

        Returns which cells (n,) are left.
        """
        alive, rows = (bounded.ceiling >= threshold) & (bounded.ceiling > -np.inf), bounded.rows
        if self.conditions:
            part, left = cells.take(rows), alive[rows]
            for each, under in zip(self.conditions, bounded.conditions, strict=True):
                under.cut(each.least, bounded.hopeful, self.space.units, part, left)
            cells.lower[rows], cells.upper[rows], alive[rows] = part.lower, part.upper, left
        bounded.score.cut(threshold, bounded.block, self.space.units, cells, alive)
        return alive

    def below(
        self, bounded: Bounded, threshold: float, amounts: NDArray[np.int16], rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Say which amounts (b, d), of cells in ``rows`` (b,), cannot meet the conditions or reach a threshold."""
        out, units = np.zeros(len(rows), np.bool_), self.space.units
        bounded.score.below(threshold, bounded.block, units, amounts, rows, out)
        places = np.searchsorted(bounded.rows, rows)
        for each, under in zip(self.conditions, bounded.conditions, strict=True):
            under.below(each.least, bounded.hopeful, units, amounts, places, out)
        return out

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the score lies; −∞ where a condition may not be met, or is not.

        The lower limit holds for candidates sure to count, the upper one for those that may.
        """
        low, high = self.score_at(points)
        for each in self.conditions:
            least, most = range_of(each.parts, 0.0, points)
            low[least < each.least] = -np.inf
            high[most < each.least] = -np.inf
        return low, high

    def score_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which the score lies, whether conditions are met or not."""
        return range_of(self.parts, self.constant, points, self.product)

    def shortfall(self, points: Points) -> Floats:
        """Return how far points (b,) are from meeting every condition, each on the scale of its own limit."""
        total = np.zeros(len(points.fractions))
        for each in self.conditions:
            least, _ = range_of(each.parts, 0.0, points)
            total += np.maximum(0.0, each.least - least) / (1.0 + abs(each.least))
        return total
