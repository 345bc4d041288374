"""Blocks of cells: list those that are small enough, bound and cut the others, and say which stay open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cut_kernels import steepest
from screener.exact._frame_kernels import Floats
from screener.exact.bounds import lay_out_block
from screener.exact.cells import Cells
from screener.exact.kept import Kept
from screener.exact.points import Points
from screener.exact.problem import Problem
from screener.exact.stack import AT_ONCE, Stack

_FEW = 2.0
"""Cells of so many points or fewer are listed without being bounded."""
LEAF = 24.0
"""Cells of so many points or fewer, once cut, are listed: scoring as many costs about as much as bounding one cell."""
_SHRUNK = 0.4
"""Cells of which cutting leaves less than this share are bounded again before they are halved."""


class BrokenBoundError(RuntimeError):
    """A candidate contradicts a bound: the bounds are wrong, and so would be any proof from them."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of cells.

    Attributes:
        opened: groups of cells that are still open, the last opened last.
        amounts: candidates that may be among the best (b, d).
        low: what each one's score surely reaches (b,).
        high: what it does not exceed (b,).
        bounded: how many cells were bounded.
        points: how many candidates were scored.
    """

    opened: tuple[Cells, ...]
    amounts: NDArray[np.int16]
    low: Floats
    high: Floats
    bounded: int
    points: int


def settle(problem: Problem, cells: Cells, kept: Kept) -> Settled:
    """List the smallest cells; bound and cut the others, list those that are small then, and say which stay open.

    Raises:
        BrokenBoundError: a candidate lies above the bound of its cell.
    """
    cells = cells.tightened(problem.limits)
    cells = cells.take(problem.placeable(cells))
    few = cells.counts <= _FEW
    listed, cells = [_listed(problem, cells.take(few))[:2]], cells.take(~few)
    bounded = len(cells)
    if bounded:
        opened, points = _bound(problem, cells, kept.threshold)
        cells = opened
        listed.append(points)
    amounts, ceiling = np.concatenate([part[0] for part in listed]), np.concatenate([part[1] for part in listed])
    low, high = _score(problem, amounts, ceiling)
    return Settled((cells,), amounts, low, high, bounded, len(amounts))


def settle_region(problem: Problem, cells: Cells, kept: Kept, seconds: float) -> Settled:
    """Settle cells, then the halves of what stays open, for some time; every cell given is bounded, however long.

    Args:
        problem: what is searched for.
        cells: cells that hold no candidate offered to ``kept`` before.
        kept: what must be beaten; it learns of every candidate found.
        seconds: how long to go on with halves.

    Raises:
        BrokenBoundError: a candidate lies above the bound of its cell.
        ExpressionError: too many candidates tie for the last places.
    """
    ends, stack, parts = time.monotonic() + seconds, Stack(), []
    for first in blocks_of(cells):
        block: Cells | None = first
        while block is not None:
            if len(block):
                found = settle(problem, block, kept)
                kept.offer(found.amounts, found.low, found.high)
                parts.append(_hopeful(found, kept.threshold))
                stack.push(*found.opened)
            more = stack.parts and time.monotonic() < ends
            block = stack.pop(kept.threshold).halves() if more else None
    amounts, low, high = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("amounts", "low", "high")
    )
    bounded, points = sum(part.bounded for part in parts), sum(part.points for part in parts)
    return _hopeful(Settled(tuple(stack.parts), amounts, low, high, bounded, points), kept.threshold)


def blocks_of(cells: Cells) -> Iterator[Cells]:
    """Cut cells into blocks that are settled at once."""
    return (cells.take(slice(start, start + 2 * AT_ONCE)) for start in range(0, len(cells), 2 * AT_ONCE))


def _hopeful(found: Settled, threshold: float) -> Settled:
    """Leave out candidates that cannot be among the best."""
    rows = found.high >= threshold
    amounts, low, high = found.amounts[rows], found.low[rows], found.high[rows]
    return Settled(found.opened, amounts, low, high, found.bounded, found.points)


def _bound(problem: Problem, cells: Cells, threshold: float) -> tuple[Cells, tuple[NDArray[np.int16], Floats]]:
    """Bound cells and cut them: those still open, and the candidates of those small enough, with their ceilings."""
    block = lay_out_block(cells.members, cells.lower, cells.upper, problem.space.units, problem.curves)
    pull, before = np.zeros(cells.lower.shape), cells.counts.copy()
    bounded = problem.bounded(block, threshold, pull)
    cells.ceiling[:] = np.minimum(cells.ceiling, bounded.ceiling)
    alive = problem.cut(bounded, threshold, cells)
    cells.tighten(problem.limits, alive)
    small = np.flatnonzero(alive & (cells.counts <= LEAF))
    amounts, ceiling, rows = _listed(problem, cells.take(small))
    hopeful = ~problem.below(bounded, threshold, amounts, small[rows])
    steepest(pull, cells.lower, cells.upper, cells.place)
    cells.place[cells.counts < _SHRUNK * before] = -1
    return cells.take(alive & (cells.counts > LEAF)), (amounts[hopeful], ceiling[hopeful])


def _listed(problem: Problem, cells: Cells) -> tuple[NDArray[np.int16], Floats, NDArray[np.int64]]:
    """List every candidate of small cells: amounts (b, d), ceilings (b,) and rows (b,) of their cells."""
    amounts, owner = cells.points(len(problem.space.elements), problem.limits)
    rows = problem.placed(amounts)
    amounts, owner = amounts[rows], owner[rows]
    return amounts, cells.ceiling[owner], owner


def _score(problem: Problem, amounts: NDArray[np.int16], ceiling: Floats) -> tuple[Floats, Floats]:
    """Return limits of the scores of candidates (b, d) of cells with known ceilings (b,)."""
    if not len(amounts):
        return np.empty(0), np.empty(0)
    low, high = problem.range_at(Points.of(amounts, problem.space.units, problem.curves))
    if (low > ceiling).any():
        raise BrokenBoundError(f"a candidate scores {low.max():.6g} in a cell bounded lower")
    return low, high
