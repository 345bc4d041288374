"""Linear bounds of a network with two hidden layers over cells: forward with parallel lines, once back with the best.

A neuron a = max(z, 0) with l ≤ z ≤ u, l < 0 < u lies between α z (any α from 0 to 1) and s z + t with s = u / (u − l)
and t = −u l / (u − l). Forward, both lines take the slope s, so that a neuron stays one linear function with a radius;
back from the output, every neuron takes the line that its sign asks for: H. Zhang et al., NeurIPS 2018,
doi:10.48550/arXiv.1811.00866.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._curve_kernels import Lines
from screener.exact._frame_kernels import Floats, Frame, extent_of_rows

CHOICES = 2
"""Lower lines tried on the way back: the parallel one, and z or 0, whichever leaves less room."""


Rough: TypeAlias = NDArray[np.float32]
_TINY = 1e-30
"""More than is lost where numbers vanish in float32."""


class Weights(NamedTuple):
    """A network of h and g hidden neurons over the fractions of d elements and q curved descriptors.

    Attributes:
        linear: first layer on fractions, means folded in, shape (d, h).
        curved: first layer on curved descriptors, shape (q, h).
        bias: shape (h,).
        inner: second layer, shape (h, g).
        rough: the same in float32.
        inner_bias: shape (g,).
        outer: last layer, shape (g,).
        outer_bias: one number, shape (1,).
        input: first layer as one: fractions, curved descriptors and bias, shape (h, d + q + 1).
    """

    linear: Floats
    curved: Floats
    bias: Floats
    inner: Floats
    rough: Rough
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats
    input: Floats


class Hidden(NamedTuple):
    """A hidden layer over a block of cells.

    Attributes:
        slope: s, shape (n, h).
        offset: t, shape (n, h).
        steep: slope of the lower line that leaves least room, 0 or 1, shape (n, h).
    """

    slope: Floats
    offset: Floats
    steep: Floats


def new_hidden(cells: int, neurons: int) -> Hidden:
    """Allocate a layer."""
    return Hidden(*np.zeros((3, cells, neurons)))


@kernel
def relax(low: float, high: float, row: int, h: int, out: Hidden) -> None:
    """Choose the lines of one neuron, 0 ≤ slope ≤ 1 and offset padded for rounding."""
    if low >= 0.0:
        out.slope[row, h], out.offset[row, h], out.steep[row, h] = 1.0, 0.0, 1.0
    elif high <= 0.0:
        out.slope[row, h], out.offset[row, h], out.steep[row, h] = 0.0, 0.0, 0.0
    else:
        slope = high / (high - low)
        out.slope[row, h] = slope
        out.offset[row, h] = max(-slope * low, high - slope * high)
        out.steep[row, h] = 1.0 if high > -low else 0.0


@kernel
def first_layer(
    frame: Frame, lines: Lines, weights: Weights, work: Floats, rows: Floats, out: Hidden, sent: Rough, spare: Floats
) -> None:
    """Bound the first layer and write what it sends to the second.

    What is sent is rounded to float32 and added up so, in any order: with n terms of sizes t, that errs by no more than
    (n + 2) 2⁻²⁴ Σ t, which is added to the neurons' own radii.

    Args:
        frame: n cells.
        lines: enclosures of the curved descriptors.
        weights: the network.
        work: scratch, shape (5, h).
        rows: scratch, shape (s + q + 1, h).
        out: lines of the neurons.
        sent: after the lines' slope: coefficients of the open elements, then of the descriptors' radii, then the value
            at the centre; shape (n, s + q + 1, h).
        spare: the neurons' own radii, shape (n, h).
    """
    s, q = frame.centre.shape[1], lines.radius.shape[1]
    size = weights.bias.size
    value, extra, error = rows[s + q], work[4], (size + 8) * 2.0**-24
    for row in range(frame.opened.size):
        m = frame.opened[row]
        value[:] = weights.bias
        extra[:] = 0.0
        for i in range(s):
            amount, linear = frame.centre[row, i], weights.linear[frame.members[row, i]]
            if amount > 0.0:
                for h in range(size):
                    value[h] += amount * linear[h]
        for a in range(m):
            rows[a] = weights.linear[frame.members[row, frame.place[row, a]]]
        for k in range(q):
            curved, middle, radius = weights.curved[k], lines.middle[row, k], lines.radius[row, k]
            for a in range(m):
                tilt, line = middle[a], rows[a]
                for h in range(size):
                    line[h] += tilt * curved[h]
            base, line = middle[s], rows[s + k]
            for h in range(size):
                value[h] += base * curved[h]
                line[h] = radius * curved[h]
                extra[h] += abs(line[h])
        extent_of_rows(rows, frame.width[row], frame.share[row], m, work[:2], work[2:4])
        for h in range(size):
            relax(value[h] + work[2, h] - extra[h], value[h] + work[3, h] + extra[h], row, h, out)
        slope, offset, own = out.slope[row], out.offset[row], spare[row]
        for h in range(size):
            half = 0.5 * offset[h]
            middle_value = slope[h] * value[h] + half
            sent[row, s + q, h] = middle_value
            own[h] = half + error * (abs(middle_value) + slope[h] * extra[h] + half)
        for a in range(m):
            line, width, there = rows[a], frame.width[row, a], sent[row, a]
            for h in range(size):
                tilt = slope[h] * line[h]
                there[h] = tilt
                own[h] += error * width * abs(tilt)
        for a in range(m, s):
            sent[row, a] = 0.0
        for k in range(s, s + q):
            line, there = rows[k], sent[row, k]
            for h in range(size):
                there[h] = slope[h] * line[h]


@kernel
def second_layer(
    frame: Frame, received: Rough, spare: Floats, weights: Weights, sign: float, out: Hidden, back: Floats
) -> None:
    """Bound the second layer and write, for either choice of lower lines, how the output depends on it.

    Args:
        frame: n cells.
        received: what is ``sent`` times the second layer, shape (n, s + q + 1, g).
        spare: the neurons' own radii times its magnitudes, shape (n, g).
        weights: the network.
        sign: 1 for the largest output, −1 for the largest of its negative.
        out: lines of the neurons.
        back: coefficient of each neuron, then the constant, shape (n, CHOICES, g + 1).
    """
    s, size = frame.centre.shape[1], weights.outer.size
    q = received.shape[1] - s - 1
    work = np.zeros((4, size))
    for row in range(frame.opened.size):
        rows, free = received[row], spare[row]
        extent_of_rows(rows, frame.width[row], frame.share[row], frame.opened[row], work[:2], work[2:])
        for k in range(s, s + q):
            for h in range(size):
                free[h] += abs(rows[k, h])
        for h in range(size):
            free[h] += _TINY
            value = rows[s + q, h] + weights.inner_bias[h]
            relax(value + work[2, h] - free[h], value + work[3, h] + free[h], row, h, out)
        for choice in range(CHOICES):
            constant = sign * weights.outer_bias[0]
            for h in range(size):
                weight = sign * weights.outer[h]
                if weight > 0.0:
                    constant += weight * out.offset[row, h]
                    back[row, choice, h] = weight * out.slope[row, h]
                else:
                    back[row, choice, h] = weight * (out.slope[row, h] if choice == 0 else out.steep[row, h])
                constant += back[row, choice, h] * weights.inner_bias[h]
            back[row, choice, size] = constant
