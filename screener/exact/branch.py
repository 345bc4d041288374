"""Branch and bound: halve cells, drop those that cannot hold one of the best, list those that are small enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.bounds import lay_out_block
from screener.exact.cells import Cells, first_cells, joined
from screener.exact.climb import climb
from screener.exact.points import Points
from screener.exact.problem import Problem

LEAF = 48.0
"""Cells of so many points or fewer are listed: scoring as many costs about as much as bounding one cell."""
_AT_ONCE = 192
"""Cells halved at once: what their layers send stays in the second-level cache."""
_KEPT = 200_000
"""Candidates held before those below the threshold are cleared out."""

Progress = Callable[["Tally"], None]


@dataclass(slots=True)
class Tally:
    """How far a search is.

    Attributes:
        cells: cells bounded.
        points: candidates scored.
        threshold: score that a further candidate must beat.
        ceiling: what no candidate of an open cell exceeds.
        open_points: points of the open cells' boxes.
        all_points: points of all boxes at the start.
    """

    cells: int = 0
    points: int = 0
    threshold: float = -np.inf
    ceiling: float = np.inf
    open_points: float = 0.0
    all_points: float = 0.0

    @property
    def settled(self) -> float:
        """Share of the points that are scored or proved too low."""
        return 1.0 - self.open_points / self.all_points if self.all_points else 1.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search found and proved.

    Attributes:
        counts: amounts of every candidate that may be one of the best (n, d), in no order.
        tally: cells, points, and what is still open.
        complete: whether no cell is open.
    """

    counts: NDArray[np.int16]
    tally: Tally
    complete: bool


class BrokenBoundError(RuntimeError):
    """A candidate contradicts a bound: the bounds are wrong, and so would be any proof from them."""


@dataclass(slots=True)
class _Kept:
    """Candidates that may be among the k best, and the threshold they set."""

    k: int
    threshold: float
    counts: list[NDArray[np.int16]] = field(default_factory=list)
    high: list[Floats] = field(default_factory=list)
    low: Floats = field(default_factory=lambda: np.empty(0))
    held: int = 0

    def offer(self, counts: NDArray[np.int16], low: Floats, high: Floats) -> None:
        """Take in candidates (b, d) with limits of their scores (b,)."""
        rows = np.flatnonzero((high >= self.threshold) & (high > -np.inf))
        if not len(rows):
            return
        self.counts.append(counts[rows])
        self.high.append(high[rows])
        self.held += len(rows)
        self.low = np.concatenate([self.low, low[rows]])
        if len(self.low) > self.k:
            self.low = np.partition(self.low, len(self.low) - self.k)[-self.k :]
        if len(self.low) == self.k:
            self.threshold = max(self.threshold, float(self.low.min()))
        if self.held > _KEPT and self.held > 2 * self.k:
            self.clear()

    def clear(self) -> NDArray[np.int16]:
        """Drop what the threshold has passed and return the rest (n, d)."""
        if not self.counts:
            return np.empty((0, 0), np.int16)
        counts, high = np.concatenate(self.counts), np.concatenate(self.high)
        rows = high >= self.threshold
        self.counts, self.high, self.held = [counts[rows]], [high[rows]], int(rows.sum())
        return self.counts[0]


def branch(problem: Problem, k: int, deadline: float = np.inf, progress: Progress | None = None) -> Proof:
    """Find every candidate that may be among the k best.

    A cell is dropped only if its bound, rounding included, lies below the sure score of k candidates; equal scores
    stay.

    Args:
        problem: what is searched for.
        k: how many candidates are wanted.
        deadline: `time.monotonic` at which to stop with what there is.
        progress: hears of the state after every block.

    Raises:
        BrokenBoundError: a candidate lies above the bound of its cell, or one known to be good was dropped.
    """
    limits, units = problem.limits, problem.space.units
    guesses, sure = climb(problem, k)
    kept = _Kept(k, float(sure[k - 1]) if len(sure) >= k else -np.inf)
    tally = Tally(threshold=kept.threshold)
    stack: list[Cells] = []
    for cells in first_cells(problem.space, problem.absent, limits):
        tally.all_points += float(cells.counts(units).sum())
        _settle(problem, cells, kept, stack, tally)
    while stack:
        tally.threshold = kept.threshold
        if progress is not None:
            progress(tally)
        if time.monotonic() >= deadline:
            break
        _settle(problem, _next(stack, kept.threshold).halves().tightened(limits), kept, stack, tally)
    return _proof(problem, kept, stack, tally, (guesses, sure))


