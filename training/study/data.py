"""Rows of a study: one per composition, the tasks side by side, with the groups that splits must not cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.elements import element_symbols
from screener.errors import InputError
from training.multitask.rows import LabelledRows
from training.tasks import TaskRows
from training.union import STANDARD_TASKS

Array = NDArray[np.floating]
FEATURES = "kang21"
"""Inputs of all nets of the study: 15 fractions and six scalars, doi:10.48550/arXiv.2512.22740."""
QUICK_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class StudyRows:
    """Labelled compositions.

    Attributes:
        name: short, for tables.
        rows: features, targets as learned and their mask; n rows, t tasks.
        key: composition at 0.1 at.%, each once, shape (n,).
        system: chemical system, shape (n,).
        log: tasks learned as logarithms, shape (t,).
        units: of the tasks, t.
        words: where the rows come from.
        fractions: atomic fractions over ``element_symbols()``, shape (n, d).
    """

    name: str
    rows: LabelledRows
    key: NDArray[np.str_]
    system: NDArray[np.str_]
    log: NDArray[np.bool_]
    units: tuple[str, ...]
    words: str
    fractions: Array

    def __len__(self) -> int:
        return len(self.key)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return self.rows.tasks

    @property
    def standard(self) -> bool:
        """Whether the tasks are the three of the paper, in its order."""
        return self.tasks == STANDARD_TASKS

    def physical(self, task: int, values: Array) -> Array:
        """Return values of one task in its unit, shape (b,): the median where logarithms were learned."""
        return np.asarray(np.exp(values)) if self.log[task] else values

    def counts(self) -> dict[str, int]:
        """Labels of each task."""
        return {task: int(n) for task, n in zip(self.tasks, self.rows.known.sum(axis=0), strict=True)}

    def take(self, chosen: NDArray[np.integer], name: str | None = None) -> StudyRows:
        """Select rows."""
        return replace(
            self,
            name=name or self.name,
            rows=self.rows.take(chosen),
            key=self.key[chosen],
            system=self.system[chosen],
            fractions=self.fractions[chosen],
        )

    def with_rows(self, rows: LabelledRows, name: str, log: Sequence[bool], units: Sequence[str]) -> StudyRows:
        """Replace the tasks: other targets, or more of them, on the same compositions."""
        return replace(self, name=name, rows=rows, log=np.asarray(log, bool), units=tuple(units))


def measured_rows() -> StudyRows:
    """Load the union of the measured data sets: resistivity (as logarithm), hardness, whether an alloy is amorphous.

    Rows that nobody measured are left out, and so are rows that only teach another process route.

    Raises:
        InputError: data sets are not on this machine.
    """
    from training.measured import load_measured
    from training.recipes import TARGET_OF_TASK

    tables = load_measured().tables
    chosen = {task: tables[TARGET_OF_TASK.get(task, task)] for task in STANDARD_TASKS}
    return rows_of_tables(chosen, "full", "the union of the measured data sets, one row per composition")


def rows_of_tables(tables: Mapping[str, TaskRows], name: str, words: str) -> StudyRows:
    """Lay the rows of several tasks side by side: the median of repeated values, the majority of repeated labels.

    Raises:
        InputError: no rows.
    """
    kept = {task: rows.take(np.flatnonzero(rows.main & rows.measured)) for task, rows in tables.items()}
    every = np.concatenate([rows.key for rows in kept.values()])
    key, first = np.unique(every, return_index=True)
    if not len(key):
        raise InputError("there are no measured rows to study", "give a table with `--data`")
    fractions = np.concatenate([rows.fractions for rows in kept.values()])[first]
    y = np.full((len(key), len(kept)), np.nan)
    for column, rows in enumerate(kept.values()):
        label = rows.recipe.kind == "classification"
        place, value = merged_values(np.searchsorted(key, rows.key), rows.y, label=label)
        y[place, column] = np.log(value) if rows.recipe.log else value
    return study_rows(
        name,
        words,
        fractions,
        key,
        np.concatenate([rows.system for rows in kept.values()])[first],
        y,
        {task: rows.recipe.kind == "classification" for task, rows in kept.items()},
        [rows.recipe.log for rows in kept.values()],
        [rows.recipe.unit for rows in kept.values()],
    )


def study_rows(
    name: str,
    words: str,
    fractions: Array,
    key: NDArray[np.str_],
    system: NDArray[np.str_],
    y: Array,
    is_label: Mapping[str, bool],
    log: Sequence[bool],
    units: Sequence[str],
) -> StudyRows:
    """Featurize compositions and leave out those without any target (NaN where there is none)."""
    known = ~np.isnan(y)
    chosen = np.flatnonzero(known.any(axis=1))
    x = featurize(fractions[chosen], element_symbols(), feature_spec(FEATURES)).astype(np.float64)
    rows = LabelledRows(x, y[chosen], known[chosen], np.array(list(is_label.values()), bool), tuple(is_label))
    flags = np.asarray(log, bool)
    return StudyRows(name, rows, key[chosen], system[chosen], flags, tuple(units), words, fractions[chosen])


def fewer(rows: StudyRows, count: int = QUICK_ROWS, seed: int = 0) -> StudyRows:
    """Draw at most so many rows, every task's labels (of both classes) thinned alike."""
    if len(rows) <= count:
        return rows
    rng = np.random.default_rng(seed)
    code = strata(rows)
    order = np.lexsort((rng.random(len(rows)), code))
    places = np.unique(np.linspace(0, len(rows) - 1, count).round().astype(np.int64))
    return rows.take(np.sort(order[places]))


def strata(rows: StudyRows) -> NDArray[np.int64]:
    """Number the combinations of labelled tasks and classes, shape (n,)."""
    code = np.zeros(len(rows), np.int64)
    for task, label in enumerate(rows.rows.is_label):
        known = rows.rows.known[:, task]
        code = code * 3 + np.where(known, 1 + (label & (np.nan_to_num(rows.rows.y[:, task]) > 0.5)), 0)
    return code


def merged_values(place: NDArray[np.int64], value: Array, *, label: bool) -> tuple[NDArray[np.int64], Array]:
    """Give one value per place: the median, or the majority, without ties."""
    order = np.argsort(place, kind="stable")
    unique, start = np.unique(place[order], return_index=True)
    groups = np.split(value[order], start[1:])
    if not label:
        return unique, np.array([np.median(group) for group in groups])
    mean = np.array([group.mean() for group in groups])
    sure = mean != 0.5
    return unique[sure], (mean[sure] > 0.5).astype(np.float64)
