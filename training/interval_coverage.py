"""How often 90 % intervals hold what was measured, and how wide they are, settled on groups they are not scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from training.calibration import residual_scores
from training.crossval import OutOfFold
from training.evaluation import scored_rows
from training.intervals import Residuals, bins_of, half_widths, joined, training_distance
from training.report_tables import Section, Value, spreads
from training.tasks import TaskRows

_COLUMNS = (
    *(("target", "target"), ("model", "tier"), ("split", "split"), ("rows", "n")),
    *(("coverage", "coverage"), ("width", "mean width"), ("unit", "width is")),
)
_CAPTION = (
    "Share of held-out values inside the 90 % interval, which grows with the distance to the training alloys. The "
    "intervals of a fold are settled on the residuals of the other folds, whose chemical systems (grouped) or "
    "compositions (random) are others; mean ± standard deviation over regroupings. Relative intervals reach from value "
    "/ factor to value × factor."
)


def held_out_residuals(rows: TaskRows, run: OutOfFold, models: Sequence[str]) -> dict[str, Residuals]:
    """Collect scores and distances of the rows that count, by model; their order is that of the table."""
    target, told = rows.recipe.target, np.flatnonzero(scored_rows(rows))
    rows, fold = rows.take(told), run.fold[target][told]
    distance, found = training_distance(rows, fold), {}
    for model in models:
        out = run.predicted[target, model][told]
        score, error = residual_scores(rows.y, out, rows.recipe.interval), np.abs(rows.y - out)
        found[model] = Residuals(score, error, np.abs(rows.y - np.median(rows.y)), distance, fold)
    return found


def interval_coverage(grouped: Residuals, random: Residuals | None, scored: Residuals, rule: str) -> dict[str, float]:
    """Settle the intervals of every fold on all rows outside it and count what they hold.

    Args:
        grouped: held-out systems.
        random: the same rows held out at random, for distances that held-out systems leave empty.
        scored: one of the two.
        rule: `relative` or `absolute`.

    Returns:
        `coverage`; `width`, the factor either way of a relative interval or the half width of an absolute one, mean
        over rows; `rows`.
    """
    half = np.empty(len(scored.score))
    for k in np.unique(scored.fold):
        test = scored.fold == k
        others = None if random is None else _part(random, ~test)
        half[test] = half_widths(*joined(_part(grouped, ~test), others))[bins_of(scored.distance[test])]
    width = np.exp(half) if rule == "relative" else half
    return {"coverage": float((scored.score <= half).mean()), "width": float(width.mean()), "rows": float(len(half))}


def coverage_section(
    tables: Mapping[str, TaskRows],
    grouped: Sequence[OutOfFold],
    random: Sequence[OutOfFold],
    tiers: Mapping[str, str],
    drawn_on: Sequence[str],
) -> Section:
    """Tabulate coverage and width for every regressor, tier and split.

    Args:
        tables: rows by target.
        grouped: out-of-fold predictions of held-out systems, one record per seed.
        random: of rows held out at random.
        tiers: name of every tier by contender.
        drawn_on: contenders whose intervals are settled on rows held out at random, too.
    """
    found: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for target, rows in tables.items():
        if rows.recipe.interval == "none":
            continue
        for run in grouped:
            pair = [run, *(other for other in random if other.seed == run.seed)]
            known = [held_out_residuals(rows, r, [m for m in tiers if (target, m) in r.predicted]) for r in pair]
            for split, scored in zip(("grouped", "random"), known, strict=False):
                for model, residuals in scored.items():
                    others = known[-1].get(model) if len(known) > 1 and model in drawn_on else None
                    told = interval_coverage(known[0][model], others, residuals, rows.recipe.interval)
                    found.setdefault((target, split, model), []).append(told)
    lines: list[dict[str, Value]] = []
    for (target, split, model), each in found.items():
        recipe = tables[target].recipe
        unit = "a factor either way" if recipe.interval == "relative" else f"± {recipe.unit}"
        told_of: dict[str, Value] = {"target": target, "model": tiers[model], "split": split, "unit": unit}
        lines.append({**told_of, **spreads(each), "rows": int(each[0]["rows"])})
    lines.sort(key=lambda line: (list(tables).index(str(line["target"])), str(line["split"])))
    return Section("coverage", "Coverage of the 90 % intervals", _CAPTION, _COLUMNS, lines)


def _part(residuals: Residuals, chosen: NDArray[np.bool_]) -> Residuals:
    """Select rows."""
    return Residuals(*(getattr(residuals, field.name)[chosen] for field in fields(residuals)))
