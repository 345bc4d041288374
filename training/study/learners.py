"""How an arm of a study learns: all tasks together, each alone, or several seeds at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.multitask.checks import check_before_training, check_rows
from training.multitask.config import MultiTaskConfig
from training.multitask.history import FitResult
from training.multitask.loop import build_net, fit, fit_each
from training.multitask.rows import Fold
from training.multitask.seed_loop import check_at_once, fit_seeds
from training.study.data import StudyRows
from training.study.splits import Split

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Job:
    """What a learner gets: rows and how they are split."""

    rows: StudyRows
    split: Split

    @property
    def fold(self) -> Fold:
        """Rows to learn from and to stop by."""
        return self.split.fold(self.rows)

    @property
    def x_test(self) -> Array:
        """Features of the test rows."""
        return np.asarray(self.rows.rows.x[self.split.test], np.float64)

    @property
    def x_valid(self) -> Array:
        """Features of all validation rows, with or without a label that may be seen."""
        return np.asarray(self.rows.rows.x[self.split.valid], np.float64)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed of an arm leaves; e epochs, t tasks. Predictions are as learned (logarithms, logits).

    Attributes:
        joint: of the test rows, from the best epoch for all tasks, shape (b, t).
        task: of the test rows, every task from its own best epoch, shape (b, t).
        valid_joint: of the validation rows, as `joint`.
        valid_task: of the validation rows, as `task`.
        train: training losses, shape (e, t); NaN where there is none.
        valid: validation losses, shape (e, t).
        extras: further numbers by name, such as learned relations.
        seconds: CPU time, s.
    """

    joint: Array
    task: Array
    valid_joint: Array
    valid_task: Array
    train: Array
    valid: Array
    extras: Mapping[str, Array] = field(default_factory=dict)
    seconds: float = 0.0

    def test(self, best: str) -> Array:
        """Return the predictions of the test rows of a checkpoint, `joint` or `task`."""
        return self.joint if best == "joint" else self.task

    def validation(self, best: str) -> Array:
        """Return the predictions of the validation rows of a checkpoint."""
        return self.valid_joint if best == "joint" else self.valid_task


class Learner(ABC):
    """A way to learn. Subclasses are frozen dataclasses of plain values, so that they travel between processes.

    `describe` must tell everything that decides the outcome; it names the stored answer.
    """

    at_once: ClassVar[bool] = False
    """Whether all seeds are learned in one call."""
    modules: ClassVar[tuple[str, ...]] = ("study.learners",)
    """Modules of this package, such as `multitask.loop`, whose code (and what they import) names the answer, too."""

    def check(self, job: Job) -> None:  # noqa: B027
        """Refuse rows or methods that cannot be learned, before anything is.

        Raises:
            ScreenerError: the learner cannot learn from them.
        """

    @abstractmethod
    def describe(self) -> Mapping[str, object]:
        """Tell the settings in values that JSON knows."""

    @abstractmethod
    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Learn once per seed; one seed is given unless `at_once`."""


@dataclass(frozen=True, slots=True)
class Together(Learner):
    """One net of all tasks."""

    config: MultiTaskConfig

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        check_before_training(self.config, job.fold)

    def describe(self) -> Mapping[str, object]:
        """Tell the configuration."""
        return {"learner": "together", "config": self.config.table()}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Fit a net per seed."""
        fold, outcomes = job.fold, []
        for seed in seeds:
            net = build_net(self.config, fold.train.x.shape[1], len(fold.train.tasks), seed)
            outcomes.append(outcome_of(fit(net, fold, self.config, seed), job))
        return outcomes


