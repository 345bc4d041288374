"""Dynamic weight average."""

from __future__ import annotations

import torch
from torch import Tensor

from training.methods import require
from training.weighting.base import LossWeighting


class DynamicWeightAverage(LossWeighting):
    """Σ wₜLₜ, w = T·softmax(r/τ), rₜ = L̄ₜ(e−1)/L̄ₜ(e−2): who falls slowest weighs most.

    Liu 2019 (doi:10.48550/arXiv.1803.10704). L̄ is the mean loss of an epoch over all its labels; until a
    task has two of them its r is 1.

    Args:
        tasks: t.
        temperature: τ; the larger, the more equal the weights.
    """

    last: Tensor
    before: Tensor

    def __init__(self, tasks: int, temperature: float = 2.0) -> None:
        super().__init__(tasks)
        require(temperature > 0, "temperature", temperature, "give a number above 0")
        self.temperature = temperature
        self.register_buffer("last", torch.full((tasks,), torch.nan))
        self.register_buffer("before", torch.full((tasks,), torch.nan))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        rates = (self.last / self.before.clamp(min=1e-12)).nan_to_num(nan=1.0)
        weights = self.tasks * torch.softmax(rates / self.temperature, dim=0)
        self.remember(weights[present], present)
        return (weights[present] * losses[present]).sum()

    def end_epoch(self, means: Tensor, present: Tensor) -> None:
        """Keep the mean losses of the last two epochs."""
        self.before[present] = self.last[present]
        self.last[present] = means[present].detach().to(self.last)

    def reset(self) -> None:
        """Forget all epochs."""
        self.last.fill_(torch.nan)
        self.before.fill_(torch.nan)
