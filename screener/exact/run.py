"""The exact search of a run: whether it can be used, and what it found and proved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from screener.candidates import Candidates
from screener.errors import CompositionError, ExpressionError, ScreenerError
from screener.exact.branch import Proof, Tally, branch
from screener.exact.problem import Problem
from screener.exact.question import exact_problem
from screener.jobs import ScreenJob
from screener.judge import Judge
from screener.plan import Plan
from screener.run_models import RunModels
from screener.search import Found, best_first, passing
from screener.summary import Watch

WORTHWHILE = 300_000
"""Candidates from which on proving is faster than scoring them all."""


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
    """

    workers: int = 1
    seconds: float | None = None


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
    if job.search == "exhaustive":
        if job.time_limit is not None:
            raise CompositionError(
                "`--time-limit` together with `--search exhaustive`", "only an exact search can stop early: drop one"
            )
        return False
    asked = "--search exact" if job.search == "exact" else "--time-limit" if job.time_limit is not None else ""
    if asked and job.sample is not None:
        raise ExpressionError(f"`--sample` together with `{asked}`", "drop one: a draw is scored as a whole")
    return bool(asked) or (job.sample is None and job.space.size > WORTHWHILE)


def problem_of(job: ScreenJob, plan: Plan, models: RunModels) -> Problem | None:
    """Return what an exact search would solve; None where `auto` should score every candidate.

    `auto` leaves products of desirabilities alone: where many are ideal in all, there is nothing to prune by.

    Raises:
        ScreenerError: an exact search was asked for and has no bound for something the question reads.
    """
    try:
        problem = exact_problem(plan, models.precise().nets, job.space)
        if job.search == "exact" or job.time_limit is not None or not problem.product:
            return problem
    except ScreenerError:
        if job.search == "exact" or job.time_limit is not None:
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
) -> ExactFound:
    """Find the k best candidates and prove that there are no better ones.

    Args:
        candidates: what is searched.
        plan: filter and order.
        problem: the same in numbers.
        k: how many to keep.
        judge: settles order and values in float64.
        watch: hears of progress, and of a proof cut short.
        limits: threads and time.
    """
    deadline = np.inf if limits.seconds is None else time.monotonic() + limits.seconds
    proof = branch(problem, k, limits.workers, deadline, watch.proving if isinstance(watch, ProofWatch) else None)
    index = np.sort(candidates.space.rank(proof.counts)) if len(proof.counts) else np.empty(0, np.int64)
    index, columns = passing(plan, index, judge.columns_of(candidates.fractions(index)))
    score = plan.scorer.score(columns)
    order = best_first(index, score)[:k]
    found = Found(index[order], score[order], {n: v[order] for n, v in columns.items()}, len(index), 0)
    if not proof.complete:
        cause = "the time limit was reached" if proof.stopped is None else "the search was stopped"
        watch.warn(f"{cause}: there may be better candidates than those listed")
    return ExactFound(found, proof, _lines(proof, found.score, k))


def _lines(proof: Proof, score: NDArray[np.float64], k: int) -> tuple[str, ...]:
    """Write the certificate."""
    tally = proof.tally
    first = f"search: exact, {tally.cells:,} cells bounded, {tally.points:,} candidates scored"
    if not proof.complete:
        return (
            first,
            f"certificate: partial, no candidate scores above {max(tally.ceiling, tally.threshold):.6g}; "
            f"{tally.settled:.2%} of the space is settled",
        )
    if len(score) < k:
        return first, "certificate: every candidate that counts is listed"
    return first, f"certificate: no candidate outside this list scores above {score[-1]:.10g}"
