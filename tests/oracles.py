"""Slow, obvious twins of the fast code, to be read in one go and trusted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

Row = tuple[int, ...]
Group = tuple[Sequence[int], int, int]


# --- composition spaces: amounts in whole grid units ------------------------------------------------------------------


def simplex(units: int, d: int) -> list[Row]:
    """Every way to share ``units`` among ``d`` elements, in lexicographic order: all bars between all stars."""
    rows = []
    for bars in itertools.combinations(range(units + d - 1), d - 1):
        edges = (-1, *bars, units + d - 1)
        rows.append(tuple(right - left - 1 for left, right in itertools.pairwise(edges)))
    return sorted(rows)


def allowed(row: Row, lower: Row, upper: Row, components: tuple[int, int], groups: Sequence[Group] = ()) -> bool:
    """Whether a composition meets every limit."""
    inside = all(low <= n <= high for low, n, high in zip(lower, row, upper, strict=True))
    present = sum(n > 0 for n in row)
    sums = all(low <= sum(row[i] for i in members) <= high for members, low, high in groups)
    return inside and components[0] <= present <= components[1] and sums


def enumerate_space(
    units: int, lower: Row, upper: Row, components: tuple[int, int], groups: Sequence[Group] = ()
) -> list[Row]:
    """Every composition inside the limits, by looking at all of them."""
    return [row for row in simplex(units, len(lower)) if allowed(row, lower, upper, components, groups)]


def count_space(units: int, lower: Row, upper: Row, components: tuple[int, int], groups: Sequence[Group] = ()) -> int:
    """Number of compositions inside the limits, by choosing amounts one after the other in Python's whole numbers."""

    @cache
    def ways(i: int, left: int, present: int, sums: tuple[int, ...]) -> int:
        if i == len(lower):
            fits = all(low <= total <= high for total, (_, low, high) in zip(sums, groups, strict=True))
            return int(left == 0 and components[0] <= present <= components[1] and fits)
        return sum(
            ways(
                i + 1,
                left - n,
                present + (n > 0),
                tuple(total + n * (i in members) for total, (members, _, _) in zip(sums, groups, strict=True)),
            )
            for n in range(lower[i], min(upper[i], left) + 1)
        )

    return ways(0, units, 0, (0,) * len(groups))


def count_simplex(units: int, d: int) -> int:
    """Number of ways to share ``units`` among ``d`` elements."""
    return math.comb(units + d - 1, d - 1)


def count_by_supports(units: int, d: int, fewest: int, most: int) -> int:
    """Number of compositions with ``fewest`` to ``most`` of ``d`` elements present.

    Each choice of k elements shares the units in C(units - 1, k - 1) ways that leave none of them empty.
    """
    if units == 0:
        return int(fewest == 0)
    return sum(math.comb(d, k) * math.comb(units - 1, k - 1) for k in range(max(fewest, 1), most + 1))
