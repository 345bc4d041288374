"""Merging rows of one composition: runs of equal keys, their mean composition, their sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.sources.table import COLUMNS, CONDITIONS

CURATED_COLUMNS = (*COLUMNS, "n_repeat", "spread", "routes")
KEY_CONDITIONS = tuple(name for name in CONDITIONS if name != "film_thickness_nm")


@dataclass(frozen=True, slots=True)
class Drop:
    """How many rows of one source and task were left out for one reason; the task is empty for whole records."""

    source: str
    task: str
    reason: str
    count: int


def run_starts(ordered: pl.DataFrame, by: Sequence[str]) -> NDArray[np.int64]:
    """Return where each run of equal values begins in a frame that is sorted by those columns."""
    run = ordered.select(pl.struct(list(by)).rle_id()).to_series().to_numpy().astype(np.int64)
    return np.flatnonzero(np.diff(run, prepend=-1)).astype(np.int64)


def mean_fractions(fractions: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean composition [k, d] of each run of rows [n, d]; it rounds to the key its members share."""
    if not len(starts):
        return fractions[:0]
    counts = np.diff(np.append(starts, len(fractions)))
    # the last digits depend on the order of summation
    means: NDArray[np.float64] = np.round(np.add.reduceat(fractions, starts) / counts[:, None], 12)
    return means


def join_sources(sources: Iterable[str]) -> str:
    """Join source keys with ``+``, each once, in alphabetical order; joined keys are taken apart first."""
    return "+".join(sorted({key for source in sources for key in source.split("+")}))


def count_drops(frame: pl.DataFrame, reason: str) -> list[Drop]:
    """Count rows by source and task."""
    counts = frame.group_by("source", "task").len().sort("source", "task")
    return [Drop(source, task, reason, count) for source, task, count in counts.rows()]


def sum_drops(drops: Iterable[Drop]) -> tuple[Drop, ...]:
    """Add up equal drops and sort them."""
    totals: dict[tuple[str, str, str], int] = {}
    for drop in drops:
        what = (drop.source, drop.task, drop.reason)
        totals[what] = totals.get(what, 0) + drop.count
    return tuple(Drop(*what, count) for what, count in sorted(totals.items()))
