"""Weights that bring a measure to its best for one window: closed forms where there are any, else L-BFGS on log w."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.autoscale.costs import COSTS
from training.diagnostics.gramians import LEAST_EIGENVALUE, norms
from training.imbalance.choices import require_choice

Array = NDArray[np.float64]
LEAST, MOST = 1e-2, 1e2
"""Weights are kept in this range, relative to their geometric mean."""
STARTS = 4


def centred(weights: Array) -> Array:
    """Scale weights to a geometric mean of 1, then clip them."""
    logs = np.log(weights)
    return np.asarray(np.exp(np.clip(logs - logs.mean(), np.log(LEAST), np.log(MOST))))


def best_weights(measure: str, gramian: Array, losses: Array, *, seed: int = 0) -> Array:
    """Find the weights with the least cost, shape (t,), geometric mean 1.

    Equal lengths w_t ∝ 1/‖g_t‖ are best for `similarity`, and for `condition` with two tasks; w_t ∝ 1/L_t for
    `loss_scale`. With three tasks and more the condition number is minimised numerically from four starts.

    Args:
        measure: `similarity`, `condition` or `loss_scale`.
        gramian: of the task gradients, shape (t, t).
        losses: positive, shape (t,).
        seed: of the random starts.

    Raises:
        InputError: an unknown measure.
    """
    require_choice("measure", measure, tuple(COSTS))
    if measure == "loss_scale":
        return centred(1.0 / np.maximum(losses, 1e-12))
    length = norms(gramian)
    equal = centred(1.0 / np.maximum(length, 1e-12 * max(float(length.max()), 1e-300)))
    if measure == "similarity" or len(gramian) <= 2:
        return equal
    return minimised(gramian, losses, [equal, np.ones(len(gramian)), *_random_starts(len(gramian), seed)])


def minimised(gramian: Array, losses: Array, starts: list[Array]) -> Array:
    """Minimise the condition number over log w, the best of several starts."""
    found = [centred(_descend(gramian, start)) for start in starts]
    costs = [COSTS["condition"](weights, gramian, losses) for weights in (*found, *map(centred, starts))]
    return [*found, *map(centred, starts)][int(np.argmin(costs))]


def _descend(gramian: Array, start: Array) -> Array:
    """One run of L-BFGS on log w."""
    scale = norms(gramian)
    matrix = torch.from_numpy(gramian / max(float(scale.max()) ** 2, 1e-300))
    logs = torch.from_numpy(np.log(start)).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [logs], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        cost = _log_condition(matrix, logs)
        torch.autograd.backward(cost)
        return cost

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    values = np.asarray(logs.detach().numpy())
    return np.exp(values) if np.isfinite(values).all() else start


def _log_condition(matrix: Tensor, logs: Tensor) -> Tensor:
    """½ log(λ_max/λ_min) of the weighted Gramian, floored."""
    weights = torch.exp(logs - logs.mean())
    values = torch.linalg.eigvalsh(weights[:, None] * matrix * weights)
    least = values[0].clamp_min(float(LEAST_EIGENVALUE * values[-1].detach()))
    return torch.as_tensor(0.5 * (values[-1].log() - least.log()))


def _random_starts(tasks: int, seed: int) -> list[Array]:
    """Log-normal starts."""
    rng = np.random.default_rng(seed)
    return [np.exp(rng.normal(size=tasks)) for _ in range(STARTS - 2)]
