"""From out-of-fold predictions to what a card states: intervals, calibrated logits, operating points."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from screener.card import OperatingPoint

Array = NDArray[np.floating]
COVERAGE = 0.90
"""Nominal coverage of intervals."""
MIN_SLOPE = 0.05
"""Smallest calibration slope: calibration never reverses or flattens a ranking."""
MAX_SLOPE = 20.0
"""Largest calibration slope: labels that a threshold parts without error would take it to infinity."""
_STEPS = 100
DEFAULT_RECALL = 0.95
DEFAULT_SPECIFICITY = 0.80


def conformal_quantile(scores: Array, coverage: float = COVERAGE) -> float:
    """Take the ⌈(n+1)·coverage⌉-th smallest score.

    Vovk 2005, doi:10.1007/b106715; Papadopoulos 2002, doi:10.1007/3-540-36755-1_29.

    Raises:
        ValueError: too few scores for the coverage.
    """
    rank = math.ceil((len(scores) + 1) * coverage - 1e-12)
    if rank > len(scores):
        raise ValueError(f"{len(scores)} scores cannot give {coverage:.0%} coverage")
    return float(np.sort(scores)[rank - 1])


def residual_scores(y: Array, predicted: Array, rule: str) -> Array:
    """Conformity scores of held-out rows: |y − ŷ|, or |ln y − ln ŷ| for the `relative` rule, shape (b,)."""
    if rule == "relative":
        floor = 1e-3 * float(np.min(y))
        return np.asarray(np.abs(np.log(y) - np.log(np.maximum(predicted, floor))))
    return np.asarray(np.abs(y - predicted))


def cross_coverage(scores: Array, fold: NDArray[np.integer]) -> float:
    """Coverage when each fold's interval is calibrated on the other folds only."""
    inside = np.zeros(len(scores), bool)
    for k in np.unique(fold):
        test = fold == k
        inside[test] = scores[test] <= conformal_quantile(scores[~test])
    return float(inside.mean())


def logit(p: Array | float) -> Array:
    """ln(p / (1 − p)), clipped to finite values."""
    q = np.clip(np.asarray(p, np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(np.log(q) - np.log1p(-q))


def expit(z: Array) -> Array:
    """Logistic function in float64 without overflow."""
    half = np.exp(-np.abs(z))
    return np.asarray(np.where(np.asarray(z) >= 0, 1.0, half) / (1.0 + half))


def platt(raw: Array, label: Array, weight: Array) -> tuple[float, float]:
    """Fit p = σ(slope · raw + intercept) by weighted likelihood, slope strictly positive (Platt 1999).

    Newton's method, steps halved until the likelihood does not fall. Labels that a threshold parts without error
    have no best slope: it ends at the steepest allowed.

    Args:
        raw: out-of-fold logits, shape (b,).
        label: 0 or 1, shape (b,).
        weight: weights, shape (b,).

    Returns:
        Slope and intercept.
    """
    center, scale = float(raw.mean()), max(float(raw.std()), 1e-9)
    terms = np.stack([(raw - center) / scale, np.ones(len(raw))])
    beta = np.array([scale, center])
    for _ in range(_STEPS):
        p = expit(beta @ terms)
        curvature = weight * np.maximum(p * (1 - p), 1e-9)
        hessian = (terms * curvature) @ terms.T + 1e-9 * curvature.sum() * np.eye(2)
        step = np.linalg.solve(hessian, terms @ (weight * (p - label)))
        loss, share = _loss(beta @ terms, label, weight), 1.0
        while share > 1e-6 and _loss((beta - share * step) @ terms, label, weight) > loss:
            share /= 2.0
        beta = beta - share * step
        if np.abs(step).max() < 1e-9:
            break
    slope = float(beta[0]) / scale
    if MIN_SLOPE < slope < MAX_SLOPE:
        return slope, float(beta[1]) - slope * center
    slope = min(max(slope, MIN_SLOPE), MAX_SLOPE)
    return slope, _intercept(slope * raw, label, weight)


def _loss(logit: Array, label: Array, weight: Array) -> float:
    """Weighted negative log likelihood."""
    return float((weight * (np.logaddexp(0.0, logit) - label * logit)).sum())


def _intercept(scaled: Array, label: Array, weight: Array) -> float:
    """Fit the intercept alone, by Newton's method."""
    intercept = 0.0
    for _ in range(50):
        p = expit(scaled + intercept)
        step = (weight * (p - label)).sum() / (weight * np.maximum(p * (1 - p), 1e-9)).sum()
        intercept -= float(np.clip(step, -2, 2))
    return intercept


def operating_curve(probability: Array, label: Array, crystalline: NDArray[np.bool_]) -> tuple[OperatingPoint, ...]:
    """Tabulate precision, recall and specificity against the threshold.

    Args:
        probability: calibrated out-of-fold probabilities, shape (b,).
        label: 0 or 1, shape (b,).
        crystalline: rows that count for specificity, shape (b,); where there are none, all with label 0.

    Returns:
        Points at thresholds 0.01 … 0.99, ascending.
    """
    positive = label > 0.5
    counted = crystalline if crystalline.any() else ~positive
    points = []
    for threshold in np.round(np.arange(1, 100) / 100, 2):
        flagged = probability >= threshold
        hits = int((flagged & positive).sum())
        points.append(
            OperatingPoint(
                float(threshold),
                hits / max(1, int(flagged.sum())),
                hits / max(1, int(positive.sum())),
                float((~flagged[counted]).sum() / max(1, counted.sum())),
            )
        )
    return tuple(points)


def default_threshold(curve: tuple[OperatingPoint, ...]) -> tuple[float, bool]:
    """Choose the default flag threshold.

    The highest threshold that keeps recall ≥ 0.95, if specificity ≥ 0.8 there; else the best balance, the largest sum
    of recall and specificity.

    Returns:
        Threshold, and whether both conditions hold.
    """
    keeps = [p for p in curve if p.recall >= DEFAULT_RECALL]
    if keeps and keeps[-1].specificity >= DEFAULT_SPECIFICITY:
        return keeps[-1].threshold, True
    return max(curve, key=lambda p: (p.recall + p.specificity, p.threshold)).threshold, False


def cross_flags(
    raw: Array,
    label: Array,
    weight: Array,
    fold: NDArray[np.integer],
    scored: NDArray[np.bool_],
    crystalline: NDArray[np.bool_],
    calibrating: Array | None = None,
) -> tuple[Array, NDArray[np.bool_]]:
    """Calibrate and flag each fold by what the other folds say, as a new chemical system would be.

    Args:
        raw: out-of-fold logits, shape (b,).
        label: 0 or 1, shape (b,).
        weight: weights of the calibration, shape (b,).
        fold: fold of each row, shape (b,).
        scored: rows on which thresholds are chosen, shape (b,).
        crystalline: rows that count for specificity, shape (b,).
        calibrating: logits that the calibration is fitted on, shape (b,); ``raw`` if absent.

    Returns:
        Probabilities and flags, shape (b,) each.
    """
    calibrating = raw if calibrating is None else calibrating
    probability, flagged = np.zeros(len(raw)), np.zeros(len(raw), bool)
    for k in np.unique(fold):
        test = fold == k
        slope, intercept = platt(calibrating[~test], label[~test], weight[~test])
        p, seen = expit(slope * raw + intercept), scored & ~test
        threshold, _ = default_threshold(operating_curve(p[seen], label[seen], crystalline[seen]))
        probability[test], flagged[test] = p[test], p[test] >= threshold
    return probability, flagged
