"""Predict a list of alloys: read in blocks, filtered and ranked by the fast tier, the reported rows characterized."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from screener.alloy_list import AlloyList, from_frame, open_list
from screener.binding import check_conditions, known_conditions
from screener.card import Condition
from screener.column_types import require_numbers
from screener.descriptors.catalogue import Descriptor, Kind, catalogue
from screener.elements import element_symbols
from screener.formula import Units
from screener.jobs import (
    CHARACTERIZE_UP_TO,
    ClassifierChoice,
    EncodingChoice,
    Question,
    ScoreJob,
    TierChoice,
    as_tuple,
    conditions_of,
    models_folder,
)
from screener.list_blocks import BlockReader, find_conditions, near_conditions
from screener.list_files import check_files
from screener.list_routes import RouteColumn, find_routes
from screener.list_run import ListRun
from screener.outcome import Finished, Outcome, metadata_of
from screener.plan import Plan, make_plan
from screener.reject_files import RejectSink, open_rejects
from screener.result_files import FrameSink, RowSink
from screener.run_models import RunModels, run_models
from screener.sinks import OutputTarget
from screener.summary import PythonWatch, Summary, Watch, borderline_lines, model_lines, note_lines
from screener.table_records import PandasFrame, path_or_frame
from screener.text_blocks import TextBlock

if TYPE_CHECKING:
    import polars


def score(
    table: polars.DataFrame | PandasFrame | Path | str,
    *,
    composition_column: str | None = None,
    units: Units | None = None,
    encoding: EncodingChoice = "utf-8",
    models: Path | str | None = None,
    device: str = "auto",
    maximize: str | tuple[str, ...] | list[str] = (),
    minimize: str | tuple[str, ...] | list[str] = (),
    rank_by: str | None = None,
    where: str | None = None,
    pareto: bool = False,
    top: int | None = None,
    tier: TierChoice = "auto",
    recall: float | None = None,
    threshold: float | None = None,
    conditions: Mapping[str, float] | None = None,
    process: str | None = None,
    prior: float | None = None,
    classifier: ClassifierChoice | None = None,
    with_descriptors: bool = False,
    with_elements: bool = False,
    strict: bool = False,
    rejects: Path | str | None = None,
) -> polars.DataFrame:
    """Predict a list of alloys.

    Args:
        table: a polars or pandas table, or the path of a CSV, JSON lines or Parquet file, with a column of formulas or
            one column per element; values of JSON come back as text.
        composition_column: name of the column of formulas; looked for where None.
        units: how amounts are meant, `at` or `wt`; balance notation must say.
        encoding: of a text file, `utf-8`, `latin-1` or `cp1252`.
        models: folder of models; looked up where None.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        maximize: columns to make large, `COL` or `COL=LO:HI`; the default ranks by `p_amorphous`.
        minimize: columns to make small.
        rank_by: expression to rank by instead.
        where: condition a row must meet.
        pareto: keep only rows that none beats in every objective.
        top: how many of the best rows to return; all where None.
        tier: `auto` characterizes lists of up to 20,000 rows with the precise models.
        recall: out-of-fold recall the amorphous flag must reach.
        threshold: probability from which the amorphous flag is set.
        conditions: measurement conditions by name; a column of that name overrides them row by row.
        process: process predictions are for, `ribbon`, `film` or `bulk`; None is `ribbon` where a model knows it.
        prior: share of amorphous-formers to rescale `p_amorphous` for. Default flags stay, and so does a ranking by
            `p_amorphous` alone or without it; any other score, `where` and `threshold` read what is rescaled.
        classifier: which of several screening classifiers, `mtl` or `independent`; None takes the preferred one.
        with_descriptors: add every descriptor.
        with_elements: add the at.% of every element: of those that occur, or of all to a list of more than 20,000 rows.
        strict: refuse rows that cannot be read and elements outside the training of a model.
        rejects: file for the rows that cannot be read.

    Returns:
        One row per alloy that could be read, input columns included. Rows that could not are warned of.

    Raises:
        ScreenerError: the question or the list cannot be read.
    """
    question = Question(
        as_tuple(maximize),
        as_tuple(minimize),
        rank_by,
        where,
        pareto,
        top,
        tier,
        recall,
        threshold,
        conditions_of(conditions),
        with_descriptors,
        strict,
        process,
        prior,
        classifier,
    )
    watch, sink = PythonWatch(), FrameSink()
    job = ScoreJob(
        path_or_frame(table),
        question,
        units,
        models_folder(models),
        device,
        column=composition_column,
        encoding=encoding,
        with_elements=with_elements,
    )
    aside = check_files(
        job.source if isinstance(job.source, Path) else None,
        OutputTarget(None, "table"),
        None if rejects is None else Path(rejects),
    )
    with open_rejects(aside, always=True) as refused:
        stream_score(job, watch, sink, refused)
    if refused.count:
        row, _, text, reason = refused.first[0]
        watch.warn(f"{refused.count} rows could not be read, the first is row {row}: {reason} (`{text[:60]}`)")
    return sink.frame()


def run_score(job: ScoreJob, watch: Watch) -> Outcome:
    """Predict a list and keep the result in memory.

    Raises:
        ScreenerError: the question or the list cannot be read.
    """
    rows, rejects = FrameSink(), RejectSink(keep=None)
    finished = stream_score(job, watch, rows, rejects)
    return Outcome(rows.frame(), finished.summary, finished.metadata, tuple(rejects.first))


def stream_score(
    job: ScoreJob, watch: Watch, rows: RowSink, rejects: RejectSink, scratch: Path | None = None
) -> Finished:
    """Predict a list and hand the result on block by block.

    Args:
        job: the list and the question.
        watch: hears of progress and warnings.
        rows: takes the result.
        rejects: takes what cannot be read.
        scratch: folder where rows of a long list wait that is sorted; None for the system's.

    Raises:
        ScreenerError: the question or the list cannot be read, or the result not written.
    """
    started = time.perf_counter()
    question = job.question
    with _opened(job) as source:
        first, count = _first_blocks(source)
        given = first[0].cells.schema
        rows.accept(given)
        short = count <= CHARACTERIZE_UP_TO
        close = short or (question.top is not None and question.top <= CHARACTERIZE_UP_TO)
        tier = "screen" if question.tier == "auto" and not close else question.tier
        with run_models(question, job.models, job.device, tier, nearest=close or tier == "characterize") as models:
            known = known_conditions(models.models())
            said = check_conditions(question, models.models())
            plan = make_plan(question, models.search, element_symbols())
            columns = find_conditions(source.header, known.values())
            for name in columns:
                require_numbers(name, given[name], flags=True)
            routes = find_routes(source.header, known.values())
            reader = _reader(job, source, models, plan, columns, _flags(known, columns), routes)
            run = ListRun(job, source.header, reader, plan, models, known, rows, rejects, watch)
            if short:
                run.short(first)
            else:
                run.long(itertools.chain(first, source.blocks), scratch)
            for warning in [*source.warnings, *said, *run.warnings()]:
                watch.warn(warning)
            settled = columns if routes is None else (*columns, *routes.levels)
            lines = model_lines(models, plan, _tier_text(question.tier, tier, close), settled)
            lines += borderline_lines(run.tally.marked, run.tally.written)
            told = [] if routes is None else [routes.note(models.process(), columns)]
            told += near_conditions(source.header, known.values())
            notes = note_lines([*source.notes, *told, *_renamed(source.header, run.tally.columns)])
            counts = run.tally.counts()
            summary = Summary(counts, time.perf_counter() - started, run.tally.read, (*lines, *notes))
            metadata = metadata_of(job.as_json(), models, summary)
            rows.finish(metadata)
            return Finished(summary, metadata)


def _flags(known: Mapping[str, Condition], columns: Sequence[str]) -> frozenset[str]:
    """Pick the columns of conditions that say yes or no."""
    return frozenset(name for name in columns if known[name].is_flag)


def _opened(job: ScoreJob) -> AbstractContextManager[AlloyList]:
    """Open the list of a job."""
    if isinstance(job.source, Path):
        return open_list(job.source, job.units, job.column, job.encoding)
    return nullcontext(from_frame(job.source, job.units, job.column))


def _first_blocks(source: AlloyList) -> tuple[list[TextBlock], int]:
    """Read blocks until it is clear whether the list is short; at least one, which may be empty."""
    import polars

    first: list[TextBlock] = []
    count = 0
    for block in source.blocks:
        first.append(block)
        count += block.records
        if count > CHARACTERIZE_UP_TO:
            break
    if not first:
        empty = polars.DataFrame(schema=dict.fromkeys(source.header, polars.String))
        first.append(TextBlock(np.empty(0, np.int64), empty))
    return first, count


def _reader(
    job: ScoreJob,
    source: AlloyList,
    models: RunModels,
    plan: Plan,
    columns: tuple[str, ...],
    flags: frozenset[str],
    routes: RouteColumn | None,
) -> BlockReader:
    """Make what reads compositions and conditions of records."""
    formula = None if source.formula is None else source.header[source.formula]
    elements = {symbol: source.header[place] for symbol, place in source.elements.items()}
    foreign = tuple(source.header[place] for place in source.foreign)
    needed, given = _needed(models, plan), models.conditions()
    return BlockReader(formula, elements, foreign, job.units, needed, columns, flags, routes, given)


def _needed(models: RunModels, plan: Plan) -> list[Descriptor]:
    """Collect what must be computable for every alloy: inputs of the models and descriptors the question names."""
    specs = {model.card.features: model.spec for model in models.models()}
    named = {each.name: each for spec in specs.values() for each in spec.descriptors if each.kind is not Kind.FRACTION}
    return list((named | {name: catalogue()[name] for name in plan.referenced}).values())


def _renamed(header: Sequence[str], written: Sequence[str]) -> list[str]:
    """Say which input columns are written under another name."""
    start = written.index("row") + 1
    return [
        f"input column `{old}` is written as `{new}`"
        for old, new in zip(header, written[start:], strict=False)
        if old != new
    ]


def _tier_text(asked: TierChoice, tier: TierChoice, close: bool) -> str:
    """Say which tier predicted what."""
    if tier == "auto":
        return "screen tier ranks, characterize tier describes"
    if asked == "auto" and not close:
        return f"screen tier throughout for a list of more than {CHARACTERIZE_UP_TO:,} rows, no nearest training alloys"
    return f"{tier} tier throughout"
