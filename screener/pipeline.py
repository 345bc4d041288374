"""From a space to its best candidates: blocks are described one ahead of prediction, ranked, settled in float64."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from screener.binding import check_conditions
from screener.candidates import Candidates, check_number
from screener.descriptors.catalogue import catalogue
from screener.descriptors.featurizer import compile_plan
from screener.errors import CompositionError, InputError
from screener.exact.run import Effort, ExactFound, find_exactly, may_be_exact, problem_of
from screener.formula import Units, atomic_to_weight
from screener.jobs import (
    DEFAULT_TOP,
    MAX_CANDIDATES,
    ClassifierChoice,
    Question,
    ScreenJob,
    SearchChoice,
    TierChoice,
    as_tuple,
    conditions_of,
    models_folder,
)
from screener.judge import Judge
from screener.outcome import Outcome, metadata_of
from screener.plan import Plan, check_domain, make_plan
from screener.results import Values, formulas_of
from screener.run_models import RunModels, run_models
from screener.runs.course import Course
from screener.search import Batching, Found, search
from screener.space import CompositionSpace
from screener.summary import PythonWatch, Summary, Watch, borderline_lines, model_lines, note_lines
from screener.survivors import Survivors, descriptor_columns, result_table, shown_descriptors
from screener.tier_models import BORDERLINE_COLUMN

if TYPE_CHECKING:
    import polars

_WAIT_FOR_ALL = 500_000
"""From so many candidates on, every model is loaded first: a damaged one is told before the work."""


def screen(
    space: CompositionSpace,
    *,
    models: Path | str | None = None,
    device: str = "auto",
    maximize: str | tuple[str, ...] | list[str] = (),
    minimize: str | tuple[str, ...] | list[str] = (),
    rank_by: str | None = None,
    where: str | None = None,
    pareto: bool = False,
    top: int = DEFAULT_TOP,
    tier: TierChoice = "auto",
    recall: float | None = None,
    threshold: float | None = None,
    conditions: Mapping[str, float] | None = None,
    process: str | None = None,
    prior: float | None = None,
    classifier: ClassifierChoice | None = None,
    with_descriptors: bool = False,
    sample: int | None = None,
    seed: int = 0,
    units: Units = "at",
    max_candidates: int = MAX_CANDIDATES,
    strict: bool = False,
    search: SearchChoice = "auto",
    time_limit: float | None = None,
    diverse: float | None = None,
    near: float | None = None,
) -> polars.DataFrame:
    """Search a composition space and return its best candidates.

    Args:
        space: every candidate.
        models: folder of models; looked up where None.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        maximize: columns to make large, `COL` or `COL=LO:HI`; the default ranks by `p_amorphous`.
        minimize: columns to make small.
        rank_by: expression to rank by instead.
        where: condition a candidate must meet.
        pareto: keep only candidates that none beats in every objective.
        top: how many candidates to return.
        tier: `auto` searches with fast models and characterizes survivors with precise ones.
        recall: out-of-fold recall the amorphous flag must reach.
        threshold: probability from which the amorphous flag is set.
        conditions: measurement conditions by name.
        process: process predictions are for, `ribbon`, `film` or `bulk`; None is `ribbon` where a model knows it.
        prior: share of amorphous-formers to rescale `p_amorphous` for. Default flags stay, and so does a ranking by
            `p_amorphous` alone or without it; any other score, `where` and `threshold` read what is rescaled.
        classifier: which of several screening classifiers, `mtl` or `independent`; None takes the preferred one.
        with_descriptors: add every descriptor.
        sample: evaluate so many candidates drawn at random.
        seed: seed of the draw.
        units: unit of the element columns.
        max_candidates: refuse to evaluate more one by one.
        strict: refuse elements outside the training of a model.
        search: `exact` proves the best candidates by branch and bound, `exhaustive` scores every one; `auto` takes
            exact in large spaces where everything the question reads can be bounded. Both give the same list.
        time_limit: seconds after which an exact search stops, its proof incomplete.
        diverse: least distance of the candidates returned, as the largest difference of an amount, at.%; exact only.
        near: greatest distance to a measured alloy, likewise; exact only.

    Returns:
        One row per candidate, best first.

    Raises:
        ScreenerError: the question cannot be answered; the hint says what to change.
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
    job = ScreenJob(
        _a_space(space),
        question,
        sample,
        seed,
        units,
        max_candidates,
        models_folder(models),
        device,
        search=search,
        time_limit=time_limit,
        diverse=diverse,
        near=near,
    )
    outcome = run_screen(job, PythonWatch())
    if outcome.stopped is not None:
        raise outcome.stopped
    return outcome.frame


def _a_space(given: object) -> CompositionSpace:
    """Take a composition space.

    Raises:
        InputError: it is something else, such as the text that makes one.
    """
    if not isinstance(given, CompositionSpace):
        made = 'make one, for example `CompositionSpace.build("Al,Ti,Cr")`'
        raise InputError(f"the space is a {type(given).__name__}, not a CompositionSpace", made)
    return given


