"""The shortest vector in the convex hull of the tasks' gradients."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from training.aggregators.base import Matrix, Vector

MOST_EXACT = 6


def minimum_norm(gramian: Matrix) -> Vector:
    """Minimise αᵀGα over the simplex: exactly up to six tasks, by Frank–Wolfe steps beyond.

    Args:
        gramian: positive semidefinite, shape (t, t).

    Returns:
        α, shape (t,).
    """
    return by_supports(gramian) if len(gramian) <= MOST_EXACT else by_frank_wolfe(gramian)


def by_supports(gramian: Matrix) -> Vector:
    """Try the sets of tasks that may share the weight until one is proved best: d·gₜ ≥ ‖d‖² for every task.

    Rounding may hide the proof; then the best of all sets without a negative weight is the minimum. On a support S the
    stationary point solves G_SS·α = λ1, 1ᵀα = 1, written as one bordered system because G_SS is singular where
    gradients cancel.
    """
    scale = float(np.trace(gramian)) / max(len(gramian), 1)
    if scale <= 0.0:
        return np.full(len(gramian), 1.0 / max(len(gramian), 1))
    scaled = gramian / scale
    best, least = np.zeros(len(gramian)), np.inf
    for support in supports(len(gramian)):
        chosen = list(support)
        share = _on_support(scaled[np.ix_(chosen, chosen)])
        if share.min() < 0.0:
            continue
        products = scaled[:, chosen] @ share
        value = float(products[chosen] @ share)
        if value < least:
            best, least = np.zeros(len(gramian)), value
            best[chosen] = share
            if products.min() >= value * (1.0 - 1e-12):
                break
    return best


@cache
def supports(count: int) -> tuple[tuple[int, ...], ...]:
    """All sets of 1 … count of the numbers below count, large ones first."""
    return tuple(each for size in range(count, 0, -1) for each in itertools.combinations(range(count), size))


def _on_support(values: Matrix) -> Vector:
    """The stationary point with the whole weight on these tasks; weights may be negative."""
    size = len(values)
    if size == 1:
        return np.ones(1)
    bordered = np.ones((size + 1, size + 1))
    bordered[:size, :size] = values
    bordered[size, size] = 0.0
    right = np.zeros(size + 1)
    right[size] = 1.0
    try:
        share = np.linalg.solve(bordered, right)[:size]
    except np.linalg.LinAlgError:
        share = np.linalg.lstsq(bordered, right, rcond=None)[0][:size]
    total = share.sum()
    return np.asarray(share / total) if total > 0.0 else np.full(size, -1.0)


def by_frank_wolfe(gramian: Matrix, tolerance: float = 1e-9, most_steps: int = 20_000) -> Vector:
    """Go from the mean towards the task with the least α-weighted product, by exact line search.

    Args:
        gramian: shape (t, t).
        tolerance: stop when a step covers a smaller share of the way.
        most_steps: stop anyway.
    """
    share = np.full(len(gramian), 1.0 / len(gramian))
    for _ in range(most_steps):
        products = gramian @ share
        vertex = int(np.argmin(products))
        norm = float(share @ products)
        denominator = norm - 2.0 * products[vertex] + gramian[vertex, vertex]
        if denominator <= 0.0:
            break
        step = min(max((norm - products[vertex]) / denominator, 0.0), 1.0)
        share *= 1.0 - step
        share[vertex] += step
        if step < tolerance:
            break
    return share
