"""Keeping the best: a ranking of blocks beside sorting everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import FULL, QUICK, Size
from benchmarks.timing import Line, best_seconds
from screener.jobs import BLOCK
from screener.ranking import Ranking
from screener.search import SLACK

ROWS = {FULL: 4_000_000, QUICK: 30_000}
Scores = NDArray[np.float64]


def scores(size: Size) -> Scores:
    """Invent scores that drift, as those of a space do: the best come late."""
    rng = np.random.default_rng(0)
    return rng.normal(size=ROWS[size]) + np.linspace(0, 2, ROWS[size])


def ranked(values: Scores, k: int) -> NDArray[np.int64]:
    """Keep the best of blocks; return their indices."""
    ranking = Ranking(k + SLACK)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        ranking.update(block, np.arange(start, start + len(block)))
    return ranking.finish()[0][:k]


def sorted_all(values: Scores, k: int) -> NDArray[np.int64]:
    """Sort everything."""
    return np.argsort(-values, kind="stable")[:k]


def lines(size: Size) -> Iterator[Line]:
    """Time both."""
    values = scores(size)
    np.testing.assert_array_equal(ranked(values, size.top), sorted_all(values, size.top))
    rate = len(values) / best_seconds(lambda: ranked(values, size.top), size.rounds)
    plain = len(values) / best_seconds(lambda: sorted_all(values, size.top), size.rounds)
    what = f"best {size.top:,} of {len(values):,} in blocks, one thread"
    yield Line("rank", what, rate, "candidates/s", "sorting all in NumPy", rate / plain)


def test_rank(benchmark: BenchmarkFixture) -> None:
    values = scores(QUICK)
    np.testing.assert_array_equal(benchmark(ranked, values, QUICK.top), sorted_all(values, QUICK.top))
