"""What inner products of task gradients say: directions, sizes, conflicts. Functions of G = JJᵀ alone, shape (t, t).

Magnitude similarity: Yu 2020, doi:10.48550/arXiv.2001.06782. Condition number of the gradient matrix as a measure of
how well tasks go together: Senushkin 2023, doi:10.48550/arXiv.2305.19000.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAST_EIGENVALUE = float(np.finfo(np.float64).eps)
"""Smallest eigenvalue as a share of the largest; smaller ones are taken for it."""
MOST_ORDERED = 6
"""Up to this number of tasks all orders of projection are gone through."""


def gramian_of(gradients: NDArray[np.floating]) -> Array:
    """Inner products of task gradients (t, p), in float64, shape (t, t)."""
    rows = np.asarray(gradients, np.float64)
    return rows @ rows.T


def weighted(gramian: Array, weights: Array) -> Array:
    """Gramian of the gradients w_t g_t, shape (t, t)."""
    return np.asarray(weights)[:, None] * gramian * np.asarray(weights)[None]


def norms(gramian: Array) -> Array:
    """Lengths of the gradients, shape (t,)."""
    return np.sqrt(np.clip(np.diagonal(gramian), 0.0, None))


def cosines(gramian: Array) -> Array:
    """Cosines between gradients, shape (t, t); NaN where one is zero."""
    length = norms(gramian)
    scale = np.outer(length, length)
    return np.clip(np.divide(gramian, scale, out=np.full_like(scale, np.nan), where=scale > 0.0), -1.0, 1.0)


def conflict_rate(gramians: Array) -> Array:
    """Share of steps at which two gradients point against each other, shape (s, t, t) → (t, t).

    Steps at which one of the two is zero or not finite are left out; NaN where that is all of them, and on the
    diagonal.
    """
    length = np.sqrt(np.clip(np.diagonal(gramians, axis1=1, axis2=2), 0.0, None))
    counted = np.isfinite(gramians) & (length[:, :, None] > 0.0) & (length[:, None, :] > 0.0)
    against = (counted & (np.where(counted, gramians, 0.0) < 0.0)).sum(0)
    steps = counted.sum(0)
    rate = np.divide(against, steps, out=np.full(steps.shape, np.nan), where=steps > 0)
    np.fill_diagonal(rate, np.nan)
    return np.asarray(rate)


def projection_rate(gramian: Array) -> float:
    """Share of the ordered pairs of tasks that gradient surgery (PCGrad) projects, the mean over all its orders.

    Every gradient meets the others one after the other and loses its part against them; one projection can make or
    unmake the next conflict. 0 means that the surgery does nothing. Yu 2020, doi:10.48550/arXiv.2001.06782.

    Raises:
        ValueError: fewer than two tasks, or more than six.
    """
    t = len(gramian)
    if not 2 <= t <= MOST_ORDERED:
        raise ValueError(f"projection rates are for 2 to {MOST_ORDERED} tasks, not {t}")
    rates: list[float] = []
    for i in range(t):
        for order in permutations([j for j in range(t) if j != i]):
            weights, projected = np.eye(t)[i], 0
            for j in order:
                product = weights @ gramian[:, j]
                if product < 0.0:
                    weights[j] -= product / gramian[j, j]
                    projected += 1
            rates.append(projected / (t - 1))
    return float(np.mean(rates))


def departure(gramian: Array, weights: Array) -> float:
    """‖Σ w_t g_t − Σ g_t‖ / ‖Σ g_t‖: how far an aggregation is from the plain sum; NaN where the sum is zero."""
    change = np.asarray(weights) - 1.0
    total = float(gramian.sum())
    return float(np.sqrt(max(0.0, float(change @ gramian @ change)) / total)) if total > 0.0 else float("nan")


def magnitude_similarity(gramian: Array) -> float:
    """Mean over pairs of 2‖g_i‖‖g_j‖ / (‖g_i‖² + ‖g_j‖²): 1 for equal lengths, towards 0 for unequal ones.

    Raises:
        ValueError: fewer than two tasks.
    """
    length = norms(gramian)
    one, other = np.triu_indices(len(length), 1)
    if not len(one):
        raise ValueError("magnitude similarity needs two tasks")
    squares = length[one] ** 2 + length[other] ** 2
    similar = np.divide(2.0 * length[one] * length[other], squares, out=np.ones(len(one)), where=squares > 0.0)
    return float(similar.mean())


def condition_number(gramian: Array) -> float:
    """σ_max / σ_min of the gradient matrix, √ of that of G, at most 6.7e7; NaN where all gradients are zero."""
    values = np.linalg.eigvalsh(gramian)
    if values[-1] <= 0.0:
        return float("nan")
    return float(np.sqrt(values[-1] / max(values[0], LEAST_EIGENVALUE * values[-1])))


def norm_ratio(gramian: Array) -> float:
    """Longest gradient over the shortest; infinite where one is zero, NaN where all are."""
    length = norms(gramian)
    if length.max() == 0.0:
        return float("nan")
    return float(length.max() / length.min()) if length.min() > 0.0 else float("inf")
