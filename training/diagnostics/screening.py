"""Scores of a classifier as a screen: what it finds at a given precision, and whether its probabilities mean anything.

A recall by itself says nothing about a method: moving the threshold moves it. Compare methods at one precision, or by
one rule for the threshold (`thresholds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import classification_scores

Array = NDArray[np.floating]
PRECISION = 0.8
RECALL = 0.9


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at a threshold; rows at or above it are flagged.

    Attributes:
        threshold: infinite where nothing is flagged.
        hits: flagged and positive.
        false_alarms: flagged and negative.
        missed: positive and not flagged.
        passed: negative and not flagged.
    """

    threshold: float
    hits: int
    false_alarms: int
    missed: int
    passed: int

    @property
    def precision(self) -> float:
        """Share of the flagged that are positive; NaN where nothing is flagged."""
        flagged = self.hits + self.false_alarms
        return self.hits / flagged if flagged else float("nan")

    @property
    def recall(self) -> float:
        """Share of the positive that are flagged; NaN where there are none."""
        positive = self.hits + self.missed
        return self.hits / positive if positive else float("nan")

    @property
    def accuracy(self) -> float:
        """Share of rows flagged or passed rightly."""
        return (self.hits + self.passed) / (self.hits + self.passed + self.false_alarms + self.missed)

    def f(self, beta: float = 1.0) -> float:
        """F_β, (1 + β²)·hits / ((1 + β²)·hits + β²·missed + false alarms); 0 where there are no hits."""
        weight = 1.0 + beta**2
        return weight * self.hits / max(1.0, weight * self.hits + beta**2 * self.missed + self.false_alarms)


def confusion(label: Array, score: Array, threshold: float) -> Confusion:
    """Count the outcomes of flagging scores (b,) of labels (b,) at a threshold."""
    flagged, positive = np.asarray(score) >= threshold, np.asarray(label) > 0.5
    hits, all_flagged, all_positive = int((flagged & positive).sum()), int(flagged.sum()), int(positive.sum())
    false_alarms = all_flagged - hits
    passed = len(positive) - all_positive - false_alarms
    return Confusion(float(threshold), hits, false_alarms, all_positive - hits, passed)


def confusions(label: Array, score: Array) -> list[Confusion]:
    """Count the outcomes at every threshold that matters: at none flagged, then at each score, highest first."""
    value, order = np.unique(score, return_inverse=True)
    positive = np.bincount(order, weights=np.asarray(label) > 0.5, minlength=len(value))[::-1].cumsum().astype(int)
    flagged = np.bincount(order, minlength=len(value))[::-1].cumsum()
    total, n = int(positive[-1]), len(score)
    points = [Confusion(float("inf"), 0, 0, total, n - total)]
    for threshold, hits, rows in zip(value[::-1].tolist(), positive.tolist(), flagged.tolist(), strict=True):
        points.append(Confusion(threshold, hits, rows - hits, total - hits, n - total - rows + hits))
    return points


def confusion_at_precision(label: Array, score: Array, precision: float = PRECISION) -> Confusion:
    """Find the threshold of the highest recall at a precision; nothing is flagged where no threshold reaches it."""
    points = confusions(label, score)
    kept = [p for p in points[1:] if p.hits and p.precision >= precision - 1e-12]
    return max(kept, key=lambda p: (p.hits, -p.false_alarms)) if kept else points[0]


def matched_confusions(label: Array, scores: Mapping[str, Array], precision: float = PRECISION) -> dict[str, Confusion]:
    """Compare methods on the same labels (b,) at the same precision, whatever threshold each needs for it."""
    return {name: confusion_at_precision(label, score, precision) for name, score in scores.items()}


def precision_at_recall(label: Array, score: Array, recall: float = RECALL) -> float:
    """Highest precision of the thresholds that reach a recall; NaN without positives."""
    kept = [p.precision for p in confusions(label, score)[1:] if p.hits and p.recall >= recall - 1e-12]
    return max(kept) if kept else float("nan")


def precision_from_f1(f1: float, recall: float) -> float:
    """Precision that an F1 and a recall imply: F1·r / (2r − F1).

    Raises:
        ValueError: no precision gives this F1 at this recall.
    """
    if not 0.0 < f1 <= 2.0 * recall / (1.0 + recall) + 1e-12:
        raise ValueError(f"F1 {f1} is not possible at recall {recall}")
    return f1 * recall / (2.0 * recall - f1)


def log_loss(label: Array, probability: Array) -> float:
    """Mean of −ln p of what happened; probabilities kept 1e-12 away from 0 and 1."""
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1.0 - 1e-12)
    return float(-np.where(np.asarray(label) > 0.5, np.log(p), np.log1p(-p)).mean())


def calibration_error(label: Array, probability: Array, bins: int = 10) -> float:
    """Mean gap between probability and frequency in bins of equal numbers of rows.

    Rows of one probability share their mean label, so their order does not matter. Naeini 2015,
    doi:10.1609/aaai.v29i1.9602; equal-mass bins as in Nixon 2019, doi:10.48550/arXiv.1904.01685.
    """
    p = np.asarray(probability, np.float64)
    value, same = np.unique(p, return_inverse=True)
    frequency = np.bincount(same, weights=label) / np.bincount(same)
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, len(value)))
    return float(sum(abs((p[part] - frequency[same[part]]).sum()) for part in parts) / len(p))


def screening_scores(label: Array, probability: Array, threshold: float = 0.5) -> dict[str, float]:
    """Score a classifier as a screen, shape (b,) each.

    Returns:
        What `classification_scores` gives, and accuracy and F2 at the threshold, log-loss, calibration error, recall at
        precision 0.8 and precision at recall 0.9.
    """
    at = confusion(label, probability, threshold)
    return {
        **classification_scores(label, probability, threshold),
        "accuracy": at.accuracy,
        "f2": at.f(2.0),
        "log_loss": log_loss(label, probability),
        "calibration_error": calibration_error(label, probability),
        "recall_at_precision_80": confusion_at_precision(label, probability).recall,
        "precision_at_recall_90": precision_at_recall(label, probability),
    }
