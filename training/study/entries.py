"""Scores of one task at a time, for cells whose outcome holds more, or less, than one prediction of every task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.report_tables import Spread
from training.study.measures import task_scores
from training.study.runs import Cell
from training.study.splits import GROUPED
from training.study.table import Score

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Entry:
    """Scores of one task of one cell.

    Attributes:
        rows: name of the rows.
        split: kind of the split.
        unit: outer fold, or seed on the paper's split.
        arm: name of the arm.
        task: the task.
        scores: by name.
    """

    rows: str
    split: str
    unit: int
    arm: str
    task: str
    scores: Mapping[str, float]


def entry_of(cell: Cell, arm: str, task: str, scores: Mapping[str, float], rows: str | None = None) -> Entry:
    """Place scores of a cell under the name of an arm."""
    unit = cell.split.number if cell.split.kind == GROUPED else cell.seed
    return Entry(rows or cell.rows.name, cell.split.kind, unit, arm, task, scores)


def predicted_entry(
    cell: Cell, arm: str, task: str, test: Array, valid: Array | None = None, rows: str | None = None
) -> Entry:
    """Score predictions of one task.

    Args:
        cell: its rows and split are those that were predicted.
        arm: name of the arm.
        task: which task.
        test: predictions as learned of all test rows, shape (b,).
        valid: predictions of all validation rows; not needed for regressions.
        rows: name that the rows are given, that of the cell's where None.
    """
    column = cell.rows.tasks.index(task)
    guessed = np.zeros(len(cell.split.valid)) if valid is None else valid
    return entry_of(cell, arm, task, task_scores(cell.rows, cell.split, column, test, guessed), rows)


def task_entry(cell: Cell, task: str, rows: str | None = None) -> Entry:
    """Score one task of a cell at the best epoch for all."""
    column = cell.rows.tasks.index(task)
    outcome = cell.outcome
    return predicted_entry(cell, cell.arm.name, task, outcome.joint[:, column], outcome.valid_joint[:, column], rows)


def gathered(entries: Iterable[Entry]) -> list[Score]:
    """Gather scores by arm; several entries of one unit give their mean."""
    found: dict[tuple[str, str, str, str, str], dict[int, list[float]]] = {}
    for each in entries:
        for metric, value in each.scores.items():
            key = (each.rows, each.split, each.arm, each.task, metric)
            found.setdefault(key, {}).setdefault(each.unit, []).append(value)
    return [
        Score(*key, tuple(float(np.mean(values)) for _, values in sorted(units.items())))
        for key, units in found.items()
    ]


def as_one_table(scores: Iterable[Score], rows: str) -> list[Score]:
    """Give scores on differently labelled copies of the same rows one name, so that they can be compared."""
    return [replace(score, rows=rows) for score in scores]


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and standard deviation (n − 1) of what is finite; NaN without any."""
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return Spread(float("nan"), 0.0, 0)
    return Spread(float(np.mean(finite)), float(np.std(finite, ddof=1)) if len(finite) > 1 else 0.0, len(finite))
