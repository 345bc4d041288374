"""The table of a run: one row per alloy, columns in their fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.formula import canonical_formula
from screener.model import Model
from screener.model_set import column_order
from screener.tier_models import Columns, target_columns

if TYPE_CHECKING:
    import polars

Values: TypeAlias = "NDArray[np.generic] | Sequence[str] | polars.Series"


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Parts of a result, each in its own order; n rows.

    Attributes:
        lead: what identifies a row: rank, index or row and input columns, formula, elements.
        models: the models whose values stand in the plain columns, by target.
        predictions: their columns.
        in_domain: whether every element was in the training of every model used, and, where neighbours are known, the
            alloy lies within the domain limit of every target (n,).
        nearest: formulas of the nearest training alloys and their distances in at.% (n,).
        score: number the rows are ranked by (n,).
        front: number of the Pareto front (n,).
        screen: screen values by target, beside characterized ones.
        descriptors: further columns, by name.
    """

    lead: Mapping[str, Values]
    models: Mapping[str, Model]
    predictions: Columns
    in_domain: NDArray[np.generic]
    score: NDArray[np.generic]
    nearest: tuple[Sequence[str], NDArray[np.float64]] | None = None
    front: NDArray[np.int64] | None = None
    screen: Columns = field(default_factory=dict)
    descriptors: Columns = field(default_factory=dict)

    def frame(self) -> polars.DataFrame:
        """Put the columns together, shape (n, columns)."""
        import polars

        columns: dict[str, Values] = dict(self.lead)
        for target in ordered_targets(self.models):
            for name in target_columns(self.models[target].card):
                columns[name] = self.predictions[name]
        columns["in_domain"] = self.in_domain
        if self.nearest is not None:
            columns["nearest_training_alloy"], columns["nearest_distance"] = self.nearest
        columns["score"] = self.score
        if self.front is not None:
            columns["front"] = self.front
        for target in ordered_targets(self.screen):
            columns[f"{target}_screen"] = self.screen[target]
        columns |= self.descriptors
        return polars.DataFrame({name: _series(name, values) for name, values in columns.items()})


def ordered_targets(names: Iterable[str]) -> list[str]:
    """Sort targets: the standing ones first, then by name."""
    return sorted(names, key=column_order)


def formulas_of(fractions: NDArray[np.float64], symbols: Sequence[str]) -> list[str]:
    """Write compositions (n, d) as formulas."""
    return [canonical_formula(symbols, row) for row in 100.0 * fractions]


def _series(name: str, values: Values) -> polars.Series:
    """Make a column: text, flags and whole numbers as they are, other numbers in float64."""
    import polars

    if isinstance(values, polars.Series):
        return values.alias(name)
    if not isinstance(values, np.ndarray):
        return polars.Series(name, values, dtype=polars.String)
    if values.dtype == np.bool_ or np.issubdtype(values.dtype, np.integer):
        return polars.Series(name, np.ascontiguousarray(values))
    return polars.Series(name, np.ascontiguousarray(values, dtype=np.float64))
