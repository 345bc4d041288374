"""Scores of regressors and classifiers, as plain functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def regression_scores(y: Array, predicted: Array) -> dict[str, float]:
    """Mean absolute and root mean square error, R² against the mean of ``y``, R² of logarithms where all are > 0."""
    error = np.asarray(predicted, np.float64) - y
    scores = {
        "r2": r_squared(y, predicted),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
    }
    if np.all(np.asarray(y) > 0):
        scores["r2_log"] = r_squared(np.log(y), np.log(np.maximum(predicted, 1e-3 * np.min(y))))
    return scores


def r_squared(y: Array, predicted: Array) -> float:
    """1 − Σ(y − ŷ)² / Σ(y − ȳ)²; NaN for a constant ``y``."""
    spread = float(((y - np.mean(y)) ** 2).sum())
    return 1.0 - float(((y - np.asarray(predicted, np.float64)) ** 2).sum()) / spread if spread > 0 else float("nan")


def classification_scores(label: Array, probability: Array, threshold: float = 0.5) -> dict[str, float]:
    """PR-AUC, ROC-AUC, Brier score, and precision, recall, specificity, F1, balanced accuracy at a threshold."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    flagged, positive = probability >= threshold, label > 0.5
    hits, both = float((flagged & positive).sum()), 0.0 < positive.mean() < 1.0
    recall = hits / max(1.0, float(positive.sum()))
    precision = hits / max(1.0, float(flagged.sum()))
    specificity = float((~flagged & ~positive).sum()) / max(1.0, float((~positive).sum()))
    return {
        "pr_auc": float(average_precision_score(positive, probability)) if both else float("nan"),
        "roc_auc": float(roc_auc_score(positive, probability)) if both else float("nan"),
        "brier": float(((probability - label) ** 2).mean()),
        "precision": precision,
        "recall": recall,
        "specificity": specificity,
        "f1": 2 * precision * recall / max(1e-12, precision + recall),
        "balanced_accuracy": (recall + specificity) / 2,
    }


def recall_threshold(positive: Array, recall: float = 0.9) -> float:
    """Return the highest threshold that flags a share ``recall`` of the scores (b,) of positives, b > 0."""
    return float(np.sort(positive)[int(np.floor((1.0 - recall) * len(positive) + 1e-9))])


def pooled(scores: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each score over repeats."""
    return {
        key: (float(np.mean([s[key] for s in scores])), float(np.std([s[key] for s in scores]))) for key in scores[0]
    }
