"""Branch and bound: halve cells, drop those that cannot hold one of the best, list those that are small enough."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from screener.exact._cut_kernels import steepest
from screener.exact._frame_kernels import Floats
from screener.exact.bounds import lay_out_block
from screener.exact.cells import Cells, first_cells
from screener.exact.climb import climb
from screener.exact.kept import Kept
from screener.exact.points import Points
from screener.exact.problem import Problem
from screener.exact.stack import AT_ONCE, Stack
from screener.exact.standing import Counted, Notebook, Tally, resumed, standing_of

_FEW = 2.0
"""Cells of so many points or fewer are listed without being bounded."""
LEAF = 24.0
"""Cells of so many points or fewer, once cut, are listed: scoring as many costs about as much as bounding one cell."""
_SHRUNK = 0.4
"""Cells of which cutting leaves less than this share are bounded again before they are halved."""
MOST_BYTES = 2**30
"""Most memory of open cells; halving the last opened first stays thousands of times below it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search found and proved.

    Attributes:
        counts: amounts of every candidate that may be one of the best (n, d), in no order.
        tally: cells, points, and what is still open.
        complete: whether no cell is open.
        stopped: the signal that ended it, if one did.
        crowded: whether open cells outgrew their memory.
    """

    counts: NDArray[np.int16]
    tally: Tally
    complete: bool
    stopped: BaseException | None = None
    crowded: bool = False


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
    stack, tally = Stack(), Tally()
    roots = Counted(_roots(problem, tally))
    again: Iterator[Cells] = iter(())
    if notebook is not None and (before := notebook.standing(problem)) is not None:
        again = resumed(before, kept, stack, tally, roots)
    working: deque[tuple[Cells, Future[_Settled]]] = deque()
    stopped: BaseException | None = None
    with ThreadPoolExecutor(workers, "cells") as pool:
        try:
            while time.monotonic() < deadline and stack.size <= MOST_BYTES:
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
                    notebook.proved(problem, partial(standing_of, kept, stack, waiting, roots.taken, tally))
        except Exception:
            pool.shutdown(cancel_futures=True)
            raise
        except BaseException as signal:
            # Asked to end: what is found so far is still worth having.
            stopped = signal
    if notebook is not None and stopped is None and not working and not stack.parts:
        notebook.proved(problem, partial(standing_of, kept, stack, [], roots.taken, tally), done=True)
    for cells in (*again, *roots, *(cells for cells, _ in working)):
        stack.push(cells)
    return _proof(problem, kept, stack, tally, (guesses[sure >= kept.threshold], stopped))


def _roots(problem: Problem, tally: Tally) -> Iterator[Cells]:
    """Yield the first cells in blocks and count their points."""
    for cells in first_cells(problem.space, problem.absent, problem.limits):
        tally.all_points += float(cells.counts.sum())
        for start in range(0, len(cells), 2 * AT_ONCE):
            yield cells.take(slice(start, start + 2 * AT_ONCE))


def _next(roots: Iterator[Cells], stack: Stack, kept: Kept, wanted: int) -> Iterator[Cells]:
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
    """List the smallest cells; bound and cut the others, list those that are small then, and say which stay open."""
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
    return _Settled(cells, amounts, low, high, bounded)


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


def _take(settled: _Settled, kept: Kept, stack: Stack, tally: Tally) -> None:
    """Enter what a block came to."""
    tally.cells += settled.bounded
    tally.points += len(settled.amounts)
    kept.offer(settled.amounts, settled.low, settled.high)
    stack.push(settled.opened)


def _proof(
    problem: Problem,
    kept: Kept,
    stack: Stack,
    tally: Tally,
    ended: tuple[NDArray[np.int16], BaseException | None],
) -> Proof:
    """Sum up."""
    guesses, stopped = ended
    left = [cells.take(cells.ceiling >= kept.threshold) for cells in stack.parts]
    left = [cells for cells in left if len(cells)]
    tally.threshold = kept.threshold
    tally.ceiling = max((float(cells.ceiling.max()) for cells in left), default=-np.inf)
    tally.open_points = sum(float(cells.counts.sum()) for cells in left)
    counts = kept.clear()
    # What climbing found must be among them, unless its cell is still open.
    every = np.unique(np.concatenate([counts, guesses]), axis=0) if len(guesses) else counts
    if not left and len(every) > len(counts):
        raise BrokenBoundError(f"{len(every) - len(counts)} of the best candidates were dropped")
    return Proof(every, tally, not left, stopped, stack.size > MOST_BYTES)
