"""Conflict-averse gradient descent."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from training.aggregators.base import ROUNDING, GramianWeighting, Matrix, TaskGramian, Vector
from training.aggregators.minimum_norm import MOST_EXACT, minimum_norm, supports
from training.methods import require


class CAGrad(GramianWeighting):
    """The direction within c‖g₀‖ of the mean gradient g₀ that serves the worst-off task best.

    Liu 2021 (doi:10.48550/arXiv.2110.14048): d = g₀ + (c‖g₀‖/‖g_w‖)g_w, where w minimises g_w·g₀ + c‖g₀‖‖g_w‖ over the
    simplex and g_w = Σ wₜgₜ. c = 0 is the mean; as c → ∞ the direction becomes MGDA's. d = 0 where g_w vanishes.

    Args:
        c: radius of the ball, in norms of g₀.
        rescale: divide by 1 + c², as some implementations do.
    """

    def __init__(self, c: float = 0.5, rescale: bool = False) -> None:
        super().__init__()
        require(c >= 0, "c", c, "give 0 or a number above 0")
        self.c = c
        self.rescale = rescale

    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights."""
        count = len(gramian.values)
        scale = float(np.trace(gramian.values)) / max(count, 1)
        mean = np.full(count, 1.0 / max(count, 1))
        if self.c == 0.0 or scale <= 0.0:
            return mean
        values = gramian.values / scale
        radius = self.c * np.sqrt(max(float(mean @ values @ mean), 0.0))
        worst = worst_mixture(values, radius)
        square, longest = float(worst @ values @ worst), float(worst @ gramian.norms) ** 2 / scale
        # Gradients that cancel leave only their rounding.
        if square <= count * ROUNDING * longest:
            return np.zeros(count)
        weights = mean + radius / np.sqrt(square) * worst
        return np.asarray(weights / (1.0 + self.c**2) if self.rescale else weights)


def worst_mixture(gramian: Matrix, radius: float) -> Vector:
    """Minimise g_w·g₀ + r‖g_w‖ over the simplex: in closed form on supports up to six tasks, by SLSQP beyond.

    The cost is convex, so the search ends at the first support where no task has a smaller slope than the mixture.

    Args:
        gramian: G, shape (t, t).
        radius: r = c‖g₀‖.

    Returns:
        w, shape (t,).
    """
    product = gramian.mean(axis=1)

    if len(gramian) > MOST_EXACT:
        return _by_slsqp(gramian, product, radius)
    best, least = product, np.inf
    for support in supports(len(gramian)):
        chosen = list(support)
        share = _on_support(gramian[np.ix_(chosen, chosen)], product[chosen], radius)
        if share is None or share.min() < 0.0:
            continue
        pulled = gramian[:, chosen] @ share
        slopes = product + radius / np.sqrt(float(pulled[chosen] @ share)) * pulled
        value = float(slopes[chosen] @ share)
        if value < least:
            best, least = np.zeros(len(gramian)), value
            best[chosen] = share
            if slopes.min() >= value - 1e-12 * abs(value):
                return best
    shortest = minimum_norm(gramian)
    return shortest if _cost(shortest, gramian, product, radius) < least else best


def _cost(share: Vector, gramian: Matrix, product: Vector, radius: float) -> float:
    """g_w·g₀ + r‖g_w‖."""
    return float(share @ product + radius * np.sqrt(max(float(share @ gramian @ share), 0.0)))


def _on_support(values: Matrix, product: Vector, radius: float) -> Vector | None:
    """The stationary point with all weight on a support, or none.

    b_S + r·G_SS·w/s = ν1 with s = ‖g_w‖ and Σw = 1 make w = (s/r)(νP − Q), P = G_SS⁻¹1, Q = G_SS⁻¹b_S; putting w back
    into s² = wᵀG_SS·w leaves a quadratic in ν, of which the root with s > 0 counts.
    """
    try:
        ones, projected = np.linalg.solve(values, np.stack([np.ones(len(values)), product], axis=1)).T
    except np.linalg.LinAlgError:
        return None
    p, q, m = float(ones.sum()), float(projected.sum()), float(product @ projected)
    inside = q * q - p * (m - radius * radius)
    if p <= 0.0 or inside <= 0.0:
        return None
    root = np.sqrt(inside)
    return np.asarray(((q + root) / p * ones - projected) / root)


def _by_slsqp(gramian: Matrix, product: Vector, radius: float) -> Vector:
    """The same minimum by sequential quadratic programming."""
    count = len(gramian)

    def cost(share: Vector) -> tuple[float, Vector]:
        pulled = gramian @ share
        norm = np.sqrt(max(float(share @ pulled), 1e-24))
        return float(share @ product + radius * norm), product + radius / norm * pulled

    found = minimize(
        cost,
        np.full(count, 1.0 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda share: share.sum() - 1.0, "jac": lambda share: np.ones(count)},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    share = np.clip(found.x, 0.0, None)
    return np.asarray(share / share.sum())
