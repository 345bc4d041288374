"""Scores of one cell: how well each task's test rows were predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.diagnostics.screening import confusion, confusions, screening_scores
from training.diagnostics.tails import tail_scores
from training.diagnostics.thresholds import f_beta_threshold
from training.metrics import r_squared
from training.study.data import StudyRows
from training.study.runs import Cell, select
from training.study.splits import Split

Array = NDArray[np.floating]
LOWER_IS_BETTER = frozenset(
    (
        *("rmse", "mae", "p95", "p99", "max", "worst_tenth", "mae_top_tenth", "mae_bottom_tenth"),
        *("mae_physical", "rmse_physical", "brier", "log_loss", "calibration_error"),
    )
)
MATCHED = "recall_at_matched_precision"
HEADLINE = {False: "r2", True: "pr_auc"}
"""The score that stands for a regression task, and for labels."""


def cell_scores(cell: Cell, best: str = "joint") -> dict[str, dict[str, float]]:
    """Score every task of a cell.

    Args:
        cell: from `runs.run`.
        best: checkpoint, `joint` or `task`.

    Returns:
        Task → score by name. Regressions: R², errors in standard deviations of the training labels, tails, and R² and
        errors in the task's unit. Labels: as `screening_scores` at ½, and recall, precision and F1 at the threshold of
        the best F2 on the validation rows.
    """
    test, valid = cell.outcome.test(best), cell.outcome.validation(best)
    return {
        name: task_scores(cell.rows, cell.split, task, test[:, task], valid[:, task])
        for task, name in enumerate(cell.rows.tasks)
    }


def task_scores(rows: StudyRows, split: Split, task: int, test: Array, valid: Array) -> dict[str, float]:
    """Score one task.

    Args:
        rows: all rows.
        split: which were tested.
        task: its number.
        test: predictions as learned of all test rows, shape (b,).
        valid: predictions as learned of all validation rows.
    """
    known = rows.rows.known[split.test, task]
    y, predicted = rows.rows.y[split.test, task][known], np.asarray(test, np.float64)[known]
    if not np.isfinite(predicted).all():
        return {}
    if not rows.rows.is_label[task]:
        return _regression(rows, task, y, predicted, _spread(rows, split, task))
    return {**_screened(y, sigmoid(predicted)), **_at_rule(rows, split, task, y, predicted, valid)}


def sigmoid(logit: Array) -> Array:
    """Probability of a logit."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logit, np.float64))))


def precision_at_half(cell: Cell, task: int, best: str = "joint") -> float:
    """Precision of a label task at probability ½; NaN where nothing is flagged."""
    label, logit = known_test(cell, task, best)
    return confusion(label, logit, 0.0).precision


def recall_at_precision(cell: Cell, task: int, precision: float, best: str = "joint") -> float:
    """Highest recall of a label task among thresholds of at least a precision, 0 where none has it."""
    label, logit = known_test(cell, task, best)
    return max((p.recall for p in confusions(label, logit)[1:] if p.precision >= precision - 1e-12), default=0.0)


def matched_recall(
    cells: Sequence[Cell], references: Mapping[str, str]
) -> Callable[[Cell], Mapping[str, Mapping[str, float]]]:
    """Return what scores a cell's recall at the precision that its reference has at probability ½.

    Args:
        cells: of the study.
        references: arm → the arm whose precision is matched, on the same split and seed.
    """
    by = {(c.rows.name, c.split.kind, c.split.number, c.seed, c.arm.name): c for c in cells}

    def score(cell: Cell) -> Mapping[str, Mapping[str, float]]:
        place = (cell.rows.name, cell.split.kind, cell.split.number, cell.seed)
        reference = by.get((*place, references.get(cell.arm.name, "")))
        found: dict[str, Mapping[str, float]] = {}
        for task in np.flatnonzero(cell.rows.rows.is_label).tolist() if reference else ():
            level = precision_at_half(reference, task) if reference else float("nan")
            recall = recall_at_precision(cell, task, level) if np.isfinite(level) else float("nan")
            found[cell.rows.tasks[task]] = {MATCHED: recall}
        return found

    return score


def known_test(cell: Cell, task: int, best: str = "joint") -> tuple[Array, Array]:
    """Targets and predictions, as learned, of the test rows that have the task's label."""
    known = cell.rows.rows.known[cell.split.test, task]
    return cell.rows.rows.y[cell.split.test, task][known], cell.outcome.test(best)[known, task]


def largest_gap(cells: Sequence[Cell], one: str, other: str) -> float:
    """Return the largest difference between the test predictions of two arms on the same splits and seeds."""
    by = {(c.rows.name, c.split.name, c.seed): c for c in select(cells, arm=one)}
    gaps = [0.0]
    for cell in select(cells, arm=other):
        twin = by.get((cell.rows.name, cell.split.name, cell.seed))
        if twin is not None:
            gaps.append(float(np.abs(cell.outcome.joint - twin.outcome.joint).max()))
    return max(gaps)


def _spread(rows: StudyRows, split: Split, task: int) -> float:
    """Standard deviation of the training labels."""
    train = split.fold(rows).train
    return max(float(train.y[train.known[:, task], task].std()), 1e-9)


def _regression(rows: StudyRows, task: int, y: Array, predicted: Array, spread: float) -> dict[str, float]:
    """Scores of a regression, as learned (standardised) and in its unit."""
    scores = dict(tail_scores(y / spread, predicted / spread))
    scores.pop("r2_log", None)
    value, said = rows.physical(task, y), rows.physical(task, predicted)
    error = said - value
    return {
        **scores,
        "r2_physical": r_squared(value, said),
        "mae_physical": float(np.abs(error).mean()),
        "rmse_physical": float(np.sqrt((error**2).mean())),
    }


def _screened(y: Array, probability: Array) -> dict[str, float]:
    """Scores of labels at ½; where nothing is flagged, there is no precision."""
    scores = screening_scores(y, probability)
    return scores if (probability >= 0.5).any() else {**scores, "precision": float("nan")}


def _at_rule(rows: StudyRows, split: Split, task: int, y: Array, logit: Array, valid: Array) -> Mapping[str, float]:
    """Recall, precision and F1 at the threshold of the best F2 on validation rows; NaN without positives there."""
    known = rows.rows.known[split.valid, task]
    if split.hidden is not None:
        known = known & ~split.hidden[split.valid, task]
    try:
        threshold = f_beta_threshold(rows.rows.y[split.valid, task][known], np.asarray(valid, np.float64)[known])
    except InputError:
        return dict.fromkeys(("recall_at_rule", "precision_at_rule", "f1_at_rule"), float("nan"))
    at = confusion(y, logit, threshold)
    return {"recall_at_rule": at.recall, "precision_at_rule": at.precision, "f1_at_rule": at.f(1.0)}