def run_screen(job: ScreenJob, watch: Watch, course: Course | None = None) -> Outcome:
    """Run a search.

    Args:
        job: what is asked.
        watch: hears of progress and warnings.
        course: keeps a journal of it; None for a search that is over when this process is.

    Raises:
        ScreenerError: the question cannot be answered.
    """
    started = time.perf_counter()
    may = may_be_exact(job)
    candidates = Candidates.of(job, capped=not may)
    question = job.question
    with run_models(question, job.models, job.device) as models:
        plan = make_plan(question, models.search, job.space.elements)
        _check_named(plan, job.space.elements)
        descriptors = shown_descriptors(job.space.elements, plan.referenced, question.with_descriptors)
        if course is not None:
            course.bind(models, candidates, plan)
        if candidates.size > _WAIT_FOR_ALL or question.strict or question.conditions or question.process:
            for warning in _warnings(job, models):
                watch.warn(warning)
            found, proved = _find(job, candidates, plan, models, watch, may, course)
        else:
            found, proved = _find(job, candidates, plan, models, watch, may, course)
            for warning in _warnings(job, models):
                watch.warn(warning)
        if not len(found.index):
            watch.warn("no candidate has a score" if found.met else "no candidate meets --where")
        frame = _result(job, candidates, models, descriptors, found)
        marked = int(frame[BORDERLINE_COLUMN].sum()) if BORDERLINE_COLUMN in frame.columns else 0
        summary = _summarize(job, candidates, models, plan, found, proved, time.perf_counter() - started, marked)
        stopped = None if proved is None else proved.proof.stopped
        return Outcome(frame, summary, metadata_of(job.as_json(), models, summary), stopped=stopped)


def _check_named(plan: Plan, symbols: tuple[str, ...]) -> None:
    """Refuse elements that lack what the searching models read, then what descriptors named in the question read.

    Raises:
        CompositionError: an element or a pair has no value; only a descriptor that was asked for can be done without.
    """
    for model in plan.models.models.values():
        compile_plan(model.spec.descriptors, symbols)
    for name in plan.referenced:
        try:
            compile_plan([catalogue()[name]], symbols, apart=True)
        except CompositionError as problem:
            raise CompositionError(problem.message, f"{problem.hint}, or do without `{name}`") from None


def _warnings(job: ScreenJob, models: RunModels) -> list[str]:
    """Check elements and conditions against every model of the run; this waits for all of them.

    Raises:
        CompositionError: an element lacks a property that a model needs, or is outside with `strict`.
        ModelError: a model cannot be loaded, or no model takes a condition or knows the process.
    """
    for spec in {model.card.features: model.spec for model in models.models()}.values():
        compile_plan(spec.descriptors, job.space.elements)
    conditions = check_conditions(job.question, models.models())
    return [*conditions, *check_domain(job.space.elements, models.models(), job.question.strict)]


def _find(
    job: ScreenJob,
    candidates: Candidates,
    plan: Plan,
    models: RunModels,
    watch: Watch,
    may: bool,
    course: Course | None,
) -> tuple[Found, ExactFound | None]:
    """Search the candidates with the fast tier, exactly where that may and can be."""
    shown = {*models.search.columns, *plan.wanted}
    k = min(job.question.top or DEFAULT_TOP, candidates.size)

    def judge() -> Judge | None:
        nets = models.precise().nets
        return Judge(models.search, nets, job.space.elements, shown) if nets else None

    problem = problem_of(job, plan, models) if may else None
    if problem is not None:
        settling = Judge(models.search, models.precise().nets, job.space.elements, shown)
        hands = None if course is None else course.hands
        effort = Effort(models.device.threads, job.time_limit, job.diverse, hands)
        with nullcontext() if course is None else course.stop.heeded():
            proved = find_exactly(candidates, plan, problem, k, settling, watch, effort, course)
        return proved.found, proved
    check_number(job)
    return search(candidates, plan, k, Batching.on(models.device, job.block), judge, shown, watch, course), None


def _result(
    job: ScreenJob, candidates: Candidates, models: RunModels, descriptors: tuple[str, ...], found: Found
) -> polars.DataFrame:
    """Characterize what was found and lay it out."""
    symbols, fractions = job.space.elements, candidates.fractions(found.index)
    parts = atomic_to_weight(fractions, symbols) if job.units == "wt" else fractions
    lead: dict[str, Values] = {
        "rank": np.arange(1, len(found.index) + 1),
        "index": found.index,
        "formula": formulas_of(fractions, symbols),
        **{symbol: np.round(100.0 * parts[:, place], 6) for place, symbol in enumerate(symbols)},
    }
    front = None if found.front_size is None else np.ones(len(found.index), np.int64)
    survivors = Survivors(fractions, symbols, found.columns, found.score, {}, front)
    described = descriptor_columns(fractions, symbols, descriptors)
    return result_table(lead, survivors, models, described).frame()


def _summarize(
    job: ScreenJob,
    candidates: Candidates,
    models: RunModels,
    plan: Plan,
    found: Found,
    proved: ExactFound | None,
    seconds: float,
    marked: int,
) -> Summary:
    """Say what was screened, kept and with what."""
    evaluated = candidates.size if proved is None else proved.proof.tally.points
    counts = [("candidates screened", candidates.size)]
    if proved is not None and not proved.proof.complete:
        counts = [("candidates in the space", candidates.size), ("candidates screened", evaluated)]
    if job.question.where and proved is None:
        counts.append(("met the filter", found.met))
    if found.front_size is not None:
        counts.append(("on the first front", found.front_size))
    counts.append(("kept", len(found.index)))
    if found.nan_count:
        counts.append(("without a score", found.nan_count))
    tier = job.question.tier
    text = "screen tier ranks, characterize tier describes" if tier == "auto" else f"{tier} tier throughout"
    lines = (*(() if proved is None else proved.lines), *model_lines(models, plan, text))
    said = (*borderline_lines(marked, len(found.index)), *note_lines(job.space.notes))
    return Summary(tuple(counts), seconds, evaluated, (*lines, *said))
