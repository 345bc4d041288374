"""Invented alloys in the form of a public benchmark, and rows of other sources near them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.training.invented_tasks import GLASS, drawn_alloys, formulas, invented_rows, property_of
from training.benchmark_rows import benchmark_task
from training.sources.benchmark import Benchmark
from training.tasks import joined

FOREIGN = ("Al2O3", "TiN", "Cu2O", "AlH3")
"""Formulas with elements that cannot be described."""


def invented_benchmark(n=150, seed=4, foreign=FOREIGN):
    """Invented alloys under a benchmark's form, rows of unknown elements among them; every fold has some of each."""
    _, fractions = drawn_alloys(n, seed)
    glass = property_of(GLASS, fractions, np.random.default_rng(seed)) > 0.5
    names = (*formulas(fractions), *foreign)
    label = np.append(glass, np.arange(len(foreign)) % 2 == 0)
    return Benchmark(names, label, np.random.default_rng(seed + 1).permutation(len(names)) % 5)


def others_near(table, seed=9):
    """Rows of another source: strangers, and alloys exactly on, just within and just beyond 1 at.% of the table's."""
    strangers = invented_rows(GLASS, 60, seed)
    own = benchmark_task(table, GLASS, None).rows
    near = [own.take(np.arange(len(own)))]
    for step in (0.005, 0.01, 0.011, 0.02):
        moved = own.fractions.copy()
        largest, smallest = moved.argmax(axis=1), np.where(moved > 0, moved, 2.0).argmin(axis=1)
        moved[np.arange(len(moved)), largest] -= step
        moved[np.arange(len(moved)), smallest] += step
        near.append(replace(own, fractions=moved, key=np.char.add(own.key, f"+{step}")))
    rows = strangers
    for other in near:
        rows = joined(rows, replace(other, y=1.0 - other.y, source=np.full(len(other), "elsewhere")))
    return rows
