"""A learner that measures task gradients at checkpoints: without the noise of rows, and as small batches see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from screener.errors import InputError
from training.diagnostics.gradients import (
    LEAST_ROWS,
    CosineReport,
    Probe,
    Rows,
    gradient_probe,
    noise_corrected_cosines,
)
from training.diagnostics.gramians import (
    MOST_ORDERED,
    condition_number,
    cosines,
    gramian_of,
    magnitude_similarity,
    projection_rate,
)
from training.imbalance.masked import masked_means, row_losses
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.multitask.history import BestStates, History
from training.multitask.loop import Trainer, build_net, finished
from training.multitask.records import record
from training.study.learners import Job, Learner, Outcome, outcome_of

Array = NDArray[np.float64]
SMALL_BATCH = 32
"""Rows of the paper's batches, doi:10.48550/arXiv.2512.22740."""


@dataclass(frozen=True, slots=True)
class GradientLearner(Learner):
    """Hard sharing, with gradients measured on training rows after some epochs.

    Attributes:
        config: of the fit; its epochs are those of the last checkpoint.
        checkpoints: epochs trained before each measurement, ascending, 0 for the untrained net.
        most: rows of one half of a task at most.
        splits: of each task's rows into halves.
        resamples: for the interval.
        batches: pairs of small batches.
    """

    modules: ClassVar[tuple[str, ...]] = ("study.gradient_probes",)

    config: MultiTaskConfig
    checkpoints: tuple[int, ...]
    most: int = 2048
    splits: int = 4
    resamples: int = 20
    batches: int = 100

    def check(self, job: Job) -> None:
        """Check configuration and rows."""
        fold = job.fold
        check_before_training(self.config, fold)
        for task, count in zip(fold.train.tasks, fold.train.known.sum(axis=0).tolist(), strict=True):
            if count < LEAST_ROWS:
                raise InputError(
                    f"task `{task}` has {count} training labels, too few to halve",
                    f"give at least {LEAST_ROWS}, or leave the task out",
                )

    def describe(self) -> Mapping[str, object]:
        """Tell the settings."""
        sizes = [self.most, self.splits, self.resamples, self.batches]
        told = {"checkpoints": list(self.checkpoints), "sizes": sizes, "config": self.config.table()}
        return {"learner": "gradients", **told}

    def learn(self, job: Job, seeds: Sequence[int]) -> list[Outcome]:
        """Train and measure, once per seed; extras have one entry per checkpoint."""
        return [self._one(job, seed) for seed in seeds]

    def _one(self, job: Job, seed: int) -> Outcome:
        """Train to the last checkpoint."""
        fold = job.fold
        net = build_net(self.config, fold.train.x.shape[1], len(fold.train.tasks), seed)
        trainer, history, best = Trainer(net, fold, self.config, seed), History(), BestStates.of(net)
        found: list[dict[str, Array]] = []
        for epoch in range(self.checkpoints[-1] + 1):
            if epoch in self.checkpoints:
                found.append(self._measure(trainer, seed))
            logs = trainer.epoch(epoch)
            valid, joint = trainer.validate()
            record(history, trainer, logs, valid, joint)
            best.offer(net, epoch, joint, valid)
        extras = {f"gradient_{name}": np.stack([each[name] for each in found]) for name in found[0]}
        return outcome_of(finished(trainer, history, best), job, extras)

    def _measure(self, trainer: Trainer, seed: int) -> dict[str, Array]:
        """All measurements on the net as it is."""
        probes = probes_of(trainer)
        known = trainer.rows.known.numpy()
        rows = [np.flatnonzero(known[:, task]).astype(np.int64) for task in range(known.shape[1])]
        report = noise_corrected_cosines(
            probes, rows, most=self.most, splits=self.splits, resamples=self.resamples, seed=seed
        )
        return {**_numbers(report), **small_batches(probes, known, self.batches, seed)}


