"""Tangents of concave descriptors at chosen points: upper lines that are right where a bound is highest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._curve_kernels import ENTROPY, SPREAD, Curves, Lines
from screener.exact._frame_kernels import Floats, Frame


@kernel
def touch_all(frame: Frame, curves: Curves, lines: Lines, rows: NDArray[np.int64], point: Floats, out: Floats) -> None:
    """Write upper lines (r, q, s + 1) of cells ``rows`` [r] that touch concave descriptors at points (r, s) of them.

    Entropies and spreads are concave, so that every tangent lies above; other descriptors keep their upper lines.
    """
    s = frame.centre.shape[1]
    for r in range(rows.size):
        row = rows[r]
        for q in range(curves.kind.size):
            line = out[r, q]
            line[:] = lines.above[row, q]
            found = False
            if curves.kind[q] == ENTROPY:
                found = tangent_of_entropy(frame, row, point[r], line)
            elif curves.kind[q] == SPREAD:
                found = tangent_of_spread(frame, row, point[r], curves.column[q], line)
            if found:
                for i in range(s + 1):
                    line[i] *= curves.scale[q]


@kernel
def tangent_of_entropy(frame: Frame, row: int, point: Floats, line: Floats) -> bool:
    """Write the tangent of −Σ c ln c at a point where no open element is absent."""
    total, last = 1e-14, line.size - 1
    for i in range(last):
        at = frame.centre[row, i]
        if at > 0.0:
            held = max(point[i], 1e-9)
            total += -held * np.log(held) - (np.log(held) + 1.0) * (at - held)
    for a in range(frame.opened[row]):
        line[a] = -np.log(max(point[frame.place[row, a]], 1e-9)) - 1.0
    line[last] = total
    return True


@kernel
def tangent_of_spread(frame: Frame, row: int, point: Floats, column: Floats, line: Floats) -> bool:
    """Write the tangent of √Σ c_i (p_i − ⟨p⟩)² at a point; False where there is none."""
    members, last = frame.members[row], line.size - 1
    mean, variance, size = 0.0, 0.0, 0.0
    for i in range(last):
        mean += point[i] * column[members[i]]
    for i in range(last):
        square = (column[members[i]] - mean) ** 2
        variance += point[i] * square
        size = max(size, square)
    found = variance > 1e-12 * size
    if found:
        root, total = np.sqrt(variance), 0.0
        for i in range(last):
            total += frame.centre[row, i] * (column[members[i]] - mean) ** 2
        line[last] = 0.5 * (root + total / root) + 1e-14 * size / root
        for a in range(frame.opened[row]):
            line[a] = 0.5 * (column[members[frame.place[row, a]]] - mean) ** 2 / root
    return found
