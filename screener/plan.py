"""A question bound to models: every column it reads is known, every rule is checked, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import catalogue
from screener.descriptors.rounding import Rounding
from screener.doubt import read_by, rounding_of_column
from screener.errors import CompositionError, ExpressionError
from screener.expression import BOOLEAN_COLUMNS, Expression
from screener.jobs import Question
from screener.model import Model
from screener.objectives import DEFAULT_OBJECTIVE, Direction, Objective, Scorer, front_columns, parse_objective
from screener.tier_models import Columns, TierModels, target_columns


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
        return frozenset({*self.scorer.columns, *read_by(self.where, self.models), *self.front})

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Return scores (b,) of rows with at least the wanted columns; NaN where anything predicted is missing."""
        score, missing = self.scorer.score(columns), self.missing(columns)
        return score if missing is None else np.where(missing, np.nan, score)

    def missing(self, columns: Columns) -> NDArray[np.bool_] | None:
        """Say which rows (b,) lack a prediction among their columns; None where none does."""
        found: NDArray[np.bool_] | None = None
        for name, model in self.models.models.items():
            for column in (f"{name}_logit", *target_columns(model.card)):
                values = columns.get(column)
                if values is None or values.dtype == np.bool_:
                    continue
                gaps = np.isnan(values)
                if gaps.any():
                    found = gaps if found is None else found | gaps
        return found

    @property
    def rounding(self) -> tuple[Rounding, ...]:
        """How far float32 objectives of the front may lie from their float64 values; nothing where there are none."""
        if self.models.tier != "screen":
            return tuple(Rounding() for _ in self.front)
        return tuple(rounding_of_column(name, self.models) for name in self.front)


def make_plan(question: Question, models: TierModels, symbols: Sequence[str]) -> Plan:
    """Check a question against the columns there are.

    Args:
        question: what is asked.
        models: the tier that filters and ranks.
        symbols: elements whose at.% may be named.

    Raises:
        ExpressionError: an unknown column, or an objective or expression that does not read.
    """
    probabilities = [name for name, model in models.models.items() if model.card.target.kind == "classification"]
    booleans = BOOLEAN_COLUMNS | {flag.column for flag in models.flags.values()}
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
        for name in target_columns(model.card)
        if not (model.card.target.kind == "regression" and name != model.card.target.name)
    ]
    return (*predicted, "in_domain", *symbols, *catalogue())


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
