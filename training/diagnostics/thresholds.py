"""Rules for the threshold of a flag, to be applied to out-of-fold scores and then left alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.diagnostics.screening import PRECISION, confusions
from training.imbalance.choices import require_choice

Array = NDArray[np.floating]
RULES = ("f_beta", "precision", "cost")
CONFIDENCE = 0.9


def threshold_by(rule: str, label: Array, score: Array, costs: tuple[float, float] = (1.0, 1.0)) -> float:
    """Choose a threshold by the name of a rule.

    Args:
        rule: `f_beta`, the best F2; `precision`, the most hits at a precision that is surely 0.8; `cost`.
        label: 0 or 1, shape (b,).
        score: calibrated probability where the rule is `cost`, shape (b,).
        costs: of a false alarm and of a miss.

    Raises:
        InputError: an unknown rule, or scores it cannot use.
    """
    require_choice("threshold rule", rule, RULES)
    if rule == "f_beta":
        return f_beta_threshold(label, score)
    return precision_threshold(label, score) if rule == "precision" else cost_threshold(*costs)


def f_beta_threshold(label: Array, score: Array, beta: float = 2.0) -> float:
    """Maximise F_β; the highest such threshold where several do.

    Raises:
        InputError: there are no positives.
    """
    points = confusions(label, score)[1:]
    if not points or not points[-1].hits:
        raise InputError("there are no positives to choose a threshold by", "give scores of both classes")
    return max(points, key=lambda p: (p.f(beta), p.threshold)).threshold


def precision_threshold(
    label: Array, score: Array, precision: float = PRECISION, confidence: float = CONFIDENCE
) -> float:
    """Maximise recall while the lower bound of precision keeps a level; infinite, flag nothing, where none does.

    The bound is one-sided, by Clopper and Pearson. It holds for a threshold fixed beforehand; of many thresholds the
    best is a little luckier than that.
    """
    points = confusions(label, score)[1:]
    bound = lower_bound(
        np.array([p.hits for p in points]), np.array([p.hits + p.false_alarms for p in points]), confidence
    )
    kept = [p for p, low in zip(points, bound, strict=True) if low >= precision]
    return max(kept, key=lambda p: (p.hits, p.threshold)).threshold if kept else float("inf")


def lower_bound(hits: NDArray[np.integer], rows: NDArray[np.integer], confidence: float = CONFIDENCE) -> Array:
    """One-sided lower bound of a proportion. Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.

    Args:
        hits: successes, shape (b,).
        rows: trials, at least 1 each, shape (b,).
        confidence: probability that the bound holds.
    """
    from scipy.special import betaincinv

    k, n = np.asarray(hits, np.float64), np.asarray(rows, np.float64)
    return np.where(k > 0.0, betaincinv(np.maximum(k, 1.0), n - k + 1.0, 1.0 - confidence), 0.0)


def cost_threshold(false_alarm: float, miss: float) -> float:
    """Probability above which flagging costs less on average: c_FP / (c_FP + c_FN), for calibrated probabilities.

    Raises:
        InputError: a cost that is negative, or both 0.
    """
    if min(false_alarm, miss) < 0.0 or not false_alarm + miss > 0.0:
        raise InputError(f"costs `{false_alarm:g}` and `{miss:g}` set no threshold", "give two costs of at least 0")
    return false_alarm / (false_alarm + miss)
