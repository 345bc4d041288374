"""From measured rows to served models: cross-validate, calibrate, fit on everything, export, write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

import screener
from screener.card import Condition, ModelCard, Source, Target, Tier
from screener.descriptors.specs import feature_spec
from training.catalogue import catalogue
from training.contenders import PRECISE, SCREEN, screen_student, shares_with
from training.crossval import cross_validate
from training.distillation import Student
from training.effort import FULL, Effort
from training.ensembles import Ensemble, fit_ensemble
from training.graphs import Body, build_model, dense_body
from training.proof import Proof, prove
from training.publish import sealed
from training.recipes import Recipe, thinned
from training.tasks import TaskRows, alloy_spec

Progress = Callable[[str], None]
NAMES: Mapping[str, str] = {
    "p_amorphous": "amorphous",
    "resistivity_uohm_cm": "resistivity",
    "hardness_gpa": "hardness",
}
"""File names of the standing targets; a user's target is its own file name."""
METHOD = {
    "characterize": "ensemble of independent tree learners: {members}",
    "screen": "net of hidden layers {widths}, distilled from the characterize tier on {rows:,} random alloys, {epochs} "
    "epochs",
    "shared": "multi-task net, hidden layers {widths} shared with {others}, distilled on {rows:,} random alloys and "
    "measured labels, {epochs} epochs",
}


def fit_models(
    tables: Mapping[str, TaskRows],
    data_digest: str,
    workers: int = 2,
    progress: Progress = lambda _: None,
    seed: int = 0,
    effort: Effort = FULL,
) -> dict[str, bytes]:
    """Fit both tiers of every target.

    Args:
        tables: rows by target.
        data_digest: digest of the data behind the rows, for the cards.
        workers: processes for cross-validation.
        progress: told what is going on.
        seed: of folds, learners, lessons and nets.
        effort: how much work goes into it.

    Returns:
        File name → content: `screen/….onnx`, `characterize/….onnx`.

    Raises:
        InputError: a target cannot be learned without one of the folds.
    """
    tables = {t: replace(rows, recipe=thinned(rows.recipe, effort.trees)) for t, rows in tables.items()}
    grouped = cross_validate(tables, "grouped", [seed], (PRECISE, SCREEN), workers, progress, effort)[0]
    random = cross_validate(tables, "random", [seed], (PRECISE,), workers, progress, effort)[0]
    files: dict[str, bytes] = {}
    teachers: dict[str, Ensemble] = {}
    for target, rows in tables.items():
        progress(f"fitting the characterize tier of {target}")
        teachers[target] = fit_ensemble(rows, seed)
        bodies, weights = teachers[target].bodies(rows.inputs.shape[1])
        proof = prove(rows, PRECISE, grouped, random)
        method = METHOD["characterize"].format(members=_members(rows.recipe))
        files |= _file("characterize", rows, bodies, weights, proof, (method, effort.note), data_digest)
    for target, rows in tables.items():
        progress(f"distilling the screen tier of {target}")
        student = screen_student(target, tables, teachers, seed, effort)
        proof = prove(rows, SCREEN, grouped, None)
        body = dense_body(student.layers, exponential=student.log)
        told = (_method(student, shares_with(tables, target), effort), effort.note)
        conditions = student.conditions and bool(rows.recipe.conditions)
        files |= _file("screen", rows, [body], [1.0], proof, told, data_digest, conditions=conditions)
    return files


def _members(recipe: Recipe) -> str:
    """Name the learners of a recipe with the number of their trees and the columns they read."""
    trees = (m.options.get("n_estimators", m.options.get("rounds")) for m in recipe.members)
    return ", ".join(
        f"{m.learner} ({n} trees, {m.columns} columns)" for m, n in zip(recipe.members, trees, strict=True)
    )


def _method(student: Student, others: Sequence[str], effort: Effort) -> str:
    """Say how a net of the screen tier came about."""
    widths = "–".join(str(width) for width in effort.schedule.widths)
    sizes = {"widths": widths, "rows": effort.lesson_rows, "epochs": effort.schedule.epochs}
    return METHOD["shared" if others else "screen"].format(**sizes, others=", ".join(others))


def _file(
    tier: Tier,
    rows: TaskRows,
    bodies: Sequence[Body],
    weights: Sequence[float],
    proof: Proof,
    told: tuple[str, str],
    data_digest: str,
    *,
    conditions: bool = True,
) -> dict[str, bytes]:
    """Build, describe and seal one model, told its method and a note: file name → bytes."""
    spec = alloy_spec() if tier == "characterize" else feature_spec("screen")
    described = _conditions(rows) if conditions else ()
    model = build_model(bodies, weights, proof.head, len(spec.names), len(described))
    method, note = told
    card = ModelCard(
        tier=tier,
        target=_target(rows),
        features=spec.name,
        features_digest=spec.digest,
        elements=rows.seen_elements(),
        conditions=described,
        threshold=proof.threshold,
        curve=proof.curve,
        metrics=proof.metrics,
        interval=proof.interval,
        method=method,
        notes=(*proof.notes, *((note,) if note else ())),
        sources=_sources(rows),
        data_digest=data_digest,
        code_version=screener.__version__,
        created=datetime.now(UTC).date().isoformat(),
    )
    return {f"{tier}/{file_name(rows.recipe.target)}": sealed(model, card)}


def file_name(target: str) -> str:
    """Name the file of a target's model within the folder of its tier."""
    return f"{NAMES.get(target, target)}.onnx"


def _target(rows: TaskRows) -> Target:
    """Describe the target with the range of its training values."""
    recipe: Recipe = rows.recipe
    if recipe.kind == "classification":
        return Target(recipe.target, recipe.unit, "classification", 0.0, 1.0)
    low, high = np.quantile(rows.y, (0.05, 0.95))
    if low == high:
        low, high = rows.y.min(), rows.y.max()
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
        Source(
            k,
            f"{known[k].citation} {known[k].doi}".strip() if k in known else k,
            known[k].licence if k in known else "own",
            n,
        )
        for k, n in sorted(counts.items())
    )


def table_digest(tables: Mapping[str, TaskRows]) -> str:
    """Name the rows that models are fitted on by 16 hexadecimal digits."""
    state = hashlib.sha256()
    for target, rows in tables.items():
        state.update(target.encode())
        for column in (rows.fractions, rows.conditions, rows.y, rows.trust):
            state.update(np.ascontiguousarray(column).tobytes())
    return state.hexdigest()[:16]
