"""From measured rows to served models: cross-validate, calibrate, fit on everything, export, write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import ModelProto

from screener.card import Classifier
from screener.descriptors.specs import feature_spec
from training.bodies import dense_body
from training.cards import Variant, described_file
from training.cell_store import CellStore
from training.classroom import Course, shares_with, students
from training.contenders import PRECISE, SCREEN, SCREEN_ALONE
from training.crossval import OutOfFold, cross_validate
from training.distillation import Student
from training.effort import FULL, Effort
from training.ensembles import Ensemble, fit_ensembles
from training.graphs import build_model
from training.method_nets import check_nets, fit_nets, out_of_fold, told
from training.multitask.config import MultiTaskConfig
from training.proof import Proof, prove
from training.recipes import Recipe, Scalar, thinned
from training.routes import BULK_GLASS
from training.tasks import TaskRows, alloy_spec
from training.workers import in_order

Progress = Callable[[str], None]
METHOD = {
    "characterize": "ensemble of independent learners: {members}",
    "screen": "net of hidden layers {widths}, distilled from the characterize tier on {rows:,} random alloys, {epochs} "
    "epochs{gap}",
    "shared": "multi-task net, hidden layers {widths} shared with {others}, distilled on {rows:,} random alloys and "
    "the measured ones, {epochs} epochs{gap}",
    "methods": "net of {tasks}, learned from measured rows: {methods}",
}
MATCHED_RECALL = "recall_at_precision_90"


def fit_models(
    tables: Mapping[str, TaskRows],
    data_digest: str,
    workers: int = 2,
    progress: Progress = lambda _: None,
    seed: int = 0,
    effort: Effort = FULL,
    store: CellStore | None = None,
    methods: MultiTaskConfig | None = None,
) -> dict[str, bytes]:
    """Fit both tiers of every target.

    Args:
        tables: rows by target.
        data_digest: digest of the data behind the rows, for the cards.
        workers: processes for cross-validation.
        progress: told what is going on.
        seed: of folds, learners, lessons and nets.
        effort: how much work goes into it.
        store: where answers of cross-validation are looked up and kept; None computes everything.
        methods: multi-task methods to learn the screen tier by, from measured rows; None distils it. Whether a glass is
            a bulk one is distilled in any case.

    Returns:
        File name → content: `screen/….onnx`, `characterize/….onnx`.

    Raises:
        InputError: a target cannot be learned without one of the folds, or not by these methods.
    """
    tables = {t: replace(rows, recipe=thinned(rows.recipe, effort.trees)) for t, rows in tables.items()}
    by_method = {} if methods is None else {t: r for t, r in tables.items() if r.recipe.task != BULK_GLASS}
    if methods is not None:
        check_nets(by_method, methods, seed)
    distilled = [target for target in tables if target not in by_method]
    contenders = (PRECISE, SCREEN, SCREEN_ALONE) if distilled else (PRECISE,)
    grouped = cross_validate(tables, "grouped", [seed], contenders, workers, progress, effort, store)[0]
    random = cross_validate(tables, "random", [seed], (PRECISE,), workers, progress, effort, store)[0]
    files: dict[str, bytes] = {}
    progress("fitting the characterize tier")
    teachers = fit_ensembles(tables, seed)
    for target, rows in tables.items():
        proof = prove(rows, PRECISE, grouped, random)
        graph = _precise_graph(teachers[target], rows, proof)
        method = METHOD["characterize"].format(members=_members(rows.recipe))
        files |= described_file("characterize", rows, graph, proof, method, effort, data_digest)
    if methods is not None:
        progress(f"learning the screen tier of {', '.join(by_method)}")
        files |= _by_methods(by_method, methods, seed, workers, effort, data_digest)
    if distilled:
        progress(f"distilling the screen tier of {', '.join(distilled)}")
    course = Course(tables, teachers, seed, effort.served())
    for target, nets in zip(distilled, in_order(students, course, distilled, workers), strict=True):
        rows = tables[target]
        for variant, student in zip(variants(target, tables, rows, grouped), nets, strict=True):
            graph = _screen_graph(student, rows, variant.proof)
            shared = () if variant.alone else shares_with(tables, target)
            method = _method(student, shared, effort.served())
            files |= described_file("screen", rows, graph, variant.proof, method, effort, data_digest, variant)
    return files


def _by_methods(
    tables: Mapping[str, TaskRows],
    methods: MultiTaskConfig,
    seed: int,
    workers: int,
    effort: Effort,
    data_digest: str,
) -> dict[str, bytes]:
    """Learn the screen tier by a user's choice of methods."""
    grouped = out_of_fold(tables, methods, seed, workers)
    words = METHOD["methods"].format(tasks=", ".join(tables), methods=told(methods))
    files: dict[str, bytes] = {}
    for target, net in fit_nets(tables, methods, seed).items():
        rows = tables[target]
        proof = prove(rows, SCREEN, grouped, None)
        files |= described_file("screen", rows, _screen_graph(net, rows, proof), proof, words, effort, data_digest)
    return files


