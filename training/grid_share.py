"""What share of random alloys of common metals is flagged: few of them can be glasses, whatever a table of scores says.

Every model is fitted without one grouped fold and flags by a threshold that was settled on the other folds' rows, each
predicted by the model that did not learn it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.elements import element_symbols
from training.calibration import default_threshold, expit, operating_curve, platt
from training.cell_store import CellStore
from training.cells import Cell, run_cells
from training.contenders import PRECISE
from training.crossval import FOLDS
from training.draws import random_alloys
from training.ensembles import COMMON_METALS
from training.evaluation import scored_rows
from training.held_out import added_rows
from training.metrics import recall_threshold
from training.report_tables import Section, Value, spreads
from training.sources.table import composition_keys
from training.tasks import TaskRows, alloy_spec, joined

Array = NDArray[np.floating]
ALLOYS = 10_000
SEED = 20_250
"""Seed of the random alloys; no learner draws with it."""
_COLUMNS = (
    *(("learned", "learned from"), ("rows", "rows"), ("share_at_recall_90", "share flagged at recall 0.90")),
    *(("recall", "recall on the held-out fold"), ("share_at_default", "share flagged at the default rule")),
)
_CAPTION = (
    "Share of {n:,} random alloys of 3 to 5 of {d} common metals that the characterize tier flags as glass formers, "
    "mean ± standard deviation over five models, each without one grouped fold; its threshold is settled on the other "
    "folds. Default rule: the highest threshold with recall ≥ 0.95, if specificity ≥ 0.8 there, else the largest sum "
    "of both."
)


def grid_section(
    rows: TaskRows,
    fold: NDArray[np.integer],
    seed: int,
    workers: int,
    store: CellStore | None,
    progress: Callable[[str], None] = lambda _: None,
    n: int = ALLOYS,
) -> Section:
    """Tabulate the share of flagged random alloys with the recipe as it is and with less of what it knows.

    Args:
        rows: rows of the classifier.
        fold: grouped fold of every row, shape (n,).
        seed: of everything fitted.
        workers: processes.
        store: where answers are looked up and kept.
        progress: told of every cell.
        n: how many alloys.
    """
    told: list[dict[str, Value]] = []
    for name, (part, kept) in variants(rows).items():
        answers = _flagged(part, fold[kept], seed, workers, store, n)
        told.append({"learned": name, "rows": len(part), **spreads(answers)})
        progress(f"share of random alloys: {name}")
    caption = _CAPTION.format(n=n, d=len(COMMON_METALS))
    return Section("grid_share", "Share of random alloys flagged", caption, _COLUMNS, told)


def variants(rows: TaskRows) -> Mapping[str, tuple[TaskRows, NDArray[np.intp]]]:
    """Name what may be learned from: rows, and which of all rows they are."""
    every, reported = np.arange(len(rows)), np.flatnonzero(~np.isin(rows.key, rows.key[added_rows(rows)]))
    plain = replace(rows, recipe=replace(rows.recipe, weak_negatives=0))
    return {
        "the recipe as it is": (rows, every),
        "no weak negatives": (plain, every),
        "reports of glass studies only": (plain.take(reported), reported),
    }


def grid_rows(rows: TaskRows, n: int, seed: int = SEED) -> TaskRows:
    """Make rows of random alloys, like the first of ``rows`` in all that is not composition."""
    drawn = random_alloys(n, len(COMMON_METALS), np.random.default_rng(seed), sizes=(3, 4, 5))
    dense = np.zeros((n, rows.fractions.shape[1]))
    dense[:, [element_symbols().index(symbol) for symbol in COMMON_METALS]] = drawn
    keys, systems = composition_keys(dense)
    references = np.array([condition.reference for condition in rows.recipe.conditions], np.float32)
    return replace(
        rows.take(np.zeros(n, np.intp)),
        fractions=dense,
        features=featurize(drawn, COMMON_METALS, alloy_spec()),
        conditions=np.tile(references, (n, 1)),
        system=np.array(systems),
        key=np.array(keys),
    )


def _flagged(
    rows: TaskRows, fold: NDArray[np.integer], seed: int, workers: int, store: CellStore | None, n: int
) -> list[dict[str, float]]:
    """Fit without every fold and flag random alloys."""
    target, both = rows.recipe.target, joined(rows, grid_rows(rows, n))
    is_grid = np.arange(len(both)) >= len(rows)
    number = np.concatenate([fold, np.full(n, -1)])
    cells = [
        Cell("grid", seed, k, {target: ~is_grid & (number != k)}, {target: is_grid | (number == k)}, (PRECISE,))
        for k in range(FOLDS)
    ]
    raw, grid = np.full(len(rows), np.nan), []
    for cell, answers in zip(cells, run_cells(cells, {target: both}, workers, store), strict=True):
        values = answers[target, PRECISE].values
        raw[number[: len(rows)] == cell.fold] = values[:-n]
        grid.append(values[-n:])
    return [flag_shares(rows, raw, fold, k, grid[k]) for k in range(FOLDS)]


def flag_shares(rows: TaskRows, raw: Array, fold: NDArray[np.integer], k: int, grid: Array) -> dict[str, float]:
    """Settle thresholds on all folds but ``k`` and flag what the model of fold ``k`` says of other alloys.

    Args:
        rows: rows of the classifier.
        raw: out-of-fold logits, shape (n,).
        fold: fold of every row, shape (n,).
        k: the fold that the model did not learn.
        grid: its logits of random alloys, shape (m,).
    """
    seen, positive = scored_rows(rows) & (fold != k), rows.y > 0.5
    threshold = recall_threshold(raw[seen & positive])
    held = scored_rows(rows) & (fold == k) & positive
    others = rows.main & (fold != k)
    slope, intercept = platt(raw[others], rows.y[others], rows.trust[others])
    curve = operating_curve(expit(slope * raw[seen] + intercept), rows.y[seen], rows.crystalline[seen])
    return {
        "share_at_recall_90": float((grid >= threshold).mean()),
        "recall": float((raw[held] >= threshold).mean()) if held.any() else float("nan"),
        "share_at_default": float((expit(slope * grid + intercept) >= default_threshold(curve)[0]).mean()),
    }
