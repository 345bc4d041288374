"""Counting, unranking, ranking and stepping through a composition space, compiled.

A candidate is built element by element. What is already decided is a *state*: one running total an axis (all
elements, each group sum) and the number of components so far. Layer ``i`` holds the states before element ``i``
is chosen. Choosing an amount moves every total the element belongs to by that amount, so the states reached from
one state lie on a straight line of the next layer, and the table keeps running sums along those lines: the number
of candidates with an amount in any interval is one difference.

Every kernel takes ``table`` [cells], the running sums of layers 1 to d one after the other, and ``layout``, one row
an element [d, HEAD + FIELDS · g]: a head of LOWER … MODULUS, then for each of g axes whether it moves with the
element and the axis in the layer that the element leads to. An axis of stride 0 takes no room in the table and is
only checked. The last axis counts components. ``walk`` [d + 1, g] holds the states on the way to one candidate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

# Head of a layout row: amounts allowed, distance in the table between neighbouring amounts, start of the layer that
# the element leads to, number of its cells, modulus of all counts.
LOWER, UPPER, DELTA, START, CELLS, MODULUS, HEAD = range(7)
# Fields of an axis: 1 where it moves with the element, least and greatest value and stride in the next layer.
MEMBER, LOW, TOP, STRIDE, FIELDS = range(5)

Integers = NDArray[np.int64]


class Choice(NamedTuple):
    """The amounts one element can take in one state.

    Attributes:
        lo: least amount.
        hi: greatest amount; below ``lo`` if there is none.
        edge: greatest amount that stays inside the next layer.
        zero: place in the table that amount 0 leads to.
        some: the same for amounts above 0, less their distance.
        delta: distance in the table between neighbouring amounts.
        modulus: modulus of all counts.
    """

    lo: int
    hi: int
    edge: int
    zero: int
    some: int
    delta: int
    modulus: int


@kernel
def choices(layout: Integers, i: int, walk: Integers, row: int) -> Choice:
    """Return what element ``i`` can take in the state ``walk[row]``."""
    last = walk.shape[1] - 1
    lo, hi, place = layout[i, LOWER], layout[i, UPPER], layout[i, START]
    edge = layout[i, HEAD + TOP] - walk[row, 0]
    for g in range(last):
        axis, at = HEAD + FIELDS * g, walk[row, g]
        low, stride = layout[i, axis + LOW], layout[i, axis + STRIDE]
        place += (at - low) * stride
        if layout[i, axis + MEMBER] == 1:
            room = layout[i, axis + TOP] - at
            lo = max(lo, low - at)
            hi = min(hi, room)
            if stride > 0:
                edge = min(edge, room)
    axis, at = HEAD + FIELDS * last, walk[row, last]
    counted, low, top, stride = layout[i, axis], layout[i, axis + LOW], layout[i, axis + TOP], layout[i, axis + STRIDE]
    if at < low or at > top:
        lo = max(lo, 1)
    if at + counted < low or at + counted > top:
        hi = min(hi, 0)
    zero = place + (at - low) * stride
    return Choice(lo, hi, edge, zero, zero + counted * stride, layout[i, DELTA], layout[i, MODULUS])


@kernel
def between(table: Integers, at: Choice, first: int, final: int) -> int:
    """Return the number of candidates whose next amount is ``first`` … ``final``, both inside ``at``."""
    a, b, c, d = _ends(at, first, final)
    # One straight line: where ``table`` is used on some paths only, the compiler counts references at every call.
    return _sum(_less(table[a], table[b], at.modulus), _less(table[c], table[d], at.modulus), at.modulus)


@kernel
def _ends(at: Choice, first: int, final: int) -> tuple[int, int, int, int]:
    """Return the places whose differences count amount 0 and the amounts above; place 0 holds 0."""
    none = first == 0 and final >= 0
    some = max(first, 1)
    return (
        at.zero if none else 0,
        at.zero + at.delta if none and at.edge >= 1 else 0,
        at.some + some * at.delta if some <= final else 0,
        at.some + (final + 1) * at.delta if some <= final < at.edge else 0,
    )


@kernel
def _less(count: int, other: int, modulus: int) -> int:
    """Return ``count - other`` modulo ``modulus``."""
    return count - other if count >= other else count - other + modulus


@kernel
def _sum(count: int, other: int, modulus: int) -> int:
    """Return ``count + other`` modulo ``modulus``, never leaving 64 bits."""
    return _less(count, modulus - other, modulus)


@kernel
def move(layout: Integers, i: int, amount: int, walk: Integers) -> None:
    """Write into ``walk[i + 1]`` the state that ``amount`` of element ``i`` leads to."""
    last = walk.shape[1] - 1
    for g in range(last):
        walk[i + 1, g] = walk[i, g] + amount * layout[i, HEAD + FIELDS * g]
    walk[i + 1, last] = walk[i, last] + (layout[i, HEAD + FIELDS * last] if amount > 0 else 0)


@kernel
def completions(table: Integers, layout: Integers, i: int, walk: Integers) -> int:
    """Return the number of candidates that continue the state ``walk[0]`` before element ``i``."""
    at = choices(layout, i, walk, 0)
    return between(table, at, at.lo, at.hi)


@kernel
def count_layer(table: Integers, layout: Integers, i: int, walk: Integers) -> None:
    """Fill the layer before element ``i + 1``; the layers after it must be filled. ``walk`` [1, g] is scratch."""
    last, start = walk.shape[1] - 1, layout[i, START]
    for g in range(last + 1):
        walk[0, g] = layout[i, HEAD + FIELDS * g + TOP]
    for place in range(start + layout[i, CELLS] - 1, start - 1, -1):
        total = completions(table, layout, i + 1, walk)
        inside = True
        for g in range(last):
            axis = HEAD + FIELDS * g
            if layout[i, axis] == 1 and layout[i, axis + STRIDE] > 0 and walk[0, g] == layout[i, axis + TOP]:
                inside = False
        if inside:
            total = _sum(total, table[place + layout[i, DELTA]], layout[i, MODULUS])
        table[place] = total
        for g in range(last + 1):
            axis = HEAD + FIELDS * g
            if layout[i, axis + STRIDE] > 0:
                if walk[0, g] > layout[i, axis + LOW]:
                    walk[0, g] -= 1
                    break
                walk[0, g] = layout[i, axis + TOP]


@kernel
def unrank(table: Integers, layout: Integers, index: int, walk: Integers, amounts: Integers) -> None:
    """Write the candidate ``index`` into ``amounts`` [d] and its states into ``walk``, whose first row is given."""
    for i in range(amounts.size):
        at = choices(layout, i, walk, i)
        low, high = at.lo, at.hi
        while low < high:
            middle = (low + high) // 2
            if between(table, at, at.lo, middle) > index:
                high = middle
            else:
                low = middle + 1
        if low > at.lo:
            index -= between(table, at, at.lo, low - 1)
        amounts[i] = low
        move(layout, i, low, walk)


@kernel
def unrank_rows(table: Integers, layout: Integers, index: Integers, walk: Integers, out: NDArray[np.int32]) -> None:
    """Write the candidates ``index`` [n] as grid units into ``out`` [n, d]."""
    amounts = np.empty(out.shape[1], np.int64)
    for row in range(index.size):
        unrank(table, layout, index[row], walk, amounts)
        for i in range(amounts.size):
            out[row, i] = amounts[i]


@kernel
def rank_rows(table: Integers, layout: Integers, counts: Integers, walk: Integers, out: Integers) -> None:
    """Write the index of each row of ``counts`` [n, d] into ``out`` [n]; -1 for a row outside the space."""
    for row in range(counts.shape[0]):
        index = 0
        for i in range(counts.shape[1]):
            at = choices(layout, i, walk, i)
            amount = counts[row, i]
            if amount < at.lo or amount > at.hi:
                index = -1
                break
            if amount > at.lo:
                index += between(table, at, at.lo, amount - 1)
            move(layout, i, amount, walk)
        out[row] = index


@kernel
def next_amount(table: Integers, at: Choice, amount: int) -> int:
    """Return the least amount from ``amount`` on that can be completed, or -1."""
    first = max(amount, at.lo)
    if first > at.hi:
        return -1
    if between(table, at, first, first) > 0:
        return first
    if between(table, at, first, at.hi) == 0:
        return -1
    low, high = first + 1, at.hi
    # With all components but one used up, only the whole remainder is left.
    if between(table, at, first, high - 1) == 0:
        return high
    while low < high:
        middle = (low + high) // 2
        if between(table, at, first, middle) > 0:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def last_amount(table: Integers, at: Choice) -> int:
    """Return the greatest amount that can be completed; there must be one."""
    low, high = at.lo, at.hi
    if between(table, at, high, high) > 0:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if between(table, at, middle, at.hi) > 0:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def run_end(table: Integers, at: Choice, first: int) -> int:
    """Return the end of the unbroken run of possible amounts that starts at ``first``, last element but one."""
    low, high = first, at.hi
    if between(table, at, first, high) == high - first + 1:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if between(table, at, first, middle) == middle - first + 1:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def advance(table: Integers, layout: Integers, walk: Integers, path: Integers) -> None:
    """Step all elements but the last two to their next amounts in ``path``, see :func:`fill_rows`."""
    pair = path.shape[1] - 2
    i = pair - 1
    while path[0, i] == path[1, i]:
        i -= 1
    path[0, i] = next_amount(table, choices(layout, i, walk, i), path[0, i] + 1)
    move(layout, i, path[0, i], walk)
    for j in range(i + 1, pair):
        at = choices(layout, j, walk, j)
        path[0, j] = path[1, j] = at.hi
        if at.lo < at.hi:
            path[0, j], path[1, j] = next_amount(table, at, 0), last_amount(table, at)
        move(layout, j, path[0, j], walk)


@kernel
def fill_rows(
    table: Integers,
    layout: Integers,
    start: int,
    walk: Integers,
    path: Integers,
    fractions: NDArray[np.generic],
    out: NDArray[np.generic],
) -> None:
    """Write the atomic fractions of the candidates from ``start`` on into ``out`` [b, d], d at least 2.

    Only the first row is unranked; from there the last two elements trade units in unbroken runs. ``path`` [2, d] is
    scratch for the amount of each element and the greatest it reaches, ``fractions`` [units + 1] what is written for
    each number of grid units: the atomic fraction, or the number itself.
    """
    unrank(table, layout, start, walk, path[0])
    pair, rows, row = path.shape[1] - 2, out.shape[0], 0
    for i in range(pair):
        path[1, i] = last_amount(table, choices(layout, i, walk, i))
    amount = path[0, pair]
    while row < rows:
        at = choices(layout, pair, walk, pair)
        rest = fractions.size - 1 - walk[pair, 0]
        amount = next_amount(table, at, amount)
        while amount >= 0 and row < rows:
            end = run_end(table, at, amount)
            stop = min(rows, row + end - amount + 1)
            for r in range(row, stop):
                for i in range(pair):
                    out[r, i] = fractions[path[0, i]]
                out[r, pair] = fractions[amount]
                out[r, pair + 1] = fractions[rest - amount]
                amount += 1
            row = stop
            amount = next_amount(table, at, amount)
        if row < rows:
            advance(table, layout, walk, path)
            amount = 0
