"""The whole search: enumerate, describe, predict, rank, settle, characterize."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_infer import best_alone
from benchmarks.cases import ELEMENTS, QUICK, Size, models_folder, screen_models, space
from benchmarks.timing import Line
from screener.descriptors.featurizer import featurize
from screener.jobs import Question, ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen

THREE_TARGETS = {
    "maximize": ("p_amorphous", "hardness_gpa"),
    "minimize": ("resistivity_uohm_cm",),
}
"""A question whose score reads every target of the screen tier."""


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
    outcome = run_screen(ScreenJob(space(size.step), question, models=models_folder(), device="cpu"), watch)
    seconds = time.perf_counter() - start
    return outcome, seconds, watch.rate if len(watch.seen) > 1 else space(size.step).size / seconds


def lines(size: Size) -> Iterator[Line]:
    """Time the search for three targets and for the default, beside ONNX Runtime alone."""
    count = space(size.step).size
    yardstick, how = best_alone(size)
    beside = f"ONNX Runtime alone on ready features, {how}"
    questions = {
        f"three targets, best {size.top:,}": Question(**THREE_TARGETS, top=size.top),
        "`p_amorphous` alone, best 20": Question(top=20),
    }
    for what, question in questions.items():
        three = question.maximize != ()
        search(QUICK, question)
        runs = [search(size, question)[1:] for _ in range(min(2, size.rounds))]
        seconds, rate = min(run[0] for run in runs), max(run[1] for run in runs)
        compared = (beside, rate / yardstick) if three else ("", None)
        yield Line("search", f"{what}: {count:,} candidates, the loop", rate, "candidates/s", *compared)
        compared = (beside, count / seconds / yardstick) if three else ("", None)
        yield Line("search", f"{what}: from call to table, models loaded", count / seconds, "candidates/s", *compared)
    yield Line("search", f"{count:,} candidates, best {size.top:,}: peak memory", peak_megabytes(size), "MB")


def peak_megabytes(size: Size) -> float:
    """Run the search in a process of its own and return the most memory it held."""
    options = [part for o, columns in THREE_TARGETS.items() for column in columns for part in (f"--{o}", column)]
    command = [
        sys.executable,
        "-m",
        "screener",
        "enumerate",
        "--elements",
        ",".join(ELEMENTS),
        "--step",
        str(size.step),
    ]
    command += [*options, "--top", str(size.top), "--models", str(models_folder()), "--quiet", "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"screener ended with {process.returncode}")
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


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
    outcome = benchmark(lambda: search(QUICK, Question(**THREE_TARGETS, top=QUICK.top))[0])
    score = outcome.frame["score"].to_numpy()
    everything = search(QUICK, Question(**THREE_TARGETS, top=space(QUICK.step).size))[0].frame
    np.testing.assert_array_equal(outcome.frame["index"], everything["index"][: QUICK.top])
    assert np.all(np.diff(score) <= 0)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell a child's memory")
def test_peak_memory() -> None:
    assert 50 < peak_megabytes(QUICK) < 1000
