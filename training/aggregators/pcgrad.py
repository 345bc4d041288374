"""Projecting conflicting gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.aggregators.base import GramianWeighting, TaskGramian, Vector
from training.aggregators.order import TaskOrder


class PCGrad(GramianWeighting):
    """d = Σ hᵢ; hᵢ starts as gᵢ and meets the others in random order: if h·gⱼ < 0, h ← h − (h·gⱼ/‖gⱼ‖²)gⱼ.

    Yu 2020 (doi:10.48550/arXiv.2001.06782); gⱼ is always the original. Two tasks with g₁·g₂ = s < 0 give
    d = (1 − s/‖g₁‖²)g₁ + (1 − s/‖g₂‖²)g₂. Where cosines are near 0 this is the plain sum: look at `projection_rate`.

    Args:
        seed: of the order.
    """

    met: Tensor
    projected: Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.order = TaskOrder(seed)
        self.register_buffer("met", torch.zeros((), dtype=torch.long))
        self.register_buffer("projected", torch.zeros((), dtype=torch.long))

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        values = gramian.values
        count = len(values)
        parts = np.eye(count)
        projected = 0
        for i in range(count):
            for j in self.order.others(i, count):
                product = float(parts[i] @ values[j])
                if product < 0.0 < values[j, j]:
                    parts[i, j] -= product / values[j, j]
                    projected += 1
        self.met += count * (count - 1)
        self.projected += projected
        return np.asarray(parts.sum(axis=0))

    @property
    def projection_rate(self) -> float:
        """Share of the ordered pairs met since the last reset that were projected; NaN before the first."""
        met = int(self.met)
        return int(self.projected) / met if met else float("nan")

    def reset(self) -> None:
        """Start order and counts again."""
        self.order.reset()
        self.met.zero_()
        self.projected.zero_()
