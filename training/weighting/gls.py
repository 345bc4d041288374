"""Geometric loss strategy."""

from __future__ import annotations

from torch import Tensor

from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, bounded_log, log_slope, require_least


class GeometricMean(LossWeighting):
    """(∏ Lₜ)^(1/p) over the p present tasks (Chennupati 2019, doi:10.48550/arXiv.1904.08492).

    Its gradient is value/p · Σ ∇log Lₜ: the scale of a loss does not matter, only by what share it falls.

    Args:
        tasks: t.
        least: log of the loss below which the logarithm goes on as a line, which bounds the weight.
    """

    def __init__(self, tasks: int, least: float = LEAST_LOG_LOSS) -> None:
        super().__init__(tasks)
        self.least = require_least(least)

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        known = losses[present]
        if not len(known):
            return known.sum()
        value = bounded_log(known, self.least).mean().exp()
        self.remember(value / len(known) * log_slope(known, self.least), present)
        return value

    def reset(self) -> None:
        """Do nothing: nothing is learned."""
