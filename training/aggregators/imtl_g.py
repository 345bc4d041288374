"""IMTL-G, the gradient side of impartial multi-task learning."""

from __future__ import annotations

import numpy as np

from training.aggregators.base import ROUNDING, GramianWeighting, Matrix, TaskGramian, Vector, of_cosines


class IMTLG(GramianWeighting):
    """d with equal projections on all unit gradients, Σα = 1 (Liu, ICLR 2021).

    Published at https://openreview.net/forum?id=IMPnRXEWpvr.
    α ∝ C⁺1/‖gₜ‖ with C the cosines, which is G⁺√diag(G) for independent gradients and keeps the two-task form
    α₁ = ‖g₂‖/(‖g₁‖ + ‖g₂‖) for parallel ones too. From three tasks on an α may be negative, and where the α before
    scaling sum to less than 0 the condition Σα = 1 turns d against all tasks: the rule as published, not a slip.
    """

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights; zeros where no such direction exists."""
        rounding = len(gramian.values) * ROUNDING

        def rule(cosines: Matrix, norms: Vector) -> Vector:
            alpha = np.linalg.pinv(cosines, rcond=rounding, hermitian=True).sum(axis=1) / norms
            total = float(alpha.sum())
            if abs(total) <= rounding * float(np.abs(alpha).sum()):
                return np.zeros(len(norms))
            return np.asarray(alpha / total)

        return of_cosines(gramian, rule)
