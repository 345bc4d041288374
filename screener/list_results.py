"""The result of a list: predictions beside the input columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.formula_texts import canonical_formulas
from screener.list_search import ListRows
from screener.plan import Plan
from screener.results import ResultTable, Values
from screener.run_models import RunModels
from screener.survivors import Survivors, descriptor_columns, has_properties, result_table
from screener.tier_models import Columns, element_columns

if TYPE_CHECKING:
    import polars

OUR_COLUMNS = frozenset(
    (
        *("rank", "row", "index", "formula", "p_amorphous", "is_amorphous", "amorphous_borderline", "in_domain"),
        *("nearest_training_alloy", "nearest_distance", "score", "front"),
    )
)
"""Names that are always ours in a result."""
_CHUNK = 65_536
"""Rows characterized and laid out at once."""


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How rows of one list are written; every block of it gets the same columns.

    Attributes:
        header: input columns.
        plan: filter, score and front.
        models: models of the run.
        descriptors: descriptors to add, by name.
        exact: whether they are computed in float64.
        elements: elements whose at.% are added.
    """

    header: tuple[str, ...]
    plan: Plan
    models: RunModels
    descriptors: tuple[str, ...]
    exact: bool
    elements: tuple[str, ...] = ()

    def frames(self, rows: ListRows, rank: NDArray[np.int64] | None) -> Iterator[polars.DataFrame]:
        """Characterize rows and put them beside their input, a chunk at a time and at least one.

        Args:
            rows: the rows.
            rank: their places by score; None leaves the column out.

        Raises:
            CompositionError: an element lacks a property that the precise models need.
        """
        for start in range(0, max(1, len(rows.score)), _CHUNK):
            chunk = np.arange(start, min(start + _CHUNK, len(rows.score)))
            whole = len(chunk) == len(rows.score)
            yield self.frame(rows if whole else rows.take(chunk), None if rank is None else rank[chunk])

    def frame(self, rows: ListRows, rank: NDArray[np.int64] | None) -> polars.DataFrame:
        """Lay out a few rows."""
        import polars

        result = self._predictions(rows).frame()
        names = self.input_names(result.columns)
        lead = [] if rank is None else [polars.Series("rank", rank)]
        given = [column.alias(names[column.name]) for column in rows.block.cells.get_columns()]
        return polars.DataFrame([*lead, polars.Series("row", rows.block.rows), *given, *result.get_columns()])

    def input_names(self, written: Collection[str]) -> dict[str, str]:
        """Name every input column as it is written: one with a name of ours gets another."""
        return {name: _free(name, {*OUR_COLUMNS, *written}, self.header) for name in self.header}

    def _predictions(self, rows: ListRows) -> ResultTable:
        """Characterize a few rows."""
        block, symbols = rows.block, rows.block.symbols
        front = np.ones(len(rows.score), np.int64) if self.plan.front else None
        survivors = Survivors(block.fractions(symbols), symbols, rows.columns, rows.score, block.conditions, front)
        lead: dict[str, Values] = {"formula": canonical_formulas(block.alloys)}
        shares = element_columns(survivors.fractions, symbols, self.elements)
        lead |= {symbol: shares[symbol] for symbol in self.elements}
        return result_table(lead, survivors, self.models, self._described(survivors))

    def _described(self, survivors: Survivors) -> Columns:
        """Compute the descriptors; an alloy whose elements lack a property gets a gap."""
        fractions, symbols = survivors.fractions, survivors.symbols
        blind = [name for name in self.descriptors if not has_properties(name, symbols)]
        known = [name for name in self.descriptors if name not in blind]
        columns = descriptor_columns(fractions, symbols, known, self.exact) if known else {}
        for name in blind:
            able = np.array([has_properties(name, (symbol,)) for symbol in symbols])
            rows, values = np.flatnonzero(~(fractions[:, ~able] > 0).any(axis=1)), np.full(len(fractions), np.nan)
            some = [symbol for symbol, has in zip(symbols, able, strict=True) if has]
            if len(rows):
                values[rows] = descriptor_columns(fractions[rows][:, able], some, [name], self.exact)[name]
            columns[name] = values
        return {name: columns[name] for name in self.descriptors}


def _free(name: str, ours: Collection[str], header: Sequence[str]) -> str:
    """Give an input column a name that is neither ours nor another input column's."""
    while name in ours:
        name = f"input_{name}"
        while name in header:
            name = f"input_{name}"
    return name
