"""Values, filter and order of the rows of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import PRESENT_FOR_PAIRS
from screener.engine import joined
from screener.formula_batch import FormulaBatch
from screener.list_blocks import ListBlock, joined_blocks, take_alloys
from screener.pareto import ParetoFront
from screener.plan import Plan
from screener.search import SLACK, best_first, front_values, passing
from screener.settled_filter import SettledFilter, taken
from screener.tier_models import Columns, Conditions

Predict: TypeAlias = Callable[[FormulaBatch, tuple[str, ...], Conditions], Columns]
"""Gives the columns (n,) of compositions (n,) of some elements under conditions."""
UNSCORED, UNBEATEN, BEYOND = "without a score", "not on the first front", "beyond --top"
"""Why rows that met the filter are not reported."""
_PAIR_EXTREMES = frozenset(("dH_pair_min", "dH_pair_max"))
_NEAR_PRESENCE = 1e-8
_HELD = 65_536
"""Rows held beyond those that may be reported."""


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
    left_out: Counter[str]


def evaluate(block: ListBlock, plan: Plan, predict: Predict, exact: Predict | None = None) -> tuple[ListRows, int]:
    """Predict the rows of a block and keep those that meet the filter.

    Args:
        block: the rows.
        plan: filter and score.
        predict: gives their values.
        exact: settles rows within float32 rounding of a limit; None where ``predict`` is exact.

    Returns:
        The rows kept, in their order, and how many did not meet the filter.
    """
    columns = predicted(block, predict)
    if exact is None or plan.where is None:
        kept, columns = passing(plan, np.arange(len(block.rows)), columns)
    else:
        settled, doubted = SettledFilter(plan.where, plan.models), None
        if _PAIR_EXTREMES & set(plan.where.columns):
            doubted = _at_presence(block.alloys)
        holds = settled.holds(columns, lambda rows: predicted(block.take(rows), exact), doubted)
        kept, columns = taken(np.arange(len(block.rows)), columns, np.flatnonzero(holds))
    filtered = len(block.rows) - len(kept)
    return ListRows(block.take(kept) if filtered else block, columns, plan.score(columns)), filtered


def _at_presence(alloys: FormulaBatch) -> NDArray[np.bool_]:
    """Say which rows (n,) hold an amount that rounding may move across the limit from which pairs count."""
    rows = np.repeat(np.arange(len(alloys.start) - 1), np.diff(alloys.start))
    doubted = np.zeros(len(alloys.start) - 1, np.bool_)
    doubted[rows[np.abs(alloys.fraction - PRESENT_FOR_PAIRS) < _NEAR_PRESENCE]] = True
    return doubted


def predicted(block: ListBlock, predict: Predict) -> Columns:
    """Predict the rows of a block, those of one formula once where conditions do not tell them apart."""
    symbols = block.symbols
    if block.same is None or block.conditions:
        return predict(block.alloys, symbols, block.conditions)
    _, first, inverse = np.unique(block.same, return_index=True, return_inverse=True)
    columns = predict(take_alloys(block.alloys, first), symbols, {})
    return {name: values[inverse] for name, values in columns.items()}


def scored(rows: ListRows) -> tuple[ListRows, int]:
    """Leave out rows without a score; say how many."""
    kept = np.flatnonzero(~np.isnan(rows.score))
    missing = len(rows.score) - len(kept)
    return (rows.take(kept) if missing else rows), missing


@dataclass(slots=True)
class Held:
    """Rows of a long list that may be reported in the end; the others are let go and counted.

    Attributes:
        plan: filter, score and front.
        top: how many of the best are reported; None for the whole front.
        left_out: why rows are not reported, and how many.
    """

    plan: Plan
    top: int | None
    left_out: Counter[str] = field(default_factory=Counter)
    _parts: list[ListRows] = field(default_factory=list)
    _held: int = 0
    _front: ParetoFront | None = None

    def add(self, rows: ListRows) -> None:
        """Take in the rows of another block.

        Raises:
            ExpressionError: more rows are on the front than can be kept.
        """
        if self.plan.front:
            self._front = self._front or ParetoFront(self.plan.directions, rounding=self.plan.rounding)
            self._front.update(front_values(self.plan, rows.columns), rows.block.rows)
        self._parts.append(rows)
        self._held += len(rows.score)
        if self._held > _HELD + 2 * ((self.top or 0) + SLACK):
            self._prune()

    def rows(self) -> ListRows:
        """Return the rows held, in their order."""
        return joined_rows(self._parts)

    def _prune(self) -> None:
        """Let go of rows that cannot be reported any more."""
        rows = self.rows()
        if self._front is not None:
            kept, why = np.flatnonzero(np.isin(rows.block.rows, self._front.finish()[0])), UNBEATEN
        else:
            kept, why = np.sort(best_first(rows.block.rows, rows.score)[: (self.top or 0) + SLACK]), BEYOND
        self.left_out[why] += len(rows.score) - len(kept)
        self._parts, self._held = [rows.take(kept)], len(kept)


def choose(rows: ListRows, plan: Plan, top: int | None, ranks: bool, settle: Callable[[ListRows], ListRows]) -> Chosen:
    """Take the rows to report and bring them in order.

    Args:
        rows: rows that met the filter and have a score.
        plan: filter, score and front.
        top: how many of the best to take; None takes all.
        ranks: whether an order was asked for; else rows keep theirs.
        settle: gives final values to rows of which some will be cut.
    """
    left_out: Counter[str] = Counter()

    def keep(chosen: NDArray[np.intp], why: str) -> None:
        nonlocal rows
        if len(chosen) < len(rows.score):
            left_out[why] += len(rows.score) - len(chosen)
            rows = rows.take(chosen)

    if plan.front:
        total = len(rows.score)
        for rounding in (plan.rounding, ()):
            front = ParetoFront(plan.directions, rounding=rounding)
            front.update(front_values(plan, rows.columns), rows.block.rows)
            keep(np.flatnonzero(np.isin(rows.block.rows, front.finish()[0])), UNBEATEN)
            if rounding:
                rows = settle(rows)
        left_out[UNBEATEN] = total - len(rows.score)
    if top is not None and top < len(rows.score):
        total = len(rows.score)
        keep(np.sort(best_first(rows.block.rows, rows.score)[: top + SLACK]), BEYOND)
        rows = settle(rows)
        keep(np.sort(best_first(rows.block.rows, rows.score)[:top]), BEYOND)
        left_out[BEYOND] = total - len(rows.score)
    order = best_first(rows.block.rows, rows.score)
    if ranks or top is not None or plan.front:
        return Chosen(rows.take(order), np.arange(1, len(order) + 1), left_out)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return Chosen(rows, rank, left_out)


def joined_rows(parts: Sequence[ListRows]) -> ListRows:
    """Put the rows of consecutive blocks together."""
    if len(parts) == 1:
        return parts[0]
    columns, score = joined([part.columns for part in parts]), np.concatenate([part.score for part in parts])
    return ListRows(joined_blocks([part.block for part in parts]), columns, score)
