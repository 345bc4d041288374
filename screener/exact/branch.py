"""Branch and bound: halve cells, drop those that cannot hold one of the best, list those that are small enough."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.bounds import lay_out_block
from screener.exact.cells import Cells, first_cells
from screener.exact.climb import climb
from screener.exact.kept import Kept
from screener.exact.points import Points
from screener.exact.problem import Problem

LEAF = 48.0
"""Cells of so many points or fewer are listed: scoring as many costs about as much as bounding one cell."""
MOST_NOTED = 1_000_000
"""Most open cells that are kept for another process: with more, it starts over, knowing what must be beaten."""
_AT_ONCE = 96
"""Cells halved at once: what the layers of their halves send stays in the second-level cache."""


@dataclass(slots=True)
class Tally:
    """How far a search is.

    Attributes:
        cells: cells bounded.
        points: candidates scored.
        threshold: score that a further candidate must reach.
        ceiling: what no candidate of an open cell exceeds; −∞ where none is open.
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
        stopped: the signal that ended it, if one did.
    """

    counts: NDArray[np.int16]
    tally: Tally
    complete: bool
    stopped: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a search stands: what another process needs to go on.

    Attributes:
        cells: open cells; None where none are open, or so many that the search starts over with the threshold.
        settled: how many of them are bounded, the first ones.
        counts: amounts of the candidates kept (n, d).
        high: upper limits of their scores (n,).
        sure: best sure scores (k or fewer,).
        roots: blocks of first cells that were taken.
        tally: how far the search is.
    """

    cells: Cells | None
    settled: int
    counts: NDArray[np.int16]
    high: Floats
    sure: Floats
    roots: int
    tally: Tally


class Notebook(Protocol):
    """Someone who keeps where a search stands."""

    def standing(self, problem: Problem) -> Standing | None:
        """Tell where an earlier process stood with this problem, if one did."""
        ...

    def proved(self, problem: Problem, state: Callable[[], Standing], done: bool = False) -> None:
        """Hear that another block of cells is settled, or all are; ``state`` tells where the search stands."""
        ...


class _Counted(Iterator[Cells]):
    """Blocks of cells, counted as they are taken."""

    def __init__(self, blocks: Iterator[Cells]) -> None:
        self.taken = 0
        self._blocks = blocks

    def __next__(self) -> Cells:
        cells = next(self._blocks)
        self.taken += 1
        return cells


