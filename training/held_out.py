"""Whole families and whole sources left out: how a model does on alloys of a kind, or of a laboratory, it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.cell_store import CellStore
from training.cells import Cell, run_cells
from training.contenders import PRECISE
from training.crossval import can_learn
from training.evaluation import LABELS, scored_rows
from training.metrics import classification_scores, recall_threshold, regression_scores
from training.report_tables import Section, Value, spreads
from training.tasks import TaskRows

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]
Progress = Callable[[str], None]
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "hea": ("mpea_borg_2020", "hea_tanmay", "hea_dx261_phase", "hea_ideas"),
    "steel": ("steel_strength",),
    "copper": ("copper_gorsse_2023",),
    "aluminium": ("aluminium_1150",),
    "intermetallic": ("formation_enthalpy_2017", "brgoch_hardness"),
    "dilute": ("dilute_solutions",),
    "pure": ("pure_metals",),
}
"""Sources of alloys of other fields that are known to be crystalline, by family."""
FAMILY_FOLDS = (0, 1)
"""Grouped folds that are held out beside a family, one a model: their glasses settle the threshold."""
SOURCE_FOLDS = (0,)
"""The same beside a source, of which there are more."""
LEAST = 20
"""Fewest rows of a family or source of labels worth a line."""
LEAST_VALUES = 30
"""Fewest rows of a source of values worth a line."""
SIMPLE = ("nearest", "extra_trees")
"""Baselines beside our model where a source of values is left out."""
_CLASS_COLUMNS = (
    *(("left_out", "left out"), ("rows", "rows"), ("positives", "glasses"), ("dropped", "rows kept from training")),
    *(("specificity", "specificity"), ("recall", "recall"), ("pr_auc", "PR-AUC"), ("roc_auc", "ROC-AUC")),
)
_VALUE_COLUMNS = (
    *(
        ("target", "target"),
        ("left_out", "left out"),
        ("model", "model"),
        ("rows", "rows"),
        ("trained", "learned from"),
    ),
    *(("r2", "R²"), ("r2_log", "R² of log"), ("mae", "MAE")),
)
_THRESHOLD = (
    "Characterize tier; {n} without one grouped fold as well, on whose glasses, predicted by the model that did not "
    "learn them, the threshold gives recall 0.90."
)
_FAMILY = (
    "Every row of the family is left out of training, and with it all rows of the same chemical systems and all alloys "
    "that glass studies and another field both found crystalline. "
    + _THRESHOLD.format(n="mean ± standard deviation over two models, each")
)
_SOURCE = (
    "Every row that the source has a part in is left out of training, other rows of the same compositions too; scored "
    "are the rows that it alone reports. " + _THRESHOLD.format(n="one model")
)
_VALUES = (
    "Every row that the source has a part in is left out of training, other rows of the same compositions too; scored "
    "are the rows that it alone reports. One model each; MAE in the unit of the target."
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are left out together.

    Attributes:
        name: family or source.
        test: rows to score, shape (n,).
        away: rows kept from training, the scored ones among them, shape (n,).
    """

    name: str
    test: Mask
    away: Mask


def reported_by(rows: TaskRows, keys: Sequence[str]) -> Mask:
    """Mark the rows in which any of the sources has a part, shape (n,)."""
    return np.array([bool(set(keys) & set(str(joined).split("+"))) for joined in rows.source], bool)


def added_rows(rows: TaskRows) -> Mask:
    """Mark the alloys of other fields that are known to be crystalline, shape (n,)."""
    return reported_by(rows, [key for keys in FAMILIES.values() for key in keys]) & (rows.y < 0.5)


def families(rows: TaskRows) -> list[LeftOut]:
    """List the families with enough rows, each with all rows of its chemical systems."""
    added = added_rows(rows)
    found = []
    for name, keys in FAMILIES.items():
        test = added & reported_by(rows, keys) & rows.main
        # Reported by glass studies too, and pooled under their name: any family may be theirs.
        away = test | np.isin(rows.system, rows.system[test]) | (rows.crystalline & ~added)
        away |= np.isin(rows.key, rows.key[away])
        found += [LeftOut(name, test, away)] if test.sum() >= LEAST else []
    return found


def sources(rows: TaskRows, least: int, *, but: Sequence[str] = ()) -> list[LeftOut]:
    """List the sources with at least ``least`` rows that they alone report, ``but`` for some."""
    alone = [str(joined) for joined in np.unique(rows.source) if "+" not in joined and joined not in but]
    found = []
    for name in alone:
        test = (rows.source == name) & rows.main
        away = reported_by(rows, (name,))
        away |= np.isin(rows.key, rows.key[away])
        found += [LeftOut(name, test, away)] if test.sum() >= least else []
    return found


def class_cells(
    rows: TaskRows, left: Sequence[LeftOut], fold: NDArray[np.integer], held: Sequence[int], seed: int
) -> list[Cell]:
    """Make a cell for everything left out and every fold; it predicts what is left out and the glasses of the fold."""
    target, cells = rows.recipe.target, []
    glass = scored_rows(rows) & (rows.y > 0.5)
    for out in left:
        for k in held:
            train, held_glass = ~out.away & (fold != k), glass & ~out.away & (fold == k)
            if can_learn(rows.y[train]) and held_glass.any():
                test = {target: out.test | held_glass}
                cells.append(Cell(f"without {out.name}", seed, k, {target: train}, test, (PRECISE,)))
    return cells


