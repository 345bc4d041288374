"""Tables of honest scores: every contender, grouped by chemical system and, beside it, at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.baselines import BASELINES
from training.calibration import expit
from training.cell_store import CellStore
from training.contenders import LOGIT_MODELS, NET, PRECISE, SCREEN, SCREEN_ALONE, SHARED_NET
from training.crossval import SPLITS, OutOfFold, Split, cross_validate
from training.metrics import classification_scores, pooled, recall_threshold, regression_scores
from training.routes import BULK_GLASS
from training.tasks import TaskRows

Array = NDArray[np.floating]
CONTENDERS = (*BASELINES, NET, SHARED_NET, SCREEN_ALONE, SCREEN, PRECISE)
LABELS: Mapping[str, str] = {
    "constant": "constant",
    "nearest": "1-nearest neighbour",
    "ridge": "ridge on c and c·c",
    "extra_trees": "ExtraTrees, fractions + 6",
    "lightgbm": "LightGBM, fractions + 6",
    NET: "paper's independent net",
    SHARED_NET: "paper's hard-sharing net",
    SCREEN_ALONE: "screen tier, single-task",
    SCREEN: "**screen tier**",
    PRECISE: "**characterize tier**",
}
SHOWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "regression": (("r2", "R²"), ("mae", "MAE"), ("r2_log", "R² of log")),
    "classification": (
        ("pr_auc", "PR-AUC"),
        ("roc_auc", "ROC-AUC"),
        ("recall_at_precision_90", "recall at precision 0.9"),
        ("specificity_at_recall_90", "specificity at recall 0.9"),
    ),
}


MATCHED = ("recall_at_precision_90", "specificity_at_recall_90", "crystal_specificity_at_recall_90")


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of one contender on one target and split.

    Attributes:
        target: what is predicted.
        model: contender.
        split: how rows were grouped.
        values: score name → mean and standard deviation over regroupings.
        repeats: number of regroupings.
    """

    target: str
    model: str
    split: Split
    values: Mapping[str, tuple[float, float]]
    repeats: int = 1


def evaluate(
    tables: Mapping[str, TaskRows],
    seeds: Sequence[int],
    models: tuple[str, ...] = CONTENDERS,
    splits: Iterable[Split] = SPLITS,
    workers: int = 2,
    progress: Callable[[str], None] = lambda _: None,
    store: CellStore | None = None,
) -> list[Score]:
    """Cross-validate every contender on every split and score it on the measured rows.

    Args:
        tables: rows by target.
        seeds: one regrouping each.
        models: contenders.
        splits: `grouped`, `random` or both.
        workers: processes.
        progress: told of every cell.
        store: where answers are looked up and kept; None computes everything.

    Raises:
        InputError: a target cannot be learned without one of the folds.
    """
    scores: list[Score] = []
    for split in splits:
        scores += score_all(tables, cross_validate(tables, split, seeds, models, workers, progress, store=store))
    return scores


def score_all(tables: Mapping[str, TaskRows], runs: Sequence[OutOfFold]) -> list[Score]:
    """Score out-of-fold predictions of one split, averaged over the seeds that have them."""
    found = []
    for target, model in dict.fromkeys(asked for run in runs for asked in run.predicted):
        having = [run for run in runs if (target, model) in run.predicted]
        each = [score_run(tables[target], run, model) for run in having]
        found.append(Score(target, model, runs[0].split, pooled(each), len(each)))
    return found


def score_run(rows: TaskRows, run: OutOfFold, model: str) -> dict[str, float]:
    """Score one contender's predictions of the rows that a run tested."""
    target = rows.recipe.target
    tested = np.flatnonzero(run.fold[target] >= 0)
    return score(rows.take(tested), run.predicted[target, model][tested], model)


def score(rows: TaskRows, predicted: Array, model: str) -> dict[str, float]:
    """Score one column of predictions on the rows that count."""
    counted = scored_rows(rows)
    y, out = rows.y[counted], probability_or_value(rows, predicted, model)[counted]
    if rows.recipe.kind == "regression":
        return regression_scores(y, out)
    return classification_scores(y, out) | matched_scores(y, out, rows.crystalline[counted])


def scored_rows(rows: TaskRows) -> NDArray[np.bool_]:
    """Mark the rows that count in scores: measured ones, one per composition where routes differ, shape (n,)."""
    return rows.measured & rows.main


