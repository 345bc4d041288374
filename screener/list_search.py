"""Values, filter and order of the rows of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.alloy_list import Record
from screener.engine import joined
from screener.list_blocks import ListBlock, ListReader, dense
from screener.pareto import ParetoFront
from screener.plan import Plan
from screener.search import SLACK, best_first, front_values, passing
from screener.summary import Watch
from screener.tier_models import Columns, Conditions

Predict: TypeAlias = Callable[[NDArray[np.float64], tuple[str, ...], Conditions], Columns]
"""Gives the columns (n,) of compositions (n, d) of some elements under conditions."""


@dataclass(frozen=True, slots=True)
class ListRows:
    """Rows of a list with their values.

    Attributes:
        block: the rows.
        columns: their values from the searching tier, by name.
        score: what they are ranked by.
    """

    block: ListBlock
    columns: Columns
    score: NDArray[np.float64]

    def take(self, chosen: NDArray[np.intp]) -> ListRows:
        """Keep some rows, in the order given."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return ListRows(self.block.take(chosen), columns, self.score[chosen])


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows that are reported, in the order they are written.

    Attributes:
        rows: the rows.
        rank: their place by score, from 1.
        left_out: why other rows are not reported, and how many.
    """

    rows: ListRows
    rank: NDArray[np.int64]
    left_out: tuple[tuple[str, int], ...]


def evaluate_list(
    reader: ListReader,
    records: Iterable[Record],
    plan: Plan,
    predict: Predict,
    size: int,
    total: int | None,
    watch: Watch,
) -> tuple[ListRows, int]:
    """Predict every readable row and keep those that meet the filter.

    Args:
        reader: makes blocks of records.
        records: every record of the list.
        plan: filter and score.
        predict: gives columns.
        size: records read at once.
        total: how many records there are, if that is known.
        watch: hears of progress.

    Returns:
        The rows kept, in their order, and how many did not meet the filter.
    """
    parts: list[ListRows] = []
    filtered = 0
    for block in reader.blocks(records, size):
        columns = predict(dense(block.compositions, reader.symbols), reader.symbols, block.conditions)
        kept, columns = passing(plan, np.arange(len(block.rows)), columns)
        filtered += len(block.rows) - len(kept)
        parts.append(ListRows(block.take(kept), columns, plan.scorer.score(columns)))
        watch.progress(reader.read, total)
    return _joined(parts), filtered


def choose(rows: ListRows, plan: Plan, top: int | None, ranks: bool, settle: Callable[[ListRows], ListRows]) -> Chosen:
    """Take the rows to report and bring them in order.

    Args:
        rows: rows that met the filter.
        plan: filter, score and front.
        top: how many of the best to take; None takes all.
        ranks: whether an order was asked for; else rows keep theirs.
        settle: gives final values to rows of which some will be cut.
    """
    left_out: list[tuple[str, int]] = []

    def keep(chosen: NDArray[np.intp], why: str) -> None:
        nonlocal rows
        if len(chosen) < len(rows.score):
            left_out.append((why, len(rows.score) - len(chosen)))
            rows = rows.take(chosen)

    keep(np.flatnonzero(~np.isnan(rows.score)), "without a score")
    if plan.front:
        front = ParetoFront(plan.directions)
        front.update(front_values(plan, rows.columns), rows.block.rows)
        keep(np.flatnonzero(np.isin(rows.block.rows, front.finish()[0])), "not on the first front")
    if top is not None and top < len(rows.score):
        before, total = len(left_out), len(rows.score)
        keep(np.sort(best_first(rows.block.rows, rows.score)[: top + SLACK]), "beyond --top")
        rows = settle(rows)
        keep(np.sort(best_first(rows.block.rows, rows.score)[:top]), "beyond --top")
        left_out[before:] = [("beyond --top", total - len(rows.score))]
    order = best_first(rows.block.rows, rows.score)
    if ranks or top is not None or plan.front:
        return Chosen(rows.take(order), np.arange(1, len(order) + 1), tuple(left_out))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return Chosen(rows, rank, tuple(left_out))


def _joined(parts: Sequence[ListRows]) -> ListRows:
    """Put the rows of consecutive blocks together."""
    blocks = [part.block for part in parts]
    block = ListBlock(
        np.concatenate([each.rows for each in blocks]),
        tuple(fields for each in blocks for fields in each.fields),
        tuple(composition for each in blocks for composition in each.compositions),
        {name: np.concatenate([each.conditions[name] for each in blocks]) for name in blocks[0].conditions},
    )
    return ListRows(block, joined([part.columns for part in parts]), np.concatenate([part.score for part in parts]))
