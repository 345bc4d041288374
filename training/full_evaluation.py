"""The whole table of honest scores: every split, left-out families and sources, intervals, parity of the tiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.baselines import BASELINES
from training.cell_store import CellStore
from training.contenders import PRECISE, SCREEN
from training.crossval import FOLDS, UNTESTED, OutOfFold, Split, cross_validate
from training.effort import FULL, Effort
from training.evaluation import CONTENDERS, LABELS, SHOWN, Score, score_all, score_run, scored_rows
from training.grid_share import grid_section
from training.headlines import from_sources, headlines
from training.held_out import class_sources_section, families_section, value_sources_section
from training.interval_coverage import coverage_section
from training.parity import parity_section
from training.report_tables import Section, Value, spreads
from training.sources import handbook
from training.tasks import TaskRows

CHEAP = (*BASELINES, PRECISE)
"""Contenders that meet the strict split; the others, students and the paper's nets, are split at random only once."""
RANDOM_REPEATS = 2
"""Most random regroupings of the characterize tier; baselines have as many as there are grouped ones."""
CLASSIFIER = "p_amorphous"
TIERS: Mapping[str, str] = {SCREEN: "screen", PRECISE: "characterize"}
_STRICT = (
    "One grouped regrouping (seed {seed}) without any training row whose chemical system lies within a tested one or "
    "contains one, pure metals included and the handbook's left out; baselines and the characterize tier."
)
_COST = (
    "CPU time on one thread of fitting and predicting one fold, mean ± standard deviation over the folds. What was "
    "fitted together, such as students and their teachers, is shared out evenly."
)


@dataclass(frozen=True, slots=True)
class FullEvaluation:
    """Everything that was found.

    Attributes:
        scores: of every contender on the grouped and the random split.
        sections: further tables.
        cells: CPU time of every fold of these splits.
    """

    scores: tuple[Score, ...]
    sections: tuple[Section, ...]
    cells: tuple[Mapping[str, str | int | float], ...]


def evaluate_all(
    tables: Mapping[str, TaskRows],
    repeats: int,
    data_digest: str,
    workers: int = 2,
    store: CellStore | None = None,
    progress: Callable[[str], None] = lambda _: None,
    effort: Effort = FULL,
    models: tuple[str, ...] = CONTENDERS,
) -> FullEvaluation:
    """Run everything there is to say of the recipes.

    Args:
        tables: rows by target.
        repeats: grouped regroupings, seeds from 0.
        data_digest: digest of the rows.
        workers: processes.
        store: where answers are looked up and kept; None computes everything.
        progress: told of every cell.
        effort: how much work goes into our tiers.
        models: contenders.

    Raises:
        InputError: a target cannot be learned without one of the folds.
        OutputError: an answer cannot be stored.
    """
    cheap = tuple(model for model in models if model in CHEAP)

    def run(split: Split, seeds: Sequence[int], which: tuple[str, ...]) -> list[OutOfFold]:
        return cross_validate(tables, split, seeds, which, workers, progress, effort, store) if seeds and which else []

    grouped = run("grouped", range(repeats), models)
    some, simple = min(repeats, RANDOM_REPEATS), tuple(model for model in models if model in BASELINES)
    random = run("random", range(1), models) + run("random", range(1, some), cheap)
    random += run("random", range(some, repeats), simple)
    strict = strict_runs(tables, cheap, workers, progress, effort, store)
    every = [*grouped, *random, *strict]
    sections = [strict_section(tables, strict), headlines(tables, every, LABELS)]
    sections.append(coverage_section(tables, grouped, random, TIERS, drawn_on=(PRECISE,)))
    if CLASSIFIER in tables and tables[CLASSIFIER].recipe.kind == "classification":
        rows, fold = tables[CLASSIFIER], grouped[0].fold[CLASSIFIER]
        sections.append(families_section(rows, fold, 0, workers, store, progress))
        sections.append(class_sources_section(rows, fold, 0, workers, store, progress))
        sections.append(grid_section(rows, fold, 0, workers, store, progress))
    sections.append(value_sources_section(tables, 0, workers, store, progress))
    sections += [parity_section(data_digest), cost_section(every)]
    kept = tuple(section for section in sections if section.rows or section.name == "parity")
    scores = (*score_all(tables, grouped), *score_all(tables, random))
    return FullEvaluation(scores, kept, tuple(cell for found in every for cell in cell_costs(found)))


