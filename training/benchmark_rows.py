"""Rows of the public benchmark beside those of other sources, and which may be learned from while a fold is tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from screener.descriptors.featurizer import compile_plan
from screener.descriptors.specs import DOMAIN
from screener.elements import element_symbols
from screener.errors import CompositionError
from training.recipes import Recipe
from training.sources.benchmark import Benchmark
from training.sources.collector import Collector, Label
from training.sources.table import AMORPHOUS, fractions_of
from training.tasks import TaskRows, alloy_spec, joined, task_rows

Array = NDArray[np.floating]
SOURCE = "matbench_glass"
MARGIN = 0.01
"""max |Δc| in atomic fraction up to which another source's row counts as a tested one."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class BenchmarkTask:
    """Rows to learn from and to test on.

    Attributes:
        rows: rows of other sources, then the benchmark's own whose elements can be described, shape (n,).
        own: place of each row in the benchmark, also of its lessons on other routes; −1 for rows of other sources,
            shape (n,).
        learnable: rows whose elements are all inputs of the models; others are tested, not learned from, shape (n,).
        label: labels of the benchmark, shape (m,).
        fold: official test fold of every row of the benchmark, shape (m,).
        margin: rows of other sources this near to a tested one (max |Δc|) are not learned from; None keeps them.
    """

    rows: TaskRows
    own: NDArray[np.int64]
    learnable: NDArray[np.bool_]
    label: NDArray[np.bool_]
    fold: NDArray[np.int64]
    margin: float | None

    @property
    def unknown(self) -> NDArray[np.int64]:
        """Places of the benchmark's rows with elements that cannot be described."""
        return np.setdiff1d(np.arange(len(self.label)), self.own)

    @property
    def foreign(self) -> NDArray[np.int64]:
        """Places of the benchmark's rows with elements that no row learned from holds."""
        return np.unique(self.own[~self.learnable])

    def tested(self, fold: int) -> NDArray[np.intp]:
        """Rows that the fold tests, those that cannot be described left out."""
        return np.flatnonzero(self._inside(fold) & self.rows.main)

    def learned(self, fold: int) -> NDArray[np.intp]:
        """Rows to learn from while the fold is tested; the benchmark's labels come before those of other sources."""
        own, tested = self.own >= 0, self._inside(fold)
        keep = ~tested & self.learnable & (own | ~np.isin(self.rows.key, self.rows.key[own & ~tested]))
        if self.margin is not None:
            others = keep & ~own
            keep[others] = ~within(self.rows.fractions[others], self.rows.fractions[tested], self.margin)
        return np.flatnonzero(keep)

    def scored(self, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which rows are the benchmark's own, lessons on other routes left out."""
        return np.asarray((self.own[rows] >= 0) & self.rows.main[rows])

    def _inside(self, fold: int) -> NDArray[np.bool_]:
        """Tell which rows stand for a tested one, on whatever route, shape (n,)."""
        return np.asarray((self.own >= 0) & (self.fold[self.own] == fold))


def benchmark_task(benchmark: Benchmark, recipe: Recipe, others: TaskRows | None) -> BenchmarkTask:
    """Lay out the benchmark's rows behind those of other sources.

    Args:
        benchmark: formulas, labels and official folds.
        recipe: what is learned.
        others: pooled rows of every training source, or None for the official training rows alone.
    """
    reading, known = Collector(SOURCE), list[int]()
    describable = {symbol for symbol in element_symbols() if _has_properties(symbol)}
    for place, (formula, glass) in enumerate(zip(benchmark.formulas, benchmark.is_glass, strict=True)):
        composition = reading.read(formula)
        if composition is not None and describable.issuperset(composition.symbols):
            label = Label("glass" if glass else "crystalline_literature")
            reading.add(AMORPHOUS, composition, float(glass), label=label)
            known.append(place)
    # Not curated: compositions that agree to 0.1 at.% stay rows of their own, with the labels they came with.
    frame = reading.finish().frame.with_columns(
        pl.lit(1, pl.Int64).alias("n_repeat"), pl.lit(0.0).alias("spread"), pl.col("process_route").alias("routes")
    )
    rows = task_rows(frame, recipe, foreign=True)
    if not np.array_equal(rows.fractions[rows.main], fractions_of(frame)):
        raise RuntimeError("rows of the benchmark changed places")
    places = {row.tobytes(): number for row, number in zip(rows.fractions[rows.main], known, strict=True)}
    own = np.array([places[row.tobytes()] for row in rows.fractions], np.int64)
    own[rows.main] = known
    outside = ~np.isin(np.array(element_symbols()), DOMAIN)
    learnable = rows.fractions[:, outside].max(axis=1, initial=0.0) == 0.0
    if others is None:
        return BenchmarkTask(rows, own, learnable, benchmark.is_glass, benchmark.fold, None)
    own = np.concatenate([np.full(len(others), -1), own])
    learnable = np.concatenate([np.ones(len(others), bool), learnable])
    return BenchmarkTask(joined(others, rows), own, learnable, benchmark.is_glass, benchmark.fold, MARGIN)


def _has_properties(symbol: str) -> bool:
    """Whether an element has every property that the precise tier's descriptors need."""
    try:
        compile_plan(alloy_spec().descriptors, (symbol,))
    except CompositionError:
        return False
    return True


def within(fractions: Array, others: Array, margin: float) -> NDArray[np.bool_]:
    """Tell which compositions [n, d] lie within ``margin`` (max |Δc|) of any of the others [m, d]."""
    from scipy.spatial.distance import cdist

    if not len(others) or not len(fractions):
        return np.zeros(len(fractions), bool)
    blocks = np.array_split(fractions, len(fractions) // 256 + 1)
    nearest = np.concatenate([cdist(block, others, "chebyshev").min(axis=1) for block in blocks])
    return np.asarray(nearest <= margin + _ROUNDING)
