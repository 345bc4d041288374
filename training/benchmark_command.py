"""`training benchmark`: the public benchmark measured, beside the quoted rows of its leaderboard."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from screener.errors import InputError, OutputError
from training import dates
from training.benchmark import CUT, INNER_FOLDS, FoldResult, run_benchmark, summary
from training.benchmark_rows import SOURCE, BenchmarkTask, benchmark_task
from training.catalogue import locate
from training.effort import QUICK
from training.fit import table_digest
from training.fit_command import clock
from training.measured import load_measured
from training.publish import check_writable, write_whole
from training.recipes import standing_recipes, thinned
from training.sources.benchmark import read_benchmark

TARGET = "p_amorphous"
_FOLDS_FILE = "matbench_glass_folds.json"
_FIXED = (("balanced_accuracy", "balanced accuracy"), ("f1", "F1"), ("accuracy", "accuracy"))
_RANKED = (("roc_auc", "ROC-AUC"), ("pr_auc", "PR-AUC"), ("recall_at_precision_90", "recall at precision 0.9"))
_QUOTED = (("balanced_accuracy", "balanced accuracy"), ("f1", "F1"))


_TITLE = "# The public benchmark\n"
Variant: TypeAlias = tuple[BenchmarkTask, list[FoldResult]]
"""What was learned from and tested on, and the outcome of every fold."""


@dataclass(frozen=True, slots=True)
class BenchmarkRequest:
    """What `training benchmark` was asked for.

    Attributes:
        name: the benchmark.
        only_benchmark: learn from its own training rows alone.
        out: JSON file of the scores.
        report: Markdown file of the table.
        workers: processes.
        seed: of inner folds and learners.
        quick: a fifth of the trees.
        as_json: print one JSON document in the place of the table.
    """

    name: str = SOURCE
    only_benchmark: bool = False
    out: Path | None = None
    report: Path | None = None
    workers: int = 2
    seed: int = 0
    quick: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Quoted:
    """What others report: where it stands, when it was read, scores by entry."""

    source: str
    doi: str
    read: str
    rows: Mapping[str, Mapping[str, float]]


def run_benchmark_command(request: BenchmarkRequest) -> None:
    """Test the recipe of the shipped classifier on the official folds, print the table, write JSON where asked.

    Raises:
        InputError: an unknown benchmark, or data that are not on this machine.
        OutputError: the file cannot be written.
    """
    if request.name != SOURCE:
        raise InputError(f"unknown benchmark `{request.name}`", f"write `training benchmark {SOURCE}`")
    for path in (request.out, request.report):
        if path and path.is_dir():
            raise OutputError(f"`{path}` is a folder", "name a file")
        if path:
            check_writable(path.parent)
    say, found = clock(), list[Variant]()
    for alone in (True,) if request.only_benchmark else (True, False):
        task = load_task(only_benchmark=alone, quick=request.quick)
        say(f"{len(task.label):,} benchmark rows, {int((task.own < 0).sum()):,} rows of other sources")
        found.append((task, run_benchmark(task, request.seed, request.workers, say)))
    today = dates.today()
    text = f"{markdown(found)}\n{caption(found, request, today)}"
    document = to_json(found, request, today)
    print(document if request.as_json else text, end="" if request.as_json else "\n")
    if request.out:
        write_whole(request.out, document.encode())
    if request.report:
        write_whole(request.report, f"{_TITLE}\n{text}\n".encode())


def load_task(*, only_benchmark: bool, quick: bool) -> BenchmarkTask:
    """Read the benchmark and, unless it is to stand alone, everything else that training reads.

    Raises:
        InputError: a file is missing or damaged.
    """
    benchmark = read_benchmark(locate(SOURCE), locate(SOURCE, _FOLDS_FILE))
    recipe = standing_recipes()[TARGET]
    recipe = thinned(recipe, QUICK.trees) if quick else recipe
    others = None if only_benchmark else replace(load_measured().tables[TARGET], recipe=recipe)
    return benchmark_task(benchmark, recipe, others)


@cache
def leaderboard() -> Quoted:
    """Read the quoted numbers from the file beside this module."""
    body = tomllib.loads(Path(__file__).with_name("leaderboard.toml").read_text(encoding="utf-8"))[SOURCE]
    rows = {row["name"]: {key: row[key] for key, _ in _QUOTED} for row in body["rows"]}
    return Quoted(body["source"], body["doi"], body["read"].isoformat(), rows)


def markdown(found: Sequence[Variant]) -> str:
    """Write the table: our scores in columns of measured numbers, others' in columns of quoted ones."""
    heads = [f"{label}, measured" for _, label in (*_FIXED, *_RANKED)] + [f"{label}, quoted" for _, label in _QUOTED]
    lines = ["| classifier | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(heads)]
    unquoted, unmeasured = ["–"] * len(_QUOTED), ["–"] * (len(_FIXED) + len(_RANKED))
    for task, results in found:
        means = summary(results)
        what = "official training rows" if task.margin is None else "and all other sources"
        ranked = [_shown(means[key]) for key, _ in _RANKED]
        fixed = [_shown(means[key]) for key, _ in _FIXED]
        tuned = [_shown(means[f"{key}_tuned"]) for key, _ in _FIXED]
        lines.append(_line(f"**characterize tier's recipe**, {what}, p ≥ {CUT}", [*fixed, *ranked, *unquoted]))
        lines.append(_line("the same, threshold tuned on training rows", [*tuned, *["–"] * len(ranked), *unquoted]))
    for name, row in leaderboard().rows.items():
        lines.append(_line(name, [*unmeasured, *(f"{row[key]:.3f}" for key, _ in _QUOTED)]))
    return "\n".join(lines) + "\n"


def caption(found: Sequence[Variant], request: BenchmarkRequest, today: str) -> str:
    """Say what was tested on what, how, when, and where the quoted numbers stand."""
    quoted, (task, results) = leaderboard(), found[0]
    tested = sum(result.tested for result in results)
    margins = [task.margin for task, _ in found if task.margin is not None]
    apart = [f"No row of another source within {100 * m:g} at.% (max |Δc|) of a tested one is used." for m in margins]
    digests = [table_digest({TARGET: task.rows}) for task, _ in found]
    effort = ", a fifth of the trees" if request.quick else ""
    option = " --only-benchmark" if request.only_benchmark else ""
    words = [
        f"{tested:,} rows in {len(results)} official folds, mean ± standard deviation over the folds.",
        *apart,
        f"{len(task.foreign)} tested rows hold elements that no row learned from does, {len(task.unknown)} such that "
        "cannot be described, which the share of positives predicts.",
        f"Calibration and tuned threshold come from {INNER_FOLDS} inner folds, drawn at random as the official ones.",
        f"Seed {request.seed}, data {', '.join(digests)}, {today}{effort}.",
        f"Quoted from {quoted.source}, read {quoted.read}; benchmark: doi:{quoted.doi}.",
        f"Written by `training benchmark {SOURCE}{option}`.",
    ]
    return " ".join(words)


def to_json(found: Sequence[Variant], request: BenchmarkRequest, today: str) -> str:
    """Write scores by fold and their means with date, data digest, seed, settings and the quoted numbers."""
    quoted = leaderboard()
    document = {
        "benchmark": SOURCE,
        "date": today,
        "seeds": [request.seed],
        "settings": {
            "quick": request.quick,
            "cut": CUT,
            "inner_folds": INNER_FOLDS,
            "recipe": asdict(found[0][0].rows.recipe),
        },
        "rows": len(found[0][0].label),
        "foreign_rows": len(found[0][0].foreign),
        "unknown_rows": len(found[0][0].unknown),
        "variants": [_variant(task, results) for task, results in found],
        "quoted": {"source": quoted.source, "doi": quoted.doi, "read": quoted.read, "rows": dict(quoted.rows)},
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _variant(task: BenchmarkTask, results: Sequence[FoldResult]) -> dict[str, object]:
    """Lay out one variant's scores by fold and their means."""
    return {
        "other_sources": task.margin is not None,
        "margin": task.margin,
        "data_digest": table_digest({TARGET: task.rows}),
        "measured": {key: {"mean": _finite(m), "sd": _finite(sd)} for key, (m, sd) in summary(results).items()},
        "folds": [
            {**asdict(result), "scores": {key: _finite(value) for key, value in result.scores.items()}}
            for result in results
        ],
    }


def _line(name: str, cells: Sequence[str]) -> str:
    """One line of the table."""
    return f"| {name} | " + " | ".join(cells) + " |"


def _shown(value: tuple[float, float]) -> str:
    """A mean with its spread over the folds."""
    return f"{value[0]:.3f} ± {value[1]:.3f}" if np.isfinite(value[0]) else "–"


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