class BrokenBoundError(RuntimeError):
    """A candidate contradicts a bound: the bounds are wrong, and so would be any proof from them."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """What came of a block of cells: those still open, the candidates listed, and how many cells were bounded."""

    opened: Cells
    amounts: NDArray[np.int16]
    low: Floats
    high: Floats
    bounded: int


@dataclass(slots=True)
class _Stack:
    """Open cells, the last opened on top and the most promising of them first."""

    units: int
    parts: list[Cells] = field(default_factory=list)
    points: float = 0.0

    def push(self, cells: Cells) -> None:
        """Put cells on top."""
        if len(cells):
            self.parts.append(cells.take(np.argsort(cells.ceiling, kind="stable")))
            self.points += float(cells.counts(self.units).sum())

    def pop(self, threshold: float) -> Cells:
        """Take up to a block of cells from the top, without those below the threshold."""
        cells = self.parts.pop()
        top = cells.take(slice(-_AT_ONCE, None))
        if len(cells) > _AT_ONCE:
            self.parts.append(cells.take(slice(None, -_AT_ONCE)))
        self.points -= float(top.counts(self.units).sum())
        return top.take(top.ceiling >= threshold)


def branch(
    problem: Problem,
    k: int,
    workers: int = 1,
    deadline: float = np.inf,
    progress: Callable[[Tally], None] | None = None,
    notebook: Notebook | None = None,
) -> Proof:
    """Find every candidate that may be among the k best.

    A cell is dropped only if its bound, rounding included, lies below the sure score of k candidates; equal scores
    stay. What comes out does not depend on the number of workers, only how many cells it took.

    Args:
        problem: what is searched for.
        k: how many candidates are wanted.
        workers: threads, each with a block of cells of its own.
        deadline: `time.monotonic` at which to stop with what there is.
        progress: hears of the state after every block.
        notebook: keeps where the search stands, for another process to go on; None for none.

    Raises:
        BrokenBoundError: a candidate lies above the bound of its cell, or one known to be good was dropped.
        ExpressionError: too many candidates tie for the last places.
    """
    guesses, sure = climb(problem, k)
    kept = Kept(k, float(sure[k - 1]) if len(sure) >= k else -np.inf, len(problem.space.elements))
    stack, tally = _Stack(problem.space.units), Tally()
    roots = _Counted(_roots(problem, tally))
    again: Iterator[Cells] = iter(())
    if notebook is not None and (before := notebook.standing(problem)) is not None:
        again = _resume(before, kept, stack, tally, roots)
    working: deque[tuple[Cells, Future[_Settled]]] = deque()
    stopped: BaseException | None = None
    with ThreadPoolExecutor(workers, "cells") as pool:
        try:
            while time.monotonic() < deadline:
                for cells in _next(itertools.chain(again, roots), stack, kept, workers + 1 - len(working)):
                    working.append((cells, pool.submit(_settle, problem, cells, kept)))
                if not working:
                    break
                _take(working[0][1].result(), kept, stack, tally)
                working.popleft()
                tally.threshold, tally.open_points = kept.threshold, stack.points
                tally.ceiling = max((float(cells.ceiling[-1]) for cells in stack.parts), default=-np.inf)
                if progress is not None:
                    progress(tally)
                if notebook is not None:
                    waiting = [cells for cells, _ in working]
                    notebook.proved(problem, partial(_standing, kept, stack, waiting, roots.taken, tally))
        except Exception:
            pool.shutdown(cancel_futures=True)
            raise
        except BaseException as signal:
            # Asked to end: what is found so far is still worth having.
            stopped = signal
    if notebook is not None and stopped is None and not working and not stack.parts:
        notebook.proved(problem, partial(_standing, kept, stack, [], roots.taken, tally), done=True)
    for cells in (*again, *roots, *(cells for cells, _ in working)):
        stack.push(cells)
    return _proof(problem, kept, stack, tally, (guesses[sure >= kept.threshold], stopped))


def _resume(before: Standing, kept: Kept, stack: _Stack, tally: Tally, roots: Iterator[Cells]) -> Iterator[Cells]:
    """Go back to where a search stood, and yield what must still be settled before anything else."""
    kept.restore(before.counts, before.high, before.sure, before.tally.threshold)
    tally.cells, tally.points = before.tally.cells, before.tally.points
    for _ in itertools.islice(roots, before.roots):
        pass
    if before.cells is None:
        return iter(())
    stack.push(before.cells.take(slice(before.settled)))
    later = before.cells.take(slice(before.settled, None))
    return (later.take(slice(start, start + 2 * _AT_ONCE)) for start in range(0, len(later), 2 * _AT_ONCE))


def _standing(kept: Kept, stack: _Stack, waiting: list[Cells], roots: int, tally: Tally) -> Standing:
    """Write down where a search stands; where too many cells are open, only what must be beaten."""
    counts, high, sure = kept.state
    known = replace(tally, threshold=kept.threshold)
    parts = [*stack.parts, *waiting]
    if not parts:
        return Standing(None, 0, counts, high, sure, roots, known)
    if sum(map(len, parts)) > MOST_NOTED:
        return Standing(None, 0, counts[:0], high[:0], sure[:0], 0, replace(known, cells=0, points=0))
    cells = Cells(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Cells)))
    return Standing(cells, sum(map(len, stack.parts)), counts, high, sure, roots, known)


def _roots(problem: Problem, tally: Tally) -> Iterator[Cells]:
    """Yield the first cells in blocks and count their points."""
    for cells in first_cells(problem.space, problem.absent, problem.limits):
        tally.all_points += float(cells.counts(problem.space.units).sum())
        for start in range(0, len(cells), 2 * _AT_ONCE):
            yield cells.take(slice(start, start + 2 * _AT_ONCE))


def _next(roots: Iterator[Cells], stack: _Stack, kept: Kept, wanted: int) -> Iterator[Cells]:
    """Yield up to so many blocks to settle: first cells, then halves of open ones."""
    while wanted > 0:
        cells = next(roots, None)
        if cells is None:
            if not stack.parts:
                return
            cells = stack.pop(kept.threshold).halves()
        if len(cells):
            wanted -= 1
            yield cells


def _settle(problem: Problem, cells: Cells, kept: Kept) -> _Settled:
    """Score small cells, bound the others, and say which stay open."""
    cells = cells.tightened(problem.limits)
    cells = cells.take(problem.placeable(cells))
    counts = cells.counts(problem.space.units)
    small = counts <= LEAF
    amounts, low, high = _score(problem, cells.take(small), counts[small])
    cells = cells.take(~small)
    places = np.zeros(len(cells), np.int64)
    if len(cells):
        block = lay_out_block(cells.members, cells.lower, cells.upper, problem.space.units, problem.curves)
        ceiling = np.minimum(cells.ceiling, problem.ceiling(block, places))
        cells = Cells(cells.members, cells.lower, cells.upper, ceiling, places)
    opened = cells.take((cells.ceiling >= kept.threshold) & (cells.ceiling > -np.inf))
    return _Settled(opened, amounts, low, high, len(cells))


def _score(problem: Problem, cells: Cells, counts: Floats) -> tuple[NDArray[np.int16], Floats, Floats]:
    """Score every candidate of small cells: amounts (b, d) and limits of their scores (b,)."""
    amounts, owner = cells.points(counts, len(problem.space.elements), problem.limits)
    rows = problem.placed(amounts)
    amounts, owner = amounts[rows], owner[rows]
    if not len(amounts):
        return amounts, np.empty(0), np.empty(0)
    low, high = problem.range_at(Points.of(amounts, problem.space.units, problem.curves))
    if (low > cells.ceiling[owner]).any():
        raise BrokenBoundError(f"a candidate scores {low.max():.6g} in a cell bounded lower")
    return amounts, low, high


def _take(settled: _Settled, kept: Kept, stack: _Stack, tally: Tally) -> None:
    """Enter what a block came to."""
    tally.cells += settled.bounded
    tally.points += len(settled.amounts)
    kept.offer(settled.amounts, settled.low, settled.high)
    stack.push(settled.opened)


def _proof(
    problem: Problem,
    kept: Kept,
    stack: _Stack,
    tally: Tally,
    ended: tuple[NDArray[np.int16], BaseException | None],
) -> Proof:
    """Sum up."""
    guesses, stopped = ended
    left = [cells.take(cells.ceiling >= kept.threshold) for cells in stack.parts]
    left = [cells for cells in left if len(cells)]
    tally.threshold = kept.threshold
    tally.ceiling = max((float(cells.ceiling.max()) for cells in left), default=-np.inf)
    tally.open_points = sum(float(cells.counts(problem.space.units).sum()) for cells in left)
    counts = kept.clear()
    # What climbing found must be among them, unless its cell is still open.
    every = np.unique(np.concatenate([counts, guesses]), axis=0) if len(guesses) else counts
    if not left and len(every) > len(counts):
        raise BrokenBoundError(f"{len(every) - len(counts)} of the best candidates were dropped")
    return Proof(every, tally, not left, stopped)
