"""A learner of the study of orders: one net, its tasks one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.study.learners import Job, Learner, Outcome, outcome_of
from training.transfer.curriculum import by_size, fit_curriculum


@dataclass(frozen=True, slots=True)
class InStages(Learner):
    """One net that learns more and more tasks.

    Attributes:
        config: methods and optimisation of each stage.
        large_first: stages by falling number of training labels; by rising number otherwise.
        replay: stages keep the tasks before.
    """

    modules: ClassVar[tuple[str, ...]] = ("study.curriculum_learners",)

    config: MultiTaskConfig
    large_first: bool = True
    replay: bool = True

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        check_before_training(self.config, job.fold)

    def describe(self) -> Mapping[str, object]:
        """Tell the settings."""
        order = {"large_first": self.large_first, "replay": self.replay}
        return {"learner": "in stages", **order, "config": self.config.table()}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Fit all stages, once per seed; `stage_epochs` says how many epochs each had."""
        fold, outcomes = job.fold, []
        order = by_size(fold.train) if self.large_first else by_size(fold.train)[::-1]
        for seed in seeds:
            stages = fit_curriculum(fold, self.config, seed, order=order, replay=self.replay)
            epochs = np.array([float(len(stage.history)) for stage in stages])
            outcomes.append(outcome_of(stages[-1], job, {"stage_epochs": epochs}))
        return outcomes
