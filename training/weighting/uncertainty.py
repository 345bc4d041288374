"""Uncertainty weighting."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.methods import require
from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, require_least
from training.weighting.scalars import TaskScalars


class Uncertainty(LossWeighting):
    """Σ kₜ·exp(−sₜ)·Lₜ + ½sₜ with a learned log-variance sₜ per task (Kendall 2018, doi:10.48550/arXiv.1705.07115).

    k = ½ for a squared error and 1 for the cross-entropy of a label. For losses that stand still the optimum is
    s = log(2kL): the method then minimises ½Σ log Lₜ, so a task learned by heart takes over; `least` bounds its weight.

    Args:
        tasks: t.
        labels: which tasks are labels; none if left out.
        start: s at the start.
        least: smallest s, so the largest weight is k·exp(−least).
    """

    factors: Tensor

    def __init__(
        self, tasks: int, labels: Sequence[bool] | None = None, start: float = 0.0, least: float = LEAST_LOG_LOSS
    ) -> None:
        super().__init__(tasks)
        marks = [False] * tasks if labels is None else [bool(each) for each in labels]
        require(len(marks) == tasks, "labels", labels, f"give {tasks} of true or false, one per task")
        require(start >= least, "start", start, "give a number not below `least`")
        self.register_buffer("factors", torch.tensor([1.0 if mark else 0.5 for mark in marks]))
        self.log_variance = TaskScalars(tasks, start, require_least(least), float("inf"))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        if not present.any():
            return losses[present].sum()
        log_variance = self.log_variance.of(present)
        weights = self.factors[present] * torch.exp(-log_variance)
        self.remember(weights, present)
        return (weights * losses[present] + 0.5 * log_variance).sum()

    def reset(self) -> None:
        """Return to equal variances."""
        self.log_variance.reset()
