"""Is a difference real, and is a missing difference really missing?

The unit is an outer split, seeds averaged inside it; seeds on one split measure the optimiser's noise and no more.
Paired t-tests, plain and corrected for shared training rows, are those of `training.comparison`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.comparison import CONFIDENCE, PairedTest, corrected_paired_test

MARGIN = 0.02
"""Differences of R² within ± this count as none."""
LEVEL = 0.05
BOOTSTRAPS = 2000


def paired_t(differences: Sequence[float]) -> PairedTest:
    """Test paired differences (j,) as if splits were independent; right for seeds on one split only.

    Raises:
        ValueError: fewer than two differences, or one that is not finite.
    """
    return corrected_paired_test(differences, 0.0)


def two_sided(test: PairedTest) -> float:
    """Two-sided probability of a one-sided test."""
    return min(1.0, 2.0 * min(test.p, 1.0 - test.p))


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided probability of signed ranks as uneven as these, exact, ties at mean ranks, zeros left out.

    It cannot fall below 2^(1 − j): 0.0625 for five differences. Wilcoxon 1945, doi:10.2307/3001968.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    from scipy.stats import rankdata

    d = np.asarray(differences, np.float64)
    if not len(d) or not np.isfinite(d).all():
        raise ValueError("signed ranks need finite differences")
    d = d[d != 0.0]
    # Twice the mean ranks are whole numbers, so the distribution of their sum can be counted.
    ranks = np.rint(2.0 * rankdata(np.abs(d))).astype(int)
    ways = np.ones(1)
    for rank in ranks:
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += 0.5 * ways
        longer[rank:] += 0.5 * ways
        ways = longer
    positive = int(ranks[d > 0.0].sum())
    tail = min(ways[: positive + 1].sum(), ways[positive:].sum())
    return float(min(1.0, 2.0 * tail))


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Adjust the probabilities (k,) of a family: reject those at most q to keep false discoveries below a share q.

    NaN stays NaN and is not counted. Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Raises:
        ValueError: a probability outside 0 to 1.
    """
    values = np.asarray(p, np.float64)
    tested = np.flatnonzero(~np.isnan(values))
    if ((values[tested] < 0.0) | (values[tested] > 1.0)).any():
        raise ValueError("probabilities lie between 0 and 1")
    order = tested[np.argsort(values[tested])[::-1]]
    adjusted = np.full(len(values), np.nan)
    steps = len(order) / np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum.accumulate(np.minimum(1.0, values[order] * steps))
    return adjusted


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Outcome of two one-sided tests.

    Attributes:
        mean: mean difference.
        margin: largest difference that counts as none.
        p: larger of the two one-sided probabilities; below 0.05, the methods are equivalent within the margin.
        low: lower end of the 90 % interval of the difference; equivalence at 0.05 is that it lies within the margin.
        high: upper end.
    """

    mean: float
    margin: float
    p: float
    low: float
    high: float

    @property
    def equivalent(self) -> bool:
        """Whether the difference is surely within the margin."""
        return self.p < LEVEL


def equivalence(differences: Sequence[float], test_share_ratio: float = 0.0, margin: float = MARGIN) -> Equivalence:
    """Test whether paired differences (j,) are within ± a margin: a large p of an ordinary test does not show that.

    Schuirmann 1987, doi:10.1007/BF01068419, with the correction for shared training rows of `corrected_paired_test`.

    Raises:
        ValueError: a margin that is not positive, or as `corrected_paired_test`.
    """
    from scipy.special import stdtrit

    if not margin > 0.0:
        raise ValueError("an equivalence margin is positive")
    d = np.asarray(differences, np.float64)
    above = corrected_paired_test((d + margin).tolist(), test_share_ratio)
    below = corrected_paired_test((margin - d).tolist(), test_share_ratio)
    plain = corrected_paired_test(d.tolist(), test_share_ratio)
    narrower = float(stdtrit(len(d) - 1, 1.0 - LEVEL) / stdtrit(len(d) - 1, (1.0 + CONFIDENCE) / 2.0))
    half = narrower * (plain.high - plain.low) / 2.0
    return Equivalence(plain.mean, margin, max(above.p, below.p), plain.mean - half, plain.mean + half)


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic with its 95 % bootstrap interval, and twice the share of resamples on the other side of 0."""

    value: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    difference: Callable[[NDArray[np.int64]], float],
    groups: NDArray[np.generic],
    *,
    resamples: int = BOOTSTRAPS,
    seed: int = 0,
) -> Interval:
    """Resample whole groups of test rows, the same for both methods. Efron 1979, doi:10.1214/aos/1176344552.

    Args:
        difference: rows (b,) to the difference between two methods' scores on them; resamples on which it is NaN, such
            as those without positives, are left out.
        groups: group of each test row, shape (n,); rows of one chemical system are not independent.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: fewer than two groups, or no resample with a difference.
    """
    _, code = np.unique(groups, return_inverse=True)
    order = np.argsort(code, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(code))[:-1])
    if len(members) < 2:
        raise ValueError("a bootstrap over groups needs two groups")
    rng = np.random.default_rng(seed)
    found = np.array(
        [
            difference(np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))]))
            for _ in range(resamples)
        ]
    )
    found = found[np.isfinite(found)]
    if not len(found):
        raise ValueError("no resample has a difference")
    low, high = np.quantile(found, [0.025, 0.975])
    tail = min(float((found <= 0.0).mean()), float((found >= 0.0).mean()))
    return Interval(float(difference(np.arange(len(code)))), float(low), float(high), min(1.0, 2.0 * tail))
