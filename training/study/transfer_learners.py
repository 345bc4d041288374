"""Learners of the transfer studies: learning curves of every strategy, and one strategy with chosen sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.diagnostics.subsample import keep_labels, nested_subsamples
from training.multitask.checks import check_rows
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Training
from training.multitask.history import FitResult
from training.multitask.rows import Fold, LabelledRows
from training.study.learners import Array, Job, Learner, Outcome
from training.study.splits import GROUPED
from training.transfer.finetuning import finetune
from training.transfer.leakage import groups_by
from training.transfer.pretraining import Body, GroupedFold, pretrain, sources_of
from training.transfer.strategies import STRATEGIES

ALL = 0
"""Size that stands for every label."""
LEAST_TRAIN, LEAST_VALID = 12, 3
"""Labels that a property needs to be pre-trained on."""
FEW_VALID, VALID_SHARE = 10, 4
"""Beside n training labels, n/4 are for early stopping, at least 10."""


@dataclass(frozen=True, slots=True)
class _Tuned(Learner):
    """Learners that pre-train a body and fine-tune it on one task.

    Attributes:
        target: the task that is learned in the end.
        body: methods and optimisation of the pre-training.
        training: optimisation of the fine-tuning; its rate is the strategy's.
    """

    modules: ClassVar[tuple[str, ...]] = ("study.transfer_learners",)

    target: str
    body: MultiTaskConfig
    training: Training

    def check(self, job: Job) -> None:
        """Check the rows."""
        _check(job, self.target)

    def describe(self) -> Mapping[str, object]:
        """Tell the settings."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("body", "training")}
        told = {"body": self.body.table(), "training": asdict(self.training)}
        return {"learner": type(self).__name__, **plain, **told}


@dataclass(frozen=True, slots=True)
class LearningCurves(_Tuned):
    """Every strategy at several numbers of target labels; bodies are pre-trained once per split and seed.

    The outcome's extra `curves` holds predictions of the test rows, shape (strategies, sizes, draws, b).

    Attributes:
        source: the task that stands for the `largest` other one; that with most labels where empty.
        strategies: names in `STRATEGIES`.
        sizes: numbers of training labels, `ALL` for every one.
        draws: subsamples of each size.
    """

    source: str
    strategies: tuple[str, ...]
    sizes: tuple[int, ...]
    draws: int

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Pre-train, then fine-tune every combination."""
        return [self._one(job, seed) for seed in seeds]

    def _one(self, job: Job, seed: int) -> Outcome:
        """All curves of one seed."""
        grouped, held_out = grouped_fold(job)
        grouped = grouped.without(held_out)
        tuned = replace(self.body, training=self.training)
        bodies: dict[tuple[str, ...], Body | None] = {(): None}
        curves = np.full((len(self.strategies), len(self.sizes), self.draws, len(job.split.test)), np.nan)
        column = job.rows.tasks.index(self.target)
        for draw in range(self.draws):
            for k, few in enumerate(with_fewer(grouped, column, self.sizes, seed * self.draws + draw)):
                target = few.fold.only((self.target,))
                for s, name in enumerate(self.strategies):
                    strategy = STRATEGIES[name]
                    sources = sources_of(strategy, few.fold, self.target)
                    sources = (self.source,) if self.source and strategy.sources == "largest" else sources
                    if self.target in sources or sources not in bodies:
                        bodies[sources] = pretrain(few, sources, held_out, self.body, seed)
                    found = finetune(bodies[sources], target, strategy, tuned, seed + draw, held_out)
                    curves[s, k, draw] = found.predict(job.x_test)[:, 0]
        return _blank(job, {"curves": curves})


@dataclass(frozen=True, slots=True)
class Transferred(_Tuned):
    """One strategy with chosen sources; the predictions of other tasks than the target are NaN.

    Attributes:
        strategy: how it is fine-tuned; a name in `STRATEGIES`.
        sources: tasks of the pre-training, none for `S0`; those with too few labels are left out.
    """

    strategy: str
    sources: tuple[str, ...]

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Pre-train and fine-tune."""
        grouped, held_out = grouped_fold(job)
        grouped, outcomes = grouped.without(held_out), []
        known = learnable(grouped.fold)
        sources = tuple(task for task in self.sources if task in known)
        strategy = STRATEGIES[self.strategy]
        for seed in seeds:
            body = pretrain(grouped, sources, held_out, self.body, seed) if sources else None
            tuned = replace(self.body, training=self.training)
            found = finetune(body, grouped.fold.only((self.target,)), strategy, tuned, seed, held_out)
            outcomes.append(_placed(job, found, self.target, len(sources)))
        return outcomes


