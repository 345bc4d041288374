"""From the output of a network back to the composition: the line over every cell, and lower lines chosen anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._cut_kernels import Roof, sort_down
from screener.exact._frame_kernels import Floats, Frame, extent
from screener.exact._net_kernels import Hidden, Rough, Weights


@kernel
def through_first(hidden: Hidden, rows: NDArray[np.int64], back: Floats, constant: Floats) -> None:
    """Carry coefficients of the first layer's neurons back through their lines.

    Args:
        hidden: lines over n cells; the last choice takes the steep lower lines, any before the parallel ones.
        rows: the cells, shape (r,).
        back: how the output depends on the neurons, shape (r, choices, h); becomes how on what they are made of.
        constant: shape (r, choices); what the lines' offsets come to is added.
    """
    for r in range(rows.size):
        slope, offset = hidden.slope[rows[r]], hidden.offset[rows[r]]
        for choice in range(back.shape[1]):
            coefficient, total = back[r, choice], 0.0
            lower = hidden.steep[rows[r]] if choice == back.shape[1] - 1 else slope
            for h in range(coefficient.size):
                value = coefficient[h]
                total += max(value, 0.0) * offset[h]
                coefficient[h] = value * (slope[h] if value > 0.0 else lower[h])
            constant[r, choice] += total


@kernel
def output_bound(
    frame: Frame,
    above: Floats,
    below: Floats,
    rows: NDArray[np.int64],
    back: Floats,
    constant: Floats,
    out: Roof,
) -> None:
    """Write the line that the output stays below in some cells, where it is lower than the one there.

    Args:
        frame: n cells.
        above: upper lines of the curved descriptors, shape (r, q, s + 1).
        below: lower lines, shape (n, q, s + 1).
        rows: the cells, shape (r,).
        back: how the output depends on fractions, curved descriptors and 1, shape (r, choices, d + q + 1).
        constant: what is added, shape (r, choices).
        out: roof over the n cells.
    """
    s, q = frame.centre.shape[1], below.shape[1]
    slope, members, last = np.zeros(s), frame.members, back.shape[2] - 1
    for r in range(rows.size):
        row = rows[r]
        m = frame.opened[row]
        for choice in range(back.shape[1]):
            coefficient = back[r, choice]
            total = constant[r, choice] + coefficient[last]
            for i in range(s):
                if frame.centre[row, i] > 0.0:
                    total += frame.centre[row, i] * coefficient[members[row, i]]
            for a in range(m):
                slope[a] = coefficient[members[row, frame.place[row, a]]]
            for k in range(q):
                weight = coefficient[last - q + k]
                line = above[r, k] if weight > 0.0 else below[row, k]
                total += weight * line[s]
                for a in range(m):
                    slope[a] += weight * line[a]
            _, high = extent(slope, frame.width[row], frame.share[row], m)
            if total + high < out.ceiling[row]:
                out.ceiling[row], out.level[row] = total + high, total
                out.slope[row] = slope


@kernel
def lean(
    frame: Frame,
    weights: Weights,
    hidden: tuple[Hidden, Hidden],
    sent: Rough,
    received: Rough,
    rows: NDArray[np.int64],
    sign: float,
    roof: Roof,
    far: float,
    point: Floats,
    back: Floats,
) -> None:
    """Choose the lower lines anew so that they are right where the roof over a cell is highest.

    Args:
        frame: n cells.
        weights: the network.
        hidden: lines of both layers; slopes of the lower lines are replaced.
        sent: what the first layer sends, see there.
        received: what the second layer receives, see there.
        rows: the cells, shape (r,).
        sign: 1 for the largest output, −1 for the largest of its negative.
        roof: the roof over the n cells.
        far: share of the way from the centre to that place where lines are chosen.
        point: becomes that place, as fractions of the members, shape (r, s).
        back: becomes coefficients of the second layer's neurons, then the constant, shape (r, 1, g + 1).
    """
    first, second = hidden
    s, g = frame.centre.shape[1], weights.outer.size
    base = received.shape[1] - 1
    order, change = np.zeros(s, np.int64), np.zeros(s)
    near, deep = np.zeros(weights.bias.size), np.zeros(g)
    for r in range(rows.size):
        row = rows[r]
        m = frame.opened[row]
        top_corner(roof.slope[row], frame.width[row], frame.share[row], m, order, change)
        point[r] = frame.centre[row]
        deep[:] = received[row, base]
        near[:] = sent[row, base]
        for a in range(m):
            move = far * change[a]
            point[r, frame.place[row, a]] += move
            one, two = sent[row, a], received[row, a]
            for h in range(near.size):
                near[h] += move * one[h]
            for h in range(g):
                deep[h] += move * two[h]
        for h in range(near.size):
            if 0.0 < first.slope[row, h] < 1.0:
                first.steep[row, h] = 1.0 if near[h] > 0.5 * first.offset[row, h] else 0.0
        constant = sign * weights.outer_bias[0]
        for h in range(g):
            weight, lower = sign * weights.outer[h], second.slope[row, h]
            if weight > 0.0:
                constant += weight * second.offset[row, h]
            elif 0.0 < lower < 1.0:
                lower = 1.0 if deep[h] + weights.inner_bias[h] > 0.0 else 0.0
            back[r, 0, h] = weight * lower
            constant += weight * lower * weights.inner_bias[h]
        back[r, 0, g] = constant


@kernel
def top_corner(slope: Floats, width: Floats, share: float, m: int, order: NDArray[np.int64], out: Floats) -> None:
    """Write where a line is greatest over a cell, as changes [s] from its centre."""
    sort_down(slope, m, order)
    rest = 0.0
    for a in range(m):
        rest += share * width[a]
    for r in range(m):
        a = order[r]
        step = min(width[a], rest)
        rest -= step
        out[a] = step - share * width[a]
