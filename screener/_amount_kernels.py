"""Amounts in columns turned into atomic fractions, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

Floats = NDArray[np.float64]


@kernel
def read_rows(
    amounts: Floats,
    share: Floats,
    number: NDArray[np.int16],
    tolerance: float,
    total: Floats,
    start: NDArray[np.int64],
    element: NDArray[np.int16],
    fraction: Floats,
) -> None:
    """Keep what is above zero of rows that add up to 100 or to 1, as atomic fractions; other rows keep nothing.

    Args:
        amounts: parts of each element (d, n), finite.
        share: atoms in one part of each element, whatever the scale (d,).
        number: of each element (d,).
        tolerance: how far a sum may be from 100 or from 1, as a share of it.
        total: receives the sum of each row (n,); NaN where an amount is negative.
        start: receives where the entries of each row begin, and where the last end (n + 1,).
        element: receives the number of the element of each entry, at most d · n.
        fraction: receives their atomic fractions, which add up to 1.
    """
    entry = 0
    start[0] = 0
    for row in range(amounts.shape[1]):
        first, added, atoms = entry, 0.0, 0.0
        for d in range(amounts.shape[0]):
            amount = amounts[d, row]
            if amount < 0.0:
                added = np.nan
            elif amount > 0.0:
                added += amount
                atoms += amount * share[d]
                element[entry] = number[d]
                fraction[entry] = amount * share[d]
                entry += 1
        total[row] = added
        if abs(added - 100.0) <= 100.0 * tolerance or abs(added - 1.0) <= tolerance:
            for each in range(first, entry):
                fraction[each] /= atoms
        else:
            entry = first
        start[row + 1] = entry