def variants(target: str, tables: Mapping[str, TaskRows], rows: TaskRows, grouped: OutOfFold) -> tuple[Variant, ...]:
    """Prove the screen nets of a target: one, or a multi-task and an independent classifier.

    Preferred is the one that recalls more held-out glasses at precision 0.9; a draw goes to the multi-task net.
    """
    if not shares_with(tables, target):
        return (Variant(prove(rows, SCREEN, grouped, None, PRECISE), alone=True),)
    both: dict[Classifier, str] = {"mtl": SCREEN, "independent": SCREEN_ALONE}
    proofs = {name: prove(rows, model, grouped, None, PRECISE) for name, model in both.items()}
    recall = {name: proof.metrics["grouped"].get(MATCHED_RECALL, 0.0) for name, proof in proofs.items()}
    best = "mtl" if recall["mtl"] >= recall["independent"] else "independent"
    note = (
        f"recall at precision 0.9 on held-out systems: multi-task {recall['mtl']:.3f}, independent "
        f"{recall['independent']:.3f}; the {'multi-task' if best == 'mtl' else 'independent'} net is the default"
    )
    return tuple(
        Variant(replace(proof, notes=(*proof.notes, note)), alone=name == "independent", name=name, best=name == best)
        for name, proof in proofs.items()
    )


def _precise_graph(teacher: Ensemble, rows: TaskRows, proof: Proof) -> ModelProto:
    """Write an ensemble as a graph."""
    n_inputs, n_conditions = rows.inputs.shape[1], len(rows.recipe.conditions)
    bodies, weights = teacher.bodies(n_inputs)
    parts = teacher.gate_part(), teacher.residual_body(n_inputs)
    return build_model(bodies, weights, proof.head, len(alloy_spec().names), n_conditions, *parts)


def _screen_graph(student: Student, rows: TaskRows, proof: Proof) -> ModelProto:
    """Write a student as a graph."""
    body = dense_body(student.layers, exponential=student.log)
    return build_model([body], [1.0], proof.head, len(feature_spec("screen").names), len(rows.recipe.conditions))


def _members(recipe: Recipe) -> str:
    """Name the learners of a recipe with the number of their trees and the columns they read."""

    def size(options: Mapping[str, Scalar]) -> str:
        trees = options.get("n_estimators", options.get("rounds"))
        return f"{options.get('epochs', 30)} epochs" if trees is None else f"{trees} trees"

    members = (f"{m.weight:.2g} × {m.learner} ({size(m.options)}, {m.columns} columns)" for m in recipe.members)
    gate = "" if recipe.gate is None else f"; reads {recipe.gate.target} as predicted"
    residual = recipe.residual
    rest = "" if residual is None else f"; corrected by {residual.learner} ({size(residual.options)}) on its residuals"
    return ", ".join(members) + gate + rest


def _method(student: Student, others: Sequence[str], effort: Effort) -> str:
    """Say how a net of the screen tier came about."""
    widths = "–".join(str(width) for width in effort.schedule.widths)
    gap = f", relaxation gap weighed {effort.schedule.gap:g}" if effort.schedule.gap else ""
    sizes = {"widths": widths, "rows": effort.lesson_rows, "epochs": effort.schedule.epochs, "gap": gap}
    return METHOD["shared" if others else "screen"].format(**sizes, others=", ".join(others))


def table_digest(tables: Mapping[str, TaskRows]) -> str:
    """Name the rows that models are fitted on by 16 hexadecimal digits."""
    state = hashlib.sha256()
    for target, rows in tables.items():
        state.update(target.encode())
        for column in (rows.fractions, rows.conditions, rows.y, rows.trust, rows.glassy):
            state.update(np.ascontiguousarray(column).tobytes())
    return state.hexdigest()[:16]
