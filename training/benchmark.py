"""The public benchmark matbench_glass on its official folds, with the recipe of the shipped classifier.

Nothing is learned from a tested row. The variant without other sources keeps to the official training rows, as everyone
else's entries do; the pooled one adds rows of other sources, none of them within 1 at.% of a tested one.
Dunn 2020, doi:10.1038/s41524-020-00406-3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.benchmark_rows import BenchmarkTask
from training.calibration import expit, platt
from training.ensembles import fit_ensemble
from training.evaluation import matched_scores
from training.folds import assign_folds
from training.metrics import classification_scores, pooled
from training.workers import in_order

Array = NDArray[np.floating]
INNER_FOLDS = 3
CUT = 0.5
_TESTED = -1


@dataclass(frozen=True, slots=True)
class FoldResult:
    """Outcome of one official fold.

    Attributes:
        fold: its number.
        tested: rows scored, all of the fold.
        unknown: rows among them predicted by the share of positives, for their elements.
        learned: rows learned from.
        own_learned: those of the benchmark among them.
        threshold: flag threshold settled on the rows learned from.
        scores: by name.
    """

    fold: int
    tested: int
    unknown: int
    learned: int
    own_learned: int
    threshold: float
    scores: Mapping[str, float]


def run_benchmark(
    task: BenchmarkTask, seed: int = 0, workers: int = 2, progress: Callable[[str], None] = lambda _: None
) -> list[FoldResult]:
    """Test every official fold.

    Calibration and threshold of a fold are settled on its training rows: inner folds, drawn at random as the official
    ones are, each predicted by what was learned from the others.

    Args:
        task: rows to learn from and to test on.
        seed: of inner folds and learners.
        workers: processes; 1 works in this one.
        progress: told of every fold.
    """
    folds = [int(fold) for fold in np.unique(task.fold)]
    fits = [(fold, inner, seed) for fold in folds for inner in (_TESTED, *range(INNER_FOLDS))]
    answers, results = in_order(_fit, task, fits, workers), []
    for fold in folds:
        _, tested = next(answers)
        inner = [next(answers) for _ in range(INNER_FOLDS)]
        learned = (np.concatenate([rows for rows, _ in inner]), np.concatenate([raw for _, raw in inner]))
        results.append(judge_fold(task, fold, tested, *learned))
        progress(f"official fold {fold + 1} of {len(folds)}")
    return results


def judge_fold(
    task: BenchmarkTask, fold: int, tested: Array, inner_rows: NDArray[np.integer], inner: Array
) -> FoldResult:
    """Calibrate by the inner predictions, then score every row of the fold.

    Args:
        task: rows to learn from and to test on.
        fold: the fold.
        tested: logits of ``task.tested(fold)``.
        inner_rows: the benchmark's rows learned from, shape (b,).
        inner: their logits from the inner folds, shape (b,).
    """
    label = task.rows.y[inner_rows]
    slope, intercept = platt(inner, label, np.ones(len(label)))
    threshold = balanced_threshold(expit(slope * inner + intercept), label)
    probability = np.full(len(task.label), label.mean())
    probability[task.own[task.tested(fold)]] = expit(slope * tested + intercept)
    inside, learned = task.fold == fold, task.learned(fold)
    return FoldResult(
        fold,
        int(inside.sum()),
        int(inside[task.unknown].sum()),
        len(learned),
        int(task.scored(learned).sum()),
        threshold,
        glass_scores(task.label[inside].astype(np.float64), probability[inside], threshold),
    )


def balanced_threshold(probability: Array, label: Array) -> float:
    """Find the threshold of the largest balanced accuracy, halfway to the next lower probability."""
    order = np.argsort(-probability, kind="stable")
    p, positive = probability[order], label[order] > 0.5
    last = np.append(np.diff(p) != 0, True)
    recall = np.cumsum(positive)[last] / max(1, positive.sum())
    false_alarms = np.cumsum(~positive)[last] / max(1, (~positive).sum())
    values = p[last]
    best = int(np.argmax(recall - false_alarms))
    below = values[best + 1] if best + 1 < len(values) else values[best]
    halfway = (values[best] + below) / 2
    return float(halfway if halfway > below else values[best])


def glass_scores(label: Array, probability: Array, threshold: float) -> dict[str, float]:
    """Score one fold: hard labels at p ≥ 0.5 and at the tuned threshold, and the ranking whatever the threshold."""
    scores: dict[str, float] = {}
    for cut, suffix in ((CUT, ""), (threshold, "_tuned")):
        found = classification_scores(label, probability, cut)
        scores |= {f"{name}{suffix}": found[name] for name in ("balanced_accuracy", "f1")}
        scores[f"accuracy{suffix}"] = float(((probability >= cut) == (label > 0.5)).mean())
    scores |= {name: found[name] for name in ("roc_auc", "pr_auc")}
    matched = matched_scores(label, probability, np.zeros(len(label), bool))
    return scores | {"recall_at_precision_90": matched["recall_at_precision_90"]}


def summary(results: Sequence[FoldResult]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each score over the official folds, as the leaderboard averages."""
    return pooled([result.scores for result in results])


def _fit(task: BenchmarkTask, fit: tuple[int, int, int]) -> tuple[NDArray[np.intp], Array]:
    """Learn from the rows outside one fold, official or inner, and predict the benchmark's rows inside.

    Returns:
        The rows predicted and their logits.
    """
    fold, inner, seed = fit
    learned, predicted = task.learned(fold), task.tested(fold)
    if inner != _TESTED:
        folds = assign_folds(task.rows.key[learned], task.rows.system[learned], n_folds=INNER_FOLDS, seed=seed).random
        predicted, learned = learned[folds == inner], learned[folds != inner]
        predicted = predicted[task.scored(predicted)]
    ensemble = fit_ensemble(task.rows.take(learned), seed)
    return predicted, ensemble.predict(task.rows.take(predicted).inputs)
