"""Paired bootstrap over groups: how sure a difference in recall is, where rows of a group stand or fall together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
DRAWS = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Resampled:
    """A difference and where it falls when groups are drawn again.

    Attributes:
        difference: on the rows as they are.
        low: lower end of the middle 95 % of the draws.
        high: upper end.
    """

    difference: float
    low: float
    high: float


def recall_difference(
    positive: Flags, ours: Flags, theirs: Flags, group: NDArray[np.str_], draws: int = DRAWS, seed: int = 0
) -> Resampled:
    """Recall of one classifier less that of another, with the percentile interval over groups drawn with replacement.

    Both are judged on the same groups in every draw. Efron 1979, doi:10.1214/aos/1176344552.

    Args:
        positive: rows that are to be flagged, shape (b,).
        ours: rows that one flags, shape (b,).
        theirs: rows that the other flags, shape (b,).
        group: of every row, such as its chemical system, shape (b,).
        draws: resamples.
        seed: of the draws.

    Raises:
        ValueError: no row is positive.
    """
    if not positive.any():
        raise ValueError("no row is positive, so there is no recall")
    _, inverse = np.unique(group[positive], return_inverse=True)
    rows = np.bincount(inverse).astype(np.float64)
    gained = np.bincount(inverse, ours[positive].astype(np.float64) - theirs[positive])
    rng, count = np.random.default_rng(seed), len(rows)
    drawn = np.empty(draws)
    for start in range(0, draws, 500):
        times = rng.multinomial(count, np.full(count, 1.0 / count), size=min(500, draws - start))
        drawn[start : start + len(times)] = (times @ gained) / (times @ rows)
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(drawn, (tail, 100.0 - tail))
    return Resampled(float(gained.sum() / rows.sum()), float(low), float(high))
