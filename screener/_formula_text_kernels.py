"""Compositions written as formulas, compiled: the common cases of ``canonical_formula``, to the same letters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

_TICKS = 10_000.0
_SHIFT = 0.999e-6
"""A hair below the shift of a fraction that rounding may cause, so that sums in another order decide nothing."""
LONGEST_TERM = 10
"""Bytes of the longest term: a symbol, three digits, the point and four decimals."""
_ZERO, _POINT, _FEED, _ASIDE = 0x30, 0x2E, 0x0A, 0x3F


@kernel
def write_formulas(
    start: NDArray[np.int64],
    element: NDArray[np.int16],
    fraction: NDArray[np.float64],
    letters: NDArray[np.uint8],
    out: NDArray[np.uint8],
    left: NDArray[np.bool_],
) -> int:
    """Write one formula a line, in the order of the entries; return the bytes written.

    Args:
        start: where the entries of each composition begin, and where the last ends (n + 1,).
        element: numbers of the elements (entries,).
        fraction: atomic fractions (entries,).
        letters: two letters of every symbol, zero where there is no second (d, 2).
        out: receives the lines (room for LONGEST_TERM bytes per entry and two per composition).
        left: receives where rounding needs more thought; such lines hold a question mark (n,).
    """
    at = 0
    for row in range(start.size - 1):
        first, last = start[row], start[row + 1]
        left[row] = not _rounds_well(fraction, first, last)
        present = 0
        for k in range(first, last):
            present += np.rint(100.0 * fraction[k] * _TICKS) > 0.0
        for k in range(first, last):
            ticks = np.int64(np.rint(100.0 * fraction[k] * _TICKS))
            if left[row] or ticks == 0:
                continue
            for place in range(2):
                if letters[element[k], place]:
                    out[at] = letters[element[k], place]
                    at += 1
            if present > 1:
                at = _write_number(ticks, out, at)
        if left[row]:
            out[at] = _ASIDE
            at += 1
        out[at] = _FEED
        at += 1
    return at


@kernel
def _rounds_well(fraction: NDArray[np.float64], first: int, last: int) -> bool:
    """Say whether rounding every amount to its nearest tick shifts no fraction by more than a millionth."""
    total, rounded = 0.0, 0.0
    for k in range(first, last):
        total += 100.0 * fraction[k] * _TICKS
        rounded += np.rint(100.0 * fraction[k] * _TICKS)
    if rounded < 1.0:
        return False
    for k in range(first, last):
        ticks = 100.0 * fraction[k] * _TICKS
        if abs(np.rint(ticks) / rounded - ticks / total) > _SHIFT:
            return False
    return True


@kernel
def _write_number(ticks: np.int64, out: NDArray[np.uint8], at: int) -> int:
    """Write ticks of 1e-4 % as a decimal without trailing zeros; return where it ends."""
    whole, rest = ticks // 10_000, ticks % 10_000
    size = 1
    while size < 3 and whole >= 10**size:
        size += 1
    for place in range(size):
        out[at + size - 1 - place] = _ZERO + whole % 10
        whole //= 10
    at += size
    if rest == 0:
        return at
    out[at] = _POINT
    digits = 4
    while rest % 10 == 0:
        rest //= 10
        digits -= 1
    for place in range(digits):
        out[at + digits - place] = _ZERO + rest % 10
        rest //= 10
    return at + 1 + digits
