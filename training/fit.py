"""From measured rows to served models: cross-validate, calibrate, fit on everything, export, write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

import screener
from screener.card import Condition, ModelCard, OperatingPoint, Source, Target, Tier
from screener.descriptors.specs import feature_spec
from training.calibration import (
    COVERAGE,
    conformal_quantile,
    cross_coverage,
    default_threshold,
    expit,
    operating_curve,
    platt,
    residual_scores,
)
from training.catalogue import catalogue
from training.contenders import LESSON_ROWS, PRECISE, SCHEDULE, SCREEN, SCREEN_ALONE
from training.crossval import OutOfFold, cross_validate
from training.distillation import Student, distill, distill_shared, make_lesson
from training.ensembles import Ensemble, fit_ensemble
from training.evaluation import score
from training.graphs import Body, Head, build_model, dense_body
from training.publish import sealed
from training.recipes import Recipe
from training.tasks import TaskRows, alloy_spec

Array = NDArray[np.floating]
Progress = Callable[[str], None]
NAMES: Mapping[str, str] = {"p_amorphous": "amorphous", "resistivity_uohm_cm": "resistivity", "hardness_gpa": "hardness"}
"""File names of the standing targets; a user's target is its own file name."""
METHOD = {
    "characterize": "ensemble of independent tree learners: {members}",
    "screen": "net of hidden layers {widths}, distilled from the characterize tier on {rows:,} random alloys",
    "shared": "multi-task net, hidden layers {widths} shared with {others}, distilled on {rows:,} random alloys and measured labels",
}


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


def fit_models(tables: Mapping[str, TaskRows], data_digest: str, workers: int = 2, progress: Progress = lambda _: None,
               seed: int = 0) -> dict[str, bytes]:
    """Fit both tiers of every target.

    Args:
        tables: rows by target.
        data_digest: digest of the data behind the rows, for the cards.
        workers: processes for cross-validation.
        progress: told what is going on.
        seed: of folds, learners and lessons.

    Returns:
        File name → content: `screen/….onnx`, `characterize/….onnx`.
    """
    grouped = cross_validate(tables, "grouped", [seed], (PRECISE, SCREEN, SCREEN_ALONE), workers, progress)[0]
    random = cross_validate(tables, "random", [seed], (PRECISE,), workers, progress)[0]
    files: dict[str, bytes] = {}
    teachers: dict[str, Ensemble] = {}
    for target, rows in tables.items():
        progress(f"fitting the characterize tier of {target}")
        teachers[target] = fit_ensemble(rows, seed)
        bodies, weights = teachers[target].bodies(rows.inputs.shape[1])
        proof = prove(rows, PRECISE, grouped, random)
        method = METHOD["characterize"].format(members=", ".join(m.learner for m in rows.recipe.members))
        files |= _file("characterize", rows, bodies, weights, proof, method, data_digest)
    for target, rows in tables.items():
        progress(f"distilling the screen tier of {target}")
        student, method = _student(target, tables, teachers, seed)
        proof = prove(rows, SCREEN, grouped, None)
        body = dense_body(student.layers, exponential=student.log)
        files |= _file("screen", rows, [body], [1.0], proof, method, data_digest)
    return files


def _student(target: str, tables: Mapping[str, TaskRows], teachers: Mapping[str, Ensemble], seed: int) -> tuple[Student, str]:
    """Distil one target: a classifier shares its layers with every regressor there is, a regressor stands alone."""
    rows = tables[target]
    lesson = make_lesson(rows.fractions, LESSON_ROWS, seed)
    others = {t: r for t, r in tables.items() if r.recipe.kind == "regression"}
    widths = "–".join(str(w) for w in SCHEDULE.widths)
    if rows.recipe.kind == "regression" or not others:
        return distill(rows, teachers[target], lesson, SCHEDULE), METHOD["screen"].format(widths=widths, rows=LESSON_ROWS)
    method = METHOD["shared"].format(widths=widths, others=", ".join(others), rows=LESSON_ROWS)
    return distill_shared({target: rows, **others}, teachers, lesson, SCHEDULE), method


