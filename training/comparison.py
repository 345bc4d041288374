"""Is one model better than another on the same folds, beyond what the folds' own scatter explains?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.05
"""A candidate counts as better below this one-sided probability."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Outcome of a corrected paired test.

    Attributes:
        mean: mean difference.
        t: corrected statistic; infinite where all differences are one number other than 0.
        p: one-sided probability of a larger t if nothing differed; twice the smaller tail is the two-sided one.
        low: lower end of the 95 % interval of the mean difference.
        high: upper end.
    """

    mean: float
    t: float
    p: float
    low: float
    high: float


def corrected_paired_test(differences: Sequence[float], test_share_ratio: float) -> PairedTest:
    """Test whether the mean of paired differences over folds is above zero.

    t = d̄ / √((1/J + n_test/n_train)·s²) with J − 1 degrees of freedom: folds share training rows, and their scatter
    alone would make every difference look sure. Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.

    Args:
        differences: new minus old score of every fold, shape (J,), positive where the new model is better.
        test_share_ratio: rows tested per row learned from, n_test / n_train; 1/4 for five folds.

    Raises:
        ValueError: fewer than two differences, or one that is not finite, or a negative ratio.
    """
    from scipy.special import stdtr, stdtrit

    d = np.asarray(differences, np.float64)
    if len(d) < 2 or not np.isfinite(d).all() or not test_share_ratio >= 0.0:
        raise ValueError("a paired test needs two finite differences and a ratio of at least 0")
    mean, freedom = math.fsum(d) / len(d), len(d) - 1
    spread = 0.0 if (d == d[0]).all() else float(np.std(d, ddof=1))
    error = spread * math.sqrt(1.0 / len(d) + test_share_ratio)
    if error == 0.0:
        t = math.copysign(math.inf, mean) if mean else 0.0
        return PairedTest(mean, t, 0.5 - 0.5 * float(np.sign(mean)), mean, mean)
    t = mean / error
    half = float(stdtrit(freedom, (1.0 + CONFIDENCE) / 2.0)) * error
    return PairedTest(mean, t, float(stdtr(freedom, -t)), mean - half, mean + half)


def compare_folds(new: Sequence[float], old: Sequence[float], *, higher_is_better: bool = True) -> PairedTest:
    """Test whether the new scores of the same folds are better than the old ones, shape (J,) each.

    Raises:
        ValueError: other numbers of folds, or as `corrected_paired_test`.
    """
    if len(new) != len(old):
        raise ValueError(f"{len(new)} and {len(old)} folds cannot be paired")
    sign = 1.0 if higher_is_better else -1.0
    differences = [sign * (a - b) for a, b in zip(new, old, strict=True)]
    return corrected_paired_test(differences, 1.0 / max(1, len(differences) - 1))


def better(test: PairedTest, level: float = LEVEL) -> bool:
    """Tell whether the new model is better beyond noise."""
    return test.p < level
