"""Sum and mean of the gradients: what every other aggregator must beat."""

from __future__ import annotations

import numpy as np

from training.aggregators.base import GramianWeighting, TaskGramian, Vector


class Sum(GramianWeighting):
    """d = Σ gₜ: the control of every sum-type method, through the same code path."""

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return ones."""
        return np.ones(len(gramian.values))


class Mean(GramianWeighting):
    """d = Σ gₜ / p over the p present tasks."""

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return 1/p each."""
        return np.full(len(gramian.values), 1.0 / max(len(gramian.values), 1))
