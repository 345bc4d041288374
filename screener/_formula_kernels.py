"""Plain formulas read from bytes, compiled: symbols with optional amounts and spaces, nothing else.

What is read here is read exactly as ``screener._formula_grammar`` does, and whatever might not be is left to it: a
formula either yields its entries or none at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._formula_grammar import MAX_LENGTH
from screener._jit import kernel

# A whole number below 2**53 over a power of ten up to 10**22 divides two exact float64, so that the quotient is the
# float64 nearest to the decimal, as Python's float() gives it; doi:10.1145/93542.93557.
_EXACT = 2**53
_MOST_DECIMALS = 22
_POWERS = np.array([10**k for k in range(_MOST_DECIMALS + 1)], dtype=np.float64)
_ZERO, _NINE, _POINT, _SPACE, _TAB, _A, _Z, _LOWER_A, _LOWER_Z = (ord(letter) for letter in "09. \tAZaz")
CAPITALS, SECOND_LETTERS = 26, 27
"""First letters a symbol may have, and second ones, none included."""

Bytes = NDArray[np.int8]
Integers = NDArray[np.int64]
Elements = NDArray[np.int16]
Floats = NDArray[np.float64]


@kernel
def count_capitals(text: Bytes) -> int:
    """Return how many symbols there can be in the text."""
    capitals = 0
    for letter in text:
        capitals += int(_A <= letter <= _Z)
    return capitals


@kernel
def read_entries(
    text: Bytes, start: Integers, known: Elements, seen: Integers, count: Integers, element: Elements, amount: Floats
) -> None:
    """Read formulas ``text[start[i]:start[i + 1]]`` one after the other.

    Args:
        text: every formula, UTF-8; bytes beyond ASCII are negative.
        start: where each begins, and where the last ends (n + 1,).
        known: number of the element by its letters (CAPITALS · SECOND_LETTERS,), negative where there is none.
        seen: work space by element (d,), filled with negative numbers.
        count: receives the number of entries of each formula (n,), 0 where it is left to the slow reader.
        element: receives the elements of the entries, zero amounts left out.
        amount: receives their amounts.
    """
    first = 0
    for row in range(count.size):
        at, end, entry = start[row], start[row + 1], first
        readable = end - at <= MAX_LENGTH
        # One function: each call of another with these arrays would count references, three times the work.
        while readable and at < end:
            if text[at] == _SPACE or text[at] == _TAB:
                at += 1
                continue
            capital, small = int(text[at]) - _A, 0
            at += 1
            if at < end and _LOWER_A <= text[at] <= _LOWER_Z:
                small = int(text[at]) - _LOWER_A + 1
                at += 1
            symbol = int(known[capital * SECOND_LETTERS + small]) if 0 <= capital < CAPITALS else -1
            begin, digits, decimals, pointed = at, 0, 0, 0
            while at < end and digits < _EXACT:
                if _ZERO <= text[at] <= _NINE:
                    digits = 10 * digits + (int(text[at]) - _ZERO)
                    decimals += pointed
                elif text[at] == _POINT and pointed == 0:
                    pointed = 1
                else:
                    break
                at += 1
            length = at - begin
            padded = length > 1 and text[begin] == _ZERO and text[begin + 1] != _POINT
            lone_point = length == 1 and pointed == 1
            exact = digits < _EXACT and decimals <= _MOST_DECIMALS
            readable = symbol >= 0 and seen[symbol] != row and exact and not padded and not lone_point
            if readable:
                seen[symbol] = row
                if length == 0:
                    element[entry], amount[entry] = symbol, 1.0
                    entry += 1
                elif digits > 0:
                    element[entry], amount[entry] = symbol, digits / _POWERS[decimals]
                    entry += 1
        count[row] = entry - first if readable else 0
        first += count[row]


@kernel
def divide_by_sums(count: Integers, compensated: bool, amount: Floats) -> None:
    """Turn amounts into fractions in place, formula by formula; added up as Python's ``sum`` does.

    Args:
        count: number of entries of each formula (n,).
        compensated: carry what rounding drops (Neumaier, doi:10.1002/zamm.19740540106), as Python 3.12 began to.
        amount: amounts of the entries, one formula after the other.
    """
    first = 0
    for row in range(count.size):
        total, dropped = 0.0, 0.0
        for entry in range(first, first + count[row]):
            part = amount[entry]
            added = total + part
            dropped += (total - added) + part if total >= part else (part - added) + total
            total = added
        if compensated:
            total += dropped
        for entry in range(first, first + count[row]):
            amount[entry] /= total
        first += count[row]
