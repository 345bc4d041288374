"""Branch and bound: halve cells, drop those that cannot hold one of the best, list those that are small enough."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from screener.exact.cells import Cells, first_cells
from screener.exact.climb import climb
from screener.exact.hands import Hands, Threads, dealt
from screener.exact.kept import Kept
from screener.exact.problem import Problem
from screener.exact.settling import BrokenBoundError, Settled, blocks_of
from screener.exact.stack import Stack
from screener.exact.standing import Counted, Notebook, Tally, resumed, standing_of

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


class _Enough(BaseException):
    """It is time to stop, or too many cells are open."""


def branch(
    problem: Problem,
    k: int,
    hands: Hands | None = None,
    deadline: float = np.inf,
    progress: Callable[[Tally], None] | None = None,
    notebook: Notebook | None = None,
) -> Proof:
    """Find every candidate that may be among the k best.

    A cell is dropped only if its bound, rounding included, lies below the sure score of k candidates; equal scores
    stay. What comes out does not depend on who settles cells, nor in which order, only how many cells it took.

    Args:
        problem: what is searched for.
        k: how many candidates are wanted.
        hands: who settles cells; None for one thread.
        deadline: `time.monotonic` at which to stop with what there is.
        progress: hears of the state after every result.
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
    first = itertools.chain(again, roots)
    working: dict[int, Cells] = {}
    stopped: BaseException | None = None

    def tell(done: bool = False) -> None:
        _count(tally, kept, stack, working.values())
        if progress is not None and tally.all_points:
            progress(tally)
        if notebook is not None:
            state = partial(standing_of, kept, stack, list(working.values()), roots.taken, tally)
            notebook.proved(problem, state, done)

    def more(wanted: int, size: int = 0) -> Iterator[Cells]:
        tell()
        if time.monotonic() >= deadline or stack.size > MOST_BYTES:
            raise _Enough
        blocks = _next(first, stack, kept)
        groups = dealt(blocks, wanted, size) if size else itertools.islice(blocks, max(0, wanted))
        given = [working.setdefault(id(cells), cells) for cells in groups]
        yield from given

    try:
        with closing((hands or Threads()).settled(problem, kept, more, deadline)) as results:
            for cells, found in results:
                _take(found, kept, stack, tally)
                working.pop(id(cells))
        tell(done=True)
    except _Enough:
        pass
    except Exception:
        raise
    except BaseException as signal:
        # Asked to end: what is found so far is still worth having.
        stopped = signal
    for cells in (*first, *working.values()):
        stack.push(cells)
    return _proof(problem, kept, stack, tally, (guesses[sure >= kept.threshold], stopped))


def _roots(problem: Problem, tally: Tally) -> Iterator[Cells]:
    """Yield the first cells in blocks and count their points."""
    for cells in first_cells(problem.space, problem.absent, problem.limits):
        tally.all_points += float(cells.counts.sum())
        yield from blocks_of(cells)


def _next(first: Iterator[Cells], stack: Stack, kept: Kept) -> Iterator[Cells]:
    """Yield blocks to settle: first cells, then halves of open ones."""
    while True:
        cells = next(first, None)
        if cells is None:
            if not stack.parts:
                return
            cells = stack.pop(kept.threshold).halves()
        if len(cells):
            yield cells


def _take(found: Settled, kept: Kept, stack: Stack, tally: Tally) -> None:
    """Enter what cells came to."""
    tally.cells += found.bounded
    tally.points += found.points
    kept.offer(found.amounts, found.low, found.high)
    for cells in found.opened:
        stack.push(cells)


def _count(tally: Tally, kept: Kept, stack: Stack, working: Collection[Cells]) -> None:
    """Say how far the search is; cells that are being settled are still open."""
    tally.threshold = kept.threshold
    tally.open_points = stack.points + sum(float(cells.counts.sum()) for cells in working)
    bounded = [cells.ceiling[cells.ceiling < np.inf] for cells in working]
    tally.ceiling = max(
        itertools.chain(
            (float(cells.ceiling[-1]) for cells in stack.parts), (float(each.max()) for each in bounded if len(each))
        ),
        default=-np.inf,
    )


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
    complete = not left and stopped is None
    if complete and len(every) > len(counts):
        raise BrokenBoundError(f"{len(every) - len(counts)} of the best candidates were dropped")
    return Proof(every, tally, complete, stopped, stack.size > MOST_BYTES)
