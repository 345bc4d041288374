"""Scores inside a graph, and the best of a block: all that comes back from a device."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from screener.objectives import Objective, Scorer

SCORE, BEST, PLACES, MISSING, TIED = "score", "best", "places", "missing", "tied"
"""Outputs: scores (b,), the best (k,) and their rows (k,), rows without one (1,), rows no worse than these (1,)."""
HOW_MANY = "k"
"""Input: how many are wanted (1,)."""


def can_score(scorer: Scorer, outputs: Collection[str], logits: Mapping[str, float]) -> bool:
    """Say whether a score follows from outputs of nets, with probabilities given by their logits."""
    known = {*outputs, *logits}
    return scorer.expression is None and all(each.column in known for each in scorer.objectives)


def score_in_graph(scorer: Scorer, logits: Mapping[str, float]) -> tuple[list[NodeProto], list[TensorProto]]:
    """Make the score of every row and pick the best.

    Args:
        scorer: what is better; every column it names is an output of a net, or a probability among ``logits``.
        logits: what is added to the logit of a probability, by the probability's column.

    Returns:
        Operations and tensors. Rows without a score come last; among equals the lower row comes first.
    """
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []

    def node(operator: str, inputs: Sequence[str], *outputs: str, **options: int | list[int]) -> str:
        made = helper.make_node(operator, list(inputs), list(outputs))
        made.attribute.extend(helper.make_attribute(key, value) for key, value in options.items())
        nodes.append(made)
        return outputs[0]

    def constant(name: str, value: float | list[int]) -> str:
        kind = np.int64 if isinstance(value, list) else np.float32
        constants.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def value(objective: Objective) -> str:
        column = objective.column
        if column not in logits:
            return column
        moved = node("Add", [f"{column}_logit", constant(f"s.{column}.shift", logits[column])], f"s.{column}.logit")
        return node("Sigmoid", [moved], f"s.{column}.p")

    def desirability(objective: Objective) -> str:
        name = f"s.{objective.column}"
        assert objective.low is not None
        assert objective.high is not None
        width = objective.high - objective.low
        worst = constant(f"{name}.worst", objective.low if objective.direction == "max" else objective.high)
        span = constant(f"{name}.span", width if objective.direction == "max" else -width)
        share = node("Div", [node("Sub", [value(objective), worst], f"{name}.above"), span], f"{name}.share")
        limits = [constant(f"{name}.{which}", limit) for which, limit in (("least", 0.0), ("most", 1.0))]
        return node("Clip", [share, *limits], f"{name}.d")

    first = scorer.objectives[0]
    if first.low is None:
        total = value(first)
        if first.direction == "min":
            total = node("Neg", [total], "s.negative")
    else:
        total = desirability(first)
        for k, objective in enumerate(scorer.objectives[1:]):
            total = node("Mul", [total, desirability(objective)], f"s.product{k}")
    flat = node("Reshape", [total, constant("s.flat", [-1])], "s.rows")
    empty = node("IsNaN", [flat], "s.empty")
    node("Where", [empty, constant("s.least", -np.inf), flat], SCORE)
    axis = constant("s.axis", [0])
    node("ReduceSum", [node("Cast", [empty], "s.empties", to=TensorProto.FLOAT), axis], MISSING, keepdims=1)
    node("TopK", [SCORE, HOW_MANY], BEST, PLACES, axis=0, largest=1, sorted=1)
    last = node("ReduceMin", [BEST], "s.last", axes=[0], keepdims=1)
    reached = node("GreaterOrEqual", [SCORE, last], "s.reached")
    node("ReduceSum", [node("Cast", [reached], "s.reaches", to=TensorProto.FLOAT), axis], TIED, keepdims=1)
    return nodes, constants