def probability_or_value(rows: TaskRows, predicted: Array, model: str) -> Array:
    """Turn the logits of our classifiers into probabilities; baselines give them, and values stay, shape (n,)."""
    return expit(predicted) if rows.recipe.kind == "classification" and model in LOGIT_MODELS else predicted


def matched_scores(label: Array, p: Array, crystalline: NDArray[np.bool_]) -> dict[str, float]:
    """Compare classifiers at matched precision and matched recall, whatever their thresholds.

    Returns:
        `recall_at_precision_90`; `specificity_at_recall_90` over all crystalline rows;
        `crystal_specificity_at_recall_90` over alloys known to be crystalline from other fields (NaN without any).
    """
    positive = label > 0.5
    if not 0 < positive.sum() < len(label):
        return dict.fromkeys(MATCHED, float("nan"))
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.diff(p[order]) != 0, True)
    precise = (hits / np.arange(1, len(p) + 1) >= 0.9) & last
    threshold = recall_threshold(p[positive])
    known = float((p[crystalline] < threshold).mean()) if crystalline.any() else float("nan")
    found = (float(hits[precise].max(initial=0) / positive.sum()), float((p[~positive] < threshold).mean()), known)
    return dict(zip(MATCHED, found, strict=True))


def markdown(scores: Sequence[Score], tables: Mapping[str, TaskRows]) -> str:
    """Write the table of every target: one line per contender, grouped and random side by side."""
    parts = []
    for target, rows in tables.items():
        columns = SHOWN[rows.recipe.kind]
        systems = len(np.unique(rows.system[scored_rows(rows)]))
        unit = "" if rows.recipe.kind == "classification" else f", {rows.recipe.unit}"
        parts.append(
            f"**{target}**{unit}: {int(scored_rows(rows).sum()):,} measured rows, {systems} chemical systems\n"
        )
        heads = [*(f"{label} {split}" for split in SPLITS for _, label in columns), "regroupings, grouped + random"]
        parts.append("| model | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(heads))
        parts += [_line(model, target, columns, scores) for model in CONTENDERS if _has(scores, target, model)]
        parts.append("")
    return "\n".join(parts)


def compact_markdown(scores: Sequence[Score], tables: Mapping[str, TaskRows]) -> str:
    """Write one table for all targets but bulk glasses: the headline score grouped and at random, a second grouped."""
    heads: list[str] = []
    tables = {target: rows for target, rows in tables.items() if rows.recipe.task != BULK_GLASS}
    for target, rows in tables.items():
        (_, first), (_, second) = _headline(rows)
        unit = f", {rows.recipe.unit}" if rows.recipe.kind == "regression" else ""
        heads += [f"{target} {first} grouped", "random", f"{second} grouped{unit}"]
    lines = ["| model | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(heads)]
    for model in CONTENDERS:
        cells = []
        for target, rows in tables.items():
            (first, _), (second, _) = _headline(rows)
            for key, split in ((first, SPLITS[0]), (first, SPLITS[1]), (second, SPLITS[0])):
                match = [s for s in scores if (s.target, s.model, s.split) == (target, model, split)]
                cells.append(_number(match[0].values.get(key)) if match else "–")
        if any(cell != "–" for cell in cells):
            lines.append(f"| {LABELS[model]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _headline(rows: TaskRows) -> tuple[tuple[str, str], tuple[str, str]]:
    """Name the two scores that stand for a target where there is room for two."""
    shown = SHOWN[rows.recipe.kind]
    return (shown[0], shown[1]) if rows.recipe.kind == "regression" else (shown[0], shown[-1])


def _line(model: str, target: str, columns: Sequence[tuple[str, str]], scores: Sequence[Score]) -> str:
    """One contender's line."""
    cells, repeats = [], []
    for split in SPLITS:
        match = [s for s in scores if (s.target, s.model, s.split) == (target, model, split)]
        cells += [_number(match[0].values.get(key)) if match else "–" for key, _ in columns]
        repeats += [str(match[0].repeats) if match else "0"]
    return f"| {LABELS[model]} | " + " | ".join([*cells, " + ".join(repeats)]) + " |"


def _number(value: tuple[float, float] | None) -> str:
    """A mean with its spread over regroupings, where there is one."""
    if value is None or not np.isfinite(value[0]):
        return "–"
    mean, spread = value
    digits = 3 if abs(mean) < 10 else 1
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread > 0 else "")


def _has(scores: Sequence[Score], target: str, model: str) -> bool:
    """Whether there is anything to show."""
    return any((s.target, s.model) == (target, model) for s in scores)
