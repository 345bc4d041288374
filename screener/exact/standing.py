"""Where a search stands, so that another process can go on with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.cells import Cells
from screener.exact.kept import Kept
from screener.exact.problem import Problem
from screener.exact.settling import blocks_of
from screener.exact.stack import Stack

MOST_NOTED = 1_000_000
"""Most open cells that are kept for another process: with more, it starts over, knowing what must be beaten."""


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


class Counted(Iterator[Cells]):
    """Blocks of cells, counted as they are taken."""

    def __init__(self, blocks: Iterator[Cells]) -> None:
        self.taken = 0
        self._blocks = blocks

    def __next__(self) -> Cells:
        cells = next(self._blocks)
        self.taken += 1
        return cells


def resumed(before: Standing, kept: Kept, stack: Stack, tally: Tally, roots: Iterator[Cells]) -> Iterator[Cells]:
    """Go back to where a search stood, and yield what must still be settled before anything else."""
    kept.restore(before.counts, before.high, before.sure, before.tally.threshold)
    tally.cells, tally.points = before.tally.cells, before.tally.points
    for _ in itertools.islice(roots, before.roots):
        pass
    if before.cells is None:
        return iter(())
    stack.push(before.cells.take(slice(before.settled)))
    later = before.cells.take(slice(before.settled, None))
    return blocks_of(later)


def standing_of(kept: Kept, stack: Stack, waiting: list[Cells], roots: int, tally: Tally) -> Standing:
    """Write down where a search stands; where too many cells are open, only what must be beaten."""
    counts, high, sure = kept.state
    known = replace(tally, threshold=kept.threshold)
    parts = [*stack.parts, *waiting]
    if not parts:
        return Standing(None, 0, counts, high, sure, roots, known)
    if sum(map(len, parts)) > MOST_NOTED:
        return Standing(None, 0, counts[:0], high[:0], sure[:0], 0, replace(known, cells=0, points=0))
    return Standing(Cells.joined(parts), sum(map(len, stack.parts)), counts, high, sure, roots, known)
