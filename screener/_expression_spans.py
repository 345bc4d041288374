"""The value of a checked expression where numbers are known within limits: what is sure of it, and what is possible.

A number is two ends; one of which nothing is known reaches from −∞ to ∞, and may be missing, too. A condition is a pair
of truths, each where it holds and where it fails: what surely does, and what possibly does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._expression_tree import Node
from screener._expression_values import COMPARISON, CONSTANT, LOGIC, NUMERIC, Mask, Numbers, Truth

Span: TypeAlias = tuple[Numbers, Numbers]
Ends: TypeAlias = tuple[NDArray[np.generic], NDArray[np.generic]]
Verdict: TypeAlias = tuple[Truth, Truth]

_RISING = frozenset(("sqrt", "exp", "ln", "log2", "log10", "floor", "ceil", "sign", "+", "least", "greatest"))
"""Operations that no argument's rise lowers; end goes to end."""
_LARGE = frozenset((">", ">="))
"""Comparisons that ask for a large left side."""


def span(node: Node, values: Mapping[str, Ends]) -> Span:
    """Evaluate a numeric node to limits, shape [b] or scalars; one array twice where the number is known."""
    if node.operation == "column":
        low, high = values[node.column]
        lower = np.asarray(low, np.float64)
        return (lower, lower) if high is low else (lower, np.asarray(high, np.float64))
    if node.operation == "number":
        number = np.asarray(node.number)
        return number, number
    if node.operation == "case":
        return _case(verdict(node.inputs[0], values), *(span(each, values) for each in node.inputs[1:]))
    inputs = [span(each, values) for each in node.inputs]
    if node.operation == "round":
        return _each_end(lambda value: np.asarray(np.round(value, int(node.number))), inputs)
    known = all(low is high for low, high in inputs)
    if known or node.operation in _RISING:
        found = _each_end(NUMERIC[node.operation], inputs)
    else:
        found = _SPANS[node.operation](*inputs)
    if known or node.operation == "coalesce":
        return found
    # what may be missing makes everything missing
    return _known(*found, reduce(np.logical_or, map(_nothing_known, inputs)))


def verdict(node: Node, values: Mapping[str, Ends]) -> Verdict:
    """Evaluate a condition to where it surely holds and fails, and where it possibly does."""
    if node.operation == "column":
        surely, possibly = (np.asarray(each, np.bool_) for each in values[node.column])
        return (surely, ~possibly), (possibly, ~surely)
    if node.operation in CONSTANT:
        return CONSTANT[node.operation], CONSTANT[node.operation]
    if node.inputs[0].kind == "number":
        return _compared(node.operation, [span(each, values) for each in node.inputs])
    told = [verdict(each, values) for each in node.inputs]
    if node.operation == "case":
        return _case_of_conditions(told)
    sure, possible = [each[0] for each in told], [each[1] for each in told]
    if node.operation in ("is null", "is not null"):
        # the less is known of a condition, the more it may be unknown
        truths = LOGIC[node.operation](*possible), LOGIC[node.operation](*sure)
        (holds, fails), (may_hold, may_fail) = truths
        return (holds & may_hold, fails & may_fail), (holds | may_hold, fails | may_fail)
    return LOGIC[node.operation](*sure), LOGIC[node.operation](*possible)


def _each_end(operation: Callable[..., Numbers], inputs: list[Span]) -> Span:
    """Apply an operation to the lower ends and to the upper ones."""
    low = operation(*(each[0] for each in inputs))
    if all(each[0] is each[1] for each in inputs):
        return low, low
    return _known(low, operation(*(each[1] for each in inputs)))


def _known(low: Numbers, high: Numbers, doubt: Mask | np.bool_ | None = None) -> Span:
    """Give up limits of which one is missing, or where there is doubt."""
    lost = np.isnan(low) ^ np.isnan(high)
    if doubt is not None:
        lost = lost | doubt
    return np.where(lost, -np.inf, low), np.where(lost, np.inf, high)


def _corners(operation: Callable[..., Numbers], left: Span, right: Span, doubt: Mask | None = None) -> Span:
    """Take the least and the greatest of an operation at the four corners."""
    found = np.broadcast_arrays(*(operation(a, b) for a in left for b in right))
    missing = np.isnan(found)
    some = missing.any(axis=0) & ~missing.all(axis=0)
    low, high = np.minimum.reduce(found), np.maximum.reduce(found)
    return _known(low, high, some if doubt is None else some | doubt)


def _quotient(left: Span, right: Span) -> Span:
    crosses = (right[0] <= 0.0) & (right[1] >= 0.0) & (right[0] < right[1])
    return _corners(np.true_divide, left, right, crosses)


