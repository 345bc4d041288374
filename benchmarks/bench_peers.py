"""The usual way beside ours: formulas in pandas, features by matminer, trees by scikit-learn."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_screen import best_search, three_targets
from benchmarks.cases import ELEMENTS, TARGETS, Size, space
from benchmarks.timing import Line, best_seconds
from screener.formula import canonical_formula

NEEDED = ("pandas", "matminer", "sklearn")
ROWS = 200
"""Alloys in the usual way's table: it is slow enough for few."""
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


def lines(size: Size) -> Iterator[Line]:
    """Time the usual way on a few alloys and the search on all of them."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matminer and pandas warn of their own plans
        rate = ROWS / best_seconds(usual_way(ROWS), 1)
    ours, _ = best_search(size, three_targets(size.top))
    yield Line("peers", USUAL, rate, "candidates/s", "the loop above", rate / ours, headline=True)


@pytest.mark.filterwarnings("ignore")
def test_usual_way(benchmark: BenchmarkFixture) -> None:
    for name in NEEDED:
        pytest.importorskip(name)
    assert benchmark(usual_way(20)) == 20 * len(TARGETS)
