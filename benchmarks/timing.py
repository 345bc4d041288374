"""A stopwatch, and one line of what it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement.

    Attributes:
        stage: part of the engine.
        what: the work that was timed.
        value: how fast, or how long, or how large.
        unit: `candidates/s`, `formulas/s`, `s` or `MB`.
        beside: what it is compared with, measured in the same run.
        ratio: how many times faster than that; None without comparison.
        headline: whether it stands in the short table, too.
    """

    stage: str
    what: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    headline: bool = False


def best_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Time ``work``, the first call outside the clock: the shortest of the rounds."""
    work()
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best