def families_section(
    rows: TaskRows,
    fold: NDArray[np.integer],
    seed: int,
    workers: int,
    store: CellStore | None,
    progress: Progress = lambda _: None,
) -> Section:
    """Score the classifier on each family of crystalline alloys that it did not learn."""
    told = _classes(rows, families(rows), fold, FAMILY_FOLDS, seed, workers, store, progress)
    return Section("left_out_families", "Families left out", _FAMILY, _CLASS_COLUMNS[:5], told)


def class_sources_section(
    rows: TaskRows,
    fold: NDArray[np.integer],
    seed: int,
    workers: int,
    store: CellStore | None,
    progress: Progress = lambda _: None,
) -> Section:
    """Score the classifier on each source of labels that it did not learn."""
    left = sources(rows, LEAST, but=[key for keys in FAMILIES.values() for key in keys])
    told = _classes(rows, left, fold, SOURCE_FOLDS, seed, workers, store, progress)
    return Section("left_out_label_sources", "Sources of labels left out", _SOURCE, _CLASS_COLUMNS, told)


def value_sources_section(
    tables: Mapping[str, TaskRows],
    seed: int,
    workers: int,
    store: CellStore | None,
    progress: Progress = lambda _: None,
) -> Section:
    """Score every regressor on each source of values that it did not learn, simple baselines beside it."""
    told: list[dict[str, Value]] = []
    models = (*SIMPLE, PRECISE)
    for target, rows in tables.items():
        if rows.recipe.kind == "classification":
            continue
        left = [out for out in sources(rows, LEAST_VALUES) if can_learn(rows.y[~out.away])]
        left = [out for out in left if scored_rows(rows)[out.test].any()]
        cells = [
            Cell(f"without {out.name}", seed, 0, _train_without(tables, out, rows), {target: out.test}, models)
            for out in left
        ]
        for out, answers in zip(left, run_cells(cells, tables, workers, store), strict=True):
            progress(f"{target} without {out.name}")
            counted = scored_rows(rows)[out.test]
            for (_, model), answer in answers.items():
                scores: dict[str, Value] = dict(
                    regression_scores(rows.y[out.test][counted], answer.values[counted]) if counted.sum() > 1 else {}
                )
                sizes: dict[str, Value] = {"rows": int(counted.sum()), "trained": int((~out.away).sum())}
                told.append({"target": target, "left_out": out.name, "model": LABELS[model], **scores, **sizes})
    return Section("left_out_value_sources", "Sources of values left out", _VALUES, _VALUE_COLUMNS, told)


def _train_without(tables: Mapping[str, TaskRows], out: LeftOut, rows: TaskRows) -> dict[str, Mask]:
    """Mark what may be learned from: a source leaves the rows of every task, and so do its compositions."""
    keys = np.unique(rows.key[out.away])
    return {t: ~(reported_by(each, (out.name,)) | np.isin(each.key, keys)) for t, each in tables.items()}


def _classes(
    rows: TaskRows,
    left: Sequence[LeftOut],
    fold: NDArray[np.integer],
    held: Sequence[int],
    seed: int,
    workers: int,
    store: CellStore | None,
    progress: Progress,
) -> list[dict[str, Value]]:
    """Run the cells of everything left out and score them."""
    target = rows.recipe.target
    cells = class_cells(rows, left, fold, held, seed)
    raw: dict[str, list[tuple[Cell, Array]]] = {}
    for cell, answers in zip(cells, run_cells(cells, {target: rows}, workers, store), strict=True):
        raw.setdefault(cell.split, []).append((cell, answers[target, PRECISE].values))
        progress(f"{target} {cell.split}: without fold {cell.fold + 1}")
    told: list[dict[str, Value]] = []
    for out in left:
        if answered := raw.get(f"without {out.name}"):
            scores = left_out_scores(rows, out, [(cell.test[target], values) for cell, values in answered])
            counts: dict[str, Value] = {
                "rows": int(out.test.sum()),
                "positives": int((rows.y[out.test] > 0.5).sum()),
                "dropped": int(out.away.sum()),
            }
            told.append({"left_out": out.name, **counts, **spreads(scores)})
    return told


def left_out_scores(rows: TaskRows, out: LeftOut, answers: Sequence[tuple[Mask, Array]]) -> list[dict[str, float]]:
    """Score several models on what all of them left out.

    Args:
        rows: all rows.
        out: what was left out.
        answers: rows that a model predicted, shape (n,), and its logits for them.

    Returns:
        For every model `specificity`, `recall`, `pr_auc` and `roc_auc`; NaN where a class is missing.
    """
    threshold = recall_threshold(np.concatenate([values[~out.test[test]] for test, values in answers]))
    label = rows.y[out.test]
    found = []
    for test, values in answers:
        logits = values[out.test[test]]
        areas = classification_scores(label, logits, threshold)
        has = {"specificity": bool((label < 0.5).any()), "recall": bool((label > 0.5).any())}
        scores = {key: areas[key] if there else float("nan") for key, there in has.items()}
        found.append(scores | {"pr_auc": areas["pr_auc"], "roc_auc": areas["roc_auc"]})
    return found
