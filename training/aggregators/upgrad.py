"""Unconflicting projection of gradients."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from training.aggregators.base import GramianWeighting, Matrix, TaskGramian, Vector, of_cosines


class UPGrad(GramianWeighting):
    """d = meanᵢ of gᵢ projected onto {d: Jd ≥ 0}, the directions that harm no task, so d harms none.

    Quinton & Rey 2024 (doi:10.48550/arXiv.2406.16232). The projection of gᵢ is Jᵀv, v = argmin vᵀGv over v ≥ eᵢ. With
    v = eᵢ + x and G = RᵀR that is the nonnegative least-squares problem min ‖Rx + Reᵢ‖, x ≥ 0, solved exactly by an
    active set; torchjd's quadratic programme adds a ridge of 1e-4, which moves d by about as much, and takes G for
    zero once ‖g‖² is below 1e-4, from where on d is the mean. Without randomness or order, and linear in the length of
    each gradient; two conflicting tasks give half of PCGrad.
    """

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        count = max(len(gramian.values), 1)
        return of_cosines(gramian, lambda cosines, norms: project(cosines, norms) / norms / count)


def project(cosines: Matrix, norms: Vector) -> Vector:
    """Return the sum of the projections' weights on the unit gradients, shape (t,).

    Args:
        cosines: C of the unit gradients, shape (t, t).
        norms: lengths of the gradients to project, shape (t,).
    """
    eigenvalues, vectors = np.linalg.eigh(cosines)
    root = np.sqrt(np.clip(eigenvalues, 0.0, None))[:, None] * vectors.T
    weights = norms.copy()
    for i, norm in enumerate(norms):
        added, _ = nnls(root, -root[:, i])
        weights += norm * added
    return weights
