"""Cross-validation over all tasks at once: folds are assigned on the union of compositions.

Each fold of a split is a cell: everything asked for is fitted on the rows outside the fold and predicts the rows
inside, for every task, so that no composition is learned for one task and tested for another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.cell_store import CellStore
from training.cells import Cell, run_cells
from training.effort import FULL, Effort
from training.folds import assign_folds, exclude_subsystems
from training.tasks import TaskRows

Array = NDArray[np.floating]
Split = Literal["grouped", "random", "strict"]
SPLITS: tuple[Split, ...] = ("grouped", "random")
"""Splits that stand beside each other in every table; `strict` is the grouped one without any related system."""
FOLDS = 5
MIN_TRAIN = 20
"""Fewest rows of a task outside any fold: fewer give no 90 % interval and no trees worth the name."""
UNTESTED = -1
"""Fold of rows that are not predicted."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Out-of-fold predictions of one split and seed.

    Attributes:
        split: how rows were grouped.
        seed: of the shuffle.
        fold: fold of every row by target, -1 where it is not predicted, shape (n,).
        predicted: (target, model) → predictions; probabilities for baselines, logits for our classifiers, shape (n,).
        seconds: (target, model) → CPU time of each of its folds, s.
        trained: target → rows learned from, mean over its folds.
    """

    split: Split
    seed: int
    fold: Mapping[str, NDArray[np.int64]]
    predicted: Mapping[tuple[str, str], Array]
    seconds: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict)
    trained: Mapping[str, float] = field(default_factory=dict)


def fold_rows(tables: Mapping[str, TaskRows], split: Split, seed: int) -> dict[str, NDArray[np.int64]]:
    """Assign a fold to every row of every task, on the union of their compositions."""
    keys = np.concatenate([t.key for t in tables.values()])
    systems = np.concatenate([t.system for t in tables.values()])
    folds = assign_folds(keys, systems, n_folds=FOLDS, seed=seed)
    joined = folds.random if split == "random" else folds.grouped
    ends = np.cumsum([len(t) for t in tables.values()])
    return dict(zip(tables, np.split(joined, ends[:-1]), strict=True))


def check_folds(tables: Mapping[str, TaskRows], folds: Mapping[str, NDArray[np.int64]]) -> None:
    """Check that every task can be learned without any one fold.

    Raises:
        InputError: a task has fewer chemical systems than there are folds; or too few rows, or rows of one class or
            value only, lie outside a fold.
    """
    for target, rows in tables.items():
        if (systems := len(np.unique(rows.system))) < FOLDS:
            raise InputError(
                f"`{rows.recipe.task}` covers {systems} chemical system{'s' if systems > 1 else ''}",
                f"add alloys of other element sets; at least {FOLDS} are needed to prove a model on new ones",
            )
        for fold in np.unique(folds[target]):
            rest = rows.y[folds[target] != fold]
            if len(rest) < MIN_TRAIN:
                raise InputError(
                    f"`{rows.recipe.task}` keeps {len(rest)} rows to learn from when one group of alloys is held out",
                    f"add alloys of other element sets; at least {MIN_TRAIN} rows must remain",
                )
            if len(np.unique(rest)) < 2:
                raise InputError(
                    f"`{rows.recipe.task}` is {rest[0]:g} in every row when one group of alloys is held out",
                    "add alloys with other values in other element sets",
                )


def cross_validate(
    tables: Mapping[str, TaskRows],
    split: Split,
    seeds: Sequence[int],
    models: tuple[str, ...],
    workers: int = 2,
    progress: Callable[[str], None] = lambda _: None,
    effort: Effort = FULL,
    store: CellStore | None = None,
) -> list[OutOfFold]:
    """Run every cell of a split for every seed and collect out-of-fold predictions, one record per seed.

    Args:
        tables: rows by target.
        split: `grouped`, `random` or `strict`.
        seeds: of the shuffle and of everything fitted.
        models: contenders.
        workers: processes; 1 works in this one.
        progress: told of every cell.
        effort: how much work goes into our tiers.
        store: where answers are looked up and kept; None computes everything.

    Raises:
        InputError: a task cannot be learned without one of the folds.
    """
    folds = {seed: fold_rows(tables, split, seed) for seed in seeds}
    for seed in seeds:
        check_folds(tables, folds[seed])
    cells = [c for seed in seeds for c in fold_cells(tables, split, seed, folds[seed], models, effort)]
    predicted: dict[int, dict[tuple[str, str], Array]] = {seed: {} for seed in seeds}
    seconds: dict[int, dict[tuple[str, str], list[float]]] = {seed: {} for seed in seeds}
    for cell, answers in zip(cells, run_cells(cells, tables, workers, store), strict=True):
        for (target, model), answer in answers.items():
            column = predicted[cell.seed].setdefault((target, model), np.full(len(tables[target]), np.nan))
            column[cell.test[target]] = answer.values
            seconds[cell.seed].setdefault((target, model), []).append(answer.seconds)
        task = f", {next(iter(cell.test))}" if split == "strict" else ""
        progress(f"{cell.split} split, seed {cell.seed}{task}: fold {cell.fold + 1} of {FOLDS}")
    return [
        OutOfFold(split, s, _tested(folds[s], mine), predicted[s], seconds[s], _trained(tables, mine))
        for s in seeds
        for mine in [[cell for cell in cells if cell.seed == s]]
    ]


def fold_cells(
    tables: Mapping[str, TaskRows],
    split: Split,
    seed: int,
    folds: Mapping[str, NDArray[np.int64]],
    models: tuple[str, ...],
    effort: Effort = FULL,
) -> list[Cell]:
    """Make the cells of one regrouping.

    The strict split has one for each task, since what is related differs; a task that it leaves too little of sits out.
    """
    cells = []
    for fold in range(FOLDS):
        test = {target: number == fold for target, number in folds.items()}
        train = {target: ~mask for target, mask in test.items()}
        if split != "strict":
            cells.append(Cell(split, seed, fold, train, test, models, effort))
            continue
        for target, mask in test.items():
            apart = _unrelated(tables, train, np.unique(tables[target].system[mask]))
            if can_learn(tables[target].y[apart[target]]):
                cells.append(Cell(split, seed, fold, apart, {target: mask}, models, effort))
    return cells


def can_learn(y: Array) -> bool:
    """Whether values (b,) are enough to learn from: twenty rows and two values."""
    return len(y) >= MIN_TRAIN and len(np.unique(y)) > 1


def _unrelated(
    tables: Mapping[str, TaskRows], train: Mapping[str, NDArray[np.bool_]], tested: NDArray[np.str_]
) -> dict[str, NDArray[np.bool_]]:
    """Keep the training rows of every task whose system neither contains a tested one nor lies within it."""
    kept = {}
    for target, rows in tables.items():
        both, mine = np.concatenate([rows.system, tested]), np.zeros(len(rows), bool)
        ends = np.arange(len(rows), len(both))
        mine[exclude_subsystems(both, np.flatnonzero(train[target]), ends)] = True
        kept[target] = mine
    return kept


def _tested(folds: Mapping[str, NDArray[np.int64]], cells: Sequence[Cell]) -> dict[str, NDArray[np.int64]]:
    """Folds of the rows that were predicted."""
    found = {target: np.full(len(fold), UNTESTED) for target, fold in folds.items()}
    for cell in cells:
        for target, mask in cell.test.items():
            found[target][mask] = cell.fold
    return found


def _trained(tables: Mapping[str, TaskRows], cells: Sequence[Cell]) -> dict[str, float]:
    """Rows learned from, mean over the folds that have rows to predict."""
    counts = {t: [int(c.train[t].sum()) for c in cells if t in c.test and c.test[t].any()] for t in tables}
    return {target: float(np.mean(found)) if found else 0.0 for target, found in counts.items()}
