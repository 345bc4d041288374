"""The result of a list: predictions beside the input columns, and an account of every row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from screener.alloy_list import AlloyList
from screener.formula import canonical_formula
from screener.jobs import ScoreJob
from screener.list_blocks import ListReader, dense
from screener.list_search import Chosen, ListRows
from screener.plan import Plan
from screener.results import ResultTable, Values
from screener.run_models import RunModels
from screener.survivors import Survivors, result_table, shown_descriptors

if TYPE_CHECKING:
    import polars

_OURS = frozenset(
    (
        *("rank", "row", "index", "formula", "p_amorphous", "is_amorphous", "amorphous_borderline", "in_domain"),
        *("nearest_training_alloy", "nearest_distance", "score", "front"),
    )
)
"""Names that are always ours in a result."""
_CHUNK = 65_536
"""Rows characterized and laid out at once."""


def list_frame(
    job: ScoreJob, reader: ListReader, plan: Plan, models: RunModels, chosen: Chosen
) -> tuple[polars.DataFrame, list[str]]:
    """Characterize the rows chosen and put them beside their input.

    Returns:
        The result, and notes on input columns that were renamed.

    Raises:
        CompositionError: an element lacks a property that the precise models need.
    """
    import polars

    present = {symbol for composition in chosen.rows.block.compositions for symbol in composition.symbols}
    symbols = tuple(symbol for symbol in reader.symbols if symbol in present) or reader.symbols
    descriptors = shown_descriptors(symbols, plan.referenced, job.question.with_descriptors)
    parts = []
    for start in range(0, max(1, len(chosen.rank)), _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, len(chosen.rank)))
        parts.append(_part(chosen.rows.take(chunk), symbols, plan, models, descriptors).frame())
    result = polars.concat(parts)
    inputs = _inputs(job, reader.source, chosen.rows)
    names = {n: _free(n, {*_OURS, *result.columns}, reader.source.header) for n in reader.source.header}
    lead = [polars.Series("rank", chosen.rank), polars.Series("row", chosen.rows.block.rows)]
    given = [column.alias(names[column.name]) for column in inputs]
    notes = [f"input column `{old}` is written as `{new}`" for old, new in names.items() if old != new]
    return polars.DataFrame([*lead, *given, *result.get_columns()]), notes


def _part(
    rows: ListRows, symbols: tuple[str, ...], plan: Plan, models: RunModels, descriptors: tuple[str, ...]
) -> ResultTable:
    """Characterize some rows."""
    compositions = rows.block.compositions
    lead: dict[str, Values] = {
        "formula": [canonical_formula(c.symbols, [100.0 * f for f in c.fractions]) for c in compositions]
    }
    front = np.ones(len(rows.score), np.int64) if plan.front else None
    survivors = Survivors(dense(compositions, symbols), symbols, rows.columns, rows.score, rows.block.conditions, front)
    return result_table(lead, survivors, models, descriptors)


def _inputs(job: ScoreJob, source: AlloyList, rows: ListRows) -> list[polars.Series]:
    """Return the input columns of the rows: text as it was read, or the columns of the table given."""
    import polars

    if not isinstance(job.source, Path):
        return job.source[rows.block.rows - 1].get_columns()
    columns = zip(*rows.block.fields, strict=True) if rows.block.fields else ([] for _ in source.header)
    return [polars.Series(n, list(v), dtype=polars.String) for n, v in zip(source.header, columns, strict=True)]


def _free(name: str, ours: Collection[str], header: Sequence[str]) -> str:
    """Give an input column a name that is neither ours nor another input column's."""
    while name in ours:
        name = f"input_{name}"
        while name in header:
            name = f"input_{name}"
    return name


def account(read: int, rejected: int, filtered: int, chosen: Chosen) -> tuple[tuple[str, int], ...]:
    """Account for every row that was read: what happened to rows, and to how many."""
    parts = [
        ("written", len(chosen.rank)),
        ("filtered by --where", filtered),
        *chosen.left_out,
        ("rejected", rejected),
    ]
    if sum(count for _, count in parts) != read:
        raise RuntimeError(f"{read} rows read, but {parts}")
    return (("rows read", read), *((what, n) for what, n in parts if n or what in ("written", "rejected")))
