"""Neighbourhoods of given alloys by the largest difference of an amount: to stay within, or to keep out of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._cell_kernels import Small
from screener.exact._frame_kernels import Floats
from screener.exact.cells import Cells
from screener.nearest import AlloyIndex

_GRID = 1e-6
"""Share of a grid unit by which a distance may be rounded."""


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """Boxes around alloys.

    Attributes:
        centres: amounts in grid units, shape (m, d).
        reach: largest difference of an amount that is still inside, in grid units.
    """

    centres: Floats
    reach: float

    @classmethod
    def within(cls, centres: Floats, units: int, percent: float) -> Neighbourhoods:
        """Take in all that lies at most so many at.% from a centre (m, d)."""
        return cls(centres, percent * units / 100.0 + _GRID)

    @classmethod
    def nearer_than(cls, centres: Floats, units: int, percent: float) -> Neighbourhoods:
        """Take in all that lies less than so many at.% from a centre (m, d)."""
        return cls(centres, percent * units / 100.0 - _GRID)

    def hold(self, counts: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Say which amounts (b, d) are inside a box."""
        points = np.ascontiguousarray(counts, np.int16)
        members = np.broadcast_to(np.arange(points.shape[1], dtype=np.int16), points.shape)
        return self._compare(np.ascontiguousarray(members), points, points)[0]

    def meet(self, cells: Cells) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which cells (n,) may hold something inside a box, and which lie inside one as a whole."""
        return self._compare(cells.members, cells.lower, cells.upper)

    def _compare(self, members: Small, lower: Small, upper: Small) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        met, covered = np.zeros((2, len(members)), np.bool_)
        compare_boxes(members, lower, upper, self.centres, self.reach, met, covered)
        return met, covered


def alloys_in(index: AlloyIndex, symbols: Sequence[str], units: int, percent: float) -> Floats:
    """Return alloys as amounts (m, d) in grid units, without those too rich in other elements to be near."""
    dense = np.zeros((len(index), len(index.symbols)))
    rows = np.repeat(np.arange(len(index)), np.diff(index.start))
    dense[rows, index.element] = index.permille * units / 1000.0
    places = [index.symbols.index(symbol) if symbol in index.symbols else -1 for symbol in symbols]
    held = np.column_stack([dense[:, p] if p >= 0 else np.zeros(len(dense)) for p in places])
    dense[:, [p for p in places if p >= 0]] = 0.0
    return np.unique(held[dense.max(axis=1, initial=0.0) <= percent * units / 100.0 + _GRID], axis=0)


@kernel
def compare_boxes(
    members: Small,
    lower: Small,
    upper: Small,
    centres: Floats,
    reach: float,
    met: NDArray[np.bool_],
    covered: NDArray[np.bool_],
) -> None:
    """Fill ``met`` and ``covered`` [n] for cells (n, s)."""
    d = centres.shape[1]
    low, high = np.zeros(d), np.zeros(d)
    for row in range(members.shape[0]):
        low[:] = 0.0
        high[:] = 0.0
        for i in range(members.shape[1]):
            if upper[row, i] > 0:
                low[members[row, i]], high[members[row, i]] = lower[row, i], upper[row, i]
        for k in range(centres.shape[0]):
            meets, covers = True, True
            for i in range(d):
                least, most = low[i] - centres[k, i], high[i] - centres[k, i]
                if least > reach or most < -reach:
                    meets = False
                    break
                covers = covers and least >= -reach and most <= reach
            if meets:
                met[row] = True
                if covers:
                    covered[row] = True
                    break
