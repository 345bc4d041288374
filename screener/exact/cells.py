"""Cells of a space: the first ones, their halves, and the candidates of those small enough to list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import CellLimits, Small, count_all, list_points, tighten_all
from screener.exact._frame_kernels import Floats
from screener.space import CompositionSpace

MOST_SUPPORTS = 400_000
"""Most choices of elements that each get a cell of their own from the start."""
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells with what is known of them, n rows.

    Attributes:
        members: positions of their elements in the space, shape (n, s).
        lower: least amounts in grid units, shape (n, s).
        upper: greatest amounts, shape (n, s).
        ceiling: what the score does not exceed in them, shape (n,).
        place: the member along which each is halved next, shape (n,).
    """

    members: Small
    lower: Small
    upper: Small
    ceiling: Floats
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ceiling)

    def take(self, rows: NDArray[np.generic] | slice) -> Cells:
        """Pick rows by number, mask or slice."""
        return Cells(self.members[rows], self.lower[rows], self.upper[rows], self.ceiling[rows], self.place[rows])

    def halves(self) -> Cells:
        """Cut every cell in two along its place; amounts of each half are disjoint."""
        rows = np.arange(len(self))
        low, high = self.lower[rows, self.place].astype(np.int64), self.upper[rows, self.place].astype(np.int64)
        middle = (low + high) // 2
        both = self.take(np.concatenate([rows, rows]))
        both.upper[rows, self.place] = middle
        both.lower[len(rows) + rows, self.place] = middle + 1
        return both

    def tightened(self, limits: CellLimits) -> Cells:
        """Shrink cells to what their limits leave and drop those that cannot hold a candidate."""
        alive = np.empty(len(self), np.bool_)
        tighten_all(self.members, self.lower, self.upper, limits, alive)
        return self.take(alive)

    def counts(self, units: int) -> Floats:
        """Return how many points each box holds (n,), limits on elements and sums aside."""
        out = np.empty(len(self))
        count_all(self.lower, self.upper, units, np.empty((2, units + 1)), out)
        return out

    def points(self, counts: Floats, d: int, limits: CellLimits) -> tuple[Small, NDArray[np.int64]]:
        """List the candidates of cells with known counts: amounts (b, d) and the row of each one's cell (b,)."""
        room = int(counts.sum())
        amounts, owner = np.empty((room, d), np.int16), np.empty(room, np.int64)
        found = list_points(self.members, self.lower, self.upper, limits, owner, amounts)
        return amounts[:found], owner[:found]


def first_cells(space: CompositionSpace, absent: Sequence[bool], limits: CellLimits) -> Iterator[Cells]:
    """Yield cells that together hold every candidate once.

    Where fewer elements may be present than there are, every choice of them gets a cell, with only them as members:
    cells of a few elements are bounded faster and more tightly than boxes over all.
    """
    lower, upper = np.array(space.lower, np.int16), np.array(space.upper, np.int16)
    upper[: len(absent)][np.array(absent, np.bool_)] = 0
    usable = np.flatnonzero(upper > 0)
    most = min(space.components[1], len(usable))
    choices = sum(math.comb(len(usable), k) for k in range(space.components[0], most + 1))
    if most == len(usable) or choices > MOST_SUPPORTS:
        whole = np.arange(len(lower), dtype=np.int16)[None]
        yield _cells(whole, lower[None].copy(), upper[None].copy()).tightened(limits)
        return
    needed = set(np.flatnonzero(lower > 0).tolist())
    supports = (
        chosen
        for k in range(space.components[0], most + 1)
        for chosen in itertools.combinations(usable.tolist(), k)
        if needed <= set(chosen)
    )
    while batch := list(itertools.islice(supports, _AT_ONCE)):
        members, low, high = np.zeros((3, len(batch), most), np.int16)
        for row, chosen in enumerate(batch):
            members[row, : len(chosen)] = chosen
            low[row, : len(chosen)] = np.maximum(lower[list(chosen)], 1)
            high[row, : len(chosen)] = upper[list(chosen)]
        yield _cells(members, low, high).tightened(limits)


def _cells(members: Small, lower: Small, upper: Small) -> Cells:
    """Make cells of which nothing is known yet."""
    n = len(members)
    return Cells(members, lower, upper, np.full(n, np.inf), np.zeros(n, np.int64))
