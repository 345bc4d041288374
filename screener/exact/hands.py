"""Who settles blocks of cells: threads of this process, or whoever else can."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.cells import Cells
from screener.exact.kept import Kept
from screener.exact.problem import Problem
from screener.exact.settling import Settled, settle

Results: TypeAlias = Generator[tuple[Cells, Settled], None, None]
"""Cells with what came of them, until it is closed."""


class More(Protocol):
    """Gives out cells that are to be settled."""

    def __call__(self, wanted: int, size: int = 0) -> Iterator[Cells]:
        """Yield up to so many blocks; or as many groups of up to ``size`` cells each, where that is not 0.

        Ends the search, by raising what is not for others to catch, where it is time.
        """
        ...


class Hands(Protocol):
    """Those who settle cells."""

    def settled(self, problem: Problem, kept: Kept, more: More, deadline: float) -> Results:
        """Ask for cells again and again and yield them with what came of them, until there are none.

        Args:
            problem: what is searched for.
            kept: what must be beaten; changes only between two results.
            more: gives out cells; asked after every result, and where there is none for a second.
            deadline: `time.monotonic` at which ``more`` ends the search.
        """
        ...


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads of this process, each with a block of cells of its own; results are taken in the order of the blocks.

    Attributes:
        workers: how many.
    """

    workers: int = 1

    def settled(self, problem: Problem, kept: Kept, more: More, deadline: float) -> Results:
        """Settle blocks one ahead of those that are taken."""
        waiting: deque[tuple[Cells, Future[Settled]]] = deque()
        with ThreadPoolExecutor(self.workers, "cells") as pool:
            try:
                while True:
                    for cells in more(self.workers + 1 - len(waiting)):
                        waiting.append((cells, pool.submit(settle, problem, cells, kept)))
                    if not waiting:
                        return
                    cells, future = waiting.popleft()
                    yield cells, future.result()
            finally:
                pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What must be beaten, for someone who settles cells elsewhere.

    Attributes:
        k: how many candidates are wanted.
        threshold: a score that so many are known to reach.
        sure: the best sure scores found (k or fewer,), or none of them.
    """

    k: int
    threshold: float
    sure: Floats

    def kept(self, d: int) -> Kept:
        """Make what holds candidates of d elements that are not among those known."""
        kept = Kept(self.k, self.threshold, d)
        nothing: NDArray[np.int16] = np.empty((0, d), np.int16)
        kept.restore(nothing, np.empty(0), self.sure, self.threshold)
        return kept


def dealt(blocks: Iterator[Cells], wanted: int, size: int) -> Iterator[Cells]:
    """Take blocks until there are enough cells for so many groups of so many, and deal them out evenly."""
    taken, count = [], 0
    while count < wanted * size and (block := next(blocks, None)) is not None:
        taken.append(block)
        count += len(block)
    if count:
        together, groups = Cells.joined(taken), min(wanted, count)
        for first in range(groups):
            yield together.take(slice(first, None, groups))
