"""Expressions as sums of columns: the form that scores and conditions of an exact search must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from screener._expression_tree import Node
from screener.errors import ExpressionError

HINT = "use `--search exhaustive`, which takes any expression"


@dataclass(frozen=True, slots=True)
class Affine:
    """Σ factor · column + constant.

    Attributes:
        factors: factor by column, none of them zero.
        constant: what is added.
    """

    factors: Mapping[str, float]
    constant: float

    @classmethod
    def of(cls, node: Node, option: str) -> Affine:
        """Read a numeric expression.

        Raises:
            ExpressionError: it is no sum of columns with constant factors.
        """
        if node.operation == "column":
            return cls({node.column: 1.0}, 0.0)
        if node.operation == "number":
            return cls({}, node.number)
        if node.operation not in ("+", "-", "*", "/"):
            raise no_bound(f"`{node.operation}`", option)
        left, right = (cls.of(each, option) for each in node.inputs)
        if node.operation in ("+", "-"):
            return left.plus(right, 1.0 if node.operation == "+" else -1.0)
        if node.operation == "*" and not left.factors:
            left, right = right, left
        if right.factors or (node.operation == "/" and not right.constant):
            raise no_bound(f"`{node.operation}` of columns", option)
        return left.times(right.constant if node.operation == "*" else 1.0 / right.constant)

    def plus(self, other: Affine, factor: float) -> Affine:
        """Add a multiple of another sum."""
        names = {**self.factors, **other.factors}
        sums = {name: self.factors.get(name, 0.0) + factor * other.factors.get(name, 0.0) for name in names}
        return Affine({k: v for k, v in sums.items() if v}, self.constant + factor * other.constant)

    def times(self, factor: float) -> Affine:
        """Multiply by a constant."""
        return Affine({k: v * factor for k, v in self.factors.items() if factor}, self.constant * factor)


def comparisons(node: Node, option: str) -> Iterator[Affine | str]:
    """Yield the conditions of a conjunction: sums that must reach 0, and conditions that are columns.

    Strict and loose comparisons come out alike: who meets them by equality only is left to the judge.

    Raises:
        ExpressionError: it is anything else.
    """
    if node.operation == "and":
        for each in node.inputs:
            yield from comparisons(each, option)
    elif node.operation == "column":
        yield node.column
    elif node.operation in (">", ">=", "<", "<=", "=") and node.inputs[0].kind == "number":
        left, right = (Affine.of(each, option) for each in node.inputs)
        if node.operation != "<" and node.operation != "<=":
            yield left.plus(right, -1.0)
        if node.operation != ">" and node.operation != ">=":
            yield right.plus(left, -1.0)
    elif node.operation != "true":
        raise no_bound(f"`{node.operation}`", option)


def no_bound(what: str, option: str) -> ExpressionError:
    """Say that an exact search has no bound for something."""
    return ExpressionError(f"exact search has no bound for {what} in {option}", HINT)
