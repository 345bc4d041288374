"""From measurements to one value per composition and condition, with every row left out counted by reason.

Rules: composition keys at 0.1 at.%; repeats of a number give their median, repeats of a label their majority
(ties dropped), with a count and a spread; values outside the physical range of a task are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from training.pooling import pool_labels
from training.sources.table import (
    AMORPHOUS,
    COLUMNS,
    CONDITIONS,
    HARDNESS,
    RESISTIVITY,
    SourceRows,
    fractions_dtype,
    fractions_of,
)

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {RESISTIVITY: (1.0, 2000.0), HARDNESS: (0.02, 40.0)}  # µΩ·cm, GPa: beyond any metallic alloy
)
COPYING_TASKS = (HARDNESS,)  # their collections copy from each other
_SAME_VALUE = 0.01  # relative difference below which two rows of one composition are one measurement
_MERGED_CONDITIONS = tuple(name for name in CONDITIONS if name != "film_thickness_nm")
CURATED_COLUMNS = (*COLUMNS, "n_repeat", "spread")


@dataclass(frozen=True, slots=True)
class Drop:
    """How many rows of one source and task were left out for one reason; the task is empty for whole records."""

    source: str
    task: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class CurationReport:
    """What curation read, kept and left out.

    Attributes:
        read: records read, by source.
        measured: measurements that entered curation, by source and task.
        dropped: everything left out.
        tied: compositions whose labels contradict each other evenly.
        contradicted: compositions with a majority against other labels.
    """

    read: Mapping[str, int]
    measured: Mapping[tuple[str, str], int]
    dropped: tuple[Drop, ...]
    tied: tuple[str, ...]
    contradicted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curated:
    """Curated measurements in ``CURATED_COLUMNS`` and how they came about.

    ``n_repeat`` counts the measurements behind a row; ``spread`` is their range in the unit of the task, for labels
    the share of votes against. ``source`` joins the keys of all sources with ``+``.
    """

    frame: pl.DataFrame
    report: CurationReport


def curate(loaded: Iterable[SourceRows], *, by_route: bool = False) -> Curated:
    """Curate everything that was loaded, task by task; the result does not depend on the order of rows or sources.

    Args:
        loaded: tables of the loaders.
        by_route: keep amorphous labels of different process routes apart instead of pooling them.
    """
    tables = list(loaded)
    frame = pl.concat([table.frame for table in tables]) if tables else _empty()
    drops = [Drop(table.source, "", reason, n) for table in tables for reason, n in table.dropped.items()]
    measured = dict(frame.group_by("source", "task").len().sort("source", "task").rows_by_key(("source", "task")))
    labels, numbers = (frame.filter(pl.col("task") == AMORPHOUS), frame.filter(pl.col("task") != AMORPHOUS))
    numbers, outside = check_ranges(numbers)
    numbers, copies = drop_copies(numbers)
    pooled = pool_labels(labels, by_route=by_route)
    report = CurationReport(
        read={table.source: table.n_records for table in tables},
        measured={key: int(rows[0][0]) for key, rows in measured.items()},
        dropped=_sum_drops([*drops, *outside, *copies, *(Drop(s, AMORPHOUS, r, n) for s, r, n in pooled.dropped)]),
        tied=pooled.tied,
        contradicted=pooled.contradicted,
    )
    curated = pl.concat([merge_repeats(numbers), pooled.frame.select(CURATED_COLUMNS)])
    return Curated(curated.sort("task", "key", *_MERGED_CONDITIONS), report)


def check_ranges(
    frame: pl.DataFrame, ranges: Mapping[str, tuple[float, float]] = RANGES
) -> tuple[pl.DataFrame, list[Drop]]:
    """Drop values outside the physical range of their task."""
    inside = pl.lit(value=True)
    for task, (least, most) in ranges.items():
        inside &= (pl.col("task") != task) | pl.col("value").is_between(least, most)
    return _split(frame, inside, "outside the physical range")


def drop_copies(frame: pl.DataFrame, tasks: Sequence[str] = COPYING_TASKS) -> tuple[pl.DataFrame, list[Drop]]:
    """Drop measurements that a collection repeats: of one composition and value, the best described row stays.

    Rows within 1 % of the kept one under the same conditions, or with fewer conditions stated, are copies.
    """
    stated = pl.sum_horizontal(
        pl.col("process_route") != "unknown", pl.col("load_n").is_not_null(), pl.col("process_temperature_k").is_not_null()
    )
    ordered = frame.with_columns(stated.alias("_stated")).sort(
        ["task", "key", "_stated", "value", "source", *_MERGED_CONDITIONS], descending=[False, False, True] + [False] * 5
    )
    keep = np.ones(ordered.height, dtype=bool)
    wanted = np.flatnonzero(ordered["task"].is_in(list(tasks)).to_numpy())
    kept: dict[tuple[str, str], list[tuple[float, tuple[object, ...]]]] = {}
    columns = ordered.select("task", "key", "value", *_MERGED_CONDITIONS)
    for position in wanted.tolist():
        task, key, value, *conditions = columns.row(position)
        earlier = kept.setdefault((task, key), [])
        if any(_same(value, other) and _describes(better, tuple(conditions)) for other, better in earlier):
            keep[position] = False
        else:
            earlier.append((value, tuple(conditions)))
    return _split(ordered.drop("_stated"), pl.Series(keep), "copy of another collection's measurement")


def merge_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    """Merge measurements of one key, process temperature, load and route into their median; film thickness too.

    Merging twice changes nothing, and the order of the rows does not matter.
    """
    by = ["task", "key", *_MERGED_CONDITIONS]
    ordered = frame.sort([*by, "value", "source"])
    merged = ordered.group_by(by, maintain_order=True).agg(
        pl.col("system").first(),
        pl.col("value").median(),
        joined_sources(),
        pl.col("weight").mean(),
        pl.col("film_thickness_nm").median(),
        pl.col("kind").first(),
        pl.col("family").first(),
        pl.col("dmax_mm").max(),
        pl.len().cast(pl.Int64).alias("n_repeat"),
        (pl.col("value").max() - pl.col("value").min()).alias("spread"),
    )
    return merged.with_columns(mean_fractions(ordered, by)).select(CURATED_COLUMNS)


def mean_fractions(ordered: pl.DataFrame, by: Sequence[str]) -> pl.Series:
    """Return the mean composition of every run of equal ``by`` values; it rounds to the key its members share."""
    fractions = fractions_of(ordered)
    run = ordered.select(pl.struct(list(by)).rle_id()).to_series().to_numpy()
    starts = np.flatnonzero(np.diff(run.astype(np.int64), prepend=-1))
    counts = np.diff(np.append(starts, len(run)))
    means = np.add.reduceat(fractions, starts) / counts[:, None] if len(run) else fractions
    return pl.Series("fractions", np.round(means, 12), dtype=fractions_dtype())


def joined_sources() -> pl.Expr:
    """Join the sources of a group, each once, in alphabetical order."""
    return pl.col("source").str.split("+").list.explode().unique().sort().str.join("+").alias("source")


def _same(value: float, other: float) -> bool:
    return abs(value - other) <= _SAME_VALUE * max(abs(value), abs(other))


def _describes(better: tuple[object, ...], conditions: tuple[object, ...]) -> bool:
    """Tell whether conditions say nothing beyond the better ones."""
    return all(ours in (None, "unknown", theirs) for ours, theirs in zip(conditions, better, strict=True))


def _split(frame: pl.DataFrame, keep: pl.Expr | pl.Series, reason: str) -> tuple[pl.DataFrame, list[Drop]]:
    """Return the rows to keep and the others counted by source and task."""
    marked = frame.with_columns((keep if isinstance(keep, pl.Expr) else keep.alias("_keep")).alias("_keep"))
    counts = marked.filter(~pl.col("_keep")).group_by("source", "task").len().sort("source", "task")
    drops = [Drop(source, task, reason, count) for source, task, count in counts.rows()]
    return marked.filter(pl.col("_keep")).drop("_keep"), drops


def _sum_drops(drops: Iterable[Drop]) -> tuple[Drop, ...]:
    """Add up equal drops and sort them."""
    totals: dict[tuple[str, str, str], int] = {}
    for drop in drops:
        what = (drop.source, drop.task, drop.reason)
        totals[what] = totals.get(what, 0) + drop.count
    return tuple(Drop(*what, count) for what, count in sorted(totals.items()))


def _empty() -> pl.DataFrame:
    from training.sources.table import dense_fractions, long_table

    return long_table([], dense_fractions([]))
