"""Expressions and objectives: every block evaluates as its rows do one by one in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fuzzing.harnesses import chosen, hold_to_manners, text_of
from screener._expression_tree import Node
from screener.errors import ExpressionError
from screener.expression import Expression
from screener.objectives import Scorer, parse_objective

COLUMNS = ("Al", "In", "As", "No", "hardness_gpa", "p_amorphous", "is_amorphous", "in_domain", "odd name")
CONDITIONS = ("is_amorphous", "in_domain")
TOKENS = (
    *COLUMNS,
    *("and", "or", "not", "between", "in", "is null", "is not null", "true", "false", "null", "case when", "then"),
    *("else", "end", "abs(", "sqrt(", "ln(", "log2(", "log10(", "exp(", "pow(", "mod(", "sign(", "round(", "floor("),
    *("ceil(", "least(", "greatest(", "coalesce(", "select", "from", "read_csv(", "::", "cast(", "sum(", "over (", "*"),
    *("<=", ">=", "<>", "!=", "==", "=", "(", ")", ",", "1e308", "0.1", "'", '"odd name"', "`odd name`", "=5:12", "--"),
)
_NUMBERS = (-2.0, -0.5, 0.0, 1.0, 2.25, math.nan, math.inf, 1e300)
_ROWS = len(_NUMBERS)
VALUES: dict[str, np.ndarray] = {
    **{name: np.roll(_NUMBERS, 3 * place) for place, name in enumerate(COLUMNS) if name not in CONDITIONS},
    **{name: (np.arange(_ROWS) >> place) % 2 == 1 for place, name in enumerate(CONDITIONS)},
    "p_amorphous_logit": np.linspace(-3.0, 3.0, _ROWS),
}


def check(data: bytes) -> None:
    """Read a filter, a ranking or an objective and evaluate it."""
    kind, rest = chosen(data, 4)
    text = text_of(rest)
    try:
        if kind == 0:
            hold(Expression.parse(text, COLUMNS, "boolean", "--where"))
        elif kind == 1:
            hold(Expression.parse(text, COLUMNS, "number", "--rank-by"))
        else:
            _hold_objective(text, "max" if kind == 2 else "min")
    except ExpressionError as refused:
        hold_to_manners(refused)


def hold(read: Expression) -> None:
    """Check what an expression promises."""
    assert set(read.columns) <= set(COLUMNS)
    assert list(read.columns) == sorted(set(read.columns)) != []
    found = read.evaluate(VALUES)
    assert found.shape == (_ROWS,)
    assert found.dtype == (np.bool_ if read.kind == "boolean" else np.float64)
    with np.errstate(all="ignore"):
        for row, value in enumerate(found.tolist()):
            expected = _value(read.tree, row)
            if read.kind == "boolean":
                assert value == (expected is True), f"row {row} is {value}, in plain Python {expected}"
            else:
                same = np.isclose(value, float(expected or 0.0), rtol=1e-12, equal_nan=True)
                assert same, f"row {row} is {value}, in plain Python {expected}"


def _hold_objective(text: str, direction: str) -> None:
    """Check what an objective promises."""
    read = parse_objective(text, "max" if direction == "max" else "min", COLUMNS)
    assert read.column in COLUMNS
    assert (read.low is None) == (read.high is None)
    scores = Scorer.build([read]).score(VALUES)
    if read.low is None or read.high is None:
        return
    assert -math.inf < read.low < read.high < math.inf
    known = ~np.isnan(VALUES[read.column])
    assert not np.isnan(scores[known]).any(), "a known value without a score"
    assert ((scores[known] >= 0) & (scores[known] <= 1)).all()
    better = sorted(np.flatnonzero(known), key=lambda row: VALUES[read.column][row], reverse=direction == "min")
    assert (np.diff(scores[better]) >= 0).all(), "a better value with a lower score"


def _value(node: Node, row: int) -> bool | float | None:
    """Evaluate one row; an unknown condition is None, a missing number NaN."""
    if node.operation == "column":
        return bool(VALUES[node.column][row]) if node.kind == "boolean" else float(VALUES[node.column][row])
    if node.operation in ("number", "true", "false", "null"):
        return {"number": node.number, "true": True, "false": False, "null": None}[node.operation]
    inputs = [_value(each, row) for each in node.inputs]
    if node.operation == "case":
        return inputs[1] if inputs[0] is True else inputs[2]
    if node.operation in ("is null", "is not null"):
        missing = inputs[0] is None or inputs[0] != inputs[0]
        return missing == (node.operation == "is null")
    if node.inputs[0].kind == "boolean":
        return _logic(node.operation, inputs)
    numbers = [math.nan if each is None else np.float64(each) for each in inputs]
    return _compared(node.operation, *numbers) if node.kind == "boolean" else _number(node, numbers)


def _logic(operation: str, inputs: list[bool | float | None]) -> bool | None:
    """Combine conditions, None where neither side decides."""
    if operation == "not":
        return None if inputs[0] is None else not inputs[0]
    if operation == "=":
        return None if None in inputs else inputs[0] == inputs[1]
    decides = operation == "or"
    return decides if decides in inputs else None if None in inputs else not decides


def _compared(operation: str, left: float, right: float) -> bool | None:
    """Compare two numbers, None where one is missing."""
    if left != left or right != right:
        return None
    return bool(
        {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}.get(operation, left == right)
    )


def _number(node: Node, inputs: list[float]) -> float:
    """Calculate with numbers."""
    first, *others = inputs
    match node.operation:
        case "least" | "greatest":
            picked = min if node.operation == "least" else max
            return math.nan if any(each != each for each in inputs) else float(picked(inputs))
        case "coalesce":
            return next((each for each in inputs if each == each), math.nan)
        case "round":
            return float(np.round(first, int(node.number)))
    known: dict[str, Callable[..., object]] = {
        "+": np.add,
        "-": np.subtract,
        "*": np.multiply,
        "/": np.divide,
        "%": np.fmod,
        "pow": np.power,
    }
    known |= {"ln": np.log, "log2": np.log2, "log10": np.log10, "exp": np.exp, "sqrt": np.sqrt, "abs": np.abs}
    known |= {"floor": np.floor, "ceil": np.ceil, "sign": np.sign}
    return float(str(known[node.operation](first, *others)))
