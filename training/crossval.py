"""Cross-validation over all tasks at once: folds are assigned on the union of compositions, cells run in processes.

A cell is one fold of one split. It fits everything asked for on the rows outside the fold and predicts the rows inside,
for every task, so that no composition is learned for one task and tested for another.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.effort import FULL, Effort
from training.folds import assign_folds
from training.tasks import TaskRows

Array = NDArray[np.floating]
Split = Literal["grouped", "random"]
SPLITS: tuple[Split, ...] = ("grouped", "random")
FOLDS = 5
MIN_TRAIN = 20
"""Fewest rows of a task outside any fold: fewer give no 90 % interval and no trees worth the name."""
_tables: dict[str, TaskRows] = {}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fold of one split: rows to predict by target, and what to fit."""

    split: Split
    seed: int
    fold: int
    test: Mapping[str, NDArray[np.bool_]]
    models: tuple[str, ...]
    effort: Effort = FULL


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Out-of-fold predictions of one split and seed.

    Attributes:
        split: how rows were grouped.
        seed: of the shuffle.
        fold: fold of every row by target, shape (n,).
        predicted: (target, model) → predictions; probabilities for baselines, logits for our classifiers, shape (n,).
    """

    split: Split
    seed: int
    fold: Mapping[str, NDArray[np.int64]]
    predicted: Mapping[tuple[str, str], Array]


def fold_rows(tables: Mapping[str, TaskRows], split: Split, seed: int) -> dict[str, NDArray[np.int64]]:
    """Assign a fold to every row of every task, on the union of their compositions."""
    keys = np.concatenate([t.key for t in tables.values()])
    systems = np.concatenate([t.system for t in tables.values()])
    folds = assign_folds(keys, systems, n_folds=FOLDS, seed=seed)
    joined = folds.grouped if split == "grouped" else folds.random
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
) -> list[OutOfFold]:
    """Run every cell of a split for every seed and collect out-of-fold predictions, one record per seed.

    Args:
        tables: rows by target.
        split: `grouped` or `random`.
        seeds: of the shuffle and of everything fitted.
        models: contenders.
        workers: processes; 1 works in this one.
        progress: told of every cell.
        effort: how much work goes into our tiers.

    Raises:
        InputError: a task cannot be learned without one of the folds.
    """
    cells: list[Cell] = []
    folds = {seed: fold_rows(tables, split, seed) for seed in seeds}
    for seed in seeds:
        check_folds(tables, folds[seed])
        tests = ({t: f == fold for t, f in folds[seed].items()} for fold in range(FOLDS))
        cells += [Cell(split, seed, fold, test, models, effort) for fold, test in enumerate(tests)]
    predicted: dict[int, dict[tuple[str, str], Array]] = {seed: {} for seed in seeds}
    for cell, answers in zip(cells, _answers(cells, tables, workers), strict=True):
        for (target, model), values in answers.items():
            column = predicted[cell.seed].setdefault((target, model), np.full(len(tables[target]), np.nan))
            column[cell.test[target]] = values
        progress(f"{cell.split} split, seed {cell.seed}: fold {cell.fold + 1} of {FOLDS}")
    return [OutOfFold(split, seed, folds[seed], predicted[seed]) for seed in seeds]


def _answers(
    cells: Sequence[Cell], tables: Mapping[str, TaskRows], workers: int
) -> Iterator[dict[tuple[str, str], Array]]:
    """Run the cells and give their answers in order."""
    if workers == 1:
        yield from (_run(cell, tables) for cell in cells)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_set_tables, initargs=(dict(tables),)) as pool:
        yield from pool.map(_run_here, cells)


def _set_tables(tables: dict[str, TaskRows]) -> None:
    """Hand the tables to a worker process once."""
    _tables.update(tables)


def _run_here(cell: Cell) -> dict[tuple[str, str], Array]:
    """Fit and predict one cell in a worker."""
    return _run(cell, _tables)


def _run(cell: Cell, tables: Mapping[str, TaskRows]) -> dict[tuple[str, str], Array]:
    """Fit and predict one cell on one thread: threads of several processes would wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from training.contenders import answer

    train = {t: rows.take(np.flatnonzero(~cell.test[t])) for t, rows in tables.items()}
    test = {t: rows.take(np.flatnonzero(cell.test[t])) for t, rows in tables.items() if cell.test[t].any()}
    with threadpool_limits(1):
        return answer(train, test, cell.models, cell.seed, cell.effort)
