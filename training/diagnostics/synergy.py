"""One number for what multi-task learning or transfer did.

The synergy is Δ_MTL of Maninis 2019, doi:10.48550/arXiv.1904.08918, the mean relative gain over independent models; the
founding paper (doi:10.48550/arXiv.2512.22740, eq. 8) has a score of that purpose whose printed form was not at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np


def relative_gains(
    multi: Mapping[str, float], single: Mapping[str, float], lower_is_better: Collection[str] = ()
) -> dict[str, float]:
    """Gain of each task over its independent model, s·(M − S)/|S| with s = −1 where lower is better.

    Args:
        multi: score of each task, learned together.
        single: score of each task, learned alone, with as much tuning.
        lower_is_better: tasks whose score is an error.

    Raises:
        ValueError: other tasks on both sides, or a single-task score of 0.
    """
    if set(multi) != set(single) or not multi:
        raise ValueError("gains need the same tasks learned together and alone")
    if 0.0 in single.values():
        raise ValueError("a single-task score of 0 has no relative gain")
    return {
        task: (-1.0 if task in lower_is_better else 1.0) * (multi[task] - alone) / abs(alone)
        for task, alone in single.items()
    }


def synergy(multi: Mapping[str, float], single: Mapping[str, float], lower_is_better: Collection[str] = ()) -> float:
    """Δ_MTL, the mean of `relative_gains`: above 0 where learning together helped.

    Raises:
        ValueError: as `relative_gains`.
    """
    return float(np.mean(list(relative_gains(multi, single, lower_is_better).values())))


def transfer_utility(scratch_error: float, error: float) -> float:
    """Share of the error of the same network from scratch that transfer takes away, (e_0 − e)/e_0.

    Raises:
        ValueError: an error from scratch that is not positive.
    """
    if not scratch_error > 0.0:
        raise ValueError("transfer utility needs a positive error from scratch")
    return (scratch_error - error) / scratch_error
