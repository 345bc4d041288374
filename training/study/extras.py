"""Further properties that multi-property pre-training learns from: strengths, ductility, glass temperatures, and so on.

The values of one composition are merged to their median, whatever their source.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.sources.collector import SourceRows
from training.sources.table import fractions_of
from training.study.data import StudyRows, merged_values, study_rows
from training.study.extra_tables import EXTRA_TABLES, PROPERTIES, read_table

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class ExtraRows:
    """Further properties by composition; n rows, p properties.

    Attributes:
        tasks: names of the properties.
        y: values in their units, NaN where there is none, shape (n, p).
        key: composition at 0.1 at.%, each once, shape (n,).
        system: chemical system, shape (n,).
        fractions: atomic fractions over ``element_symbols()``, shape (n, d).
    """

    tasks: tuple[str, ...]
    y: Array
    key: NDArray[np.str_]
    system: NDArray[np.str_]
    fractions: Array


@cache
def extra_rows() -> ExtraRows:
    """Read every further property that the data sets hold.

    Raises:
        InputError: a data set is not on this machine, or of another form.
    """
    return merged_extras([read_table(table) for table in EXTRA_TABLES])


def merged_extras(parts: list[SourceRows]) -> ExtraRows:
    """Merge measurements; values beyond the range of their property and alloys of unknown elements are left out.

    Raises:
        InputError: nothing is left.
    """
    import polars as pl

    from training.tasks import within_domain

    frame = within_domain(pl.concat([part.frame for part in parts]))
    limits = pl.DataFrame({"task": list(PROPERTIES), **_limits()})
    frame = frame.join(limits, on="task").filter(pl.col("value").is_between(pl.col("low"), pl.col("high")))
    if not frame.height:
        raise InputError("there are no further properties to learn from", "look at `training data list`")
    names = frame["key"].to_numpy().astype(np.str_)
    key, first = np.unique(names, return_index=True)
    y = np.full((len(key), len(PROPERTIES)), np.nan)
    for column, task in enumerate(PROPERTIES):
        mine = (frame["task"] == task).to_numpy()
        if mine.any():
            place, value = merged_values(
                np.searchsorted(key, names[mine]), frame["value"].to_numpy()[mine], label=False
            )
            y[place, column] = value
    system = frame["system"].to_numpy().astype(np.str_)[first]
    return ExtraRows(tuple(PROPERTIES), y, key, system, fractions_of(frame)[first])


def with_extras(rows: StudyRows, extra: ExtraRows, *, most: int | None = None, seed: int = 0) -> StudyRows:
    """Put further properties beside the tasks: those of known compositions in their rows, the others below.

    Args:
        rows: they stay first and in their order.
        extra: further properties.
        most: further rows at most, drawn at random; all where None.
        seed: of the draw.
    """
    order = np.argsort(rows.key)
    at = np.searchsorted(rows.key[order], extra.key)
    known = np.isin(extra.key, rows.key)
    new = np.flatnonzero(~known)
    if most is not None and len(new) > most:
        new = np.sort(np.random.default_rng(seed).choice(new, most, replace=False))
    log = [PROPERTIES[task].log for task in extra.tasks]
    learned = np.where(log, np.log(np.where(extra.y > 0.0, extra.y, np.nan)), extra.y)
    n, t = len(rows), len(rows.tasks)
    y = np.full((n + len(new), t + len(extra.tasks)), np.nan)
    y[:n, :t] = np.where(rows.rows.known, rows.rows.y, np.nan)
    y[order[at[known]], t:] = learned[known]
    y[n:, t:] = learned[new]
    labels = dict(zip(rows.tasks, rows.rows.is_label.tolist(), strict=True)) | dict.fromkeys(extra.tasks, False)
    return study_rows(
        f"{rows.name} + properties",
        f"{rows.words}, with further properties",
        np.concatenate([rows.fractions, extra.fractions[new]]),
        np.concatenate([rows.key, extra.key[new]]),
        np.concatenate([rows.system, extra.system[new]]),
        y,
        labels,
        [*rows.log.tolist(), *log],
        [*rows.units, *(PROPERTIES[task].unit for task in extra.tasks)],
    )


def where_from(tasks: Collection[str]) -> str:
    """Say which further properties are learned from, and that they are of no table that a user gave."""
    wanted = [task for task in PROPERTIES if task in tasks]
    sources = dict.fromkeys(table.source for table in EXTRA_TABLES if not table.values.keys().isdisjoint(wanted))
    return (
        f"Further properties, here {', '.join(f'`{task}`' for task in wanted)}, are those of the measured data sets on "
        f"this machine, whatever table is studied: {', '.join(f'`{source}`' for source in sources)}."
    )


def _limits() -> dict[str, list[float]]:
    """Ranges of all properties as columns."""
    return {"low": [p.low for p in PROPERTIES.values()], "high": [p.high for p in PROPERTIES.values()]}
