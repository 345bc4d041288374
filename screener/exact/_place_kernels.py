"""Where to halve a cell: along the element whose amount leaves most of the bound unsettled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._curve_kernels import Lines
from screener.exact._frame_kernels import Floats, Frame
from screener.exact._net_kernels import Hidden, Weights

_BLAME = 4.0
"""Weight of curved descriptors against neurons in where to halve a cell, found by trial."""


@kernel
def split_places(
    frame: Frame, lines: Lines, weights: Weights, hidden: Hidden, sent: Floats, back: Floats, out: NDArray[np.int64]
) -> None:
    """Choose for every cell the member along which to halve it: where what is unsettled turns the output most.

    Args:
        frame: n cells.
        lines: enclosures of the curved descriptors.
        weights: the network.
        hidden: lines of the first layer.
        sent: what the first layer sent, see there.
        back: how the output depends on the first layer's neurons, shape (n, CHOICES, h).
        out: shape (n,).
    """
    q, size = lines.radius.shape[1], hidden.slope.shape[1]
    unsettled, score = np.zeros(size), np.zeros(frame.centre.shape[1])
    mean = np.zeros(size)
    for row in range(frame.opened.size):
        m, best, rows, coefficient = frame.opened[row], -1.0, sent[row], back[row, 0]
        score[:] = 0.0
        mean[:] = 0.0
        for a in range(m):
            for h in range(size):
                mean[h] += rows[a, h] / m
        for h in range(size):
            unsettled[h] = abs(coefficient[h]) * (1.0 - hidden.slope[row, h])
        for a in range(m):
            line, total = rows[a], 0.0
            for h in range(size):
                total += unsettled[h] * abs(line[h] - mean[h])
            score[a] = frame.width[row, a] * (total + 1e-9)
        for k in range(q):
            weight = 0.0
            for h in range(size):
                weight += coefficient[h] * hidden.slope[row, h] * weights.curved[k, h]
            for a in range(m):
                score[a] += _BLAME * abs(weight) * lines.room[row, k, a]
        for a in range(m):
            if score[a] > best:
                best = score[a]
                out[row] = frame.place[row, a]
