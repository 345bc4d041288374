"""Predict a list of alloys: read in blocks, filtered and ranked by the fast tier, the reported rows characterized."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.alloy_list import AlloyList, from_frame, open_csv
from screener.binding import check_conditions, known_conditions
from screener.card import Condition
from screener.descriptors.catalogue import Descriptor, Kind, catalogue
from screener.elements import element_symbols
from screener.engine import BlockEngine
from screener.formula import Units
from screener.jobs import (
    CHARACTERIZE_UP_TO,
    ClassifierChoice,
    Question,
    ScoreJob,
    TierChoice,
    as_tuple,
    conditions_of,
)
from screener.judge import Judge
from screener.list_blocks import ListReader, dense, find_conditions
from screener.list_results import account, list_frame
from screener.list_search import ListRows, Predict, choose, evaluate_list
from screener.outcome import Outcome, metadata_of
from screener.plan import Plan, check_domain, make_plan
from screener.run_models import RunModels, run_models
from screener.search import passing
from screener.summary import PythonWatch, Summary, Watch, model_lines, note_lines
from screener.tier_models import Columns, Conditions

if TYPE_CHECKING:
    import polars


def score(
    table: polars.DataFrame | Path | str,
    *,
    units: Units | None = None,
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
    strict: bool = False,
) -> polars.DataFrame:
    """Predict a list of alloys.

    Args:
        table: a polars table or the path of a CSV file, with a column of formulas.
        units: how amounts in formulas are meant, `at` or `wt`; balance notation must say.
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
        prior: share of amorphous-formers to rescale `p_amorphous` for; ranking and default flags stay.
        classifier: which of several screening classifiers, `mtl` or `independent`; None takes the preferred one.
        with_descriptors: add every descriptor.
        strict: refuse rows that cannot be read and elements outside the training of a model.

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
    source = Path(table) if isinstance(table, str) else table
    watch = PythonWatch()
    outcome = run_score(ScoreJob(source, question, units, None if models is None else Path(models), device), watch)
    if outcome.rejects:
        row, _, text, reason = outcome.rejects[0]
        watch.warn(f"{len(outcome.rejects)} rows could not be read, the first is row {row}: {reason} (`{text[:60]}`)")
    return outcome.frame


def run_score(job: ScoreJob, watch: Watch) -> Outcome:
    """Predict a list.

    Raises:
        ScreenerError: the question or the list cannot be read.
    """
    started = time.perf_counter()
    question = job.question
    with _opened(job) as source:
        first = list(itertools.islice(source.records, CHARACTERIZE_UP_TO + 1))
        short = len(first) <= CHARACTERIZE_UP_TO
        close = short or (question.top is not None and question.top <= CHARACTERIZE_UP_TO)
        tier = "screen" if question.tier == "auto" and not close else question.tier
        with run_models(question, job.models, job.device, tier, nearest=close or tier == "characterize") as models:
            known = known_conditions(models.models())
            said = check_conditions(question, models.models())
            plan = make_plan(question, models.search, element_symbols())
            columns = find_conditions(source.header, known.values())
            given, needed = models.conditions(), _needed(models, plan)
            reader = ListReader(source, job.units, needed, columns, given, question.strict)
            records, total = itertools.chain(first, source.records), len(first) if short else None
            predict = _predictor(job, plan, models, exact=short)
            rows, filtered = evaluate_list(reader, records, plan, predict, job.block, total, watch)
            said += [*_range_warnings(rows, known), *check_domain(reader.symbols, models.models(), question.strict)]
            for warning in said:
                watch.warn(warning)
            settle = _as_it_is if short else _settler(reader, plan, _predictor(job, plan, models, exact=True))
            chosen = choose(rows, plan, question.top, question.ranks, settle)
            frame, renamed = list_frame(job, reader, plan, models, chosen)
            counts = account(reader.read, len(reader.rejects), filtered, chosen)
            lines = (*model_lines(models, _tier_text(question.tier, tier, close), columns), *note_lines(renamed))
            summary = Summary(counts, time.perf_counter() - started, reader.read, lines)
            return Outcome(frame, summary, metadata_of(job.as_json(), models, summary), tuple(reader.rejects))


def _as_it_is(rows: ListRows) -> ListRows:
    return rows


def _opened(job: ScoreJob) -> AbstractContextManager[AlloyList]:
    """Open the list of a job."""
    if isinstance(job.source, Path):
        return open_csv(job.source, job.units)
    return nullcontext(from_frame(job.source, job.units))


def _needed(models: RunModels, plan: Plan) -> list[Descriptor]:
    """Collect what must be computable for every alloy: inputs of the models and descriptors the question names."""
    specs = {model.card.features: model.spec for model in models.models()}
    named = {each.name: each for spec in specs.values() for each in spec.descriptors if each.kind is not Kind.FRACTION}
    return list((named | {name: catalogue()[name] for name in plan.referenced}).values())


def _predictor(job: ScoreJob, plan: Plan, models: RunModels, *, exact: bool) -> Predict:
    """Make what predicts compositions: in float64 for lists that are short, else in blocks of one shape."""
    wanted = {*models.search.columns, *plan.wanted}
    nets = models.precise().nets
    engines: dict[tuple[str, ...], BlockEngine] = {}

    def predict(fractions: NDArray[np.float64], symbols: tuple[str, ...], conditions: Conditions) -> Columns:
        if exact and nets:
            return Judge(models.search, nets, symbols, wanted).columns_of(fractions, conditions)
        if symbols not in engines:
            engines.clear()
            engines[symbols] = BlockEngine(models.search, symbols, wanted)
        return engines[symbols].columns_of(fractions, conditions, job.block, pad=bool(nets))

    return predict


def _settler(reader: ListReader, plan: Plan, predict: Predict) -> Callable[[ListRows], ListRows]:
    """Make what gives the best of a long list their final values."""

    def settle(rows: ListRows) -> ListRows:
        columns = predict(dense(rows.block.compositions, reader.symbols), reader.symbols, rows.block.conditions)
        kept, columns = passing(plan, np.arange(len(rows.score)), columns)
        return ListRows(rows.block.take(kept), columns, plan.scorer.score(columns))

    return settle


def _range_warnings(rows: ListRows, known: Mapping[str, Condition]) -> list[str]:
    """Warn of condition cells outside the training range."""
    warnings = []
    for name, values in rows.block.conditions.items():
        condition = known[name]
        outside = int(np.count_nonzero((values < condition.low) | (values > condition.high)))
        if outside:
            warnings.append(
                f"{outside} rows have {name} outside the {condition.low:g} to {condition.high:g} {condition.unit} "
                "the models were trained on"
            )
    return warnings


def _tier_text(asked: TierChoice, tier: TierChoice, close: bool) -> str:
    """Say which tier predicted what."""
    if tier == "auto":
        return "screen tier ranks, characterize tier describes"
    if asked == "auto" and not close:
        return f"screen tier throughout for a list of more than {CHARACTERIZE_UP_TO:,} rows, no nearest training alloys"
    return f"{tier} tier throughout"
