"""Cells shrunk to where a line that their number does not exceed reaches what is asked of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._cell_kernels import Small
from screener.exact._frame_kernels import Floats, Frame

_PAD = 1e-13
"""Share of the sizes of a line's terms that rounding here stays far below."""


class Roof(NamedTuple):
    """What a number does not exceed over a block of n cells: level + slope·x at c0 + x, wherever it is above floor.

    Attributes:
        ceiling: what it does not exceed anywhere in the cell, shape (n,).
        level: shape (n,).
        slope: by open element, in the order of the frame's places, shape (n, s).
        floor: shape (n,).
    """

    ceiling: Floats
    level: Floats
    slope: Floats
    floor: Floats


@kernel
def cut_all(
    frame: Frame, roof: Roof, least: Floats, units: int, lower: Small, upper: Small, alive: NDArray[np.bool_]
) -> None:
    """Shrink boxes (n, s), each inside the cell that the frame has in its row, to amounts that may reach ``least`` [n].

    What is cut away has a number below ``least``. Rows that hold nothing else are marked in ``alive`` [n].
    """
    s = lower.shape[1]
    order, filled, low, high = np.zeros((4, s), np.int64)
    for row in range(frame.opened.size):
        if alive[row] and least[row] > roof.floor[row]:
            m = frame.opened[row]
            sort_down(roof.slope[row], m, order)
            at = (roof.level[row], least[row])
            room = fill(frame, row, roof.slope[row], at, units, lower[row], upper[row], order, filled)
            if room < 0.0:
                alive[row] = False
            elif room < np.inf:
                reach(frame.place[row], roof.slope[row], m, room, lower[row], upper[row], order, filled, low, high)


@kernel
def sort_down(slope: Floats, m: int, order: NDArray[np.int64]) -> None:
    """Write the places of the m first slopes into ``order``, greatest slope first."""
    for a in range(m):
        r = a
        while r > 0 and slope[order[r - 1]] < slope[a]:
            order[r] = order[r - 1]
            r -= 1
        order[r] = a


@kernel
def fill(
    frame: Frame,
    row: int,
    slope: Floats,
    at: tuple[float, float],
    units: int,
    lower: Small,
    upper: Small,
    order: NDArray[np.int64],
    filled: NDArray[np.int64],
) -> float:
    """Spread what the lower amounts leave so that the line is greatest, into ``filled``.

    Returns how far the line, ``at`` whose level it starts, then rises above what is asked, times the units; below 0
    where it does not get there.
    """
    level, least = at
    rest, top, size = units, level, abs(level)
    for i in range(lower.size):
        rest -= lower[i]
    for r in range(frame.opened[row]):
        a = order[r]
        i = frame.place[row, a]
        filled[a] = min(upper[i] - lower[i], rest)
        rest -= filled[a]
        top += slope[a] * ((lower[i] + filled[a]) / units - frame.centre[row, i])
        size += abs(slope[a])
    return -1.0 if rest != 0 else (top - least + _PAD * size) * units


@kernel
def reach(
    place: NDArray[np.int64],
    slope: Floats,
    m: int,
    room: float,
    lower: Small,
    upper: Small,
    order: NDArray[np.int64],
    filled: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> None:
    """Move every amount away from the best point until the line has fallen by ``room``; that is as far as it may go.

    What one element gains, those of the least slope lose first; what it loses, those of the greatest slope gain first.
    """
    for a in range(m):
        spare, more = room, 0
        free = upper[place[a]] - lower[place[a]] - filled[a]
        for r in range(m - 1, -1, -1):
            b = order[r]
            step = min(filled[b], free - more)
            if b != a and step > 0:
                loss = slope[b] - slope[a]
                if loss * step > spare:
                    more += int(spare / loss + 1e-6)
                    break
                more += step
                spare -= max(0.0, loss) * step
        high[a] = filled[a] + more
        spare, more = room, 0
        for r in range(m):
            b = order[r]
            step = min(upper[place[b]] - lower[place[b]] - filled[b], filled[a] - more)
            if b != a and step > 0:
                loss = slope[a] - slope[b]
                if loss * step > spare:
                    more += int(spare / loss + 1e-6)
                    break
                more += step
                spare -= max(0.0, loss) * step
        low[a] = filled[a] - more
    for a in range(m):
        i = place[a]
        upper[i] = lower[i] + high[a]
        lower[i] += low[a]


@kernel
def points_below(
    frame: Frame, roof: Roof, least: Floats, units: int, points: Small, owner: NDArray[np.int64], out: NDArray[np.bool_]
) -> None:
    """Mark in ``out`` [b] amounts (b, d) whose line, that of the row in ``owner`` [b], stays below ``least`` [n]."""
    for b in range(owner.size):
        row = owner[b]
        if least[row] > roof.floor[row]:
            top, size = roof.level[row], abs(roof.level[row])
            for a in range(frame.opened[row]):
                i = frame.place[row, a]
                slope = roof.slope[row, a]
                top += slope * (points[b, frame.members[row, i]] / units - frame.centre[row, i])
                size += abs(slope)
            out[b] = out[b] or top + _PAD * size < least[row]


@kernel
def steepest(pull: Floats, lower: Small, upper: Small, out: NDArray[np.int64]) -> None:
    """Write the member of the greatest pull (n, s) times width into ``out`` [n]."""
    for row in range(out.size):
        best = -1.0
        for i in range(lower.shape[1]):
            width = upper[row, i] - lower[row, i]
            if width > 0 and pull[row, i] * width > best:
                best = pull[row, i] * width
                out[row] = i
