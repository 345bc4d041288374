"""One number that makes over-confident logits honest, and leaves their ranking alone.

Guo, Pleiss, Sun, Weinberger 2017, doi:10.48550/arXiv.1706.04599. For few labels prefer `training.calibration.platt`,
which also corrects the base rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.calibration import expit

Array = NDArray[np.floating]
RANGE = (0.05, 20.0)


def temperature(logits: Array, label: Array) -> float:
    """Find the T between 0.05 and 20 for which σ(logit / T) gives the labels (b,) the highest likelihood.

    Raises:
        ValueError: no rows, or a logit that is not finite.
    """
    from scipy.optimize import minimize_scalar

    z, positive = np.asarray(logits, np.float64), np.asarray(label) > 0.5
    if not len(z) or not np.isfinite(z).all():
        raise ValueError("a temperature needs finite logits")
    signed = np.where(positive, -z, z)

    def loss(inverse: float) -> float:
        """Mean negative log-likelihood, convex in 1/T."""
        return float(np.logaddexp(0.0, inverse * signed).mean())

    bounds = (1.0 / RANGE[1], 1.0 / RANGE[0])
    return 1.0 / float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x)


def cooled(logits: Array, t: float) -> Array:
    """Probabilities σ(logit / T), shape (b,)."""
    return expit(np.asarray(logits, np.float64) / t)
