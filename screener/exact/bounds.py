"""Bounds over blocks of cells, as library functions: what a network or a descriptor cannot exceed in any of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._back_kernels import lean, output_bound, through_first
from screener.exact._cell_kernels import Small
from screener.exact._curve_kernels import Curves, Lines, enclose
from screener.exact._cut_kernels import Roof
from screener.exact._frame_kernels import Floats, Frame, new_frame
from screener.exact._net_kernels import CHOICES, first_layer, new_hidden, second_layer
from screener.exact._place_kernels import blame_members
from screener.exact._tangent_kernels import touch_all
from screener.exact.folding import FoldedNet

_FAR = 0.5
"""Where between the centre of a cell and the highest corner of its roof lines are chosen anew, found by trial."""


@dataclass(frozen=True, slots=True)
class Block:
    """Cells laid out once for every bound that is asked of them.

    Attributes:
        frame: the cells in atomic fractions.
        lines: enclosures of the curved descriptors.
        curves: the curved descriptors.
    """

    frame: Frame
    lines: Lines
    curves: Curves

    def take(self, rows: NDArray[np.int64]) -> Block:
        """Pick cells by number."""
        frame, lines = self.frame, self.lines
        cells = frame.members[rows], frame.centre[rows], frame.opened[rows]
        boxes = frame.place[rows], frame.width[rows], frame.share[rows]
        return Block(Frame(*cells, *boxes, frame.units), Lines(*(each[rows] for each in lines)), self.curves)


def lay_out_block(members: Small, lower: Small, upper: Small, units: int, curves: Curves) -> Block:
    """Lay out cells (n, s), each with at least one composition, and enclose the curved descriptors."""
    frame = new_frame(members, lower, upper, units)
    return Block(frame, enclose(frame, curves), curves)


def new_roof(block: Block) -> Roof:
    """Lay a roof that bounds nothing yet over a block, its line good for numbers of any size."""
    n, s = block.frame.centre.shape
    return Roof(np.full(n, np.inf), np.full(n, np.inf), np.zeros((n, s)), np.full(n, -np.inf))


def net_roof(
    block: Block, net: FoldedNet, sign: float, least: Floats | None = None, pull: Floats | None = None
) -> Roof:
    """Return what sign · output of a network does not exceed in each cell, ε included.

    Args:
        block: n cells.
        net: the network; its output before what makes it rise.
        sign: 1 or −1.
        least: what matters (n,): cells that a first bound leaves below are not bounded more closely; None for nothing.
        pull: where given, filled with what halving cells that matter along each member promises, by width (n, s).
    """
    frame, lines, weights = block.frame, block.lines, net.weights
    n, s = frame.centre.shape
    q, h, g = lines.radius.shape[1], weights.bias.size, weights.outer.size
    first, second = new_hidden(n, h), new_hidden(n, g)
    sent, own = np.empty((n, s + q + 1, h), np.float32), np.empty((n, h))
    first_layer(frame, lines, weights, np.empty((5, h)), np.empty((s + q + 1, h)), first, sent, own)
    with np.errstate(over="ignore", invalid="ignore"):
        received = (sent.reshape(-1, h) @ weights.rough).reshape(n, s + q + 1, g)
    second_back = np.empty((n, CHOICES, g + 1))
    second_layer(frame, received, own @ np.abs(weights.inner), weights, sign, second, second_back)
    every, out = np.arange(n), new_roof(block)

    def lower(rows: NDArray[np.int64], back: Floats, above: Floats, pull: Floats | None) -> None:
        deeper, constant = _inward(back[:, :, :-1], weights.inner.T), np.ascontiguousarray(back[:, :, -1])
        if pull is not None:
            blame_members(frame, lines, weights, first, sent, rows, deeper, pull)
        through_first(first, rows, deeper, constant)
        output_bound(frame, above, lines.below, rows, _inward(deeper, weights.input), constant, out)

    lower(every, second_back, lines.above, None)
    rows = every if least is None else np.flatnonzero(out.ceiling + net.rounding >= least)
    point, again, above = np.empty((len(rows), s)), np.empty((len(rows), 1, g + 1)), np.empty((len(rows), q, s + 1))
    lean(frame, weights, (first, second), sent, received, rows, sign, out, _FAR, point, again)
    touch_all(frame, block.curves, lines, rows, point, above)
    lower(rows, again, above, pull)
    return Roof(out.ceiling + net.rounding, out.level + net.rounding, out.slope, out.floor)


def _inward(back: Floats, layer: Floats) -> Floats:
    """Carry coefficients (r, choices, h) back through a dense layer (h, i)."""
    return (back.reshape(-1, back.shape[2]) @ layer).reshape(*back.shape[:2], layer.shape[1])
