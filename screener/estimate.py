"""What a search would cost, without doing it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from screener.binding import check_conditions
from screener.candidates import Candidates
from screener.engine import BlockEngine
from screener.errors import ModelError
from screener.exact.run import may_be_exact, problem_of
from screener.jobs import DEFAULT_TOP, ScreenJob
from screener.model_set import find_folder
from screener.plan import make_plan
from screener.run_models import run_models
from screener.search import FUSE_FROM, SLACK, Batching

_LARGEST_INDEX = 2**63
_ROUNDS = 3
_PROOF = 100.0
"""Megabytes of open cells, blocks of them and candidates that may be among the best."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a search would take.

    Attributes:
        search: whether every candidate would be scored, or the best be proved.
        seconds: how long; None for a proof, whose length depends on the question.
        megabytes: peak memory.
    """

    search: Literal["exhaustive", "exact"]
    seconds: float | None
    megabytes: float


def estimate(job: ScreenJob) -> Iterator[str]:
    """Yield lines: the number of candidates first, then time and memory as far as they can be told.

    Raises:
        ScreenerError: the question does not fit the models.
    """
    yield f"candidates: {job.candidates}"
    if job.sample is not None:
        yield f"drawn from: {job.space.size}"
    for note in job.space.notes:
        yield f"note: {note}"
    if job.space.size >= _LARGEST_INDEX:
        yield "note: too many to number, so this space can be counted but not searched"
        return
    refused = f"note: more than the {job.max_candidates} of --max-candidates, so a search would be refused"
    if job.candidates > job.max_candidates and not may_be_exact(job):
        yield refused
    try:
        find_folder(job.models)
    except ModelError as missing:
        if job.models is not None:
            raise
        yield f"note: time and memory are not estimated, as {missing.message}"
        return
    cost = cost_of(job)
    if cost.seconds is None:
        yield "time: about seconds to minutes for most questions, of any size (exact search); --time-limit ends it"
    else:
        if job.candidates > job.max_candidates and may_be_exact(job):
            yield refused
        yield f"time: about {duration(cost.seconds)}"
    yield f"memory: about {cost.megabytes:.0f} MB"


def estimate_record(lines: Iterable[str]) -> dict[str, object]:
    """Take the lines of an estimate as one object: numbers as numbers, notes as a list."""
    record: dict[str, object] = {}
    notes: list[str] = []
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "note":
            notes.append(value)
        else:
            record[name.replace(" ", "_")] = int(value) if value.isdigit() else value.removeprefix("about ")
    return {**record, "notes": notes}


def cost_of(job: ScreenJob) -> Cost:
    """Time a few blocks and extrapolate, or find that the search would be exact.

    Raises:
        ScreenerError: the question does not fit the models.
    """
    started = time.perf_counter()
    may = may_be_exact(job)
    with run_models(job.question, job.models, job.device) as models:
        plan = make_plan(job.question, models.search, job.space.elements)
        check_conditions(job.question, models.models())
        exact = may and problem_of(job, plan, models) is not None
        engine = BlockEngine(models.search, job.space.elements, plan.wanted, fused=job.candidates >= FUSE_FROM)
        block_seconds = 0.0 if exact else _block_seconds(job, engine)
        workers = Batching.on(models.device, job.block).workers
    kept = 2 * (min(job.question.top or DEFAULT_TOP, job.candidates) + SLACK)
    # A kept candidate costs its index and score while searching and some hundred values when it is settled.
    megabytes = _peak_megabytes() + kept * 1e-6 * (16 + 8 * 200)
    if exact:
        return Cost("exact", None, _peak_megabytes() + _PROOF)
    blocks = math.ceil(job.candidates / job.block / workers)
    return Cost("exhaustive", time.perf_counter() - started + blocks * block_seconds, megabytes)


def _block_seconds(job: ScreenJob, engine: BlockEngine) -> float:
    """Time one block, the best of some rounds: the first also loads compiled code."""
    block, candidates = engine.new_block(job.block), Candidates(job.space)
    span = next(candidates.spans(job.block))
    seconds = math.inf
    for _ in range(_ROUNDS):
        before = time.perf_counter()
        candidates.fill(span, block.fractions)
        block.rows = len(span)
        engine.columns(block)
        seconds = min(seconds, time.perf_counter() - before)
    return seconds


def _peak_megabytes() -> float:
    """Return the most memory this process has held so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def duration(seconds: float) -> str:
    """Write a duration in the unit that fits."""
    for limit, unit, length in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}" if seconds / length >= 10 else f"{seconds / length:.1f} {unit}"
    return f"{seconds / 86400:.0f} days"
