"""Errors where they hurt: the largest ones, and those at both ends of the property."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from training.metrics import regression_scores

Array = NDArray[np.floating]


def tail_scores(y: Array, predicted: Array) -> dict[str, float]:
    """Score a regression, tails included, shape (b,) each, b > 0.

    Returns:
        What `regression_scores` gives, and Spearman's correlation, P95, P99 and largest absolute error, the mean of the
        largest tenth of errors, and mean absolute error in the highest and lowest tenth of ``y``. Errors in units of
        ``y``.
    """
    error = np.abs(np.asarray(predicted, np.float64) - y)
    low, high = np.quantile(y, [0.1, 0.9])
    return {
        **regression_scores(y, predicted),
        "spearman": rank_correlation(y, predicted),
        "p95": float(np.quantile(error, 0.95)),
        "p99": float(np.quantile(error, 0.99)),
        "max": float(error.max()),
        "worst_tenth": worst_share(error),
        "mae_top_tenth": float(error[y >= high].mean()),
        "mae_bottom_tenth": float(error[y <= low].mean()),
    }


def worst_share(error: Array, share: float = 0.1) -> float:
    """Mean of the ⌈share·b⌉ largest absolute errors."""
    count = math.ceil(share * len(error) - 1e-9)
    return float(np.sort(np.abs(error))[len(error) - count :].mean())


def rank_correlation(y: Array, predicted: Array) -> float:
    """Spearman's correlation, ties at their mean rank; NaN where one side is constant. doi:10.2307/1412159."""
    from scipy.stats import rankdata

    one, other = (rankdata(v) - (len(y) + 1) / 2.0 for v in (y, predicted))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / scale if scale > 0.0 else float("nan")
