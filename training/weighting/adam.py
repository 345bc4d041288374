"""Adam for a handful of numbers of which some have no gradient in a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MaskedAdam(nn.Module):
    """Adam (doi:10.48550/arXiv.1412.6980) on t numbers; those absent from a step keep their moments and their count.

    m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², step = −lr · m̂ / (√v̂ + ε).
    """

    mean: Tensor
    square: Tensor
    steps: Tensor

    def __init__(self, tasks: int, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        super().__init__()
        self.lr, self.betas, self.eps = lr, betas, eps
        for name in ("mean", "square", "steps"):
            self.register_buffer(name, torch.zeros(tasks))

    def step(self, gradient: Tensor, present: Tensor) -> Tensor:
        """Return the steps of the present tasks for their gradients, shape (p,) → (p,)."""
        first, second = self.betas
        self.steps[present] += 1
        self.mean[present] = first * self.mean[present] + (1 - first) * gradient
        self.square[present] = second * self.square[present] + (1 - second) * gradient**2
        count = self.steps[present]
        mean = self.mean[present] / (1 - first**count)
        square = self.square[present] / (1 - second**count)
        return -self.lr * mean / (square.sqrt() + self.eps)

    def reset(self) -> None:
        """Forget all gradients."""
        for each in (self.mean, self.square, self.steps):
            each.zero_()
