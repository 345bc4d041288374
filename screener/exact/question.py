"""A bound question as an exact search: every column it reads is one that can be bounded, or the search is refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from screener.descriptors.catalogue import Descriptor, Kind, catalogue
from screener.descriptors.properties import element_column
from screener.errors import ExpressionError
from screener.exact.affine import HINT, Affine, comparisons, no_bound
from screener.exact.folding import CURVED, FoldedNet, curves_of, fold, largest, linear_column
from screener.exact.graph import Rise, read_relu_net
from screener.exact.parts import Condition, Part
from screener.exact.problem import Problem
from screener.exact.quantities import Curved, Linear, Prediction, Quantity, Ratio
from screener.float64_net import Float64Net
from screener.judge import condition_columns
from screener.objectives import Objective
from screener.plan import Plan
from screener.space import CompositionSpace

_AT_PERCENT = 1e-4
"""At.% are reported to four decimals."""
_FLAG = 1e-9
"""Share of a flag's logit that rounding of its probability may stand for."""


def exact_problem(plan: Plan, nets: Mapping[str, Float64Net], space: CompositionSpace) -> Problem:
    """Turn a question into a problem of numbers.

    Args:
        plan: the question, bound to models.
        nets: networks of the screen tier in float64, by target.
        space: the candidates.

    Raises:
        ScreenerError: it reads something that cannot be bounded; the hint says to search exhaustively.
    """
    if plan.front:
        raise ExpressionError("exact search has no bound for `--pareto`", HINT)
    if plan.models.tier != "screen":
        raise ExpressionError("exact search has no bound for models of the characterize tier", HINT)
    reader = _Reader(plan, nets, space)
    conditions = []
    absent = [False] * len(space.elements)
    for each in comparisons(plan.where.tree, "--where") if plan.where is not None else ():
        if each == "in_domain":
            absent = [symbol not in plan.models.domain for symbol in space.elements]
        elif isinstance(each, str):
            conditions.append(reader.flagged(each))
        elif each.factors:
            conditions.append(Condition(reader.parts(each, "--where"), -each.constant))
    constant, product = 0.0, False
    if plan.scorer.expression is not None:
        score = Affine.of(plan.scorer.expression.tree, "--rank-by")
        parts, constant = reader.parts(score, "--rank-by"), score.constant
    else:
        parts = tuple(reader.wish(each) for each in plan.scorer.objectives)
        product = plan.scorer.objectives[0].low is not None
    return Problem(
        space, curves_of(reader.curved, space.elements), parts, constant, product, tuple(conditions), tuple(absent)
    )


class _Reader:
    """Looks up columns as quantities.

    Args:
        plan: the question.
        nets: networks in float64, by target.
        space: the candidates.
    """

    def __init__(self, plan: Plan, nets: Mapping[str, Float64Net], space: CompositionSpace) -> None:
        self._models, self._nets, self._symbols = plan.models, nets, space.elements
        read = [model.spec.descriptors for model in plan.models.giving(plan.wanted).values()]
        named = [each for name, each in catalogue().items() if name in plan.wanted]
        found = {each.name: each for group in (*read, named) for each in group if each.kind in CURVED}
        self.curved: list[Descriptor] = list(found.values())
        self._known: dict[str, FoldedNet] = {}

    def wish(self, objective: Objective) -> Part:
        """Make the part of one objective; less is better with a negative weight."""
        quantity = self._quantity(objective.column, "--maximize" if objective.direction == "max" else "--minimize")
        low, high = objective.low, objective.high
        if low is None or high is None:
            return Part(quantity, 1.0 if objective.direction == "max" else -1.0)
        return Part(quantity, 1.0, (low, high)) if objective.direction == "max" else Part(quantity, -1.0, (-high, -low))

    def parts(self, total: Affine, option: str) -> tuple[Part, ...]:
        """Make the parts of a sum; linear columns become one.

        Raises:
            ExpressionError: there is no bound for a column.
        """
        column, slack, parts = np.zeros(len(self._symbols)), 0.0, []
        for name, factor in total.factors.items():
            quantity = self._quantity(name, option)
            if isinstance(quantity, Linear):
                column += factor * quantity.column
                slack += abs(factor) * quantity.slack
            else:
                parts.append(Part(quantity, factor))
        if column.any() or slack or not parts:
            parts.append(Part(Linear(column, slack), 1.0))
        return tuple(parts)

    def flagged(self, column: str) -> Condition:
        """Make the condition of a flag: its logit reaches the threshold's.

        Raises:
            ExpressionError: the column is no flag of a classifier.
        """
        for target, flag in self._models.flags.items():
            if flag.column == column:
                least = flag.logit - _FLAG * max(1.0, abs(flag.logit))
                return Condition((Part(self._quantity(f"{target}_logit", "--where"), 1.0),), least)
        raise no_bound(f"`{column}`", "--where")

    def _quantity(self, column: str, option: str) -> Quantity:
        """Look up a column."""
        if column in self._symbols:
            return Linear(np.array([100.0 * (symbol == column) for symbol in self._symbols]), _AT_PERCENT)
        target = column.removesuffix("_logit")
        if target in self._models.models:
            return Prediction(self._net(target, column))
        each = catalogue().get(column)
        if each is None:
            raise no_bound(f"`{column}`", option)
        if each.kind is Kind.MEAN:
            return Linear(linear_column(each, self._symbols))
        if each.kind is Kind.MEAN_RATIO and each.scale > 0:
            bottom = element_column(self._symbols, each.second)
            if bottom.min() > 0:
                return Ratio(each.scale * element_column(self._symbols, each.first), bottom)
        if each.kind in CURVED:
            place = self.curved.index(each)
            return Curved(place, float(largest(self.curved, self._symbols)[place]))
        raise no_bound(f"`{column}`", option)

    def _net(self, target: str, column: str) -> FoldedNet:
        """Fold a network once for the logit of a classifier, its probability, or the value of a regression."""
        if column in self._known:
            return self._known[column]
        model = self._models.models[target]
        classified = model.card.target.kind == "classification"
        net = read_relu_net(self._nets[target], f"{target}_logit" if classified else target)
        conditions = condition_columns(model, 1, self._models.conditions)[0]
        folded = fold(net, model.spec.descriptors, self.curved, self._symbols, conditions.tolist())
        if classified and column == target:
            shift = self._models.shifts.get(target, 0.0)
            rise = Rise((*folded.rise.steps, ("Add", shift), ("Sigmoid", 0.0)))
            folded = FoldedNet(folded.weights, rise, folded.rounding)
        self._known[column] = folded
        return folded
