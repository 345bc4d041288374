"""Nash bargaining between the tasks."""

from __future__ import annotations

import numpy as np

from training.aggregators.base import GramianWeighting, Matrix, TaskGramian, Vector, of_cosines
from training.methods import require

_RIDGE = 1e-8


class NashMTL(GramianWeighting):
    """α > 0 with Gα = 1/α: every task gains the same share of its utility (Navon 2022, doi:10.48550/arXiv.2202.01017).

    The scale of a task does not matter. Two tasks: αₜ = 1/(‖gₜ‖√(1 + cos θ)); one: 1/‖g‖. The solution always has
    ‖d‖² = αᵀGα = p, so a limit on the norm below √p only divides by a constant. Where no direction serves all tasks
    there is no solution; a ridge of 1e-8 on the cosines then bounds α.

    Args:
        max_norm: longest d, 0 for no limit (1 in the authors' code).
    """

    def __init__(self, max_norm: float = 0.0) -> None:
        super().__init__()
        require(max_norm >= 0, "max_norm", max_norm, "give 0 or a number above 0")
        self.max_norm = max_norm

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        alpha = of_cosines(gramian, lambda cosines, norms: bargain(cosines) / norms)
        norm = float(np.sqrt(max(float(alpha @ gramian.values @ alpha), 0.0)))
        return alpha * (self.max_norm / norm) if 0.0 < self.max_norm < norm else alpha


def bargain(cosines: Matrix) -> Vector:
    """Solve Cβ = 1/β, β > 0, by damped Newton steps in log β.

    β minimises ½βᵀCβ − Σ log β. With D = diag(β) the slope in log β is DCβ − 1 and the curvature kept is DCD + 1, for
    which steps damped by 1 + λ (λ the Newton decrement) always converge: the function is self-concordant.

    Args:
        cosines: C, positive semidefinite with a unit diagonal, shape (t, t).

    Returns:
        β, shape (t,).
    """
    count = len(cosines)
    raised = cosines + _RIDGE * np.eye(count)
    beta = np.ones(count)
    for _ in range(200):
        scaled = raised * np.outer(beta, beta)
        slope = scaled.sum(axis=1) - 1.0
        step = -np.linalg.solve(scaled + np.eye(count), slope)
        decrement = float(np.sqrt(max(-slope @ step, 0.0)))
        beta = beta * (1.0 + step / (1.0 + decrement))
        if decrement < 1e-12:
            break
    return beta
