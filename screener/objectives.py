"""What "better" means: one value, a desirability over several, or an expression."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.errors import ExpressionError
from screener.expression import BOOLEAN_COLUMNS, Expression, require_column
from screener.ranking import finite

Direction: TypeAlias = Literal["max", "min"]

PROBABILITY_COLUMNS = frozenset({"p_amorphous", "p_bulk_glass"})
DEFAULT_OBJECTIVE = "p_amorphous"

_OPTION: dict[Direction, str] = {"max": "--maximize", "min": "--minimize"}


@dataclass(frozen=True, slots=True)
class Objective:
    """A column to make large or small, in the column's own unit.

    Attributes:
        column: name.
        direction: ``max`` or ``min``.
        low: end of the range, worthless when maximising and ideal when minimising; None where none was stated.
        high: the other end, above ``low``; None with it.
    """

    column: str
    direction: Direction
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scorer:
    """Turns the values of a block into the number candidates are ranked by, higher being better.

    Attributes:
        columns: names it reads, sorted.
        objectives: what is optimised; empty with an expression. All have a range, or there is one without.
        expression: the score, where the user wrote it out.
    """

    columns: tuple[str, ...]
    objectives: tuple[Objective, ...] = ()
    expression: Expression | None = None

    @classmethod
    def build(
        cls,
        objectives: Sequence[Objective] = (),
        rank_by: Expression | None = None,
        default_ranges: Mapping[str, tuple[float, float]] | None = None,
        probabilities: Collection[str] = PROBABILITY_COLUMNS,
    ) -> Scorer:
        """Settle how a run is ranked.

        Nothing asked for means the probability to be amorphous. One objective without a range is its value. Several, or
        any with a range, make the product of desirabilities. A probability alone is ranked by its logit, read from the
        column ``<name>_logit``: the rounded probability itself is 1 for all good candidates.

        Args:
            objectives: from ``--maximize`` and ``--minimize``.
            rank_by: from ``--rank-by``, a number.
            default_ranges: (low, high) by column, for objectives without one; probabilities need none and get 0 to 1.
            probabilities: columns that hold a probability.

        Raises:
            ExpressionError: both ways of ranking at once, a column twice, or a range that must be stated.
        """
        if rank_by is not None and objectives:
            option = _OPTION[objectives[0].direction]
            raise ExpressionError(f"`--rank-by` together with `{option}`", f"keep one of --rank-by and {option}")
        if rank_by is not None and rank_by.lone_column in probabilities:
            objectives, rank_by = [Objective(rank_by.columns[0], "max")], None
        if rank_by is not None:
            return cls(rank_by.columns, expression=rank_by)
        objectives = tuple(objectives) or (Objective(DEFAULT_OBJECTIVE, "max"),)
        _refuse_repeats(objectives)
        if len(objectives) == 1 and objectives[0].low is None:
            lone = replace(objectives[0], column=front_columns(objectives, probabilities)[0])
            return cls((lone.column,), (lone,))
        ranges = dict.fromkeys(probabilities, (0.0, 1.0)) | dict(default_ranges or {})
        ranged = tuple(_with_range(each, ranges) for each in objectives)
        return cls(tuple(sorted(each.column for each in ranged)), ranged)

    def score(self, values: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
        """Return scores [b] from at least ``columns``, each [b]; NaN where a value it needs is, or it is infinite.

        May share memory with a column. Several objectives: the product of d = clip((x - low) / (high - low), 0, 1),
        mirrored for minimising; G. Derringer and R. Suich, J. Qual. Technol. 12 (1980), 214,
        doi:10.1080/00224065.1980.11980968, there as the geometric mean, which ranks the same.
        """
        if self.expression is not None:
            return np.asarray(finite(np.asarray(self.expression.evaluate(values), np.float64)))
        first = self.objectives[0]
        if first.low is None:
            value = np.asarray(values[first.column], dtype=np.float64)
            return value if first.direction == "max" else -value
        score = _desirability(first, values)
        for objective in self.objectives[1:]:
            score *= _desirability(objective, values)
        return score

    def said(self, score: float) -> str:
        """Write one score in words: the value of a lone objective in its own unit, a probability for its logit."""
        if len(self.objectives) == 1 and self.objectives[0].low is None:
            lone = self.objectives[0]
            value = score if lone.direction == "max" else -score
            if lone.column.endswith("_logit"):
                return f"{lone.column.removesuffix('_logit')} {0.5 + 0.5 * math.tanh(value / 2):.4g}"
            return f"{lone.column} {value:.4g}"
        return f"score {score:.4g}"


def parse_objective(
    text: str, direction: Direction, columns: Collection[str], boolean_columns: Collection[str] = BOOLEAN_COLUMNS
) -> Objective:
    """Read ``COL`` or ``COL=LO:HI``, the range in the column's unit.

    Raises:
        ExpressionError: an unknown or boolean column, or limits that are no finite numbers with LO below HI.
    """
    option = _OPTION[direction]
    name, equals, limits = (
        (text, "", "") if text in columns else text.rpartition("=") if "=" in text else (text, "", "")
    )
    column = require_column(name.strip(), columns, option)
    if column in boolean_columns:
        raise ExpressionError(
            f"`{column}` is a condition, not a number", f"filter with --where {column} instead of {option}"
        )
    if not equals:
        return Objective(column, direction)
    low, high = _limits(limits.strip(), f"{option} {column}=")
    return Objective(column, direction, low, high)


def front_columns(
    objectives: Sequence[Objective], probabilities: Collection[str] = PROBABILITY_COLUMNS
) -> tuple[str, ...]:
    """Return the column of each objective as it is compared one by one: probabilities by their logit."""
    return tuple(f"{each.column}_logit" if each.column in probabilities else each.column for each in objectives)


def _limits(text: str, prefix: str) -> tuple[float, float]:
    """Read ``LO:HI``; ``prefix`` is what stood before it, for the hint."""
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        raise ExpressionError(f"cannot read range `{text}`", f"write {prefix}LO:HI, for example {prefix}5:12") from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ExpressionError(f"range `{text}` is not finite", f"write two numbers: {prefix}LO:HI")
    if not math.isfinite(high - low):
        raise ExpressionError(f"range `{text}` is too wide", f"write two numbers: {prefix}LO:HI")
    if low >= high:
        raise ExpressionError(f"range `{text}` is empty", f"write the lower limit first: {prefix}LO:HI")
    return low, high


def _refuse_repeats(objectives: Sequence[Objective]) -> None:
    """Refuse a column that is asked for twice."""
    names = [each.column for each in objectives]
    for name in names:
        if names.count(name) > 1:
            raise ExpressionError(f"two objectives for `{name}`", "keep one --maximize or --minimize for each column")


def _with_range(objective: Objective, ranges: Mapping[str, tuple[float, float]]) -> Objective:
    """Fill in the default range of an objective that states none."""
    if objective.low is not None:
        return objective
    low, high = ranges.get(objective.column, (0.0, 0.0))
    if not low < high:
        option = _OPTION[objective.direction]
        raise ExpressionError(
            f"no default range for `{objective.column}`",
            f"state one: {option} {objective.column}=LO:HI",
        )
    return replace(objective, low=low, high=high)


def _desirability(objective: Objective, values: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
    """Return d in 0..1 for a block, shape [b]."""
    low, high = objective.low, objective.high
    assert low is not None
    assert high is not None  # `build` filled in what the user left out
    value = np.asarray(values[objective.column], dtype=np.float64)
    share = (value - low) if objective.direction == "max" else (high - value)
    share /= high - low
    return np.clip(share, 0.0, 1.0, out=share)