def _remainder(left: Span, right: Span) -> Span:
    """Rise with the left side as long as the quotient keeps its whole part and sign; the right side must be known."""
    low, high = left[0] / right[0], left[1] / right[0]
    kept = (right[0] == right[1]) & (np.trunc(low) == np.trunc(high)) & (np.sign(low) == np.sign(high))
    return _corners(np.fmod, left, right, ~kept & ((left[0] < left[1]) | (right[0] < right[1])))


def _power(base: Span, exponent: Span) -> Span:
    """Take corners for a base above zero; through zero only whole exponents above zero."""
    low, high = _corners(np.power, base, exponent)
    through = (base[0] <= 0.0) & (base[0] < base[1])
    fixed = (exponent[0] == exponent[1]) & (exponent[0] > 0.0) & (exponent[0] == np.rint(exponent[0]))
    low = np.where(through & (base[1] >= 0.0) & fixed, np.minimum(low, 0.0), low)
    return _known(low, high, through & ~fixed | ((base[0] <= 0.0) & (exponent[0] < exponent[1])))


def _size(inner: Span) -> Span:
    low, high = np.abs(inner[0]), np.abs(inner[1])
    through = (inner[0] <= 0.0) & (inner[1] >= 0.0)
    return np.where(through, 0.0, np.minimum(low, high)), np.maximum(low, high)


def _first_known(*inputs: Span) -> Span:
    low, high = inputs[0]
    for then_low, then_high in inputs[1:]:
        missing, doubt = np.isnan(low) & np.isnan(high), _nothing_known((low, high))
        low, high = _known(np.where(missing, then_low, low), np.where(missing, then_high, high), doubt)
    return low, high


def _case(chosen: Verdict, then: Span, otherwise: Span) -> Span:
    """Take the branch that is sure, or both."""
    (sure, _), (possible, _) = chosen
    low = np.where(sure, then[0], np.where(possible, np.minimum(then[0], otherwise[0]), otherwise[0]))
    high = np.where(sure, then[1], np.where(possible, np.maximum(then[1], otherwise[1]), otherwise[1]))
    open_ended = possible & ~sure & (np.isnan(then[0]) | np.isnan(otherwise[0]))
    return _known(low, high, open_ended)


def _case_of_conditions(inputs: list[Verdict]) -> Verdict:
    """Take the branch that is sure, or what both say."""
    (chosen, maybe), then, otherwise = ((each[0], each[1]) for each in inputs)
    sure, possible = chosen[0], maybe[0]

    def pick(place: int, both: Callable[[Mask, Mask], Mask], side: int) -> Mask:
        first, second = then[place][side], otherwise[place][side]
        return np.where(sure, first, np.where(possible, both(first, second), second))

    surely = pick(0, np.logical_and, 0), pick(0, np.logical_and, 1)
    return surely, (pick(1, np.logical_or, 0), pick(1, np.logical_or, 1))


def _compared(operation: str, inputs: list[Span]) -> Verdict:
    """Compare numbers, or ask whether one is missing."""
    if operation in ("is null", "is not null"):
        missing, doubt = np.isnan(inputs[0][0]) & np.isnan(inputs[0][1]), _nothing_known(inputs[0])
        truths = (missing, ~missing & ~doubt), (missing | doubt, ~missing)
        return truths if operation == "is null" else (truths[0][::-1], truths[1][::-1])
    left, right = inputs
    if operation == "=":
        (low, high), (least, most) = left, right
        apart = (high < least) | (low > most)
        met = (low <= most) & (high >= least)
        return ((low == most) & (high == least), apart), (met, (low < most) | (high > least))
    large, compare = operation in _LARGE, COMPARISON[operation]
    worst = compare(left[0], right[1]) if large else compare(left[1], right[0])
    best = compare(left[1], right[0]) if large else compare(left[0], right[1])
    told = ~(_nothing_known(left) | _nothing_known(right))  # what may be missing compares with nothing, infinities too
    return (worst[0] & told, best[1] & told), (best[0], worst[1])


def _nothing_known(inner: Span) -> Mask:
    return np.asarray((inner[0] == -np.inf) & (inner[1] == np.inf))


_SPANS: dict[str, Callable[..., Span]] = {
    "-": lambda left, right: _known(left[0] - right[1], left[1] - right[0]),
    "*": lambda left, right: _corners(np.multiply, left, right),
    "/": _quotient,
    "%": _remainder,
    "abs": _size,
    "pow": _power,
    "coalesce": _first_known,
}
"""Operations in which ends do not go to ends."""
