"""What cross-validation says of a model: scores, and the interval, calibration, threshold and domain that follow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener.card import DistanceBin, OperatingPoint
from training.calibration import (
    COVERAGE,
    conformal_quantile,
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
from training.intervals import (
    UPTO,
    Residuals,
    cross_intervals,
    distance_bins,
    domain_limit,
    half_widths,
    joined,
    training_distance,
)
from training.metrics import classification_scores
from training.routes import BULK_GLASS
from training.tasks import TaskRows

Array = NDArray[np.floating]
FOLD_SCORES = {"regression": ("r2", "mae"), "classification": ("pr_auc", "brier")}
"""Scores of every fold that a card keeps, so that a later model can be compared on the same folds."""

LEAST_R2 = 0.1
LEAST_ROC_AUC = 0.6
WEAK = "hardly better than guessing on held-out chemical systems"
"""Note on a model whose grouped R² or ROC-AUC is below these."""


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
        prior: share of positives that the calibrated probabilities assume (classification).
        distance: held-out errors and interval widths by distance to the training alloys.
        limit: distance beyond which an alloy is outside the domain, at.%.
        folds: digest of the folds and of the rows in them.
        fold_scores: grouped scores of every fold.
    """

    head: Head
    metrics: Mapping[str, Mapping[str, float]]
    threshold: float | None = None
    curve: tuple[OperatingPoint, ...] = ()
    interval: str = ""
    notes: tuple[str, ...] = ()
    prior: float | None = None
    distance: tuple[DistanceBin, ...] = ()
    limit: float | None = None
    folds: str = ""
    fold_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def prove(
    rows: TaskRows, model: str, grouped: OutOfFold, random: OutOfFold | None, teacher: str | None = None
) -> Proof:
    """Score one contender out of fold and derive its interval, calibration, threshold, domain and notes.

    What is stated of intervals, calibrated probabilities and flags was settled for each fold on the other folds; what
    is served was settled on all of them.

    Args:
        rows: measured rows of the target.
        model: contender.
        grouped: out-of-fold predictions by chemical system.
        random: the same by composition, if there are any.
        teacher: contender whose calibration a classifier takes over, so that both give one alloy the same probability
            where they agree; its own where None.
    """
    target, told = rows.recipe.target, np.flatnonzero(rows.measured)
    runs = [run for run in (grouped, random) if run is not None]
    rows = rows.take(told)
    out = [run.predicted[target, model][told] for run in runs]
    folds = [run.fold[target][told] for run in runs]
    metrics: dict[str, dict[str, float]] = {
        run.split: _known(score(rows, raw, model)) for run, raw in zip(runs, out, strict=True)
    }
    if rows.recipe.kind == "classification":
        proof = _classifier(rows, out, folds, metrics, [run.predicted[target, teacher or model][told] for run in runs])
    else:
        proof = _regressor(rows, out, folds, metrics)
    return replace(
        proof,
        metrics={split: _known(values) for split, values in proof.metrics.items()},
        notes=(*proof.notes, *_weakness(proof.metrics["grouped"])),
        folds=folds_digest(rows, folds[0]),
        fold_scores=_fold_scores(rows, out[0], folds[0], model),
    )


def folds_digest(rows: TaskRows, fold: NDArray[np.integer]) -> str:
    """Name rows and their folds by 16 hexadecimal digits: scores can be compared only where both agree."""
    state = hashlib.sha256(rows.recipe.target.encode())
    order = np.lexsort((rows.y, rows.key))
    for column in (rows.fractions, rows.conditions, rows.y, fold.astype(np.int64)):
        state.update(np.ascontiguousarray(column[order]).tobytes())
    return state.hexdigest()[:16]


def residuals(rows: TaskRows, out: Array, fold: NDArray[np.integer]) -> Residuals:
    """Collect scores, errors and distances of held-out rows of a regressor, or of calibrated probabilities."""
    distance = training_distance(rows, fold)
    if rows.recipe.kind == "classification":
        error = (out - rows.y) ** 2
        return Residuals(error, error, (rows.y.mean() - rows.y) ** 2, distance, fold)
    score = residual_scores(rows.y, out, rows.recipe.interval)
    return Residuals(score, np.abs(rows.y - out), np.abs(rows.y - np.median(rows.y)), distance, fold)


