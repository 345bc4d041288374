"""Learners with weights found by a short run, or frozen after a watched one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from training.autoscale.scheme import AutoScale, autoscale_like, fit_fixed, with_weighting
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Method
from training.multitask.loop import build_net, fit
from training.study.learners import Job, Learner, Outcome, outcome_of


@dataclass(frozen=True, slots=True)
class AutoScaled(Learner):
    """Both phases; extras `found_weights` (t,), `gramians` (k, t, t) and `window_losses` (k, t)."""

    modules: ClassVar[tuple[str, ...]] = ("study.autoscale_learners",)

    config: MultiTaskConfig
    options: AutoScale

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        check_before_training(self.config, job.fold)

    def describe(self) -> Mapping[str, object]:
        """Tell the settings."""
        return {"learner": "autoscale_like", "options": asdict(self.options), "config": self.config.table()}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Find weights and fit with them, once per seed."""
        outcomes = []
        for seed in seeds:
            found = autoscale_like(job.fold, self.config, seed, self.options)
            extras = {"found_weights": found.weights, "gramians": found.windows.gramians}
            outcomes.append(outcome_of(found.fit, job, extras | {"window_losses": found.windows.losses}))
        return outcomes


@dataclass(frozen=True, slots=True)
class FrozenGradNorm(Learner):
    """Fixed weights, those that a fit with GradNorm had at its end; extra `found_weights` (t,)."""

    modules: ClassVar[tuple[str, ...]] = ("study.autoscale_learners",)

    config: MultiTaskConfig

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        check_before_training(self.config, job.fold)

    def describe(self) -> Mapping[str, object]:
        """Tell the settings."""
        return {"learner": "frozen gradnorm", "config": self.config.table()}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Fit twice, once per seed."""
        fold, outcomes = job.fold, []
        watched = with_weighting(self.config, Method("gradnorm"))
        for seed in seeds:
            net = build_net(watched, fold.train.x.shape[1], len(fold.train.tasks), seed)
            last = fit(net, fold, watched, seed).history.weights[-1]
            weights = np.asarray(last / last.mean())
            outcomes.append(outcome_of(fit_fixed(fold, self.config, weights, seed), job, {"found_weights": weights}))
        return outcomes
