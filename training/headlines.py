"""Scores on the rows that published tables speak of: high-entropy alloys, films, pure metals of the handbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.crossval import OutOfFold
from training.evaluation import scored_rows
from training.metrics import regression_scores
from training.report_tables import Section, Value, spreads
from training.sources import handbook
from training.tasks import TaskRows

Array = NDArray[np.floating]
HV_PER_GPA = 1000.0 / 9.80665
"""Vickers number (kgf/mm²) of 1 GPa."""
FILMS = "kim_lee_2025_films"
_HEA = ("mpea_borg_2020", "hea_")
_PURE = (handbook.KEY,)
_COLUMNS = (
    *(("what", "rows"), ("model", "model"), ("split", "split"), ("rows", "n")),
    *(("r2", "R²"), ("r2_log", "R² of log"), ("mae", "MAE"), ("mae_hv", "MAE, HV")),
)
_CAPTION = (
    "Scores on parts of the test rows, out of fold, mean ± standard deviation over regroupings; every model learned "
    "from all training rows. HEA rows come from collections of high-entropy alloys only; per alloy = one row per "
    "composition, median of the values against median of the predictions. Films are those of one combinatorial study. "
    "Pure metals of the handbook teach with little weight and count in no other table. MAE in GPa and µΩ·cm."
)


def from_sources(rows: TaskRows, prefixes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Mark the rows whose every source begins with one of the prefixes, shape (n,)."""
    return np.array([all(key.startswith(prefixes) for key in str(keys).split("+")) for keys in rows.source], bool)


def per_alloy(key: NDArray[np.str_], y: Array, predicted: Array) -> tuple[Array, Array]:
    """Take the medians of the values (b,) and of the predictions (b,) of every composition."""
    _, place = np.unique(key, return_inverse=True)
    order = np.argsort(place, kind="stable")
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    medians = [[np.median(part) for part in np.split(column[order], cuts)] for column in (y, predicted)]
    return np.array(medians[0]), np.array(medians[1])


def headlines(tables: Mapping[str, TaskRows], runs: Sequence[OutOfFold], labels: Mapping[str, str]) -> Section:
    """Score every contender on the rows of published tables.

    Args:
        tables: rows by target.
        runs: out-of-fold predictions of any splits and seeds.
        labels: name of every contender in tables, in their order.
    """
    rows: list[dict[str, Value]] = []
    for target, what, prefixes, merged in (
        ("hardness_gpa", "hardness, HEA, per row", _HEA, False),
        ("hardness_gpa", "hardness, HEA, per alloy", _HEA, True),
        ("hardness_gpa", "hardness, pure metals", _PURE, False),
        ("resistivity_uohm_cm", "resistivity, films", (FILMS,), False),
        ("resistivity_uohm_cm", "resistivity, pure metals", _PURE, False),
    ):
        if target not in tables or not (chosen := _part(tables[target], prefixes)).any():
            continue
        for split in dict.fromkeys(run.split for run in runs):
            for model in labels:
                mine = [run for run in runs if run.split == split and (target, model) in run.predicted]
                each = [s for run in mine if (s := _scores(tables[target], run, model, chosen, merged))]
                if each:
                    told = spreads(each)
                    count = int(each[0]["rows"])
                    rows.append({"what": what, "model": labels[model], "split": split, **told, "rows": count})
    return Section("headlines", "Rows of published tables", _CAPTION, _COLUMNS, rows)


def _part(rows: TaskRows, prefixes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Mark the rows of some sources that count; the handbook's, which count nowhere else, do here, shape (n,)."""
    chosen = from_sources(rows, prefixes)
    return chosen if prefixes == _PURE else chosen & scored_rows(rows)


def _scores(rows: TaskRows, run: OutOfFold, model: str, chosen: NDArray[np.bool_], merged: bool) -> dict[str, float]:
    """Score one run on chosen rows, where it predicts any two of them."""
    target = rows.recipe.target
    told = np.flatnonzero(chosen & (run.fold[target] >= 0))
    if len(told) < 2:
        return {}
    y: Array = rows.y[told]
    out = run.predicted[target, model][told]
    if merged:
        y, out = per_alloy(rows.key[told], y, out)
    scores = regression_scores(y, out) | {"rows": float(len(y))}
    return scores | ({"mae_hv": scores["mae"] * HV_PER_GPA} if target == "hardness_gpa" else {})
