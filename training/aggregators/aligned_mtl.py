"""Aligned-MTL: a gradient matrix of condition number 1."""

from __future__ import annotations

from typing import Literal

import numpy as np

from training.aggregators.base import ROUNDING, GramianWeighting, TaskGramian, Vector


class AlignedMTL(GramianWeighting):
    """d = meanₜ of the rows of BJ, B = √λ·VΛ^(−½)Vᵀ from G = VΛVᵀ: all principal components get one length √λ.

    Senushkin 2023 (doi:10.48550/arXiv.2305.19000). As many components are kept as the cosines
    have rank: next to a huge gradient a small one is not yet rounding.

    Args:
        scale: which eigenvalue is λ: the smallest kept (`min`), the lower `median`, or their mean (`rmse`).
    """

    def __init__(self, scale: Literal["min", "median", "rmse"] = "min") -> None:
        super().__init__()
        self.scale = scale

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        count = len(gramian.values)
        if not count:
            return np.zeros(0)
        eigenvalues, vectors = np.linalg.eigh(gramian.values)
        rank = _rank(gramian)
        if not rank:
            return np.full(count, 1.0 / count)
        eigenvalues, vectors = eigenvalues[-rank:], vectors[:, -rank:]
        shares = vectors.sum(axis=0) / count
        return np.asarray(np.sqrt(self._length(eigenvalues)) * vectors @ (shares / np.sqrt(eigenvalues)))

    def _length(self, eigenvalues: Vector) -> float:
        """λ from the kept eigenvalues in rising order."""
        if self.scale == "rmse":
            return float(eigenvalues.mean())
        return float(eigenvalues[0 if self.scale == "min" else (len(eigenvalues) - 1) // 2])


def _rank(gramian: TaskGramian) -> int:
    """How many of the unit gradients are independent, beyond rounding."""
    alive = gramian.norms > 0
    norms = gramian.norms[alive]
    cosines = gramian.values[np.ix_(alive, alive)] / np.outer(norms, norms)
    return int((np.linalg.eigvalsh(cosines) > len(norms) * ROUNDING).sum()) if len(norms) else 0
