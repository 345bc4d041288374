"""A question bound to models: every column it reads is known, every rule is checked, before anything runs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from screener.card import Condition, Tier
from screener.descriptors.catalogue import catalogue
from screener.errors import CompositionError, ExpressionError, ModelError
from screener.expression import BOOLEAN_COLUMNS, Expression
from screener.flag import Flag, flag_column
from screener.jobs import Question
from screener.model import Model
from screener.objectives import DEFAULT_OBJECTIVE, Direction, Objective, Scorer, front_columns, parse_objective
from screener.tier_models import AMORPHOUS, TierModels, target_columns


@dataclass(frozen=True, slots=True)
class Plan:
    """How candidates are filtered and ordered.

    Attributes:
        models: models whose predictions filters and scores read.
        scorer: gives the number candidates are ranked by.
        where: condition a candidate must meet.
        front: column of each objective of a Pareto front; empty without one.
        directions: direction of each of them.
        referenced: descriptors the question names, in catalogue order.
    """

    models: TierModels
    scorer: Scorer
    where: Expression | None
    front: tuple[str, ...]
    directions: tuple[Direction, ...]
    referenced: tuple[str, ...]

    @property
    def wanted(self) -> frozenset[str]:
        """Columns that filter, score and front read."""
        return frozenset({*self.scorer.columns, *(self.where.columns if self.where else ()), *self.front})


def make_plan(question: Question, models: TierModels, symbols: Sequence[str]) -> Plan:
    """Check a question against the columns there are.

    Args:
        question: what is asked.
        models: the tier that filters and ranks.
        symbols: elements whose at.% may be named.

    Raises:
        ExpressionError: an unknown column, or an objective or expression that does not read.
    """
    probabilities = list(models.flags)
    booleans = BOOLEAN_COLUMNS | {flag_column(name) for name in probabilities}
    columns = known_columns(models, symbols)
    objectives = [
        *(parse_objective(text, "max", columns, booleans) for text in question.maximize),
        *(parse_objective(text, "min", columns, booleans) for text in question.minimize),
    ]
    rank_by = where = None
    if question.rank_by is not None:
        rank_by = Expression.parse(question.rank_by, columns, "number", "--rank-by", booleans)
    if question.where is not None:
        where = Expression.parse(question.where, columns, "boolean", "--where", booleans)
    if not question.ranks and DEFAULT_OBJECTIVE not in models.models:
        raise ExpressionError(
            f"no model predicts `{DEFAULT_OBJECTIVE}`, the default to rank by",
            f"rank by something else, e.g. `--maximize {next(iter(models.models))}`",
        )
    ranges = {name: (model.card.target.low, model.card.target.high) for name, model in models.models.items()}
    scorer = Scorer.build(objectives, rank_by, ranges, probabilities)
    front = _front(question, objectives, probabilities)
    used = {*scorer.columns, *front, *(where.columns if where else ())}
    return Plan(
        models,
        scorer,
        where,
        front,
        tuple(each.direction for each in objectives) if front else (),
        tuple(name for name in catalogue() if name in used),
    )


def known_columns(models: TierModels, symbols: Iterable[str]) -> tuple[str, ...]:
    """List the columns that filters and objectives may name: predictions, flags, at.% of elements, descriptors."""
    predicted = [
        name
        for model in models.models.values()
        for name in target_columns(model.card.target)
        if not (model.card.target.kind == "regression" and name != model.card.target.name)
    ]
    return (*predicted, "in_domain", *symbols, *catalogue())


def bind_tier(tier: Tier, models: Mapping[str, Model], question: Question) -> TierModels:
    """Settle flags and conditions of one tier.

    Raises:
        ModelError: `--recall` and `--threshold` do not fit the amorphous classifier, or there is none.
    """
    if (question.recall is not None or question.threshold is not None) and AMORPHOUS not in models:
        option = "--recall" if question.recall is not None else "--threshold"
        raise ModelError(f"no {tier} model predicts `{AMORPHOUS}`", f"leave `{option}` out")
    flags = {
        name: Flag.choose(model.card, *((question.recall, question.threshold) if name == AMORPHOUS else ()))
        for name, model in models.items()
        if model.card.target.kind == "classification"
    }
    return TierModels(tier, models, flags, dict(question.conditions))


def known_conditions(models: Iterable[Model]) -> dict[str, Condition]:
    """Collect the conditions that any model takes, by name."""
    return {condition.name: condition for model in models for condition in model.card.conditions}


def check_conditions(given: Iterable[tuple[str, float]], known: Mapping[str, Condition]) -> list[str]:
    """Check conditions given by name and return what to warn of.

    Raises:
        ModelError: no model takes such a condition, or the value is not a finite number.
    """
    warnings = []
    for name, value in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            names = ", ".join(f"`{each}`" for each in sorted(known))
            hint = f"did you mean `{close[0]}`?" if close else f"the models take {names or 'no conditions'}"
            raise ModelError(f"unknown condition `{name}`", hint)
        condition = known[name]
        if not math.isfinite(value):
            raise ModelError(
                f"condition `{name}` is not finite",
                f"give it in {condition.unit}, e.g. `{name}={condition.reference:g}`",
            )
        if not condition.low <= value <= condition.high:
            warnings.append(
                f"condition {name}={value:g} lies outside the {condition.low:g} to {condition.high:g} {condition.unit} "
                "the models were trained on"
            )
    return warnings


def check_domain(symbols: Collection[str], models: Sequence[Model], strict: bool) -> list[str]:
    """Compare elements with what the models were trained on; return one warning, or none if all is well.

    Raises:
        CompositionError: an element is outside and ``strict`` is set.
    """
    outside: dict[tuple[str, ...], list[str]] = {}
    for symbol in symbols:
        blind = tuple(_label(model) for model in models if symbol not in model.card.elements)
        if blind:
            outside.setdefault(blind, []).append(symbol)
    if not outside:
        return []
    parts = (
        f"{', '.join(f'`{symbol}`' for symbol in names)} of "
        f"{'every model' if len(blind) == len(models) else ', '.join(blind)}"
        for blind, names in outside.items()
    )
    text = f"outside the training elements: {'; '.join(parts)}"
    if strict:
        raise CompositionError(text, "leave such elements out, or drop `--strict` to have them flagged in `in_domain`")
    return [f"{text}: in_domain is false for alloys with them"]


def _label(model: Model) -> str:
    """Name a model by what it predicts and its tier."""
    return f"{model.card.target.name} ({model.card.tier})"


def _front(question: Question, objectives: Sequence[Objective], probabilities: Collection[str]) -> tuple[str, ...]:
    """Name the columns of the Pareto front asked for."""
    if not question.pareto:
        return ()
    if len(objectives) < 2:
        raise ExpressionError(
            f"pareto front over `{len(objectives)}` objectives", "give --maximize or --minimize at least twice"
        )
    return front_columns(objectives, probabilities)
