"""The usual way beside ours: formulas in pandas, features by matminer, trees by scikit-learn."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_screen import best_search, three_targets
from benchmarks.cases import ELEMENTS, TARGETS, Size, blocks_of, space
from benchmarks.timing import Line, best_seconds
from screener.descriptors.featurizer import Featurizer, featurize
from screener.descriptors.specs import FeatureSpec, feature_spec
from screener.formula import canonical_formula

NEEDED = ("pandas", "matminer", "sklearn")
ROWS = 200
"""Alloys in the usual way's table: it is slow enough for few."""
FOUR = ("delta", "dH_mix", "vec", "dS_mix")
_TREES = 100
USUAL = f"pandas, matminer (magpie), three scikit-learn forests; {ROWS} alloys"


def usual_way(rows: int) -> Callable[[], int]:
    """Prepare three fitted forests and return the work: read formulas, featurize, predict."""
    import pandas
    from matminer.featurizers.composition import ElementProperty
    from matminer.featurizers.conversions import StrToComposition
    from sklearn.ensemble import RandomForestRegressor

    candidates = space(1)
    index = np.linspace(0, candidates.size - 1, rows).astype(np.int64)
    formulas = [canonical_formula(ELEMENTS, row) for row in candidates.counts(index)]
    reader, properties = StrToComposition(), ElementProperty.from_preset("magpie", impute_nan=False)
    reader.set_n_jobs(1)
    properties.set_n_jobs(1)

    def features() -> object:
        frame = reader.featurize_dataframe(pandas.DataFrame({"formula": formulas}), "formula", pbar=False)
        return properties.featurize_dataframe(frame, "composition", pbar=False)[properties.feature_labels()]

    inputs, rng = features(), np.random.default_rng(0)
    forests = [RandomForestRegressor(_TREES, n_jobs=1, random_state=0).fit(inputs, rng.random(rows)) for _ in TARGETS]

    def work() -> int:
        table = features()
        return sum(len(forest.predict(table)) for forest in forests)

    return work


def four_scalars(rows: int) -> tuple[Callable[[], list[list[float]]], NDArray[np.float32]]:
    """Return what computes size mismatch, mixing enthalpy, electrons and entropy of formulas by hea-bench, and ours."""
    import hea_bench

    candidates = space(1)
    index = np.linspace(0, candidates.size - 1, rows).astype(np.int64)
    counts = candidates.counts(index)
    formulas = [canonical_formula(ELEMENTS, row) for row in counts]
    scalars = (hea_bench.delta, hea_bench.mixing_enthalpy, hea_bench.vec, hea_bench.smix)

    def work() -> list[list[float]]:
        alloys = [hea_bench.parse_formula(formula) for formula in formulas]
        return [[scalar(alloy) for scalar in scalars] for alloy in alloys]

    return work, featurize(counts / candidates.units, ELEMENTS, FeatureSpec("four", FOUR))


def check_four(work: Callable[[], list[list[float]]], ours: NDArray[np.float32]) -> None:
    """Compare enthalpy and electrons; radii and the gas constant of hea-bench are others."""
    np.testing.assert_allclose(np.array(work())[:, 1:3], ours[:, 1:3], rtol=1e-5, atol=1e-5)


def hea_bench_lines(size: Size) -> Iterator[Line]:
    """Time hea-bench on formulas, beside enumeration with the paper's descriptors on one thread."""
    if importlib.util.find_spec("hea_bench") is None:
        return
    work, ours = four_scalars(ROWS)
    check_four(work, ours)
    rate, blocks = ROWS / best_seconds(work, size.rounds), blocks_of(space(size.step), size.blocks)
    kernel = Featurizer(feature_spec("kang21"), ELEMENTS)
    out = kernel.buffer(len(blocks[0]))

    def describe_all() -> None:
        for block in blocks:
            kernel(block, out)

    beside = sum(map(len, blocks)) / best_seconds(describe_all, size.rounds)
    yield Line(
        "peers", "hea-bench, four descriptors", rate, "candidates/s", "`kang21` above, one thread", rate / beside
    )


def lines(size: Size) -> Iterator[Line]:
    """Time hea-bench, the usual way on a few alloys, and the search on all of them."""
    yield from hea_bench_lines(size)
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matminer and pandas warn of their own plans
        rate = ROWS / best_seconds(usual_way(ROWS), 1)
    ours, _ = best_search(size, three_targets(size.top))
    yield Line("peers", USUAL, rate, "candidates/s", "the loop above", rate / ours, headline=True)


def test_hea_bench(benchmark: BenchmarkFixture) -> None:
    pytest.importorskip("hea_bench")
    work, ours = four_scalars(20)
    check_four(work, ours)
    assert len(benchmark(work)) == 20


@pytest.mark.filterwarnings("ignore")
def test_usual_way(benchmark: BenchmarkFixture) -> None:
    for name in NEEDED:
        pytest.importorskip(name)
    assert benchmark(usual_way(20)) == 20 * len(TARGETS)
