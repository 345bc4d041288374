"""From measurements to one value per composition and condition, with every row left out counted by reason.

Rules: composition keys at 0.1 at.%; repeats of a number give their median, repeats of a label their majority
(ties dropped), with a count and a spread; values outside the physical range of a task are dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from training.merging import (
    CURATED_COLUMNS,
    KEY_CONDITIONS,
    Drop,
    count_drops,
    mean_fractions,
    run_starts,
    sum_drops,
)
from training.pooling import pool_labels, vote_on
from training.sources.collector import SourceRows
from training.sources.table import (
    AMORPHOUS,
    HANDBOOK,
    HARDNESS,
    RESISTIVITY,
    dense_fractions,
    fractions_dtype,
    fractions_of,
    long_table,
)

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {RESISTIVITY: (1.0, 2000.0), HARDNESS: (0.02, 40.0)}  # µΩ·cm, GPa: beyond any metallic alloy
)
COPYING_SOURCES = frozenset(  # these collections repeat each other's and their own measurements
    ("mpea_borg_2020", "hea_tanmay", "hea_bert", "hea_dx261", "hea_gorsse2018", "hea_wen2019")
)
_SCATTER = 0.5  # range of repeated numbers, in their median, above which they contradict each other
_SAME_VALUE = 0.01  # relative difference below which two rows of one composition are one measurement


@dataclass(frozen=True, slots=True)
class CurationReport:
    """What curation read, kept and left out.

    Attributes:
        read: records read, by source.
        measured: measurements that entered curation, by source and task.
        dropped: everything left out.
        tied: compositions whose labels contradict each other evenly, left out.
        contradicted: compositions kept with a majority against other labels.
        scattered: compositions whose numbers of one task and condition lie further apart than half their median.
    """

    read: Mapping[str, int]
    measured: Mapping[tuple[str, str], int]
    dropped: tuple[Drop, ...]
    tied: tuple[str, ...]
    contradicted: tuple[str, ...]
    scattered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Curated:
    """Curated measurements in ``CURATED_COLUMNS``, sorted, and how they came about.

    ``n_repeat`` counts the measurements behind a row; ``spread`` is their range in the unit of the task, for labels
    the share of votes against. ``source`` joins the keys of all sources with ``+``, ``routes`` the process routes.
    """

    frame: pl.DataFrame
    report: CurationReport


def curate(loaded: Iterable[SourceRows], *, label_tasks: Collection[str] = (), by_route: bool = False) -> Curated:
    """Curate everything that was loaded, task by task; the order of rows and sources does not matter.

    Args:
        loaded: tables of the loaders.
        label_tasks: tasks other than ``is_amorphous`` whose values are labels 0 and 1.
        by_route: keep amorphous labels of different process routes apart instead of pooling them.
    """
    tables = list(loaded)
    frame = pl.concat([long_table([], dense_fractions([])), *(table.frame for table in tables)])
    unread = [Drop(table.source, "", reason, count) for table in tables for reason, count in table.dropped.items()]
    amorphous, own_label = pl.col("task") == AMORPHOUS, pl.col("task").is_in(list(label_tasks))
    numbers, outside = check_ranges(frame.filter(~amorphous & ~own_label))
    handbook = pl.col("kind") == HANDBOOK
    told, (numbers, copies) = numbers.filter(handbook), drop_copies(numbers.filter(~handbook))
    pooled = pool_labels(frame.filter(amorphous), by_route=by_route)
    voted = vote_on(frame.filter(own_label & ~amorphous), ["task", "key"])
    merged = merge_repeats(numbers)
    measured_rows = pl.concat([merged, pooled.frame, voted.frame])
    added, spare = beside_measurements(merge_repeats(told), measured_rows)
    measured = frame.group_by("source", "task").len().sort("source", "task").rows()
    report = CurationReport(
        read={table.source: table.n_records for table in tables},
        measured={(source, task): count for source, task, count in measured},
        dropped=sum_drops([*unread, *outside, *copies, *pooled.dropped, *voted.dropped, *spare]),
        tied=pooled.tied + voted.tied,
        contradicted=pooled.contradicted + voted.contradicted,
        scattered=_scattered(merged),
    )
    return Curated(pl.concat([measured_rows, added]).sort("task", "key", *KEY_CONDITIONS), report)


def check_ranges(
    frame: pl.DataFrame, ranges: Mapping[str, tuple[float, float]] = RANGES
) -> tuple[pl.DataFrame, list[Drop]]:
    """Drop values outside the physical range of their task."""
    inside = pl.lit(value=True)
    for task, (least, most) in ranges.items():
        inside = inside & ((pl.col("task") != task) | pl.col("value").is_between(least, most))
    return frame.filter(inside), count_drops(frame.filter(~inside), "outside the physical range")


def drop_copies(frame: pl.DataFrame, sources: Collection[str] = COPYING_SOURCES) -> tuple[pl.DataFrame, list[Drop]]:
    """Drop what collections copied from each other: of one composition and value the best described row stays.

    A copy is within 1 % of the kept value and states no condition beyond it.
    """
    stated = [pl.col("process_route") != "unknown", pl.col("load_n").is_not_null()]
    described = pl.sum_horizontal(*stated, pl.col("process_temperature_k").is_not_null())
    order = ["task", "key", "_described", "value", "source", *KEY_CONDITIONS]
    ordered = frame.with_columns((-described.cast(pl.Int8)).alias("_described")).sort(order).drop("_described")
    kept: dict[tuple[str, str], list[tuple[float, list[object]]]] = {}
    keep = []
    for task, key, source, value, *conditions in ordered.select(
        "task", "key", "source", "value", *KEY_CONDITIONS
    ).iter_rows():
        originals = kept.setdefault((task, key), [])
        may_copy = source in sources
        copied = may_copy and any(_same(value, other) and _adds_nothing(conditions, seen) for other, seen in originals)
        keep.append(not copied)
        if may_copy and not copied:
            originals.append((value, conditions))
    mask = pl.Series(keep, dtype=pl.Boolean)
    return ordered.filter(mask), count_drops(ordered.filter(~mask), "copy of another row's measurement")


def beside_measurements(handbook: pl.DataFrame, measured: pl.DataFrame) -> tuple[pl.DataFrame, list[Drop]]:
    """Keep handbook values in chemical systems of measured rows where nothing was measured under the same conditions.

    So they neither contradict a measurement nor change how measured alloys are grouped.
    """
    by = ["task", "key", *KEY_CONDITIONS]
    known = handbook.join(measured.select(by), on=by, how="semi", nulls_equal=True)
    rest = handbook.join(measured.select(by), on=by, how="anti", nulls_equal=True)
    grouped = pl.col("system").is_in(measured["system"].unique().to_list())
    spare = count_drops(known, "measured under the same conditions")
    return rest.filter(grouped), spare + count_drops(rest.filter(~grouped), "no measured row of the chemical system")


def merge_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    """Merge measurements of one key, process temperature, load and route into their median; film thickness too.

    Merging twice changes nothing, and the order of the rows does not matter.
    """
    by = ["task", "key", *KEY_CONDITIONS]
    ordered = frame.sort([*by, "value", "source", "weight", "film_thickness_nm"])
    sources = pl.col("source").str.split("+").list.explode().unique().sort().str.join("+")
    merged = (
        ordered.group_by(by, maintain_order=True)
        .agg(
            pl.col("system", "kind", "family").first(),
            pl.col("value").median(),
            sources.alias("source"),
            pl.col("weight").mean().round(12),
            pl.col("film_thickness_nm").median(),
            pl.col("dmax_mm").max(),
            pl.len().cast(pl.Int64).alias("n_repeat"),
            (pl.col("value").max() - pl.col("value").min()).alias("spread"),
        )
        .with_columns(pl.col("process_route").alias("routes"))
    )
    fractions = mean_fractions(fractions_of(ordered), run_starts(ordered, by))
    return merged.with_columns(pl.Series("fractions", fractions, dtype=fractions_dtype())).select(CURATED_COLUMNS)


def _scattered(merged: pl.DataFrame) -> tuple[str, ...]:
    """Name compositions whose numbers contradict each other; near zero the scatter of the whole task is the measure."""
    usual = pl.col("value").std().over("task").fill_null(0.0)
    far = pl.col("spread") > _SCATTER * pl.max_horizontal(pl.col("value").abs(), usual)
    return tuple(merged.filter(far)["key"].unique().sort())


def _same(value: float, other: float) -> bool:
    return abs(value - other) <= _SAME_VALUE * max(abs(value), abs(other))


def _adds_nothing(conditions: Sequence[object], stated: Sequence[object]) -> bool:
    """Tell whether conditions say nothing beyond the stated ones."""
    return all(ours in (None, "unknown", theirs) for ours, theirs in zip(conditions, stated, strict=True))
