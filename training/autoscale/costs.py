"""What good fixed weights have in common: similar gradient lengths, a low condition number, balanced losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.diagnostics.gramians import condition_number, magnitude_similarity, weighted

Array = NDArray[np.float64]
Cost = Callable[[Array, Array, Array], float]


def similarity_cost(weights: Array, gramian: Array, losses: Array) -> float:
    """Return 1 − mean magnitude similarity of w_t g_t: 0 where all are of one length."""
    return 1.0 - magnitude_similarity(weighted(gramian, weights))


def condition_cost(weights: Array, gramian: Array, losses: Array) -> float:
    """Return log κ of the matrix of w_t g_t: 0 where they are orthogonal and of one length."""
    return float(np.log(condition_number(weighted(gramian, weights))))


def loss_scale_cost(weights: Array, gramian: Array, losses: Array) -> float:
    """Return the variance over tasks of log(w_t L_t): 0 where all losses weigh the same."""
    return float(np.var(np.log(weights * losses)))


COSTS: Mapping[str, Cost] = MappingProxyType(
    {"similarity": similarity_cost, "condition": condition_cost, "loss_scale": loss_scale_cost}
)
"""Costs of weights (t,), a Gramian (t, t) and losses (t,), by name."""
