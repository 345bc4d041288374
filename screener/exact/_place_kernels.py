"""How much each element of a cell is to blame for what its bound leaves unsettled: where to halve it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._curve_kernels import Lines
from screener.exact._frame_kernels import Floats, Frame
from screener.exact._net_kernels import Hidden, Rough, Weights

_BLAME = 4.0
"""Weight of curved descriptors against neurons in where to halve a cell, found by trial."""


@kernel
def blame_members(
    frame: Frame,
    lines: Lines,
    weights: Weights,
    hidden: Hidden,
    sent: Rough,
    rows: NDArray[np.int64],
    back: Floats,
    out: Floats,
) -> None:
    """Write how much what is unsettled turns the output along each member of some cells, by width.

    Args:
        frame: n cells.
        lines: enclosures of the curved descriptors.
        weights: the network.
        hidden: lines of the first layer.
        sent: what the first layer sent, see there.
        rows: the cells, shape (r,).
        back: how the output depends on the first layer's neurons, shape (r, choices, h); the first choice counts.
        out: shape (n, s).
    """
    q, size = lines.radius.shape[1], hidden.slope.shape[1]
    unsettled, mean = np.zeros(size), np.zeros(size)
    for r in range(rows.size):
        row, coefficient = rows[r], back[r, 0]
        m, terms = frame.opened[row], sent[row]
        out[row] = 0.0
        mean[:] = 0.0
        for a in range(m):
            for h in range(size):
                mean[h] += terms[a, h] / m
        for h in range(size):
            unsettled[h] = abs(coefficient[h]) * (1.0 - hidden.slope[row, h])
        for a in range(m):
            line, total = terms[a], 0.0
            for h in range(size):
                total += unsettled[h] * abs(line[h] - mean[h])
            out[row, frame.place[row, a]] = total + 1e-9
        for k in range(q):
            weight = 0.0
            for h in range(size):
                weight += coefficient[h] * hidden.slope[row, h] * weights.curved[k, h]
            for a in range(m):
                out[row, frame.place[row, a]] += _BLAME * abs(weight) * lines.room[row, k, a] / frame.width[row, a]
