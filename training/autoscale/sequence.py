"""From the best weights of each window to one set of fixed weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.imbalance.choices import require_choice

Array = NDArray[np.float64]
SMOOTHING = 0.9


def last_half(logs: Array) -> Array:
    """Geometric mean of the last half, shape (k, t) → (t,)."""
    return np.asarray(logs[len(logs) // 2 :].mean(axis=0))


def median(logs: Array) -> Array:
    """Median over windows."""
    return np.asarray(np.median(logs, axis=0))


def last(logs: Array) -> Array:
    """The last window."""
    return np.asarray(logs[-1])


def smoothed(logs: Array) -> Array:
    """Exponential mean with factor 0.9, the beginning corrected for."""
    shares = SMOOTHING ** np.arange(len(logs))[::-1]
    return np.asarray(shares @ logs / shares.sum())


def extrapolated(logs: Array) -> Array:
    """Limit a of a fit a + b·exp(−k/τ) to each task's log weight, τ shared; the last half where windows are few."""
    if len(logs) < 4:
        return last_half(logs)
    windows = np.arange(len(logs))
    fits = []
    for tau in np.geomspace(0.5, len(logs), 24):
        design = np.column_stack([np.ones(len(logs)), np.exp(-windows / tau)])
        solution, *_ = np.linalg.lstsq(design, logs, rcond=None)
        fits.append((float(((design @ solution - logs) ** 2).sum()), solution[0]))
    limit = min(fits, key=lambda fit: fit[0])[1]
    low, high = logs.min(axis=0), logs.max(axis=0)
    return np.asarray(np.clip(limit, low - (high - low), high + (high - low)))  # a limit, not a flight


RULES: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {"last_half": last_half, "median": median, "last": last, "smoothed": smoothed, "extrapolated": extrapolated}
)
"""Rules on log weights by name."""


def fixed_weights(sequence: Array, rule: str = "last_half", normalise: str = "sum") -> Array:
    """Make fixed weights of the windows' weights, shape (k, t) → (t,).

    Args:
        sequence: positive weights of k windows.
        rule: name in `RULES`.
        normalise: `sum` for Σw = t, `first` for w = 1 of the first task.

    Raises:
        InputError: an unknown rule or normalisation.
    """
    require_choice("rule", rule, tuple(RULES))
    require_choice("normalise", normalise, ("sum", "first"))
    weights = np.exp(RULES[rule](np.log(sequence)))
    return np.asarray(weights / (weights[0] if normalise == "first" else weights.mean()))
