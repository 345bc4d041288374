"""The exact search of a run: whether it can be used, and what it found and proved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from screener.candidates import Candidates
from screener.errors import CompositionError, ExpressionError, ModelError, ScreenerError
from screener.exact.branch import MOST_BYTES, Proof, branch
from screener.exact.hands import Hands, Threads
from screener.exact.problem import Problem
from screener.exact.question import exact_problem
from screener.exact.regions import Neighbourhoods, alloys_in
from screener.exact.standing import Notebook, Tally
from screener.formula import canonical_formula
from screener.jobs import ScreenJob
from screener.judge import Judge
from screener.plan import Plan
from screener.run_models import RunModels
from screener.search import Found, best_first, passing
from screener.summary import Watch

WORTHWHILE = 300_000
"""Candidates from which on proving is faster than scoring them all."""


_MORE = 64
"""Candidates listed at once where winners must be apart."""


@runtime_checkable
class ProofWatch(Protocol):
    """Someone who is told how far a proof is."""

    def proving(self, tally: Tally) -> None:
        """Hear of threshold, open bound and settled share."""
        ...


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search may use.

    Attributes:
        workers: threads.
        seconds: after which to stop with what there is; None for never.
        apart: how far winners must be from each other, at.%; None for any distance.
        hands: who settles cells; None for threads of this process.
    """

    workers: int = 1
    seconds: float | None = None
    apart: float | None = None
    hands: Hands | None = None


@dataclass(frozen=True, slots=True)
class ExactFound:
    """The best candidates, with their proof.

    Attributes:
        found: the list.
        proof: what is known of all others.
        lines: the same in words.
    """

    found: Found
    proof: Proof
    lines: tuple[str, ...]


def may_be_exact(job: ScreenJob) -> bool:
    """Say whether a run may be searched exactly, as far as can be told before models are loaded.

    Raises:
        ExpressionError: it was asked for together with what it cannot do.
        CompositionError: a time limit that is no time, or without an exact search.
    """
    if job.time_limit is not None and not job.time_limit > 0:
        raise CompositionError(
            f"--time-limit `{job.time_limit:g}` is not above 0", "give seconds, e.g. `--time-limit 60`"
        )
    for option, percent in (("--diverse", job.diverse), ("--near", job.near)):
        if percent is not None and not 0 < percent <= 100:
            raise CompositionError(
                f"{option} `{percent:g}` is not above 0 and up to 100", f"write at.%, e.g. `{option} 5`"
            )
    named = {
        "--search exact": job.search == "exact",
        "--time-limit": job.time_limit is not None,
        "--diverse": job.diverse is not None,
        "--near": job.near is not None,
    }
    asked = next((option for option, given in named.items() if given), "")
    if asked and job.sample is not None:
        raise ExpressionError(f"`--sample` together with `{asked}`", "drop one: a draw is scored as a whole")
    if asked and job.search == "exhaustive":
        raise ExpressionError(f"`{asked}` together with `--search exhaustive`", "only an exact search can: drop one")
    if job.search == "exhaustive":
        return False
    return bool(asked) or (job.sample is None and job.space.size > WORTHWHILE)


def asked_for(job: ScreenJob) -> bool:
    """Say whether nothing but an exact search will do."""
    return job.search == "exact" or any(each is not None for each in (job.time_limit, job.diverse, job.near))


def problem_of(job: ScreenJob, plan: Plan, models: RunModels) -> Problem | None:
    """Return what an exact search would solve; None where `auto` should score every candidate.

    `auto` leaves products of desirabilities alone: where many are ideal in all, there is nothing to prune by.

    Raises:
        ScreenerError: an exact search was asked for and has no bound for something the question reads.
    """
    try:
        problem = exact_problem(plan, models.precise().nets, job.space)
        if job.near is not None:
            index = models.precise().index
            alloys = alloys_in(index, job.space.elements, job.space.units, job.near) if index else np.empty((0, 0))
            problem = replace(problem, near=Neighbourhoods.within(alloys, job.space.units, job.near))
        if asked_for(job) or not problem.product:
            return problem
    except ScreenerError:
        if asked_for(job):
            raise
    return None


