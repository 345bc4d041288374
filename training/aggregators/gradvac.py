"""Gradient vaccine."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from training.aggregators.base import GramianWeighting, TaskGramian, Vector
from training.aggregators.order import TaskOrder
from training.methods import require


class GradVac(GramianWeighting):
    """As PCGrad, but h moves whenever its cosine φ with gⱼ is below a running mean φ̂ᵢⱼ, and to φ̂ᵢⱼ rather than 0.

    h ← h + ‖h‖(φ̂√(1−φ²) − φ√(1−φ̂²))/(‖gⱼ‖√(1−φ̂²))·gⱼ, then φ̂ᵢⱼ ← (1−β)φ̂ᵢⱼ + βφ
    (Wang 2020, doi:10.48550/arXiv.2010.05874). φ̂ starts at 0, so the first step is PCGrad's. Pairs with an absent task
    keep their φ̂.

    Args:
        beta: β.
        seed: of the order.
    """

    def __init__(self, beta: float = 0.5, seed: int = 0) -> None:
        super().__init__()
        require(0 <= beta <= 1, "beta", beta, "give a number from 0 to 1")
        self.beta = beta
        self.order = TaskOrder(seed)
        self.target: dict[tuple[int, int], float] = {}

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        values, norms = gramian.values, gramian.norms
        count = len(values)
        parts = np.eye(count)
        for i in range(count):
            for j in self.order.others(i, count):
                norm = math.sqrt(max(float(parts[i] @ values @ parts[i]), 0.0))
                if norm * norms[j] > 0.0:
                    cosine = min(max(float(parts[i] @ values[j]) / (norm * norms[j]), -1.0), 1.0)
                    parts[i, j] += self._move(gramian.tasks[i], gramian.tasks[j], cosine) * norm / norms[j]
        return np.asarray(parts.sum(axis=0))

    def _move(self, i: int, j: int, cosine: float) -> float:
        """How far hᵢ goes along gⱼ, in units of their norms; updates the running mean of the pair."""
        target = self.target.get((i, j), 0.0)
        self.target[i, j] = (1.0 - self.beta) * target + self.beta * cosine
        across = math.sqrt(1.0 - target * target)
        if cosine >= target or across == 0.0:
            return 0.0
        return target * math.sqrt(1.0 - cosine * cosine) / across - cosine

    def reset(self) -> None:
        """Forget the running means and start the order again."""
        self.target.clear()
        self.order.reset()

    def get_extra_state(self) -> Tensor:
        """Return the running means as rows (i, j, φ̂)."""
        rows = [(i, j, mean) for (i, j), mean in self.target.items()]
        return torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on with them."""
        self.target = {(int(i), int(j)): mean for i, j, mean in state.tolist()}
