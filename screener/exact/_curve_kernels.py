"""Curved descriptors between two linear functions of the composition, over each cell.

Every enclosure reads L(x) ≤ g(c0 + x) ≤ U(x) for all x of the cell, with L and U linear. Rounding is padded for where a
root or a quotient magnifies it; what remains is in the last places and covered by the search's own tolerance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.exact._frame_kernels import Floats, Frame, extent

SPREAD, RELATIVE, PAIR, ENTROPY = 2, 3, 4, 7


class Curves(NamedTuple):
    """The curved descriptors of a space of d elements; q of them.

    Attributes:
        kind: spread, relative spread, pair sum or entropy, shape (q,).
        column: element property of a spread, shape (q, d).
        pair: symmetric matrix of a pair sum, shape (q, d, d).
        bend: least and greatest eigenvalue of a pair sum among changes that keep Σ c, shape (q, 2).
        scale: factor on the result, positive, shape (q,).
    """

    kind: NDArray[np.int64]
    column: Floats
    pair: Floats
    bend: Floats
    scale: Floats


class Lines(NamedTuple):
    """Enclosures over a block of n cells; the last of the s + 1 columns is the value at the centre.

    Attributes:
        above: U, shape (n, q, s + 1).
        below: L, shape (n, q, s + 1).
        middle: a line that stays within ``radius`` of the descriptor, shape (n, q, s + 1).
        radius: shape (n, q).
        room: about how much of the radius each open element is to blame for, shape (n, q, s).
    """

    above: Floats
    below: Floats
    middle: Floats
    radius: Floats
    room: Floats


def enclose(frame: Frame, curves: Curves) -> Lines:
    """Enclose every curved descriptor over every cell of a block."""
    n, s = frame.centre.shape
    q = curves.kind.size
    above, below, middle = np.zeros((3, n, q, s + 1))
    lines = Lines(above, below, middle, np.zeros((n, q)), np.zeros((n, q, s)))
    enclose_all(frame, curves, np.zeros((2, s)), lines)
    return lines


@kernel
def enclose_all(frame: Frame, curves: Curves, work: Floats, out: Lines) -> None:
    """Fill ``out``; ``work`` [2, s] is scratch."""
    s = frame.centre.shape[1]
    for row in range(frame.opened.size):
        m = frame.opened[row]
        for q in range(curves.kind.size):
            up, low = out.above[row, q], out.below[row, q]
            kind = curves.kind[q]
            if kind == PAIR:
                pair_lines(frame, row, curves.pair[q], curves.bend[q], work, up, low)
            elif kind == ENTROPY:
                entropy_lines(frame, row, up, low)
            else:
                spread_lines(frame, row, curves.column[q], work, up, low, kind == RELATIVE)
            middle, half = out.middle[row, q], work[0]
            for i in range(s + 1):
                up[i] *= curves.scale[q]
                low[i] *= curves.scale[q]
                middle[i] = 0.5 * (up[i] + low[i])
                if i < s:
                    half[i] = 0.5 * (up[i] - low[i])
            _, tilt = extent(half, frame.width[row], frame.share[row], m)
            out.radius[row, q] = max(0.0, 0.5 * (up[s] - low[s]) + tilt)
            blame(frame, row, kind, out.radius[row, q], curves.column[q], curves.pair[q], out.room[row, q])


@kernel
def blame(frame: Frame, row: int, kind: int, radius: float, column: Floats, pair: Floats, out: Floats) -> None:
    """Share a radius out among the open elements (s,); a guess that only steers where cells are halved."""
    members, place, m, total = frame.members[row], frame.place[row], frame.opened[row], 0.0
    mean = 0.0
    if kind in (SPREAD, RELATIVE):
        for i in range(members.size):
            mean += frame.centre[row, i] * column[members[i]]
    for a in range(m):
        width, at = frame.width[row, a], frame.centre[row, place[a]]
        if kind == ENTROPY:
            out[a] = width**2 / at
        elif kind == PAIR:
            out[a] = 0.0
            for b in range(m):
                out[a] += width * frame.width[row, b] * abs(pair[members[place[a]], members[place[b]]])
        else:
            out[a] = width * abs(column[members[place[a]]] - mean)
        total += out[a]
    for a in range(m):
        out[a] *= radius / total if total > 0.0 else 0.0


@kernel
def spread_lines(frame: Frame, row: int, column: Floats, work: Floats, up: Floats, low: Floats, relative: bool) -> None:
    """Enclose D = √Σ c_i (p_i − ⟨p⟩)², or D / ⟨p⟩; the last entries of ``up`` and ``low`` are values at the centre.

    D is concave, so its tangent lies above. Below, V = D² = V0 + Σ p̃_i² x_i − (p̃·x)² with p̃ = p − ⟨p⟩0; the square lies
    below its chord, and the root of what remains above its own.
    """
    members, centre, width = frame.members[row], frame.centre[row], frame.width[row]
    m, share, last = frame.opened[row], frame.share[row], up.size - 1
    mean, variance, size = 0.0, 0.0, 0.0
    for i in range(centre.size):
        mean += centre[i] * column[members[i]]
    for i in range(centre.size):
        variance += centre[i] * (column[members[i]] - mean) ** 2
    shift, square = work[0], work[1]
    for a in range(m):
        shift[a] = column[members[frame.place[row, a]]] - mean
        square[a] = shift[a] ** 2
        size = max(size, square[a])
    first, end = extent(shift, width, share, m)
    root = np.sqrt(variance)
    up[:] = 0.0
    low[:] = 0.0
    up[last] = root
    low[last] = root
    if m > 0:
        if variance > 1e-12 * size:
            for a in range(m):
                up[a] = square[a] / (2.0 * root)
            up[last] = root + 1e-14 * size / root
        else:
            _, most = extent(square, width, share, m)
            up[last] = np.sqrt(max(0.0, variance + most) + 1e-13 * size)
        for a in range(m):
            low[a] = square[a] - (first + end) * shift[a]
        base = variance + first * end
        least, most = extent(low, width, share, m)
        least, most = max(0.0, base + least - 1e-13 * size), max(0.0, base + most) + 1e-13 * size
        steep = 1.0 / (np.sqrt(least) + np.sqrt(most)) if most > 0.0 else 0.0
        low[last] = np.sqrt(least) + (base - least) * steep - 1e-14 * size * steep
        for a in range(m):
            low[a] *= steep
    if relative:
        divide_lines(frame, row, (mean, root, max(abs(first), abs(end))), work, up, low)


@kernel
def divide_lines(frame: Frame, row: int, at: tuple[float, float, float], work: Floats, up: Floats, low: Floats) -> None:
    """Turn the lines of D into those of D / t, t = ⟨p⟩ > 0; ``at`` holds t0, D0 and the greatest |t − t0|.

    D/t = D/t0 − D0 (t − t0)/t0² + r with r = (D0 (t − t0)² − (D − D0)(t − t0) t0)/(t t0²).
    """
    mean, root, change = at
    m, share, last, width = frame.opened[row], frame.share[row], up.size - 1, frame.width[row]
    _, most = extent(up, width, share, m)
    least, _ = extent(low, width, share, m)
    rise = max(abs(up[last] + most - root), abs(low[last] + least - root))
    rest = (root * change**2 + rise * change * mean) / ((mean - change) * mean**2) if m > 0 else 0.0
    up[last] = up[last] / mean + rest
    low[last] = low[last] / mean - rest
    for a in range(m):
        tilt = root * work[0, a] / mean**2
        up[a] = up[a] / mean - tilt
        low[a] = low[a] / mean - tilt


@kernel
def pair_lines(frame: Frame, row: int, pair: Floats, bend: Floats, work: Floats, up: Floats, low: Floats) -> None:
    """Enclose Σ_{i≠j} c_i c_j φ_ij by its tangent at the centre and the bend x·φx beyond it.

    With Σ x = 0, x·φx = x·ψx where every row and column of ψ adds up to 0. Around the middle m of the box, y = x − m,
    x·ψx = 2 (ψm)·x − m·ψm + y·ψy, and y·ψy is small: |y_i| ≤ w_i / 2.
    """
    members, centre, place = frame.members[row], frame.centre[row], frame.place[row]
    m, last, middle, means = frame.opened[row], up.size - 1, work[0], work[1]
    value, grand = 0.0, 0.0
    up[:] = 0.0
    for i in range(centre.size):
        inner = 0.0
        for j in range(centre.size):
            inner += pair[members[i], members[j]] * centre[j]
        value += centre[i] * inner
    for a in range(m):
        middle[a], means[a] = (0.5 - frame.share[row]) * frame.width[row, a], 0.0
        for j in range(centre.size):
            up[a] += 2.0 * pair[members[place[a]], members[j]] * centre[j]
        for b in range(m):
            means[a] += pair[members[place[a]], members[place[b]]] / m
        grand += means[a] / m
    squares, least, most = 0.0, 0.0, 0.0
    for a in range(m):
        tilt = 0.0
        squares += 0.25 * frame.width[row, a] ** 2
        for b in range(m):
            entry = pair[members[place[a]], members[place[b]]] - means[a] - means[b] + grand
            reach = 0.25 * frame.width[row, a] * frame.width[row, b] * entry
            tilt += entry * middle[b]
            least += min(0.0, reach) if a == b else -abs(reach)
            most += max(0.0, reach) if a == b else abs(reach)
        up[a] += 2.0 * tilt
        value -= middle[a] * tilt
    low[:] = up
    up[last] = value + min(most, max(0.0, bend[1]) * squares)
    low[last] = value + max(least, min(0.0, bend[0]) * squares)


@kernel
def entropy_lines(frame: Frame, row: int, up: Floats, low: Floats) -> None:
    """Enclose −Σ c ln c, whose terms are concave: chords below; above, lines of the same slope over whole amounts."""
    centre, share, last = frame.centre[row], frame.share[row], up.size - 1
    up[:] = 0.0
    low[:] = 0.0
    for i in range(centre.size):
        if centre[i] > 0.0:
            up[last] -= centre[i] * np.log(centre[i])
    low[last] = up[last]
    for a in range(frame.opened[row]):
        i, width = frame.place[row, a], frame.width[row, a]
        at = centre[i]
        start, stop = at - share * width, at + (1.0 - share) * width
        # A start that rounding put below nothing would have no logarithm.
        left = -start * np.log(start) if start > 1e-300 else 0.0
        slope = (-stop * np.log(stop) - left) / width
        low[a] = up[a] = slope
        low[last] += left + slope * share * width + at * np.log(at)
        # A term rises above a line of slope σ the most near c = exp(−1 − σ), at one of the amounts on either side.
        touch = np.floor(frame.units * min(max(np.exp(-1.0 - slope), start), stop) + 1e-9)
        above = left - slope * start
        for n in range(2):
            held = min((touch + n) / frame.units, stop)
            above = max(above, -held * np.log(held) - slope * held if held > 1e-300 else 0.0)
        up[last] += above + slope * at + at * np.log(at)
    low[last] -= 1e-14
    up[last] += 1e-14
