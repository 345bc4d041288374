"""Early recognition: how many of the hits stand at the top of a ranked library.

Truchon & Bayly 2007, doi:10.1021/ci600426e. Rows of equal score stand for the mean over all their orders.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
ALPHA = 20.0


def enrichment_factor(label: Array, score: Array, share: float = 0.1) -> float:
    """Share of hits among the top ⌈share·b⌉ rows over that among all; NaN without hits.

    Args:
        label: 0 or 1, shape (b,).
        score: high is first, shape (b,).
        share: of the rows, in (0, 1].
    """
    expected = _expected_hits(label, score)
    top = math.ceil(share * len(expected) - 1e-9)
    total = float(expected.sum())
    return float(expected[:top].sum()) / top * len(expected) / total if total else float("nan")


def largest_enrichment(label: Array, share: float = 0.1) -> float:
    """Enrichment factor of a perfect ranking, min(1/share, b/hits) but for rounding; NaN without hits."""
    return enrichment_factor(label, np.asarray(label, np.float64), share)


def robust_initial_enhancement(label: Array, score: Array, alpha: float = ALPHA) -> float:
    """Σ exp(−α r/b) over the ranks of hits, over its mean for a random order (RIE); NaN without hits."""
    expected = _expected_hits(label, score)
    n, total = len(expected), float(expected.sum())
    if not total:
        return float("nan")
    found = float(expected @ np.exp(-alpha * np.arange(1, n + 1) / n))
    return found / (total / n * -math.expm1(-alpha) / math.expm1(alpha / n))


def bedroc(label: Array, score: Array, alpha: float = ALPHA) -> float:
    """Enhancement scaled to 0 for the worst and 1 for the best order; NaN without hits or without others.

    It measures early recognition only where α times the share of hits is well below 1.
    """
    share = float((np.asarray(label) > 0.5).mean())
    if share in (0.0, 1.0):
        return float("nan")
    scale = share * math.sinh(alpha / 2.0) / (math.cosh(alpha / 2.0) - math.cosh(alpha / 2.0 - alpha * share))
    floor = -1.0 / math.expm1(alpha * (1.0 - share))
    return robust_initial_enhancement(label, score, alpha) * scale + floor


def partial_auc(label: Array, score: Array, most: float = 0.1) -> float:
    """Area under the ROC curve up to a rate of false alarms, scaled to ½ for chance and 1 for the best order.

    NaN where there is one class only. McClish 1989, doi:10.1177/0272989X8900900307.
    """
    from sklearn.metrics import roc_auc_score

    positive = np.asarray(label) > 0.5
    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, score, max_fpr=most))


def _expected_hits(label: Array, score: Array) -> NDArray[np.float64]:
    """Probability that each rank, best first, is a hit, shape (b,)."""
    value, same = np.unique(-np.asarray(score, np.float64), return_inverse=True)
    rows = np.bincount(same, minlength=len(value))
    mean = np.bincount(same, weights=np.asarray(label) > 0.5, minlength=len(value)) / rows
    return np.repeat(mean, rows)
