"""Walking through a space, as fractions and as the small integers that go to a GPU, and jumping about in it."""

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

_BRUTE_STEP = 5


def walk(candidates: CompositionSpace, block: NDArray[np.float32]) -> int:
    """Write every composition of a space, block by block; return how many there were."""
    return sum(candidates.fill(start, block) for start in range(0, candidates.size, len(block)))


def walk_counts(candidates: CompositionSpace, block: NDArray[np.uint8]) -> int:
    """Write every composition in grid units."""
    return sum(candidates.fill_counts(start, block) for start in range(0, candidates.size, len(block)))


def brute_force(units: int, d: int) -> NDArray[np.float32]:
    """List the grid with itertools: all bars between all stars, already in lexicographic order."""
    bars = itertools.combinations(range(units + d - 1), d - 1)
    edges = ((-1, *bar, units + d - 1) for bar in bars)
    rows = [[right - left - 1 for left, right in itertools.pairwise(edge)] for edge in edges]
    return np.asarray(rows, np.float32) / np.float32(units)


def lines(size: Size) -> Iterator[Line]:
    """Time walking beside itertools, and access by index."""
    candidates, shape = space(size.step), (BLOCK, len(ELEMENTS))
    block, small = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    rate = candidates.size / best_seconds(lambda: walk(candidates, block), size.rounds)
    units = 100 // _BRUTE_STEP
    plain = space(_BRUTE_STEP).size / best_seconds(lambda: brute_force(units, len(ELEMENTS)), size.rounds)
    yield Line("unrank", "enumerate, one thread", rate, "candidates/s", "itertools", rate / plain, headline=True)
    rate = candidates.size / best_seconds(lambda: walk_counts(candidates, small), size.rounds)
    yield Line("unrank", "enumerate in grid units of 8 bits, one thread", rate, "candidates/s")
    index = np.random.default_rng(0).integers(0, candidates.size, BLOCK)
    rate = BLOCK / best_seconds(lambda: candidates.counts(index), size.rounds)
    yield Line("unrank", "any candidate by its index, one thread", rate, "candidates/s")


def test_walk(benchmark: BenchmarkFixture) -> None:
    candidates = space(QUICK.step)
    block = np.empty((candidates.size, len(ELEMENTS)), np.float32)
    assert benchmark(walk, candidates, block) == candidates.size
    np.testing.assert_allclose(block, brute_force(candidates.units, len(ELEMENTS)), rtol=1e-6)


def test_walk_in_grid_units(benchmark: BenchmarkFixture) -> None:
    candidates = space(QUICK.step)
    block = np.empty((candidates.size, len(ELEMENTS)), np.uint8)
    assert benchmark(walk_counts, candidates, block) == candidates.size
    np.testing.assert_array_equal(candidates.rank(block), np.arange(candidates.size))
