"""Counting a space without walking through it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_unrank import brute_force
from benchmarks.cases import Size
from benchmarks.timing import Line, best_seconds
from screener.space import CompositionSpace

TEN = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W")
LIMITS = "Al=5:35,Cr=0:20"


def count_ten() -> int:
    """Count ten elements at 1 at.% with three to six present and limits on two of them."""
    return CompositionSpace.build(TEN, 1, "3-6", LIMITS).size


def lines(size: Size) -> Iterator[Line]:
    """Time counting."""
    yield Line("count", f"ten elements with limits ({count_ten():,})", best_seconds(count_ten, size.rounds), "s")


def test_count(benchmark: BenchmarkFixture) -> None:
    smaller = CompositionSpace.build(TEN[:4], 5, "3-4", LIMITS)
    rows = brute_force(20, 4)
    kept = (rows[:, 0] >= 0.05) & (rows[:, 0] <= 0.35) & (rows[:, 2] <= 0.2) & ((rows > 0).sum(axis=1) >= 3)
    assert smaller.size == kept.sum()
    assert benchmark(count_ten) > smaller.size
