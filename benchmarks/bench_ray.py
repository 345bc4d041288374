"""Searches over Ray workers: how much two do in the time of one, and how one compares with this process."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.bench_screen import Stopwatch, three_targets
from benchmarks.cases import CORES, FULL, QUICK, Size, models_folder, space
from benchmarks.timing import Line
from screener.cluster_opening import open_cluster
from screener.jobs import ScreenJob
from screener.pipeline import run_screen
from screener.runs.opening import Places, open_course
from screener.runs.recipe import Recipe
from screener.sinks import OutputTarget

RAY = importlib.util.find_spec("ray") is not None
WORKERS = (1, 2)


class Told(Stopwatch):
    """Hears nothing but progress."""

    def note(self, text: str) -> None:
        """Pass over notes."""


def job_of(size: Size) -> ScreenJob:
    """Ask for alloys that are good in all three targets, every candidate scored."""
    question = three_targets(size.top)
    return ScreenJob(space(size.step), question, models=models_folder(), device="cpu", search="exhaustive")


def spread_rate(size: Size, workers: int) -> float:
    """Search with so many workers: candidates per second from the first span that came back to the last."""
    job, told = job_of(size), Told()
    with open_cluster(None, "cpu", workers) as cluster:
        for _ in range(2):  # the first round starts the workers
            told.seen.clear()
            with open_course(Recipe(job), Places(None, None), None, told, cluster) as course:
                run_screen(job, told, course)
    return rate_of(told, space(size.step).size)


def local_rate(size: Size, journal: bool) -> float:
    """Search in this process, with a journal or without: candidates per second from the first block to the last."""
    job, told = job_of(size), Told()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.csv" if journal else None
        places = Places.of(OutputTarget(output, "csv"), None)
        with open_course(Recipe(job), places, None, told) as course:
            run_screen(job, told, course)
    return rate_of(told, space(size.step).size)


def rate_of(told: Told, size: int) -> float:
    """Return the rate of a loop; of one too short to have any, what there is over a moment."""
    if len(told.seen) > 1 and told.seen[-1][0] > told.seen[0][0]:
        return told.rate
    return size / max(time.perf_counter() - told.seen[0][0], 1e-9)


def lines(size: Size) -> Iterator[Line]:
    """Time the loop without and with a journal, and over one and two workers where Ray is installed."""
    plain = kept = 0.0
    local_rate(QUICK, journal=False)
    for _ in range(2 if size is FULL else 1):
        plain, kept = max(plain, local_rate(size, journal=False)), max(kept, local_rate(size, journal=True))
    what = f"three targets, {space(size.step).size:,} candidates, best {size.top:,}"
    yield Line("runs", f"{what}: the loop with a journal", kept, "candidates/s", "without one", kept / plain)
    if not RAY:
        return
    rates = {workers: spread_rate(size, workers) for workers in WORKERS}
    yield Line("ray", f"{what}: 1 worker", rates[1], "candidates/s", "this process", rates[1] / plain)
    yield Line("ray", f"{what}: 2 workers on {CORES} cores", rates[2], "candidates/s", "1 worker", rates[2] / rates[1])


def test_a_search_with_a_journal() -> None:
    assert local_rate(QUICK, journal=True) > 0


@pytest.mark.slow
@pytest.mark.skipif(not RAY, reason="needs Ray")
def test_workers_search() -> None:
    assert spread_rate(QUICK, 1) > 0
