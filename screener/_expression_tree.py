"""What a checked expression is made of: operations on numbers and conditions, rebuilt from the SQL parser's tree.

Only what the tables below name comes through. Everything else the parser may know (aggregates, windows, sub-queries,
casts, text, other functions) has no entry and is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from screener.errors import ExpressionError

Kind: TypeAlias = Literal["boolean", "number"]

MAX_DEPTH = 64

# What the parser calls an operation: our name for it, the kind of its inputs, the kind it yields.
_OPERATIONS: dict[str, tuple[str, Kind, Kind]] = {
    "Plus": ("+", "number", "number"),
    "Minus": ("-", "number", "number"),
    "Sql.Binary.Mul": ("*", "number", "number"),
    "Sql.Binary.Div": ("/", "number", "number"),
    "Sql.Binary.Rem": ("%", "number", "number"),
    "Gt": (">", "number", "boolean"),
    "GtEq": (">=", "number", "boolean"),
    "Lt": ("<", "number", "boolean"),
    "LtEq": ("<=", "number", "boolean"),
    "And": ("and", "boolean", "boolean"),
    "Or": ("or", "boolean", "boolean"),
    "Boolean.Not": ("not", "boolean", "boolean"),
    "Abs": ("abs", "number", "number"),
    "Exp": ("exp", "number", "number"),
    "Floor": ("floor", "number", "number"),
    "Ceil": ("ceil", "number", "number"),
    "Sign": ("sign", "number", "number"),
    "Pow.Sqrt": ("sqrt", "number", "number"),
    "Pow.Generic": ("pow", "number", "number"),
    "MinHorizontal": ("least", "number", "number"),
    "MaxHorizontal": ("greatest", "number", "number"),
    "Coalesce": ("coalesce", "number", "number"),
}
_EITHER_KIND = {"Eq": "=", "Boolean.IsNull": "is null", "Boolean.IsNotNull": "is not null"}
_LOGARITHMS = {math.e: "ln", 2.0: "log2", 10.0: "log10"}


class NotRowWise(Exception):
    """The parser's tree holds an operation that is on no list."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation on its inputs.

    Attributes:
        operation: ``column``, ``number``, ``true``, ``false``, ``null`` or the SQL spelling of an operator or function.
        kind: what it yields.
        inputs: operands, in order.
        column: name, for a column.
        number: value of a number; decimal places of ``round``.
    """

    operation: str
    kind: Kind
    inputs: tuple[Node, ...] = ()
    column: str = ""
    number: float = 0.0


@dataclass(frozen=True, slots=True)
class TreeBuilder:
    """Rebuilds the parser's tree from operations on our lists.

    Attributes:
        operands: the columns and numbers behind the names ``c0, c1, …`` of the parsed text.
        option: how the user gave the expression; named in hints.
    """

    operands: Sequence[Node]
    option: str

    def build(self, parsed: object, depth: int = 0) -> Node:
        """Return the checked node for one node of the parser's tree.

        Raises:
            ExpressionError: a number stands where a condition is needed or the reverse, or it nests too deeply.
            NotRowWise: the operation is on no list.
        """
        if depth > MAX_DEPTH:
            raise ExpressionError(
                f"expression nested over `{MAX_DEPTH}` levels",
                f"shorten {self.option}: every term of a sum or list counts as one level",
            )
        match parsed:
            # A keyword where a column belongs reaches this as a column of that name.
            case {"Column": str(name)} if name[:1] == "c" and name[1:].isdecimal():
                return self.operands[int(name[1:])]
            case {"Cast": {"expr": inner, "dtype": {"Literal": "Boolean"}}}:
                return self.build(inner, depth)
            case {"Ternary": {"predicate": chosen, "truthy": then, "falsy": otherwise}}:
                return self._case(*(self.build(each, depth + 1) for each in (chosen, then, otherwise)))
            case {"BinaryExpr": {"left": left, "op": str(name), "right": right}}:
                return self._apply(name, [self.build(left, depth + 1), self.build(right, depth + 1)])
            case {"Literal": literal}:
                return _literal(literal)
            case {"Function": {"input": [*inputs], "function": function}}:
                return self._function(function, inputs, depth + 1)
        raise NotRowWise

    def _function(self, function: object, inputs: list[object], depth: int) -> Node:
        """Make the node of a function call."""
        match function, inputs:
            case {"Sql": "ToFloat"}, [inner]:
                return self.build(inner, depth)
            case "Log", [inner, {"Literal": {"Dyn": {"Float": float(base)}}}] if base in _LOGARITHMS:
                name = _LOGARITHMS[base]
                return Node(name, "number", (self._expect(self.build(inner, depth), "number", name),))
            case {"Sql": {"Round": {"decimals": int(decimals)}}}, [inner]:
                value = self._expect(self.build(inner, depth), "number", "round")
                return Node("round", "number", (value,), number=decimals)
        return self._apply(_dotted(function), [self.build(each, depth) for each in inputs])

    def _apply(self, name: str, inputs: list[Node]) -> Node:
        """Make the node of a named operation once the kinds of its inputs are right."""
        if name in _EITHER_KIND:
            return self._compare(_EITHER_KIND[name], inputs)
        if name not in _OPERATIONS:
            raise NotRowWise
        operation, wanted, result = _OPERATIONS[name]
        if not inputs:
            raise ExpressionError(f"`{operation}` of nothing", f"give it at least one number in {self.option}")
        return Node(operation, result, tuple(self._expect(each, wanted, operation) for each in inputs))

    def _compare(self, operation: str, inputs: list[Node]) -> Node:
        """Make a test that takes two numbers or two conditions alike."""
        return Node(operation, "boolean", tuple(self._expect(each, inputs[0].kind, operation) for each in inputs))

    def _case(self, chosen: Node, *branches: Node) -> Node:
        """Make a case; a branch left out takes the kind of the other and is missing there."""
        given = [each.kind for each in branches if each.operation != "null"]
        kind: Kind = given[0] if given else "boolean"
        missing = Node("number", "number", number=math.nan) if kind == "number" else Node("null", "boolean")
        checked = [missing if each.operation == "null" else self._expect(each, kind, "case") for each in branches]
        return Node("case", kind, (self._expect(chosen, "boolean", "case"), *checked))

    def _expect(self, node: Node, kind: Kind, operation: str) -> Node:
        """Return the node if it is of the kind an operation needs."""
        if node.operation == "null":
            raise ExpressionError(f"`null` in `{operation}`", f"write `is null` or `is not null` in {self.option}")
        if node.kind == kind:
            return node
        what = node.column or (f"{node.number:g}" if node.operation == "number" else node.operation)
        if kind == "number":
            raise ExpressionError(
                f"`{operation}` needs numbers, `{what}` is a condition",
                "use a condition alone, or as a number: `case when is_amorphous then 1 else 0 end`",
            )
        raise ExpressionError(
            f"`{operation}` needs conditions, `{what}` is a number", "compare it, for example `hardness_gpa > 5`"
        )


def _literal(literal: object) -> Node:
    """Make the node of a constant; numbers are operands already, but for the last argument of a function."""
    match literal:
        case {"Dyn": {"Int": int(number)}}:
            return Node("number", "number", number=float(number))
        case {"Scalar": {"Boolean": bool(value)}}:
            return Node("true" if value else "false", "boolean")
        case {"Scalar": {"Null": _}}:
            return Node("null", "boolean")
    raise NotRowWise


def _dotted(function: object) -> str:
    """Join the nested name of a function: ``{"Boolean": "Not"}`` is ``Boolean.Not``."""
    while isinstance(function, dict) and len(function) == 1:
        ((outer, inner),) = function.items()
        if isinstance(inner, str):
            return f"{outer}.{inner}"
        if not isinstance(inner, dict) or len(inner) != 1:
            break
        ((middle, last),) = inner.items()
        function = {f"{outer}.{middle}": last}
    return function if isinstance(function, str) else ""