def _regressor(
    rows: TaskRows, out: list[Array], folds: list[NDArray[np.int64]], metrics: dict[str, dict[str, float]]
) -> Proof:
    """Settle the interval, graded by distance."""
    grouped, *rest = (residuals(rows, raw, fold) for raw, fold in zip(out, folds, strict=True))
    random = rest[0] if rest else None
    rule: Literal["relative", "absolute"] = "relative" if rows.recipe.interval == "relative" else "absolute"
    half, width = conformal_quantile(grouped.score), half_widths(*joined(grouped, random))
    for split, scored in zip(metrics, (grouped, *rest), strict=True):
        coverage, mean = cross_intervals(grouped, random, scored)
        metrics[split] |= {"coverage_90": coverage, "mean_half_width": mean}
    words = f"a factor of {np.exp(half):.2f} either way" if rule == "relative" else f"± {half:.3g}"
    text = (
        f"split-conformal, {COVERAGE:.0%}, on residuals of held-out chemical systems: {words}; "
        "where the distance to the training alloys is known, by its bin"
    )
    floor = 0.0 if rows.y.min() >= 0.0 else None
    head = Head(rows.recipe.target, "regression", rule, half, floor=floor)
    return Proof(
        head,
        metrics,
        interval=text,
        distance=distance_bins(grouped, width, half),
        limit=domain_limit(grouped),
    )


def _classifier(
    rows: TaskRows,
    out: list[Array],
    folds: list[NDArray[np.int64]],
    metrics: dict[str, dict[str, float]],
    calibrating: list[Array],
) -> Proof:
    """Calibrate the logit and choose the default threshold; whether a glass is a bulk one is no flag of its own."""
    slope, intercept = platt(calibrating[0], rows.y, rows.trust)
    p = expit(slope * out[0] + intercept)
    curve = operating_curve(p, rows.y, rows.crystalline)
    threshold, both = default_threshold(curve)
    for split, raw, fold, heard in zip(metrics, out, folds, calibrating, strict=True):
        metrics[split] |= _flag_scores(rows, raw, fold, heard)
    metrics["grouped"]["threshold"] = threshold
    notes = () if both else ("recall ≥ 0.95 and specificity ≥ 0.8 cannot both be had; the threshold is their best sum",)
    grouped = residuals(rows, p, folds[0])
    return Proof(
        Head(rows.recipe.target, "classification", slope=slope, intercept=intercept),
        metrics,
        prior=float(np.average(rows.y, weights=rows.trust)),
        distance=distance_bins(grouped, np.ones(len(UPTO)), 1.0),
        limit=domain_limit(grouped),
        threshold=None if rows.recipe.task == BULK_GLASS else threshold,
        curve=() if rows.recipe.task == BULK_GLASS else curve,
        notes=() if rows.recipe.task == BULK_GLASS else notes,
    )


def _weakness(grouped: Mapping[str, float]) -> tuple[str, ...]:
    """Say it where a model is hardly worth serving."""
    poor = grouped.get("r2", 1.0) < LEAST_R2 or grouped.get("roc_auc", 1.0) < LEAST_ROC_AUC
    return (WEAK,) if poor else ()


def _known(scores: Mapping[str, float]) -> dict[str, float]:
    """Leave out what cannot be had from these rows: a card is JSON, which has no NaN."""
    return {key: value for key, value in scores.items() if np.isfinite(value)}


def _fold_scores(rows: TaskRows, out: Array, fold: NDArray[np.integer], model: str) -> dict[str, tuple[float, ...]]:
    """Score every fold alone; a score that some fold cannot have is left out."""
    each = [score(rows.take(np.flatnonzero(fold == k)), out[fold == k], model) for k in np.unique(fold)]
    names = FOLD_SCORES[rows.recipe.kind]
    found = {name: tuple(scores.get(name, np.nan) for scores in each) for name in names}
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def _flag_scores(rows: TaskRows, out: Array, fold: NDArray[np.integer], calibrating: Array) -> dict[str, float]:
    """Score probabilities and flags that were settled for each fold on the others."""
    p, flagged = cross_flags(out, rows.y, rows.trust, fold, rows.measured, rows.crystalline, calibrating)
    probable = classification_scores(rows.y, p)
    scores = {k: probable[k] for k in ("brier", "precision", "recall", "specificity", "f1", "balanced_accuracy")}
    positive = rows.y > 0.5
    counted = rows.crystalline if rows.crystalline.any() else ~positive
    hits = float((flagged & positive).sum())
    return scores | {
        "recall_at_threshold": hits / max(1.0, float(positive.sum())),
        "precision_at_threshold": hits / max(1.0, float(flagged.sum())),
        "specificity_at_threshold": float((~flagged[counted]).sum()) / max(1.0, float(counted.sum())),
    }
