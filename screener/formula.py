"""Alloy formulas: text to composition and back, weight to atomic fractions and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener._formula_grammar import SHARE_TOLERANCE, Parts, read_formula, shown
from screener.elements import element_values
from screener.errors import CompositionError, FormulaError

Units = Literal["at", "wt"]

# four decimals of a percent, the finest amount a canonical formula shows
_TICKS_PER_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class Composition:
    """What an alloy consists of.

    Attributes:
        symbols: elements that are present, in order of first appearance.
        fractions: their atomic fractions, positive, adding up to 1.
    """

    symbols: tuple[str, ...]
    fractions: tuple[float, ...]


def parse_formula(text: str, units: Units | None = None) -> Composition:
    """Read an alloy formula such as ``Al0.3CoCrFeNi``, ``(CoCrFeNi)94Al6`` or ``Ti-6Al-4V``.

    A bracket is a group whose share is its subscript where the subscripts beside it add up to 100 or 1, within
    half a percent of it; otherwise the subscript multiplies every amount inside. In balance notation the first
    element takes the rest.

    Args:
        text: the formula; a missing amount is 1, zero amounts are dropped.
        units: whether amounts are atomic or weight parts; atomic if left out, except in balance notation,
            which is written in both and must say.

    Raises:
        FormulaError: the text reads as no alloy, or as more than one.
    """
    parts, notation = read_formula(text)
    if notation == "balance" and units is None:
        raise FormulaError(f"{shown(text)} does not say wt.% or at.%", "add `--units wt` or `--units at`")
    if 0.0 in parts.values():
        parts = {symbol: amount for symbol, amount in parts.items() if amount}
    total = sum(parts.values())
    if not math.isfinite(total):
        raise FormulaError(f"amounts in {shown(text)} are not finite", "write amounts in percent")
    if not total:
        raise FormulaError(f"nothing is left in {shown(text)}", "give at least one element an amount above zero")
    symbols = tuple(parts)
    if units == "wt":
        fractions = _from_weights(symbols, parts, total, text, notation)
    else:
        fractions = tuple([amount / total for amount in parts.values()])
    if 0.0 in fractions:
        symbol = symbols[fractions.index(0.0)]
        raise FormulaError(
            f"the share of `{symbol}` in {shown(text)} is too small for a number", f"leave `{symbol}` out"
        )
    return Composition(symbols, fractions)


def canonical_formula(symbols: Sequence[str], at_percent: Sequence[float] | NDArray[np.floating]) -> str:
    """Write a composition [d] in at.% as a formula: order kept, at most four decimals, zero amounts left out.

    A pure element is its symbol. Reading the formula gives the composition back within 1e-6 atomic fraction.

    Raises:
        CompositionError: no amount is above zero.
    """
    ticks = _rounded_ticks([float(percent) for percent in at_percent])
    present = [(symbol, tick) for symbol, tick in zip(symbols, ticks, strict=True) if tick]
    if not present:
        raise CompositionError("composition is empty", "give at least one element an amount above zero")
    if len(present) == 1:
        return present[0][0]
    return "".join(f"{symbol}{_decimal(tick)}" for symbol, tick in present)


def weight_to_atomic(weights: NDArray[np.floating], symbols: Sequence[str]) -> NDArray[np.float64]:
    """Convert weight parts [b, d] of the elements [d] to atomic fractions [b, d].

    Rows may have any positive sum; each result adds up to 1, and a row of zeros gives NaN.

    Raises:
        CompositionError: an element has no atomic mass in the table.
    """
    return _normalized(np.asarray(weights, dtype=np.float64) / element_values(symbols, "atomic_mass_u"))


def atomic_to_weight(fractions: NDArray[np.floating], symbols: Sequence[str]) -> NDArray[np.float64]:
    """Convert atomic parts [b, d] of the elements [d] to weight fractions [b, d].

    Rows may have any positive sum; each result adds up to 1, and a row of zeros gives NaN.

    Raises:
        CompositionError: an element has no atomic mass in the table.
    """
    return _normalized(np.asarray(fractions, dtype=np.float64) * element_values(symbols, "atomic_mass_u"))


def _from_weights(symbols: tuple[str, ...], parts: Parts, total: float, text: str, notation: str) -> tuple[float, ...]:
    """Turn weight percent into atomic fractions; weights are refused where they cannot be percent."""
    if notation == "brackets":
        raise FormulaError(f"brackets in {shown(text)} cannot hold wt.%", "write the wt.% of every element")
    whole = 1.0 if total < 2.0 else 100.0
    if abs(total - whole) > SHARE_TOLERANCE * whole:
        raise FormulaError(
            f"weights in {shown(text)} add up to {total:g}, not 100",
            "write the wt.% of every element, or the balance as in `Fe-18Cr-8Ni`",
        )
    atomic = weight_to_atomic(np.array(list(parts.values())), symbols)
    return tuple(atomic.tolist())


def _normalized(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        normalized: NDArray[np.float64] = parts / parts.sum(axis=-1, keepdims=True)
    return normalized


def _rounded_ticks(at_percent: list[float]) -> list[int]:
    """Round percents [d] to ticks of 1e-4 %, each to its nearest unless that shifts a fraction by more than 1e-6."""
    exact = [percent * _TICKS_PER_PERCENT for percent in at_percent]
    nearest = [round(tick) for tick in exact]
    total, rounded = math.fsum(exact), sum(nearest)
    if rounded and all(abs(n / rounded - e / total) <= 1e-6 for n, e in zip(nearest, exact, strict=True)):
        return nearest
    # many elements: hand the missing ticks to the largest remainders, so that amounts keep their sum
    floors = [math.floor(tick) for tick in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: floors[i] - exact[i])
    for i in by_remainder[: round(total) - sum(floors)]:
        floors[i] += 1
    return floors


def _decimal(ticks: int) -> str:
    whole, rest = divmod(ticks, _TICKS_PER_PERCENT)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
