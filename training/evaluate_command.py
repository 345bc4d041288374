"""`training evaluate`: the table of honest scores on standard output, in JSON, in a README."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from screener.errors import InputError, OutputError
from training import dates
from training.baselines import BASELINES
from training.cell_store import CellStore, cell_folder
from training.contenders import NET, SHARED_NET
from training.evaluation import CONTENDERS, Score, compact_markdown, evaluate, markdown
from training.fit import table_digest
from training.fit_command import clock, describe
from training.measured import load_measured
from training.publish import check_writable, write_whole
from training.readme import replace_block, split_at_marks
from training.report_tables import Section
from training.tasks import TaskRows

QUICK = (*BASELINES, NET, SHARED_NET)
BLOCK = "evaluation"
"""Name of the marks in a README between which the table stands."""
FULL_REPEATS = 5
"""Regroupings of the whole report where none are named."""
_REPORT_TITLE = "# Evaluation"


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What `training evaluate` was asked for.

    Attributes:
        data: a user's table.
        targets: TOML file with targets of the user's own.
        units: how formulas of the table are meant.
        catalogue: learn from the measured data sets that are found, too.
        repeats: regroupings to average over; one, or five with `everything`, where None.
        quick: baselines and the paper's nets only.
        everything: the whole report.
        out: JSON file of the scores.
        report: Markdown file of the scores.
        readme: file whose table is replaced.
        cache: folder of answers; the user's cache where None.
        no_cache: neither look answers up nor keep them.
        workers: processes.
        as_json: print one JSON document in the place of tables.
    """

    data: Path | None = None
    targets: Path | None = None
    units: Literal["at", "wt"] | None = None
    catalogue: bool = True
    repeats: int | None = None
    quick: bool = False
    everything: bool = False
    out: Path | None = None
    report: Path | None = None
    readme: Path | None = None
    cache: Path | None = None
    no_cache: bool = False
    workers: int = 2
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Scores, further tables and the cost of every cell."""

    scores: Sequence[Score]
    sections: Sequence[Section] = ()
    cells: Sequence[Mapping[str, str | int | float]] = ()


def run_evaluate(request: EvaluateRequest) -> None:
    """Cross-validate, print the tables, write JSON, report and README block where asked.

    Raises:
        InputError: data that cannot be learned from, options that exclude each other, or a README without marks.
        OutputError: a file cannot be written.
    """
    _check_options(request)
    _check_outputs(request)
    say, repeats = clock(), request.repeats or (FULL_REPEATS if request.everything else 1)
    measured = load_measured(request.data, request.targets, units=request.units, with_catalogue=request.catalogue)
    say(describe(measured))
    digest = table_digest(measured.tables)
    found = _find(request, measured.tables, repeats, digest, say)
    today = dates.today()
    caption = _caption(request, repeats, today, digest)
    text = "\n".join([markdown(found.scores, measured.tables), *(section.markdown() for section in found.sections)])
    document = to_json(found.scores, digest, today, repeats, found.sections, found.cells)
    print(document if request.as_json else f"{text}\n{caption}", end="" if request.as_json else "\n")
    if request.out:
        write_whole(request.out, document.encode())
    if request.report:
        write_whole(request.report, f"{_REPORT_TITLE}\n\n{caption}\n\n{text}".encode())
    if request.readme:
        replace_block(request.readme, BLOCK, f"{compact_markdown(found.scores, measured.tables)}\n{caption}")


def to_json(
    scores: Sequence[Score],
    digest: str,
    today: str,
    repeats: int,
    sections: Sequence[Section] = (),
    cells: Sequence[Mapping[str, str | int | float]] = (),
) -> str:
    """Write scores with date, data digest and seeds; a score that cannot be had is null."""
    rows = [
        {
            "target": s.target,
            "model": s.model,
            "split": s.split,
            "repeats": s.repeats,
            "scores": {k: {"mean": _finite(m), "sd": _finite(sd)} for k, (m, sd) in s.values.items()},
        }
        for s in scores
    ]
    document: dict[str, object] = {"date": today, "data_digest": digest, "seeds": list(range(repeats)), "scores": rows}
    if sections:
        document |= {"sections": {s.name: s.document() for s in sections}, "cells": list(cells)}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _find(
    request: EvaluateRequest, tables: Mapping[str, TaskRows], repeats: int, digest: str, say: Callable[[str], None]
) -> _Found:
    """Compute what was asked for, or look it up."""
    from training.full_evaluation import evaluate_all

    store = None if request.no_cache else CellStore(request.cache or cell_folder())
    if request.everything:
        full = evaluate_all(tables, repeats, digest, request.workers, store, say)
        return _Found(full.scores, full.sections, full.cells)
    models = QUICK if request.quick else CONTENDERS
    return _Found(evaluate(tables, range(repeats), models, workers=request.workers, progress=say, store=store))


def _caption(request: EvaluateRequest, repeats: int, today: str, digest: str) -> str:
    """Say how the numbers came about."""
    seeds = "seed 0" if repeats == 1 else f"seeds 0 to {repeats - 1}"
    once = request.everything and repeats > 1
    return (
        f"Five folds, {repeats} regrouping{'s' if repeats > 1 else ''} ({seeds}), out of fold, {today}, data {digest}; "
        "grouped = by chemical system, assigned on the union of all tasks; random = by composition"
        f"{', fewer regroupings of our tiers and the nets' if once else ''}. "
        f"Written by `training evaluate{' --all' if request.everything else ''}`."
    )


def _check_options(request: EvaluateRequest) -> None:
    """Refuse options that exclude each other, and a place for answers that cannot be written."""
    if request.everything and request.quick:
        raise InputError("`--all` and `--quick` exclude each other", "leave one of them out")
    if request.cache and request.no_cache:
        raise InputError("`--cache` and `--no-cache` exclude each other", "leave one of them out")
    if not request.no_cache:
        check_writable(request.cache or cell_folder())


def _check_outputs(request: EvaluateRequest) -> None:
    """Refuse places that cannot be written before an hour is spent on what goes there."""
    if request.readme:
        split_at_marks(request.readme, BLOCK)
    for path in (request.out, request.report, request.readme):
        if path and path.is_dir():
            raise OutputError(f"`{path}` is a folder", "name a file")
        if path:
            check_writable(path.parent)


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
