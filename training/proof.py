"""What cross-validation says of a model: scores, and the interval, calibration and threshold that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener.card import OperatingPoint
from training.calibration import (
    COVERAGE,
    conformal_quantile,
    cross_coverage,
    cross_flags,
    default_threshold,
    expit,
    operating_curve,
    platt,
    residual_scores,
)
from training.crossval import OutOfFold
from training.evaluation import score
from training.graphs import Head
from training.metrics import classification_scores
from training.tasks import TaskRows

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Proof:
    """What cross-validation says of one model, and the calibration that follows from it.

    Attributes:
        head: finished head with interval or calibrated logit.
        metrics: scores by split.
        threshold: default flag threshold (classification).
        curve: operating points (classification).
        interval: how the interval was made, in words.
        notes: what not to trust.
    """

    head: Head
    metrics: Mapping[str, Mapping[str, float]]
    threshold: float | None
    curve: tuple[OperatingPoint, ...]
    interval: str
    notes: tuple[str, ...]


def prove(rows: TaskRows, model: str, grouped: OutOfFold, random: OutOfFold | None) -> Proof:
    """Score one contender out of fold and derive its interval, calibration, threshold and notes.

    What is stated of intervals, calibrated probabilities and flags was settled for each fold on the other folds; what
    is served was settled on all of them.
    """
    target = rows.recipe.target
    out, fold = grouped.predicted[target, model], grouped.fold[target]
    metrics = {"grouped": _known(score(rows, out, model))}
    if random is not None:
        metrics["random"] = _known(score(rows, random.predicted[target, model], model))
    if rows.recipe.kind == "classification":
        if random is not None:
            again = random.predicted[target, model]
            metrics["random"] |= _flag_scores(rows, again, random.fold[target])
        return _prove_classifier(rows, out, fold, metrics)
    scores = residual_scores(rows.y, out, rows.recipe.interval)
    half = conformal_quantile(scores)
    metrics["grouped"]["coverage_90"] = cross_coverage(scores, fold)
    width = f"a factor of {np.exp(half):.2f} either way" if rows.recipe.interval == "relative" else f"± {half:.3g}"
    words = f"split-conformal, {COVERAGE:.0%}, on residuals of held-out chemical systems: {width}"
    rule: Literal["relative", "absolute"] = "relative" if rows.recipe.interval == "relative" else "absolute"
    head = Head(target, "regression", rule, half, floor=0.0 if rows.y.min() >= 0.0 else None)
    return Proof(head, metrics, None, (), words, ())


def _known(scores: Mapping[str, float]) -> dict[str, float]:
    """Leave out what cannot be had from these rows: a card is JSON, which has no NaN."""
    return {key: value for key, value in scores.items() if np.isfinite(value)}


def _prove_classifier(
    rows: TaskRows, out: Array, fold: NDArray[np.integer], metrics: dict[str, dict[str, float]]
) -> Proof:
    """Calibrate the logit and choose the default threshold."""
    slope, intercept = platt(out, rows.y, rows.trust)
    p = expit(slope * out + intercept)
    told = rows.measured
    curve = operating_curve(p[told], rows.y[told], rows.crystalline[told])
    threshold, both = default_threshold(curve)
    metrics["grouped"] |= {**_flag_scores(rows, out, fold), "threshold": threshold}
    notes = () if both else ("recall ≥ 0.95 and specificity ≥ 0.8 cannot both be had; the threshold is their best sum",)
    head = Head(rows.recipe.target, "classification", slope=slope, intercept=intercept)
    return Proof(head, metrics, threshold, curve, "", notes)


def _flag_scores(rows: TaskRows, out: Array, fold: NDArray[np.integer]) -> dict[str, float]:
    """Score probabilities and flags that were settled for each fold on the others, on the measured rows."""
    told = rows.measured
    p, flagged = cross_flags(out, rows.y, rows.trust, fold, told, rows.crystalline)
    label, p, flagged = rows.y[told], p[told], flagged[told]
    probable = classification_scores(label, p)
    scores = {k: probable[k] for k in ("brier", "precision", "recall", "specificity", "f1", "balanced_accuracy")}
    positive = label > 0.5
    counted = rows.crystalline[told] if rows.crystalline[told].any() else ~positive
    hits = float((flagged & positive).sum())
    return scores | {
        "recall_at_threshold": hits / max(1.0, float(positive.sum())),
        "precision_at_threshold": hits / max(1.0, float(flagged.sum())),
        "specificity_at_threshold": float((~flagged[counted]).sum()) / max(1.0, float(counted.sum())),
    }
