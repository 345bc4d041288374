"""Bounds over blocks of cells, as library functions: what a network or a descriptor cannot exceed in any of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import Small
from screener.exact._curve_kernels import Curves, Lines, enclose
from screener.exact._frame_kernels import Floats, Frame, new_frame
from screener.exact._net_kernels import (
    CHOICES,
    first_layer,
    new_hidden,
    output_bound,
    second_layer,
)
from screener.exact._place_kernels import split_places
from screener.exact.folding import FoldedNet


@dataclass(frozen=True, slots=True)
class Block:
    """Cells laid out once for every bound that is asked of them.

    Attributes:
        frame: the cells in atomic fractions.
        lines: enclosures of the curved descriptors.
    """

    frame: Frame
    lines: Lines


def lay_out_block(members: Small, lower: Small, upper: Small, units: int, curves: Curves) -> Block:
    """Lay out cells (n, s), each with at least one composition, and enclose the curved descriptors."""
    frame = new_frame(members, lower, upper, units)
    return Block(frame, enclose(frame, curves))


def net_ceiling(block: Block, net: FoldedNet, sign: float, places: NDArray[np.int64] | None = None) -> Floats:
    """Return what sign · output of a network does not exceed in each cell (n,), ε included.

    Args:
        block: n cells.
        net: the network; its output before what makes it rise.
        sign: 1 or −1.
        places: where given, filled with the member along which each cell is best halved (n,).
    """
    frame, weights = block.frame, net.weights
    n, s = frame.centre.shape
    q, h, g = block.lines.radius.shape[1], weights.bias.size, weights.outer.size
    first, second = new_hidden(n, h), new_hidden(n, g)
    sent = np.empty((n, s + q + 2, h))
    first_layer(frame, block.lines, weights, np.empty((4, h)), first, sent)
    received = sent[:, :-1] @ weights.inner
    spare = sent[:, -1] @ np.abs(weights.inner)
    back = np.empty((n, CHOICES, g + 1))
    second_layer(frame, received, spare, weights, sign, second, back)
    deeper = np.ascontiguousarray(back[:, :, :-1] @ weights.inner.T)
    out = np.empty(n)
    if places is not None:
        split_places(frame, block.lines, weights, first, sent, deeper, places)
    output_bound(frame, block.lines, weights, first, deeper, np.ascontiguousarray(back[:, :, -1]), out)
    return out + net.rounding
