"""Counting a space and walking through it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import ELEMENTS, QUICK, Size, space
from benchmarks.timing import Line, best_seconds
from screener.jobs import BLOCK
from screener.space import CompositionSpace

TEN = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W")
_BRUTE_STEP = 5


def count_ten() -> int:
    """Count ten elements at 1 at.% with three to six present and limits on two of them."""
    return CompositionSpace.build(TEN, 1, "3-6", "Al=5:35,Cr=0:20").size


def walk(candidates: CompositionSpace, block: NDArray[np.float32]) -> int:
    """Write every composition of a space, block by block; return how many there were."""
    return sum(candidates.fill(start, block) for start in range(0, candidates.size, len(block)))


def brute_force(units: int, d: int) -> NDArray[np.float32]:
    """List the grid with itertools: all bars between all stars, already in lexicographic order."""
    bars = itertools.combinations(range(units + d - 1), d - 1)
    edges = ((-1, *bar, units + d - 1) for bar in bars)
    rows = [[right - left - 1 for left, right in itertools.pairwise(edge)] for edge in edges]
    return np.asarray(rows, np.float32) / np.float32(units)


def lines(size: Size) -> Iterator[Line]:
    """Time counting, and walking beside itertools."""
    candidates, block = space(size.step), np.empty((BLOCK, len(ELEMENTS)), np.float32)
    yield Line("space", f"count ten elements with limits ({count_ten():,})", best_seconds(count_ten, size.rounds), "s")
    rate = candidates.size / best_seconds(lambda: walk(candidates, block), size.rounds)
    units = 100 // _BRUTE_STEP
    plain = space(_BRUTE_STEP).size / best_seconds(lambda: brute_force(units, len(ELEMENTS)), size.rounds)
    yield Line("space", "enumerate, one thread", rate, "candidates/s", "itertools", rate / plain, headline=True)


def test_count(benchmark: BenchmarkFixture) -> None:
    smaller = CompositionSpace.build(TEN[:4], 5, "3-4", "Al=5:35,Cr=0:20")
    rows = brute_force(20, 4)
    kept = (rows[:, 0] >= 0.05) & (rows[:, 0] <= 0.35) & (rows[:, 2] <= 0.2) & ((rows > 0).sum(axis=1) >= 3)
    assert smaller.size == kept.sum()
    assert benchmark(count_ten) > smaller.size


def test_walk(benchmark: BenchmarkFixture) -> None:
    candidates = space(QUICK.step)
    block = np.empty((candidates.size, len(ELEMENTS)), np.float32)
    assert benchmark(walk, candidates, block) == candidates.size
    np.testing.assert_allclose(block, brute_force(candidates.units, len(ELEMENTS)), rtol=1e-6)