def _next(stack: list[Cells], threshold: float) -> Cells:
    """Take the most promising cells of the last ones opened."""
    cells = stack.pop()
    cells = cells.take(cells.ceiling >= threshold)
    if len(cells) > _AT_ONCE:
        stack.append(cells.take(slice(None, -_AT_ONCE)))
        cells = cells.take(slice(-_AT_ONCE, None))
    return cells


def _settle(problem: Problem, cells: Cells, kept: _Kept, stack: list[Cells], tally: Tally) -> None:
    """Score small cells, bound the others, and put those that stay open on the stack, most promising last."""
    counts = cells.counts(problem.space.units)
    small = counts <= LEAF
    if small.any():
        _score(problem, cells.take(small), counts[small], kept, tally)
    cells = cells.take(~small)
    opened = [_bounded(problem, cells.take(slice(s, s + _AT_ONCE)), tally) for s in range(0, len(cells), _AT_ONCE)]
    if opened:
        cells = joined(opened)
        rows = np.flatnonzero((cells.ceiling >= kept.threshold) & (cells.ceiling > -np.inf))
        if len(rows):
            stack.append(cells.take(rows[np.argsort(cells.ceiling[rows], kind="stable")]))


def _bounded(problem: Problem, cells: Cells, tally: Tally) -> Cells:
    """Bound a block of cells."""
    tally.cells += len(cells)
    places = np.zeros(len(cells), np.int64)
    block = lay_out_block(cells.members, cells.lower, cells.upper, problem.space.units, problem.curves)
    ceiling = np.minimum(cells.ceiling, problem.ceiling(block, places))
    return Cells(cells.members, cells.lower, cells.upper, ceiling, places)


def _score(problem: Problem, cells: Cells, counts: Floats, kept: _Kept, tally: Tally) -> None:
    """Score every candidate of small cells."""
    amounts, owner = cells.points(counts, len(problem.space.elements), problem.limits)
    tally.points += len(amounts)
    if not len(amounts):
        return
    low, high = problem.range_at(Points.of(amounts, problem.space.units, problem.curves))
    if (low > cells.ceiling[owner]).any():
        raise BrokenBoundError(f"a candidate scores {low.max():.6g} in a cell bounded lower")
    kept.offer(amounts, low, high)


def _proof(
    problem: Problem, kept: _Kept, stack: list[Cells], tally: Tally, climbed: tuple[NDArray[np.int16], Floats]
) -> Proof:
    """Sum up."""
    tally.threshold = kept.threshold
    left = [cells.take(cells.ceiling >= kept.threshold) for cells in stack]
    tally.ceiling = max((float(cells.ceiling.max()) for cells in left if len(cells)), default=-np.inf)
    tally.open_points = sum(float(cells.counts(problem.space.units).sum()) for cells in left)
    counts = kept.clear().reshape(-1, len(problem.space.elements))
    complete = not any(len(cells) for cells in left)
    # What climbing found must be among them, unless its cell is still open.
    guesses = climbed[0][climbed[1] >= kept.threshold]
    every = np.unique(np.concatenate([counts, guesses]), axis=0) if len(guesses) else counts
    if complete and len(every) > len(counts):
        raise BrokenBoundError(f"{len(every) - len(counts)} of the best candidates were dropped")
    counts = every
    return Proof(counts, tally, complete)
