"""Multiple-gradient descent."""

from __future__ import annotations

from typing import Literal

import numpy as np

from training.aggregators.base import GramianWeighting, TaskGramian, Vector
from training.aggregators.minimum_norm import minimum_norm

Normalise = Literal["none", "l2", "loss", "loss+"]


class MGDA(GramianWeighting):
    """d = Σ αₜgₜ, the shortest vector of the gradients' convex hull: d·gₜ ≥ ‖d‖² for every task.

    Désidéri 2012 (doi:10.1016/j.crma.2012.03.014), Sener & Koltun 2018 (doi:10.48550/arXiv.1810.04650). d = 0 exactly
    where no direction serves all tasks. Without a normaliser the shortest gradient takes nearly all the weight, and a
    vanished one all of it.

    Args:
        normalise: divide gₜ by nₜ before α is sought: `none`, `l2` ‖gₜ‖, `loss` Lₜ, `loss+` Lₜ‖gₜ‖.
        apply_to: α weighs the `raw` gradients, or the `normalized` ones.
    """

    def __init__(self, normalise: Normalise = "none", apply_to: Literal["raw", "normalized"] = "raw") -> None:
        super().__init__()
        self.normalise = normalise
        self.apply_to = apply_to

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        divisors = self._divisors(gramian)
        share = minimum_norm(gramian.values / np.outer(divisors, divisors))
        return share if self.apply_to == "raw" else share / divisors

    def _divisors(self, gramian: TaskGramian) -> Vector:
        """n, shape (p,); 1 where it would be 0."""
        divisors = np.ones(len(gramian.values))
        if self.normalise in ("l2", "loss+"):
            divisors = divisors * gramian.norms
        if self.normalise in ("loss", "loss+"):
            if gramian.losses is None:
                raise ValueError(f"normaliser {self.normalise} needs the losses")
            divisors = divisors * gramian.losses
        return np.where(divisors > 0.0, divisors, 1.0)