def grouped_fold(job: Job) -> tuple[GroupedFold, NDArray[np.str_]]:
    """Return the rows to learn from with their groups, and the groups that are tested on.

    Groups are chemical systems on outer folds, and compositions on the paper's split.
    """
    rows, split = job.rows, job.split
    groups = groups_by("system" if split.kind == GROUPED else "composition", rows.key, rows.system)
    known = rows.rows.known if split.hidden is None else rows.rows.known & ~split.hidden
    train, valid = (part[known[part].any(axis=1)] for part in (split.train, split.valid))
    return GroupedFold(job.fold, groups[train], groups[valid]), np.unique(groups[split.test])


def with_fewer(grouped: GroupedFold, task: int, sizes: Sequence[int], seed: int) -> list[GroupedFold]:
    """Hide labels of a task until some are left, nested, in training and in proportion in validation rows.

    Args:
        grouped: rows to learn from.
        task: number of the task.
        sizes: training labels to keep, `ALL` for every one.
        seed: of the draws.

    Raises:
        InputError: a size above the number of labels.
    """
    train, valid = grouped.fold.train, grouped.fold.valid
    labelled = [np.flatnonzero(rows.known[:, task]).astype(np.int64) for rows in (train, valid)]
    counts = [len(labelled[0]) if size == ALL else size for size in sizes]
    stops = [
        len(labelled[1]) if size == ALL else min(len(labelled[1]), max(FEW_VALID, size // VALID_SHARE))
        for size in sizes
    ]
    kept, stopped = nested_subsamples(labelled[0], counts, seed), nested_subsamples(labelled[1], stops, seed + 1)
    return [
        _relabelled(
            grouped,
            keep_labels(train.known, task, kept[count]),
            keep_labels(valid.known, task, stopped[stop]),
        )
        for count, stop in zip(counts, stops, strict=True)
    ]


def learnable(fold: Fold) -> tuple[str, ...]:
    """Name the tasks with enough labels, of both classes where they are labels, to be pre-trained on."""
    named = []
    for task, name in enumerate(fold.train.tasks):
        labels = [rows.y[rows.known[:, task], task] for rows in (fold.train, fold.valid)]
        enough = len(labels[0]) >= LEAST_TRAIN and len(labels[1]) >= LEAST_VALID
        if enough and len(np.unique(labels[0])) > 1:
            named.append(name)
    return tuple(named)


def _relabelled(grouped: GroupedFold, train: NDArray[np.bool_], valid: NDArray[np.bool_]) -> GroupedFold:
    """Replace the masks of labels."""
    fold = grouped.fold
    return GroupedFold(Fold(_masked(fold.train, train), _masked(fold.valid, valid)), grouped.train, grouped.valid)


def _masked(rows: LabelledRows, known: NDArray[np.bool_]) -> LabelledRows:
    """Replace the mask of labels."""
    return LabelledRows(rows.x, rows.y, known, rows.is_label, rows.tasks)


def _check(job: Job, target: str) -> None:
    """Refuse rows without the target."""
    fold = job.fold
    if target not in fold.train.tasks:
        raise InputError(f"there is no task `{target}` to learn in the end", f"there is {', '.join(fold.train.tasks)}")
    for name, rows in (("training", fold.train), ("validation", fold.valid)):
        check_rows(rows.only((target,)), name)


def _placed(job: Job, found: FitResult, target: str, sources: int) -> Outcome:
    """Put the predictions of one task into its column."""
    column, history = job.rows.tasks.index(target), found.history
    extras = {"best_epochs": np.array([float(found.joint_epoch)]), "sources": np.array([float(sources)])}
    blank = _blank(job, extras)
    for x, parts in ((job.x_test, (blank.joint, blank.task)), (job.x_valid, (blank.valid_joint, blank.valid_task))):
        for part in parts:
            part[:, column] = found.predict(x)[:, 0]
    return replace(blank, train=np.array(history.train), valid=np.array(history.valid))


def _blank(job: Job, extras: Mapping[str, Array]) -> Outcome:
    """An outcome without predictions."""
    t = len(job.rows.tasks)
    test, valid = ((len(part), t) for part in (job.split.test, job.split.valid))
    parts = [np.full(shape, np.nan) for shape in (test, test, valid, valid)]
    return Outcome(parts[0], parts[1], parts[2], parts[3], np.empty((0, 1)), np.empty((0, 1)), extras)
