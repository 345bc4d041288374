"""Descriptors: the compiled featurizer beside vectorised NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import numpy_features
from benchmarks.cases import ELEMENTS, QUICK, Size, blocks_of, space
from benchmarks.timing import Line, best_seconds
from screener.descriptors.featurizer import Featurizer
from screener.descriptors.specs import DOMAIN, feature_spec

SETS = ("kang21", "screen")
Block = NDArray[np.float32]


class Kernel:
    """The compiled featurizer of a feature set with its output buffer."""

    def __init__(self, name: str, rows: int) -> None:
        self._featurizer = Featurizer(feature_spec(name), ELEMENTS)
        self._out = self._featurizer.buffer(rows)

    def __call__(self, fractions: Block) -> Block:
        """Write the features of one block and return the buffer (b, f)."""
        self._featurizer(fractions, self._out)
        return self._out


def in_numpy(name: str) -> numpy_features.Featurize:
    """Prepare the same feature set in NumPy."""
    return numpy_features.kang21(ELEMENTS) if name == "kang21" else numpy_features.screen(ELEMENTS, DOMAIN)


def check_equal(name: str, fractions: Block) -> None:
    """Compare both on one block, each column on its own scale."""
    expected, found = in_numpy(name)(fractions), Kernel(name, len(fractions))(fractions)
    scale = np.maximum(np.abs(expected).max(axis=0), 1e-3)
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)


def lines(size: Size) -> Iterator[Line]:
    """Time both, one thread each, and enumeration with the features of the paper."""
    candidates = space(size.step)
    blocks = blocks_of(candidates, size.blocks)
    rows = sum(map(len, blocks))
    for name in SETS:
        check_equal(name, blocks[0])
        kernel, plain = Kernel(name, len(blocks[0])), in_numpy(name)
        rate = rows / best_seconds(partial(_all, kernel, blocks), size.rounds)
        twin = rows / best_seconds(partial(_all, plain, blocks), size.rounds)
        yield Line(
            "descriptors",
            f"`{name}`, one thread",
            rate,
            "candidates/s",
            "vectorised NumPy",
            rate / twin,
            name == "kang21",
        )
    kernel, block = Kernel("kang21", len(blocks[0])), np.empty_like(blocks[0])

    def both() -> None:
        for place in range(len(blocks)):
            candidates.fill(place * len(block) % candidates.size, block)
            kernel(block)

    rate = rows / best_seconds(both, size.rounds)
    yield Line("descriptors", "enumerate and `kang21`, one thread", rate, "candidates/s")


def _all(work: numpy_features.Featurize, blocks: list[Block]) -> None:
    """Featurize every block."""
    for block in blocks:
        work(block)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("maker", ["kernel", "numpy"])
def test_featurize(benchmark: BenchmarkFixture, name: str, maker: str) -> None:
    block = blocks_of(space(QUICK.step), 1)[0]
    check_equal(name, block)
    work = Kernel(name, len(block)) if maker == "kernel" else in_numpy(name)
    benchmark.extra_info["candidates"] = len(block)
    assert benchmark(work, block).shape == (len(block), len(feature_spec(name).names))