def find_exactly(
    candidates: Candidates,
    plan: Plan,
    problem: Problem,
    k: int,
    judge: Judge,
    watch: Watch,
    limits: Effort,
    notebook: Notebook | None = None,
) -> ExactFound:
    """Find the k best candidates and prove that there are no better ones.

    Args:
        candidates: what is searched.
        plan: filter and order.
        problem: the same in numbers.
        k: how many to keep.
        judge: settles order and values in float64.
        watch: hears of progress, and of a proof cut short.
        limits: threads and time, and how far winners must be apart.
        notebook: keeps where the search stands, for another process to go on; None for none.
    """
    deadline = np.inf if limits.seconds is None else time.monotonic() + limits.seconds
    progress = watch.proving if isinstance(watch, ProofWatch) else None

    def listed(problem: Problem, k: int) -> tuple[Found, Proof]:
        proof = branch(problem, k, limits.hands or Threads(limits.workers), deadline, progress, notebook)
        index = np.sort(candidates.space.rank(proof.counts)) if len(proof.counts) else np.empty(0, np.int64)
        index, columns = passing(plan, index, judge.columns_of(candidates.fractions(index)))
        score = plan.score(columns)
        if np.isnan(score).any():
            counts = candidates.space.counts(index[np.isnan(score)][:1])[0]
            alloy = canonical_formula(candidates.space.elements, 100.0 * counts / candidates.space.units)
            raise ModelError(
                f"a model has no finite value for `{alloy}`", "`--search exhaustive` leaves such candidates out"
            )
        return _picked(Found(index, score, columns, len(index), 0), best_first(index, score)[:k]), proof

    if limits.apart is None:
        found, proof = listed(problem, k)
    else:
        found, proof = _spread(problem, k, limits.apart, listed)
    if not proof.complete:
        cause = "the time limit was reached" if proof.stopped is None else "the search was stopped"
        if proof.crowded:
            cause = f"more cells are open than fit in {MOST_BYTES / 2**30:g} GiB"
        watch.warn(f"{cause}: there may be better candidates than those listed")
    return ExactFound(found, proof, _lines(proof, found.score, k, limits.apart))


def _spread(
    problem: Problem, k: int, apart: float, listed: Callable[[Problem, int], tuple[Found, Proof]]
) -> tuple[Found, Proof]:
    """Take the best, then again and again the best of those far enough from all taken.

    Every search leaves out the neighbourhoods of those taken so far and lists some more than one, which often holds
    several of the next.
    """
    space, parts, taken, tally = problem.space, [], np.empty((0, len(problem.space.elements))), Tally()
    while True:
        around = Neighbourhoods.nearer_than(taken, space.units, apart)
        found, proof = listed(replace(problem, apart=around), _MORE)
        rows = []
        for row, counts in enumerate(space.counts(found.index)):
            if not Neighbourhoods.nearer_than(taken, space.units, apart).hold(counts[None])[0] and len(taken) < k:
                rows.append(row)
                taken = np.concatenate([taken, counts[None]])
        parts.append(_picked(found, np.array(rows, np.int64)))
        tally = replace(proof.tally, cells=tally.cells + proof.tally.cells, points=tally.points + proof.tally.points)
        if len(taken) == k or len(found.index) < _MORE or not proof.complete:
            break
    index, score = (np.concatenate([getattr(part, name) for part in parts]) for name in ("index", "score"))
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Found(index, score, columns, len(index), 0), replace(proof, tally=tally)


def _picked(found: Found, rows: NDArray[np.intp]) -> Found:
    """Take some rows of a list."""
    columns = {name: values[rows] for name, values in found.columns.items()}
    return Found(found.index[rows], found.score[rows], columns, found.met, found.nan_count)


def _lines(proof: Proof, score: NDArray[np.float64], k: int, apart: float | None) -> tuple[str, ...]:
    """Write the certificate."""
    tally = proof.tally
    first = f"search: exact, {tally.cells:,} cells bounded, {tally.points:,} candidates scored"
    if not proof.complete:
        return (
            first,
            f"certificate: partial, no candidate scores above {max(tally.ceiling, tally.threshold):.6g}; "
            f"{tally.settled:.2%} of the space is settled",
        )
    if apart is not None:
        return first, f"certificate: none that lies {apart:g} at.% or more from those before it scores above the next"
    if len(score) < k:
        return first, "certificate: every candidate that counts is listed"
    return first, f"certificate: no candidate outside this list scores above {score[-1]:.10g}"
