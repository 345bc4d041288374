"""What float32 leaves open: how far a column may lie from its float64 value, and which rows a filter cannot decide."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from screener._expression_spans import Ends
from screener.descriptors.catalogue import catalogue
from screener.descriptors.rounding import Rounding, rounding_of
from screener.expression import Expression
from screener.flag import BORDERLINE, shifted
from screener.tier_models import AMORPHOUS, BORDERLINE_COLUMN, Columns, TierModels

PREDICTED = 1e-5
"""Share of a predicted value, or of its target's range if that is more, that float32 may cost.

Twenty times what was seen in a million random alloys (`python -m benchmarks.rounding`).
"""


def rounding_of_column(column: str, models: TierModels) -> Rounding:
    """Bound what separates a float32 number from its float64 value; nothing for at.%, which are exact on any grid."""
    target = column.removesuffix("_logit")
    if target in models.models:
        card = models.models[target].card
        if card.target.kind == "classification":
            return Rounding(BORDERLINE, BORDERLINE)
        return Rounding(PREDICTED * max(abs(card.target.low), abs(card.target.high)), PREDICTED)
    each = catalogue().get(column)
    return Rounding() if each is None else rounding_of(each)


def read_by(where: Expression | None, models: TierModels) -> frozenset[str]:
    """Name the columns that a filter needs, those that tell its close calls among them."""
    if models.tier == "screen":
        return Doubt(where, models).columns
    return frozenset(() if where is None else where.columns)


class Doubt:
    """Tells which rows of a block a filter is sure of, whatever rounding did to their float32 columns.

    Args:
        where: the filter; without one every row is sure.
        models: what predicted the columns.

    Attributes:
        columns: what it reads; logits, where the filter reads probabilities or flags.
    """

    def __init__(self, where: Expression | None, models: TierModels) -> None:
        self._where, self._models = where, models
        read = () if where is None else where.columns
        self._targets = _targets_of(read, models)
        self._roundings = {name: rounding_of_column(name, models) for name in read if name not in self._targets}
        logits = {f"{target}_logit" for target in self._targets.values()}
        self.columns = frozenset({*read, *logits})

    def limits(self, columns: Columns) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which rows (b,) surely meet the filter, and which possibly do."""
        assert self._where is not None
        ends: dict[str, Ends] = {}
        for name, rounding in self._roundings.items():
            value = columns[name]
            if rounding == Rounding():
                ends[name] = value, value
            else:
                wide = np.asarray(value, np.float64)
                by = rounding.of(wide)
                ends[name] = wide - by, wide + by
        for name, target in self._targets.items():
            ends[name] = self._of_logit(name, target, np.asarray(columns[f"{target}_logit"], np.float64))
        return self._where.limits(ends)

    def _of_logit(self, name: str, target: str, logit: NDArray[np.float64]) -> Ends:
        """Turn limits of a logit into limits of what is made of it."""
        by = rounding_of_column(f"{target}_logit", self._models).of(logit)
        low, high = logit - by, logit + by
        if name == target:
            shift = self._models.shifts.get(target, 0.0)
            return shifted(low, shift), shifted(high, shift)
        flag = self._models.flags[target]
        if name == flag.column:
            return flag.holds(low), flag.holds(high)
        inside = flag.borderline(low), flag.borderline(high)
        return inside[0] & inside[1], inside[0] | inside[1] | ((low < flag.logit) & (high > flag.logit))


def _targets_of(read: Collection[str], models: TierModels) -> dict[str, str]:
    """Find the classifier behind probabilities and flags, by column."""
    found = {name: name for name in read if name in models.models and _classifies(name, models)}
    found |= {flag.column: target for target, flag in models.flags.items() if flag.column in read}
    if BORDERLINE_COLUMN in read:
        found[BORDERLINE_COLUMN] = AMORPHOUS
    return found


def _classifies(target: str, models: TierModels) -> bool:
    return models.models[target].card.target.kind == "classification"