@dataclass(frozen=True, slots=True)
class Alone(Learner):
    """One net per task on the rows of that task alone.

    Attributes:
        config: methods and optimisation.
        as_many_steps: epochs last for as many steps as those of a net of all tasks.
    """

    config: MultiTaskConfig
    as_many_steps: bool = False

    def check(self, job: Job) -> None:
        """Check the rows."""
        for name, rows in (("training", job.fold.train), ("validation", job.fold.valid)):
            check_rows(rows, name)

    def describe(self) -> Mapping[str, object]:
        """Tell the configuration."""
        return {"learner": "alone", "config": self.config.table(), "steps": self.as_many_steps}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Fit t nets per seed."""
        fold = job.fold
        fitted = [fit_each(fold, self.config, seed, as_many_steps=self.as_many_steps) for seed in seeds]
        return [side_by_side([outcome_of(result, job) for result in results]) for results in fitted]


@dataclass(frozen=True, slots=True)
class SeedsTogether(Learner):
    """As `Together`, or as `Alone` where ``each``, with the nets of all seeds in one batched product.

    Attributes:
        config: methods and optimisation.
        each: one net per task.
        as_many_steps: as for `Alone`.
    """

    at_once: ClassVar[bool] = True

    config: MultiTaskConfig
    each: bool = False
    as_many_steps: bool = False

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        check_at_once(self.config, 1 if self.each else len(job.rows.tasks))
        if not self.each:
            check_before_training(self.config, job.fold)

    def describe(self) -> Mapping[str, object]:
        """Tell the configuration."""
        told = {"each": self.each, "steps": self.as_many_steps}
        return {"learner": "seeds together", **told, "config": self.config.table()}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Fit all seeds at once."""
        if not self.each:
            return [outcome_of(result, job) for result in fit_seeds(job.fold, self.config, seeds)]
        parts = [self._alone(job.fold, task, seeds) for task in job.rows.tasks]
        return [side_by_side([outcome_of(part[k], job) for part in parts]) for k in range(len(seeds))]

    def _alone(self, fold: Fold, task: str, seeds: Sequence[int]) -> list[FitResult]:
        """Fit all seeds of one task."""
        part, training = fold.only((task,)), self.config.training
        if self.as_many_steps:
            training = training.as_many_steps(len(part.train.x), len(fold.train.x))
        return fit_seeds(part, MultiTaskConfig(architecture=self.config.architecture, training=training), seeds)


def outcome_of(result: FitResult, job: Job, extras: Mapping[str, Array] | None = None) -> Outcome:
    """Predict with a fitted net and keep its history."""
    history = result.history
    found = {
        "weights": np.array(history.weights),
        "best_epochs": np.array([result.joint_epoch, *result.task_epochs], np.float64),
        "steps": np.array(history.steps[-1:], np.float64),
    }
    for name in ("aggregated", "conflicts", "projections", "departures"):
        values = np.asarray(getattr(history, name), np.float64)
        if values.size and np.isfinite(values).any():
            found[name] = values
    for name in ("relations", "similarity"):
        told = getattr(result.net, name, None)
        if callable(told):
            found[name] = np.atleast_1d(np.asarray(told(), np.float64))
    test, valid = job.x_test, job.x_valid
    return Outcome(
        _predicted(result, test, "joint"),
        _predicted(result, test, "task"),
        _predicted(result, valid, "joint"),
        _predicted(result, valid, "task"),
        np.array(history.train),
        np.array(history.valid),
        {**found, **(extras or {})},
    )


def _predicted(result: FitResult, x: Array, best: str) -> Array:
    """Predictions of a checkpoint; NaN where no epoch ended with a finite loss, so that no score is made of them."""
    epochs = result.task_epochs if best == "task" else (result.joint_epoch,) * len(result.tasks)
    return np.where(np.array(epochs) < 0, np.nan, result.predict(x, best=best))


def side_by_side(parts: Sequence[Outcome]) -> Outcome:
    """Lay single-task outcomes next to each other; the shorter histories end in NaN."""

    def columns(name: str) -> Array:
        arrays = [getattr(part, name) for part in parts]
        longest = max(len(array) for array in arrays)
        return np.hstack([np.pad(a, ((0, longest - len(a)), (0, 0)), constant_values=np.nan) for a in arrays])

    epochs = np.array([part.extras["best_epochs"][0] for part in parts])
    return Outcome(
        joint=columns("joint"),
        task=columns("task"),
        valid_joint=columns("valid_joint"),
        valid_task=columns("valid_task"),
        train=columns("train"),
        valid=columns("valid"),
        extras={"best_epochs": epochs},
    )
