"""Cross-validation over all tasks at once: folds are assigned on the union of compositions, cells run in two processes.

A cell is one fold of one split. It fits everything asked for on the rows outside the fold and predicts the rows inside, for
every task, so that no composition is learned for one task and tested for another.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.folds import assign_folds
from training.tasks import TaskRows

Array = NDArray[np.floating]
Split = Literal["grouped", "random"]
SPLITS: tuple[Split, ...] = ("grouped", "random")
FOLDS = 5
_tables: dict[str, TaskRows] = {}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fold of one split: rows to predict by target, and what to fit."""

    split: Split
    seed: int
    fold: int
    test: Mapping[str, NDArray[np.bool_]]
    models: tuple[str, ...]


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


def cross_validate(
    tables: Mapping[str, TaskRows], split: Split, seeds: Sequence[int], models: tuple[str, ...], workers: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> list[OutOfFold]:
    """Run every cell of a split for every seed and collect out-of-fold predictions, one record per seed."""
    cells, folds = [], {}
    for seed in seeds:
        folds[seed] = fold_rows(tables, split, seed)
        for fold in range(FOLDS):
            cells.append(Cell(split, seed, fold, {t: f == fold for t, f in folds[seed].items()}, models))
    predicted: dict[int, dict[tuple[str, str], Array]] = {seed: {} for seed in seeds}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_set_tables, initargs=(dict(tables),)) as pool:
        for cell, answers in zip(cells, pool.map(_run_cell, cells), strict=True):
            for (target, model), values in answers.items():
                column = predicted[cell.seed].setdefault((target, model), np.full(len(tables[target]), np.nan))
                column[cell.test[target]] = values
            progress(f"{cell.split} split, seed {cell.seed}: fold {cell.fold + 1} of {FOLDS}")
    return [OutOfFold(split, seed, folds[seed], predicted[seed]) for seed in seeds]


def _set_tables(tables: dict[str, TaskRows]) -> None:
    """Hand the tables to a worker process once, and keep its libraries on one thread."""
    import os

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    _tables.update(tables)


def _run_cell(cell: Cell) -> dict[tuple[str, str], Array]:
    """Fit and predict one cell in a worker."""
    from training.contenders import answer

    train = {t: rows.take(np.flatnonzero(~cell.test[t])) for t, rows in _tables.items()}
    test = {t: rows.take(np.flatnonzero(cell.test[t])) for t, rows in _tables.items()}
    return answer(train, test, cell.models, seed=cell.seed)
