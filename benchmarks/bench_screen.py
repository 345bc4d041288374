"""The whole search: enumerate, describe, predict, rank, settle, characterize."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_infer import best_alone
from benchmarks.cases import ELEMENTS, QUICK, Size, models_folder, screen_models, space
from benchmarks.timing import Line
from screener.descriptors.featurizer import featurize
from screener.jobs import Question, ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen

LARGE, SMALL = ("p_amorphous", "hardness_gpa"), ("resistivity_uohm_cm",)
"""Objectives whose score reads every target of the screen tier."""


_PEAK = """
import re, resource, sys
from screener.cli import main
if main(sys.argv[1:]):
    sys.exit(1)
# The high-water mark of this program alone: what getrusage tells on Linux includes the process it was started from.
try:
    kilobytes = float(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
except OSError:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1000 if sys.platform == "darwin" else 1)
print(kilobytes / 1000, file=sys.stderr)
"""
"""A program that runs a command and then tells its peak memory in MB."""


def three_targets(top: int) -> Question:
    """Ask for alloys that are good in all three targets."""
    return Question(maximize=LARGE, minimize=SMALL, top=top)


class Stopwatch:
    """Watches a run and notes when the first and the last block were done."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def progress(self, done: int, total: int | None) -> None:
        """Note the time at which so many candidates were done."""
        self.seen.append((time.perf_counter(), done))

    def warn(self, text: str) -> None:
        """Pass over warnings: they do not concern speed."""

    @property
    def rate(self) -> float:
        """Candidates per second between the first block and the last."""
        (first, before), (last, after) = self.seen[0], self.seen[-1]
        return (after - before) / (last - first)


def search(size: Size, question: Question) -> tuple[Outcome, float, float]:
    """Run a search: its outcome, its seconds from call to table, and the rate of its loop."""
    watch = Stopwatch()
    start = time.perf_counter()
    outcome = run_screen(
        ScreenJob(space(size.step), question, models=models_folder(), device="cpu", search="exhaustive"), watch
    )
    seconds = time.perf_counter() - start
    return outcome, seconds, watch.rate if len(watch.seen) > 1 else space(size.step).size / seconds


@cache
def best_search(size: Size, question: Question) -> tuple[float, float]:
    """Run a search several times: the best rate of its loop, and candidates per second from call to table."""
    search(QUICK, question)
    runs = [search(size, question)[1:] for _ in range(min(2, size.rounds))]
    return max(rate for _, rate in runs), space(size.step).size / min(seconds for seconds, _ in runs)


def lines(size: Size) -> Iterator[Line]:
    """Time the search for three targets, beside ONNX Runtime alone, and for the default question."""
    count, (yardstick, _) = space(size.step).size, best_alone(size)
    beside = "ONNX Runtime alone"
    what = f"three targets, {count:,} candidates, best {size.top:,}"
    loop, whole = best_search(size, three_targets(size.top))
    yield Line("search", f"{what}: the loop", loop, "candidates/s", beside, loop / yardstick, headline=True)
    yield Line("search", f"{what}: all, loading included", whole, "candidates/s", beside, whole / yardstick)
    _, whole = best_search(size, Question(top=20))
    yield Line("search", f"`p_amorphous`, {count:,} candidates, best 20: all, loading included", whole, "candidates/s")


def peak_of(command: Sequence[str]) -> float:
    """Run a command in a process of its own and return the most memory it held, in MB."""
    program = [sys.executable, "-c", _PEAK, *command, "--models", str(models_folder()), "--quiet"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return float(done.stderr.split()[-1])


def test_search_default(benchmark: BenchmarkFixture) -> None:
    outcome = benchmark(lambda: search(QUICK, Question(top=QUICK.top))[0])
    candidates = space(QUICK.step)
    everything = candidates.counts(np.arange(candidates.size)) / candidates.units
    model = screen_models(1)["p_amorphous"]
    logits = model.predict(featurize(everything, ELEMENTS, model.spec))["p_amorphous_logit"].astype(float)
    benchmark.extra_info["candidates"] = candidates.size
    assert outcome.frame.height == QUICK.top
    found = logits[outcome.frame["index"].to_numpy()]
    np.testing.assert_allclose(found, np.sort(logits)[::-1][: QUICK.top], atol=2e-5 * np.abs(logits).max())


def test_search_three_targets(benchmark: BenchmarkFixture) -> None:
    outcome = benchmark(lambda: search(QUICK, three_targets(QUICK.top))[0])
    score = outcome.frame["score"].to_numpy()
    everything = search(QUICK, three_targets(space(QUICK.step).size))[0].frame
    np.testing.assert_array_equal(outcome.frame["index"], everything["index"][: QUICK.top])
    assert np.all(np.diff(score) <= 0)
