"""From the output of a network back to the composition: the line over every cell, and lower lines chosen anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._cut_kernels import Roof, sort_down
from screener.exact._frame_kernels import Floats, Frame, extent
from screener.exact._net_kernels import Hidden, Weights


@kernel
def output_bound(
    frame: Frame,
    above: Floats,
    below: Floats,
    weights: Weights,
    hidden: Hidden,
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
        weights: the network.
        hidden: lines of the first layer; the last choice takes its steep lower lines, any before the parallel ones.
        rows: the cells, shape (r,).
        back: how the output depends on the first layer's neurons, shape (r, choices, h); becomes how it depends on
            what they are made of.
        constant: shape (r, choices).
        out: roof over the n cells.
    """
    s, q = frame.centre.shape[1], below.shape[1]
    slope, members = np.zeros(s), frame.members
    for r in range(rows.size):
        row = rows[r]
        m = frame.opened[row]
        for choice in range(back.shape[1]):
            coefficient, total = back[r, choice], constant[r, choice]
            lower = hidden.steep[row] if choice == back.shape[1] - 1 else hidden.slope[row]
            for h in range(coefficient.size):
                if coefficient[h] > 0.0:
                    total += coefficient[h] * hidden.offset[row, h]
                    coefficient[h] *= hidden.slope[row, h]
                else:
                    coefficient[h] *= lower[h]
            total += dot(coefficient, weights.bias)
            for i in range(s):
                if frame.centre[row, i] > 0.0:
                    total += frame.centre[row, i] * dot(coefficient, weights.linear[members[row, i]])
            for a in range(m):
                slope[a] = dot(coefficient, weights.linear[members[row, frame.place[row, a]]])
            for k in range(q):
                weight = dot(coefficient, weights.curved[k])
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
    sent: Floats,
    received: Floats,
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


@kernel
def dot(a: Floats, b: Floats) -> float:
    """Sum of products, four at a time so that several run at once."""
    first = second = third = fourth = 0.0
    size = a.size - a.size % 4
    for i in range(0, size, 4):
        first += a[i] * b[i]
        second += a[i + 1] * b[i + 1]
        third += a[i + 2] * b[i + 2]
        fourth += a[i + 3] * b[i + 3]
    for i in range(size, a.size):
        first += a[i] * b[i]
    return (first + second) + (third + fourth)
