"""Stacking: shares of learners in a blend, learned from out-of-fold predictions of new chemical systems.

Shares are learned on one grouping of chemical systems and judged on another (Breiman 1996, doi:10.1007/BF00117832).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.crossval import FOLDS, fold_rows
from training.ensembles import Ensemble, fit_ensembles, masked, takes_log
from training.evaluation import score, scored_rows
from training.recipes import Member, standing_recipes
from training.tasks import TaskRows
from training.workers import in_order

Array = NDArray[np.floating]
Progress = Callable[[str], None]
CHOICE, JUDGED = 10, 11
"""Groupings on which shares are learned, and on which they are judged; the tables of scores start from 0."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Learners of one target and what they are worth on new chemical systems.

    Attributes:
        target: what is learned.
        members: learners of the recipe, then those it leaves out.
        standing: shares in the recipe (m,), 0 for those it leaves out.
        learned: shares learned from out-of-fold predictions (m,).
        alone: score of each learner alone (m,).
        blends: score of a blend, by how its shares were found.
    """

    target: str
    members: tuple[Member, ...]
    standing: tuple[float, ...]
    learned: tuple[float, ...]
    alone: tuple[float, ...]
    blends: Mapping[str, float]


def stack(
    tables: Mapping[str, TaskRows], headline: Mapping[str, str], workers: int = 2, progress: Progress = lambda _: None
) -> list[Stack]:
    """Fit every candidate learner out of fold on both groupings, learn shares on one and judge them on the other.

    Args:
        tables: rows by target.
        headline: name of the score by kind of target.
        workers: processes; 1 works in this one.
        progress: told of every fold.
    """
    wide = {target: widened(rows) for target, rows in tables.items()}
    units = [(seed, fold) for seed in (CHOICE, JUDGED) for fold in range(FOLDS)]
    answers = in_order(_fit_fold, wide, units, workers)
    found = {
        (seed, target): np.full((len(rows), len(rows.recipe.members) + 1), np.nan)
        for seed in (CHOICE, JUDGED)
        for target, rows in wide.items()
    }
    for (seed, fold), answer in zip(units, answers, strict=True):
        for target, assigned in fold_rows(wide, "grouped", seed).items():
            found[seed, target][assigned == fold] = answer[target]
        progress(f"grouping {seed}: fold {fold + 1} of {FOLDS}")
    return [_judged(rows, found[CHOICE, t], found[JUDGED, t], headline[rows.recipe.kind]) for t, rows in wide.items()]


def widened(rows: TaskRows) -> TaskRows:
    """Give the recipe every learner that a standing recipe of its kind has and it has not, with a share of 0."""
    recipe = rows.recipe
    members = list(recipe.members)
    for other in standing_recipes().values():
        for member in other.members if other.kind == recipe.kind else ():
            if (member.learner, member.columns) not in {(m.learner, m.columns) for m in members}:
                members.append(replace(member, weight=0.0, log=takes_log(other, member)))
    return replace(rows, recipe=replace(recipe, members=tuple(members)))


def member_predictions(ensemble: Ensemble, inputs: Array) -> Array:
    """Predict with every member, values in physical units or logits, shape (b, f + k) → (b, m)."""
    if ensemble.gate is not None:
        inputs = np.hstack([inputs, ensemble.gate.probability(inputs)[:, None]])
    columns = []
    for member, model in zip(ensemble.recipe.members, ensemble.models, strict=True):
        raw = model.predict(masked(inputs, member))
        columns.append(np.exp(raw) if takes_log(ensemble.recipe, member) else raw)
    return np.stack(columns, axis=1)


def learned_shares(predicted: Array, y: Array, *, classes: bool) -> Array:
    """Find the shares, none negative and 1 together, of the blend with the least error.

    Args:
        predicted: what each learner said, values or logits (b, m).
        y: values, or labels 0 and 1 (b,).
        classes: whether to minimise the log-loss of the blended logits, whose scale is free, or the squared error.
    """
    m = predicted.shape[1]
    start = np.append(np.full(m, 1.0 / m), 1.0 if classes else 0.0)
    scale = 1.0 if classes else float(np.var(y)) or 1.0

    def loss(parameters: Array) -> float:
        blend = predicted @ parameters[:m]
        if classes:
            return float(np.mean(np.logaddexp(0.0, -np.where(y > 0.5, 1.0, -1.0) * blend * parameters[m])))
        return float(np.mean((blend - y) ** 2) / scale)

    bounds = [(0.0, 1.0)] * m + [(1e-3, 1e3)]
    total = {"type": "eq", "fun": lambda parameters: parameters[:m].sum() - 1.0}
    if not classes:
        bounds[m] = (0.0, 0.0)
    result = minimize(loss, start, method="SLSQP", bounds=bounds, constraints=[total], options={"maxiter": 500})
    shares = np.clip(result.x[:m], 0.0, None)
    return np.asarray(shares / shares.sum())


def _fit_fold(tables: Mapping[str, TaskRows], unit: tuple[int, int]) -> dict[str, Array]:
    """Fit every target outside one fold and predict inside with every member, and last with all as they are served."""
    seed, fold = unit
    folds = fold_rows(tables, "grouped", seed)
    outside = {target: rows.take(np.flatnonzero(folds[target] != fold)) for target, rows in tables.items()}
    fitted = fit_ensembles(outside, seed)
    inside = {target: rows.inputs[folds[target] == fold] for target, rows in tables.items()}
    return {t: np.column_stack([member_predictions(fitted[t], x), fitted[t].predict(x)]) for t, x in inside.items()}


def _judged(rows: TaskRows, choice: Array, judged: Array, name: str) -> Stack:
    """Learn shares from one set of predictions (n, m + 1) and score all blends on another."""
    recipe, counted = rows.recipe, scored_rows(rows)
    members = recipe.members
    choice, judged, served = choice[:, :-1], judged[:, :-1], judged[:, -1]
    standing = np.array([member.weight for member in members])
    classes = recipe.kind == "classification"
    learned = learned_shares(choice[counted], rows.y[counted], classes=classes)

    def value(shares: Sequence[float] | Array) -> float:
        return score(rows, judged @ np.asarray(shares), "precise")[name]

    blends = {"recipe": standing, "learned": learned, "equal": np.full(len(members), 1.0 / len(members))}
    scores = {f"{how} shares": value(shares) for how, shares in blends.items()}
    if recipe.residual is not None:
        scores["recipe shares, residuals learned"] = score(rows, served, "precise")[name]
    return Stack(
        recipe.target,
        members,
        tuple(standing.tolist()),
        tuple(learned.tolist()),
        tuple(value(row) for row in np.eye(len(members))),
        scores,
    )