def strict_runs(
    tables: Mapping[str, TaskRows],
    models: tuple[str, ...],
    workers: int,
    progress: Callable[[str], None],
    effort: Effort,
    store: CellStore | None,
) -> list[OutOfFold]:
    """Run the strict split once, without the handbook: metals that are not scored would forbid most of training."""
    if not models:
        return []
    kept = {target: np.flatnonzero(~from_sources(rows, (handbook.KEY,))) for target, rows in tables.items()}
    measured = {target: rows.take(kept[target]) for target, rows in tables.items()}
    runs = cross_validate(measured, "strict", range(1), models, workers, progress, effort, store)
    return [_on_all_rows(run, kept, {target: len(rows) for target, rows in tables.items()}) for run in runs]


def _on_all_rows(run: OutOfFold, kept: Mapping[str, NDArray[np.intp]], sizes: Mapping[str, int]) -> OutOfFold:
    """Lay out a run on some rows as one on all of them, in which the others are not predicted."""
    fold = {target: np.full(n, UNTESTED, np.int64) for target, n in sizes.items()}
    predicted = {asked: np.full(sizes[asked[0]], np.nan) for asked in run.predicted}
    for target, number in run.fold.items():
        fold[target][kept[target]] = number
    for (target, model), column in run.predicted.items():
        predicted[target, model][kept[target]] = column
    return replace(run, fold=fold, predicted=predicted)


def strict_section(tables: Mapping[str, TaskRows], runs: Sequence[OutOfFold]) -> Section:
    """Tabulate the split that keeps related systems out of training."""
    found: list[dict[str, Value]] = []
    names: dict[str, str] = {}
    for target, rows in tables.items():
        names |= dict(SHOWN[rows.recipe.kind])
        for model in LABELS:
            mine = [run for run in runs if (target, model) in run.predicted]
            if mine:
                sizes: dict[str, Value] = {"trained": round(mine[0].trained[target])}
                sizes["rows"] = int((scored_rows(rows) & (mine[0].fold[target] >= 0)).sum())
                told = {"target": target, "model": LABELS[model]}
                found.append({**told, **spreads([score_run(rows, run, model) for run in mine]), **sizes})
    caption = _STRICT.format(seed=", ".join(str(run.seed) for run in runs))
    columns = (("target", "target"), ("model", "model"), ("trained", "learned from"), ("rows", "rows"), *names.items())
    return Section("strict", "Without related systems", caption, columns, found)


def cost_section(runs: Sequence[OutOfFold]) -> Section:
    """Tabulate the CPU time of every contender."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in runs:
        for asked, spent in run.seconds.items():
            seconds[asked] += spent
    rows: list[dict[str, Value]] = [
        {"target": target, "model": LABELS.get(model, model), **spreads([{"seconds": s} for s in spent])}
        for (target, model), spent in sorted(seconds.items())
    ]
    columns = (("target", "target"), ("model", "model"), ("seconds", "CPU time of a fold, s"))
    return Section("cost", "What it costs", _COST, columns, rows)


def cell_costs(run: OutOfFold) -> list[dict[str, str | int | float]]:
    """List the CPU time of every fold, target and contender of one run."""
    return [
        {"split": run.split, "seed": run.seed, "part": part, "target": target, "model": model, "cpu_s": round(s, 3)}
        for (target, model), spent in run.seconds.items()
        for part, s in enumerate(spent[:FOLDS])
    ]
