"""ONNX Runtime alone: the three fast models on features that are ready, the yardstick of the whole engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import CORES, QUICK, TARGETS, Size, blocks_of, models_folder, screen_models, space
from benchmarks.timing import Line, best_seconds
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.jobs import BLOCK
from screener.model import Model
from screener.space import CompositionSpace

ROWS = (1024, 2048, 4096, BLOCK, 65_536)
"""Block sizes tried."""
Feed = dict[str, NDArray[np.float32]]


def feeds(models: Mapping[str, Model], candidates: CompositionSpace, count: int, rows: int) -> list[dict[str, Feed]]:
    """Make everything the sessions read, before the clock starts: target → feed, per block."""
    made = []
    for block in blocks_of(candidates, count, rows):
        features = {
            name: featurize(block, candidates.elements, feature_spec(name))
            for name in {model.card.features for model in models.values()}
        }
        made.append({name: _feed(model, features[model.card.features]) for name, model in models.items()})
    return made


def shared(models: Mapping[str, Model], ready: list[dict[str, Feed]], callers: int) -> Callable[[], None]:
    """Return bare loops over sessions, each caller with its share of the blocks, all at once."""
    loops = [alone(models, ready[first::callers]) for first in range(callers)]

    def run() -> None:
        with ThreadPoolExecutor(callers) as pool:
            for each in [pool.submit(loop) for loop in loops]:
                each.result()

    return run


def alone(models: Mapping[str, Model], ready: list[dict[str, Feed]]) -> Callable[[], list[NDArray[np.float32]]]:
    """Return the bare loop over sessions; its result is the last block's outputs."""

    def run() -> list[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = []
        for feed in ready:
            outputs = [value for n, m in models.items() for value in m.session.run(m.output_names, feed[n])]
        return outputs

    return run


@cache
def best_alone(size: Size) -> tuple[float, str]:
    """Find the best rate of ONNX Runtime over block sizes, its own threads and callers, and how it was had."""
    candidates, rows = space(size.step), size.blocks * BLOCK
    found: list[tuple[float, str]] = []
    for threads, callers in sorted({(1, 1), (CORES, 1), (1, CORES)}):
        models = screen_models(threads)
        for block in ROWS:
            ready = feeds(models, candidates, max(1, rows // block), block)
            counted = sum(len(feed[TARGETS[0]]["features"]) for feed in ready)
            rate = counted / best_seconds(shared(models, ready, callers), size.rounds)
            found.append((rate, f"blocks of {block:,}, {callers} callers × {threads} threads"))
    return max(found)


def lines(size: Size) -> Iterator[Line]:
    """Time ONNX Runtime at its best."""
    rate, how = best_alone(size)
    yield Line("inference", f"three screen models on ready features, {how}", rate, "candidates/s")


def _feed(model: Model, features: NDArray[np.float32]) -> Feed:
    """Lay out the inputs of one session, conditions at their reference."""
    if not model.card.conditions:
        return {"features": features}
    return {"features": features, "conditions": model.condition_block(len(features), {})}


@pytest.fixture(scope="module")
def models() -> Mapping[str, Model]:
    """The shipped screen tier."""
    assert models_folder().is_dir()
    return screen_models(1)


def test_infer(benchmark: BenchmarkFixture, models: Mapping[str, Model]) -> None:
    ready = feeds(models, space(QUICK.step), 1, BLOCK)
    together = benchmark(alone(models, ready))
    rows = len(ready[0][TARGETS[0]]["features"])
    benchmark.extra_info["candidates"] = rows
    single = [{n: {k: v[-1:] for k, v in feed.items()} for n, feed in ready[0].items()}]
    for whole, one in zip(together, alone(models, single)(), strict=True):
        assert whole.size == rows
        np.testing.assert_allclose(whole.ravel()[-1], one.ravel()[0], rtol=1e-4, atol=1e-5)