def prove(rows: TaskRows, model: str, grouped: OutOfFold, random: OutOfFold | None) -> Proof:
    """Score one contender out of fold and derive its interval, calibration, threshold and notes."""
    target = rows.recipe.target
    out = grouped.predicted[target, model]
    metrics = {"grouped": score(rows, out, model)}
    if random is not None:
        metrics["random"] = score(rows, random.predicted[target, model], model)
    if rows.recipe.kind == "classification":
        return _prove_classifier(rows, out, metrics)
    scores = residual_scores(rows.y, out, rows.recipe.interval)
    half = conformal_quantile(scores)
    metrics["grouped"]["coverage_90"] = cross_coverage(scores, grouped.fold[target])
    width = f"a factor of {np.exp(half):.2f} either way" if rows.recipe.interval == "relative" else f"± {half:.3g}"
    words = f"split-conformal, {COVERAGE:.0%}, on residuals of held-out chemical systems: {width}"
    head = Head(target, "regression", "relative" if rows.recipe.interval == "relative" else "absolute", half)
    return Proof(head, metrics, None, (), words, ())


def _prove_classifier(rows: TaskRows, out: Array, metrics: dict[str, dict[str, float]]) -> Proof:
    """Calibrate the logit and choose the default threshold."""
    slope, intercept = platt(out, rows.y, rows.trust)
    p = expit(slope * out + intercept)
    told = rows.measured
    crystalline = rows.crystalline[told] if rows.crystalline.any() else rows.y[told] < 0.5
    curve = operating_curve(p[told], rows.y[told], crystalline)
    threshold, both = default_threshold(curve)
    point = next(c for c in curve if c.threshold == threshold)
    metrics["grouped"] |= {"threshold": threshold, "recall_at_threshold": point.recall,
                           "precision_at_threshold": point.precision, "specificity_at_threshold": point.specificity}
    notes = () if both else ("recall ≥ 0.95 and specificity ≥ 0.8 cannot both be had; the threshold is their best sum",)
    head = Head(rows.recipe.target, "classification", slope=slope, intercept=intercept)
    return Proof(head, metrics, threshold, curve, "", notes)


def _file(tier: Tier, rows: TaskRows, bodies: Sequence[Body], weights: Sequence[float], proof: Proof, method: str,
          data_digest: str) -> dict[str, bytes]:
    """Build, describe and seal one model: file name → bytes."""
    spec = alloy_spec() if tier == "characterize" else feature_spec("screen")
    shared = tier == "screen" and rows.recipe.kind == "classification"
    conditions = () if shared else _conditions(rows)
    model = build_model(bodies, weights, proof.head, len(spec.names), len(conditions))
    card = ModelCard(
        tier=tier, target=_target(rows), features=spec.name, features_digest=spec.digest, elements=rows.seen_elements(),
        conditions=conditions, threshold=proof.threshold, curve=proof.curve, metrics=proof.metrics,
        interval=proof.interval, method=method, notes=proof.notes, sources=_sources(rows), data_digest=data_digest,
        code_version=screener.__version__, created=datetime.now(UTC).date().isoformat(),
    )
    return {f"{tier}/{NAMES.get(rows.recipe.target, rows.recipe.target)}.onnx": sealed(model, card)}


def _target(rows: TaskRows) -> Target:
    """Describe the target with the range of its training values."""
    recipe: Recipe = rows.recipe
    if recipe.kind == "classification":
        return Target(recipe.target, recipe.unit, "classification", 0.0, 1.0)
    low, high = np.quantile(rows.y, (0.05, 0.95))
    return Target(recipe.target, recipe.unit, "regression", float(low), float(high))


def _conditions(rows: TaskRows) -> tuple[Condition, ...]:
    """Describe the conditions with their training ranges."""
    return tuple(
        Condition(c.name, c.unit, c.reference, float(rows.conditions[:, k].min()), float(rows.conditions[:, k].max()))
        for k, c in enumerate(rows.recipe.conditions)
    )


def _sources(rows: TaskRows) -> tuple[Source, ...]:
    """Cite every data set with the number of rows it has a part in."""
    known = catalogue()
    counts: dict[str, int] = {}
    for keys in rows.source:
        for key in str(keys).split("+"):
            counts[key] = counts.get(key, 0) + 1
    return tuple(
        Source(k, f"{known[k].citation} {known[k].doi}".strip() if k in known else k, known[k].licence if k in known else "own", n)
        for k, n in sorted(counts.items())
    )


def table_digest(tables: Mapping[str, TaskRows]) -> str:
    """Digest of the rows that models are fitted on, 16 hex digits."""
    state = hashlib.sha256()
    for target, rows in tables.items():
        state.update(target.encode())
        for column in (rows.fractions, rows.conditions, rows.y, rows.trust):
            state.update(np.ascontiguousarray(column).tobytes())
    return state.hexdigest()[:16]
