"""The value of a checked expression, row by row.

A missing number is NaN. A condition is two masks, where it holds and where it fails; a row in neither is unknown, which
is how SQL treats missing values: every comparison with NaN is unknown, and so is the negation of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._expression_tree import Node

Numbers: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Truth: TypeAlias = tuple[Mask, Mask]

_TRUE, _FALSE = np.asarray(True), np.asarray(False)


def numbers(node: Node, values: Mapping[str, NDArray[np.generic]]) -> Numbers:
    """Evaluate a numeric node to float64, shape [b] or a scalar."""
    if node.operation == "column":
        return np.asarray(values[node.column], dtype=np.float64)
    if node.operation == "number":
        return np.asarray(node.number)
    if node.operation == "case":
        chosen, _ = truth(node.inputs[0], values)
        return np.where(chosen, numbers(node.inputs[1], values), numbers(node.inputs[2], values))
    inputs = [numbers(each, values) for each in node.inputs]
    if node.operation == "round":
        return np.asarray(np.round(inputs[0], int(node.number)))
    return NUMERIC[node.operation](*inputs)


def truth(node: Node, values: Mapping[str, NDArray[np.generic]]) -> Truth:
    """Evaluate a condition to the masks where it holds and where it fails, shape [b] or scalars."""
    if node.operation == "column":
        holds = np.asarray(values[node.column], dtype=np.bool_)
        return holds, ~holds
    if node.operation in CONSTANT:
        return CONSTANT[node.operation]
    if node.inputs[0].kind == "number":
        return COMPARISON[node.operation](*(numbers(each, values) for each in node.inputs))
    return LOGIC[node.operation](*(truth(each, values) for each in node.inputs))


def _equal(left: Numbers, right: Numbers) -> Truth:
    """Compare; two unequal numbers differ one way or the other, while NaN does neither."""
    return left == right, (left < right) | (left > right)


def _missing(value: Numbers) -> Truth:
    missing = np.isnan(value)
    return missing, ~missing


def _same(left: Truth, right: Truth) -> Truth:
    return (left[0] & right[0]) | (left[1] & right[1]), (left[0] & right[1]) | (left[1] & right[0])


def _unknown(condition: Truth) -> Truth:
    known = condition[0] | condition[1]
    return ~known, known


def _case(chosen: Truth, then: Truth, otherwise: Truth) -> Truth:
    return np.where(chosen[0], then[0], otherwise[0]), np.where(chosen[0], then[1], otherwise[1])


def _first_known(*inputs: Numbers) -> Numbers:
    return reduce(lambda first, then: np.where(np.isnan(first), then, first), inputs)


NUMERIC: dict[str, Callable[..., Numbers]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "%": np.fmod,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "pow": np.power,
    "floor": np.floor,
    "ceil": np.ceil,
    "sign": np.sign,
    # A missing value is not skipped: a candidate must not gain from a prediction it lacks.
    "least": lambda *inputs: reduce(np.minimum, inputs),
    "greatest": lambda *inputs: reduce(np.maximum, inputs),
    "coalesce": _first_known,
}

COMPARISON: dict[str, Callable[..., Truth]] = {
    ">": lambda left, right: (left > right, left <= right),
    ">=": lambda left, right: (left >= right, left < right),
    "<": lambda left, right: (left < right, left >= right),
    "<=": lambda left, right: (left <= right, left > right),
    "=": _equal,
    "is null": _missing,
    "is not null": lambda value: _missing(value)[::-1],
}

LOGIC: dict[str, Callable[..., Truth]] = {
    "and": lambda left, right: (left[0] & right[0], left[1] | right[1]),
    "or": lambda left, right: (left[0] | right[0], left[1] & right[1]),
    "=": _same,
    "not": lambda condition: condition[::-1],
    "case": _case,
    "is null": _unknown,
    "is not null": lambda condition: _unknown(condition)[::-1],
}

CONSTANT: dict[str, Truth] = {"true": (_TRUE, _FALSE), "false": (_FALSE, _TRUE), "null": (_FALSE, _FALSE)}
