"""What the measured data hold after curation: rows, compositions, systems, classes, elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from screener.elements import element_symbols
from training.curation import Curated
from training.sources.table import fractions_of

LEAST_COVERAGE = 20


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """Curated rows of one task.

    Attributes:
        task: its name.
        rows: curated rows.
        compositions: unique compositions at 0.1 at.%.
        systems: chemical systems.
        repeated: rows merged from several measurements.
        effective_rows: sum of the trust weights.
        least: smallest value, or 0.
        median: middle value; for labels the majority.
        most: largest value, or 1.
        positives: rows labelled 1, None for numbers.
        kinds: rows by kind of label.
        elements: rows by element, those with at least 20.
    """

    task: str
    rows: int
    compositions: int
    systems: int
    repeated: int
    effective_rows: float
    least: float
    median: float
    most: float
    positives: int | None
    kinds: Mapping[str, int]
    elements: Mapping[str, int]


def summarize(curated: Curated) -> list[TaskSummary]:
    """Summarise every task of a curated table, in alphabetical order."""
    return [_summarize(task, curated.frame.filter(pl.col("task") == task)) for task in _tasks(curated.frame)]


def source_table(curated: Curated) -> list[tuple[str, str, int, int]]:
    """Return source, task, measurements that entered curation and records or measurements left out.

    Records that were left out before they had a task are counted on a line with an empty task.
    """
    lines = {(source, ""): (read, 0) for source, read in curated.report.read.items()}
    lines |= {what: (count, 0) for what, count in curated.report.measured.items()}
    for drop in curated.report.dropped:
        entered, left_out = lines.get((drop.source, drop.task), (0, 0))
        lines[drop.source, drop.task] = (entered, left_out + drop.count)
    return [(source, task, entered, left_out) for (source, task), (entered, left_out) in sorted(lines.items())]


def _tasks(frame: pl.DataFrame) -> list[str]:
    return sorted(frame["task"].unique())


def _summarize(task: str, frame: pl.DataFrame) -> TaskSummary:
    """Summarise the rows of one task."""
    values = frame["value"].to_numpy()
    kinds = {kind: count for kind, count in frame.group_by("kind").len().sort("kind").rows() if kind}
    counts = (fractions_of(frame) > 0.0).sum(axis=0)
    covered = {s: int(n) for s, n in zip(element_symbols(), counts, strict=True) if n >= LEAST_COVERAGE}
    return TaskSummary(
        task=task,
        rows=frame.height,
        compositions=frame["key"].n_unique(),
        systems=frame["system"].n_unique(),
        repeated=frame.filter(pl.col("n_repeat") > 1).height,
        effective_rows=float(frame["weight"].sum()),
        least=float(values.min()),
        median=float(np.median(values)),
        most=float(values.max()),
        positives=int(values.sum()) if np.isin(values, (0.0, 1.0)).all() else None,
        kinds=kinds,
        elements=dict(sorted(covered.items(), key=lambda item: -item[1])),
    )
