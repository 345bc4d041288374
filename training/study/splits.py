"""Splits of study rows: the paper's single one, and outer folds that no chemical system crosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.folds import assign_folds
from training.multitask.rows import Fold, LabelledRows
from training.study.data import StudyRows, strata

Rows = NDArray[np.int64]
PAPER, THINNED, GROUPED = "paper", "paper 65:1", "grouped"
"""Kinds of splits: the first two are one split each, on which only seeds vary."""
SHARES = (0.70, 0.15, 0.15)
"""Training, validation and test rows of the paper's split, doi:10.48550/arXiv.2512.22740."""
RATIOS = (1.0, 65.0, 62.0)
"""Labels of resistivity to each label of hardness and of glass formation, about, in the paper's training rows."""
LEAST_LABELS = 12
"""Labels of a thinned task that are always left to learn from and to stop by."""
INNER_FOLDS = 6
"""One in so many groups of the training systems is for early stopping and thresholds."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn from, to stop by and to test on.

    Attributes:
        kind: `paper`, `paper 65:1` or `grouped`.
        number: outer fold, from 0.
        train: row numbers.
        valid: row numbers.
        test: row numbers.
        hidden: labels that nobody may learn from or stop by, shape (n, t); None for none.
    """

    kind: str
    number: int
    train: Rows
    valid: Rows
    test: Rows
    hidden: NDArray[np.bool_] | None = None

    @property
    def name(self) -> str:
        """Kind and number."""
        return f"{self.kind} {self.number}"

    @property
    def test_share_ratio(self) -> float:
        """Rows tested per row learned from or stopped by."""
        return len(self.test) / (len(self.train) + len(self.valid))

    def fold(self, rows: StudyRows) -> Fold:
        """Return the rows to learn from and to stop by; rows without a label left are dropped."""
        labelled = rows.rows
        if self.hidden is not None:
            known = labelled.known & ~self.hidden
            labelled = LabelledRows(labelled.x, labelled.y, known, labelled.is_label, labelled.tasks)
        parts = [part[labelled.known[part].any(axis=1)] for part in (self.train, self.valid)]
        return Fold(labelled.take(parts[0]), labelled.take(parts[1]))


def paper_split(rows: StudyRows, seed: int = 0) -> Split:
    """Split rows at random 70/15/15, alike within every combination of labelled tasks and classes.

    Raises:
        InputError: a task has no label in one of the parts.
    """
    rng = np.random.default_rng(seed)
    code, place = strata(rows), np.empty(len(rows))
    for stratum in np.unique(code):
        members = rng.permutation(np.flatnonzero(code == stratum))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    train, valid = place < SHARES[0], (place >= SHARES[0]) & (place < SHARES[0] + SHARES[1])
    parts = [np.flatnonzero(part).astype(np.int64) for part in (train, valid, ~train & ~valid)]
    return _checked(rows, Split(PAPER, 0, parts[0], parts[1], parts[2]))


def grouped_splits(rows: StudyRows, folds: int = 5, seed: int = 0, first: int = 0) -> tuple[Split, ...]:
    """Split rows into outer folds by chemical system on the union of all tasks, early stopping grouped as well.

    Args:
        rows: what is split.
        folds: how many.
        seed: of the grouping.
        first: number of the first split.

    Raises:
        InputError: too few chemical systems, or a task has no label in one of the parts.
    """
    outer = assign_folds(rows.key, rows.system, n_folds=folds, seed=seed).grouped
    return tuple(replace(_grouped(rows, outer, fold, seed), number=first + fold) for fold in range(folds))


def thinned_as_in_paper(rows: StudyRows, split: Split, seed: int = 0, least: int = LEAST_LABELS) -> Split:
    """Hide labels of the small tasks until the large one has 65 and 62 times as many; test rows keep all of theirs.

    Raises:
        InputError: the tasks are not those of the paper.
    """
    if not rows.standard:
        raise InputError(
            f"the paper's ratios are not for `{', '.join(rows.tasks)}`", "leave them out for tasks of your own"
        )
    rng, hidden = np.random.default_rng(seed), np.zeros(rows.rows.known.shape, bool)
    for part in (split.train, split.valid):
        known = rows.rows.known[part]
        large = int(known[:, 0].sum())
        for task in (1, 2):
            labelled = part[known[:, task]]
            count = min(len(labelled), max(least, round(large / RATIOS[task])))
            hidden[_all_but(labelled, rows.rows.y[labelled, task], count, rows.rows.is_label[task], rng), task] = True
    return replace(split, kind=THINNED, hidden=hidden)


def thinned_words(rows: StudyRows, split: Split) -> str:
    """Say how far the labels of a split were thinned: the paper's ratios, or those that few rows allow.

    Args:
        rows: what was split, of the paper's tasks.
        split: as `thinned_as_in_paper` returns it.
    """
    found = ratios(rows, split)
    wanted, reached = (" and ".join(f"1 : {ratio:.0f}" for ratio in each) for each in (RATIOS[1:], found))
    if all(abs(one - other) < 1.0 for one, other in zip(found, RATIOS[1:], strict=True)):
        return f"thinned to the paper's ratios ({wanted}) of labels"
    return f"thinned towards the paper's ratios ({wanted}) of labels: the training rows have {reached}"


def ratios(rows: StudyRows, split: Split) -> tuple[float, ...]:
    """Training labels of the first task to each label of every other that may be learned from."""
    counts = split.fold(rows).train.known.sum(axis=0)
    return tuple(float(counts[0] / count) for count in counts[1:])


def _all_but(labelled: Rows, y: NDArray[np.floating], count: int, label: bool, rng: np.random.Generator) -> Rows:
    """Rows that lose their label so that ``count`` keep it, both classes in proportion."""
    order = np.lexsort((rng.random(len(labelled)), y > 0.5 if label else np.zeros(len(labelled))))
    kept = order[np.linspace(0, len(labelled) - 1, count).round().astype(np.int64)]
    return np.delete(labelled, np.unique(kept))


def _grouped(rows: StudyRows, outer: NDArray[np.int64], number: int, seed: int) -> Split:
    """One outer fold, with the first inner fold that has a label of every task."""
    rest, test = np.flatnonzero(outer != number), np.flatnonzero(outer == number)
    inner = assign_folds(rows.key[rest], rows.system[rest], n_folds=INNER_FOLDS, seed=seed + 1).grouped
    known = rows.rows.known[rest]
    full = [
        fold
        for fold in range(INNER_FOLDS)
        if known[inner == fold].any(axis=0).all() and known[inner != fold].any(axis=0).all()
    ]
    fold = full[number % len(full)] if full else 0
    return _checked(rows, Split(GROUPED, number, rest[inner != fold], rest[inner == fold], test))


def _checked(rows: StudyRows, split: Split) -> Split:
    """Refuse a split with a task that cannot be learned, stopped by or tested."""
    for words, part in (("training", split.train), ("validation", split.valid), ("test", split.test)):
        missing = np.flatnonzero(~rows.rows.known[part].any(axis=0))
        if len(missing):
            raise InputError(
                f"task `{rows.tasks[missing[0]]}` has no label in the {words} rows of split `{split.name}`",
                "leave the task out, or give more rows of it",
            )
    return split


def together(splits: Sequence[Split]) -> float:
    """Mean rows tested per row learned from, for the corrected test."""
    return float(np.mean([split.test_share_ratio for split in splits]))
