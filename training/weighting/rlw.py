"""Random loss weighting."""

from __future__ import annotations

import torch
from torch import Tensor

from training.weighting.base import LossWeighting


class RandomWeights(LossWeighting):
    """Σ wₜLₜ with w = softmax of t standard normal numbers drawn at every step; the mean of w is 1/T.

    Lin 2022 (doi:10.48550/arXiv.2111.10603). The litmus test: a method that does not beat it has shown nothing.

    Args:
        tasks: t.
        seed: of the method's own random numbers.
    """

    needs_positive = False

    def __init__(self, tasks: int, seed: int = 0) -> None:
        super().__init__(tasks)
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        # Drawn for all tasks: the numbers of later steps do not depend on who was absent.
        drawn = torch.randn(self.tasks, generator=self.generator).to(losses)
        weights = torch.softmax(drawn, dim=0)[present]
        self.remember(weights, present)
        return (weights * losses[present]).sum()

    def reset(self) -> None:
        """Start the random numbers again."""
        self.generator.manual_seed(self.seed)

    def get_extra_state(self) -> Tensor:
        """Return where the random numbers stand."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from there."""
        self.generator.set_state(state)
