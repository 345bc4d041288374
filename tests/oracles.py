"""Slow, obvious twins of the fast code, to be read in one go and trusted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cache

from screener.descriptors.catalogue import Descriptor, Kind
from screener.elements import element_values, pair_values

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


# --- descriptors: one alloy at a time, plain numbers, sums by math.fsum -----------------------------------------------


def column_value(symbol: str, text: str) -> float:
    """Property of one element in the catalogue's notation."""
    value = 1.0
    for factor in text.split("*"):
        if factor.startswith("ln "):
            name, most = factor.removeprefix("ln ").split("|")
            value *= math.log(min(_element(symbol, name), float(most)))
        elif factor != "one":
            value *= _element(symbol, factor)
    return value


def pair_value(a: str, b: str, text: str) -> float:
    """Property of a pair of different elements in the catalogue's notation."""
    value = 1.0
    for factor in text.split("*"):
        if factor in ("dH_mix_kj_mol", "|dH_mix_kj_mol|"):
            enthalpy = float(pair_values([a, b])[0, 1])
            value *= abs(enthalpy) if "|" in factor else enthalpy
        elif factor.startswith("|Δ"):
            value *= abs(column_value(a, factor[2:-1]) - column_value(b, factor[2:-1]))
        elif factor.startswith("Σ"):
            value *= (column_value(a, factor[1:]) + column_value(b, factor[1:])) / 2
        elif "×" in factor:
            value *= column_value(a, factor.split("×")[0]) * column_value(b, factor.split("×")[1])
        elif "~" in factor:
            left, right = factor.split("~")
            value *= column_value(a, left) * column_value(b, right) + column_value(a, right) * column_value(b, left)
    return value


def descriptor_terms(amounts: Mapping[str, float], d: Descriptor) -> tuple[float, float]:
    """A descriptor's value, and the sum of the absolute terms behind it: what cancels leaves rounding of that size."""
    alloy = {symbol: amount for symbol, amount in amounts.items() if amount > 0}
    pairs = list(itertools.combinations(alloy, 2))

    def mean(column: str) -> float:
        return math.fsum(c * column_value(s, column) for s, c in alloy.items())

    def products(a: str, b: str) -> list[float]:
        means = mean(a), mean(b)
        return [c * (column_value(s, a) - means[0]) * (column_value(s, b) - means[1]) for s, c in alloy.items()]

    if d.kind is Kind.FRACTION:
        terms = [alloy.get(d.first, 0.0)]
    elif d.kind is Kind.MEAN:
        terms = [c * column_value(s, d.first) for s, c in alloy.items()]
    elif d.kind is Kind.SPREAD:
        terms = [math.sqrt(math.fsum(products(d.first, d.first)))]
    elif d.kind is Kind.RELATIVE_SPREAD:
        terms = [math.sqrt(math.fsum(products(d.first, d.first))) / mean(d.first)]
    elif d.kind is Kind.COVARIANCE:
        terms = products(d.first, d.second)
    elif d.kind is Kind.PAIR_SUM:
        terms = [2 * alloy[a] * alloy[b] * pair_value(a, b, d.first) for a, b in pairs]
    elif d.kind in (Kind.PAIR_MIN, Kind.PAIR_MAX):
        extreme = min if d.kind is Kind.PAIR_MIN else max
        counted = [pair_value(a, b, d.first) for a, b in pairs if min(alloy[a], alloy[b]) > 0.0200005]
        terms = [extreme(counted, default=0.0)]
    elif d.kind is Kind.ENTROPY:
        terms = [-c * math.log(c) for c in alloy.values()]
    elif d.kind is Kind.COUNT:
        terms = [float(len(alloy))]
    elif d.kind is Kind.LARGEST:
        terms = [max(alloy.values())]
    elif d.kind is Kind.MEAN_RATIO:
        terms = [mean(d.first) / mean(d.second) if mean(d.second) else 0.0]
    else:
        assert d.kind is Kind.MEAN_PRODUCT
        terms = [mean(d.first) * mean(d.second)]
    return d.scale * math.fsum(terms), abs(d.scale) * math.fsum(map(abs, terms))


def _element(symbol: str, column: str) -> float:
    return float(element_values([symbol], column)[0])