def probes_of(trainer: Trainer) -> list[Probe]:
    """Make a probe per task on the scaled training rows."""

    def loss_of(task: int) -> Probe:
        def loss(chosen: Tensor) -> Tensor:
            rows, out = trainer.rows, trainer.net(trainer.rows.x[chosen])
            losses, _ = masked_means(
                row_losses(out, rows.y[chosen], rows.known[chosen], rows.is_label), rows.known[chosen]
            )
            return torch.as_tensor(losses[task])

        return gradient_probe(trainer.net, trainer.net.shared_parameters(), loss)

    return [loss_of(task) for task in range(trainer.net.tasks)]


def small_batches(probes: Sequence[Probe], known: NDArray[np.bool_], batches: int, seed: int) -> dict[str, Array]:
    """Measure gradients on pairs of disjoint batches of 32 rows of the union, as a plain loop meets them.

    Args:
        probes: one per task.
        known: which labels exist, shape (n, t).
        batches: pairs.
        seed: of the draws.

    Returns:
        `small_cosine`: mean cosine of two tasks in one batch off the diagonal, of one task in both batches of a pair on
        it: what agreement looks like through the noise of such batches, (t, t); `small_sd`: its standard deviation;
        `small_absent`: share of batches without a label of a task, (t,); `small_projected`: mean share of projected
        pairs among batches with two tasks or more, (1,).
    """
    rng, t = np.random.default_rng(seed), known.shape[1]
    size = min(SMALL_BATCH, len(known) // 2)
    seen: list[list[list[float]]] = [[[] for _ in range(t)] for _ in range(t)]
    absent, projected = np.zeros(t), []
    for _ in range(batches):
        order = rng.permutation(len(known))[: 2 * size].astype(np.int64)
        pair = [_present(probes, known, order[:size]), _present(probes, known, order[size:])]
        for one in pair:
            absent += [task not in one for task in range(t)]
            if len(one) > 1:
                gramian = gramian_of(np.stack(list(one.values())))
                projected.append(_projected(gramian))
                _note(seen, list(one), cosines(gramian))
        for task in pair[0].keys() & pair[1].keys():
            seen[task][task].append(float(cosines(gramian_of(np.stack([pair[0][task], pair[1][task]])))[0, 1]))
    return {
        "small_cosine": np.array([[_mean(values) for values in row] for row in seen]),
        "small_sd": np.array([[_scatter(values) for values in row] for row in seen]),
        "small_absent": absent / (2 * batches),
        "small_projected": np.array([_mean(projected)]),
    }


def _present(probes: Sequence[Probe], known: NDArray[np.bool_], rows: Rows) -> dict[int, Array]:
    """Gradients of the tasks that have a label in a batch."""
    held = {task: rows[known[rows, task]] for task in range(len(probes))}
    return {task: probes[task](labelled) for task, labelled in held.items() if len(labelled)}


def _note(seen: Sequence[Sequence[list[float]]], tasks: Sequence[int], found: Array) -> None:
    """File the cosines of all pairs of different tasks."""
    for a, one in enumerate(tasks):
        for b, other in enumerate(tasks):
            if a != b:
                seen[one][other].append(float(found[a, b]))


def _mean(values: Sequence[float]) -> float:
    """Mean, NaN of nothing; a gradient of zero has no direction and is left out."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _scatter(values: Sequence[float]) -> float:
    """Standard deviation of what is finite, NaN of fewer than two."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.std(finite, ddof=1)) if len(finite) > 1 else float("nan")


def _projected(gramian: Array) -> float:
    """Projection rate; NaN for more tasks than whose orders can be gone through."""
    return projection_rate(gramian) if len(gramian) <= MOST_ORDERED else float("nan")


def _numbers(report: CosineReport) -> dict[str, Array]:
    """A report and what its Gramian says."""
    g = report.gramian
    pairs = ("raw", "corrected", "low", "high", "conflict", "full", "reliability", "gramian")
    scalars = {"similarity": magnitude_similarity(g), "condition": condition_number(g), "projected": _projected(g)}
    return {**{name: getattr(report, name) for name in pairs}, **{k: np.array([v]) for k, v in scalars.items()}}
