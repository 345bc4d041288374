"""Cells of a space: the first ones, their halves, and the candidates of those small enough to list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import CellLimits, Small, count_all, list_points, tighten_all
from screener.exact._frame_kernels import Floats
from screener.space import CompositionSpace

MOST_SUPPORTS = 400_000
"""Most choices of elements that each get a cell of their own from the start."""
_AT_ONCE = 8192
_LEAST = 0.3
"""Where amounts from 0 on are cut in two: entropies and spreads bend most near 0."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells with what is known of them, n rows.

    Attributes:
        members: positions of their elements in the space, shape (n, s).
        lower: least amounts in grid units, shape (n, s).
        upper: greatest amounts, shape (n, s).
        ceiling: what the score does not exceed in them, shape (n,).
        counts: points of their boxes, limits on elements and sums aside, shape (n,); of halves, until they are
            tightened, half of those of the cell.
        place: the member along which each is halved next, −1 for those to be bounded again as they are, shape (n,).
    """

    members: Small
    lower: Small
    upper: Small
    ceiling: Floats
    counts: Floats
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ceiling)

    @property
    def size(self) -> int:
        """Memory, bytes."""
        parts = self.members, self.lower, self.upper, self.ceiling, self.counts, self.place
        return sum(part.nbytes for part in parts)

    def take(self, rows: NDArray[np.generic] | slice) -> Cells:
        """Pick rows by number, mask or slice."""
        boxes = self.members[rows], self.lower[rows], self.upper[rows]
        return Cells(*boxes, self.ceiling[rows], self.counts[rows], self.place[rows])

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Put cells of as many members one behind the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def halves(self) -> Cells:
        """Cut every cell in two along its place; amounts of each half are disjoint."""
        cut = np.flatnonzero(self.place >= 0)
        both = self.take(np.concatenate([np.arange(len(self)), cut]))
        both.counts[cut] /= 2.0
        both.counts[len(self) :] /= 2.0
        place = self.place[cut]
        low, high = self.lower[cut, place].astype(np.int64), self.upper[cut, place].astype(np.int64)
        middle = np.where(low == 0, (high * _LEAST).astype(np.int64), (low + high) // 2)
        both.upper[cut, place] = middle
        both.lower[len(self) + np.arange(len(cut)), place] = middle + 1
        return both

    def tighten(self, limits: CellLimits, alive: NDArray[np.bool_]) -> None:
        """Shrink cells, in place, to what their limits leave, count them, and mark those that hold no candidate."""
        holding = np.empty(len(self), np.bool_)
        tighten_all(self.members, self.lower, self.upper, limits, holding)
        alive &= holding
        self.lower[~alive] = self.upper[~alive] = 0
        count_all(self.lower, self.upper, limits.units, np.empty((2, limits.units + 1)), self.counts)

    def tightened(self, limits: CellLimits) -> Cells:
        """Shrink cells to what their limits leave and drop those that cannot hold a candidate."""
        alive, tight = np.ones(len(self), np.bool_), self.take(np.arange(len(self)))
        tight.tighten(limits, alive)
        return tight.take(alive)

    def points(self, d: int, limits: CellLimits) -> tuple[Small, NDArray[np.int64]]:
        """List the candidates of cells: amounts (b, d) and the row of each one's cell (b,)."""
        room = int(self.counts.sum())
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
    return Cells(members, lower, upper, np.full(n, np.inf), np.zeros(n), np.zeros(n, np.int64))
