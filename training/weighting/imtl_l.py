"""IMTL-L, the loss side of impartial multi-task learning."""

from __future__ import annotations

import torch
from torch import Tensor

from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, require_least
from training.weighting.scalars import TaskScalars


class ImpartialLoss(LossWeighting):
    """Σ exp(sₜ)·Lₜ − sₜ with a learned scale sₜ per task (Liu, ICLR 2021, https://openreview.net/forum?id=IMPnRXEWpvr).

    The optimum for losses that stand still is s = −log L, where every scaled loss is 1: twice uncertainty weighting
    with the sign of s turned.

    Args:
        tasks: t.
        least: log of the smallest loss that is scaled up to 1; s stays below −least.
    """

    def __init__(self, tasks: int, least: float = LEAST_LOG_LOSS) -> None:
        super().__init__(tasks)
        self.log_scale = TaskScalars(tasks, 0.0, -float("inf"), -require_least(least))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        if not present.any():
            return losses[present].sum()
        log_scale = self.log_scale.of(present)
        weights = torch.exp(log_scale)
        self.remember(weights, present)
        return (weights * losses[present] - log_scale).sum()

    def reset(self) -> None:
        """Return to equal scales."""
        self.log_scale.reset()
