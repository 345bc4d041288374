"""The union table: one row per alloy and condition, one column per task, a mask where a label is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from screener.elements import element_symbols, require_element
from screener.errors import InputError
from training.sources.table import AMORPHOUS, CONDITIONS, HARDNESS, RESISTIVITY, fractions_of

STANDARD_TASKS = (RESISTIVITY, HARDNESS, AMORPHOUS)
_NUMERIC_CONDITIONS = CONDITIONS[:-1]
_UNSTATED = (None, "unknown")


@dataclass(frozen=True, slots=True)
class UnionTable:
    """Labelled alloys of several tasks; n rows, d elements, t tasks.

    Attributes:
        elements: columns of ``fractions``.
        tasks: columns of ``y``, ``mask``, ``weight`` and ``source``.
        fractions: atomic fractions [n, d], float64.
        y: values [n, t], 0 where there is none.
        mask: True where a value is present [n, t].
        weight: trust [n, t], 0 where there is no value.
        source: data sets behind each value [n, t], empty where there is none.
        key: composition at 0.1 at.% [n]; several rows share it where conditions differ.
        system: chemical system [n].
        system_code: number of the system in alphabetical order [n].
        conditions: film_thickness_nm, process_temperature_k and load_n [n], NaN where not stated.
        process_route: route [n], ``unknown`` where not stated.
        n_outside: curated rows left out because of elements that are not among ``elements``.
    """

    elements: tuple[str, ...]
    tasks: tuple[str, ...]
    fractions: NDArray[np.float64]
    y: NDArray[np.float64]
    mask: NDArray[np.bool_]
    weight: NDArray[np.float64]
    source: NDArray[np.str_]
    key: NDArray[np.str_]
    system: NDArray[np.str_]
    system_code: NDArray[np.int64]
    conditions: Mapping[str, NDArray[np.float64]]
    process_route: NDArray[np.str_]
    n_outside: int

    def __len__(self) -> int:
        return len(self.key)

    def rows_of(self, task: str) -> NDArray[np.int64]:
        """Return the rows that have a value of one task.

        Raises:
            InputError: the table has no such task.
        """
        if task not in self.tasks:
            raise InputError(f"no task `{task}` in the table", f"its tasks are {', '.join(self.tasks)}")
        return np.flatnonzero(self.mask[:, self.tasks.index(task)]).astype(np.int64)


def build_union(
    curated: pl.DataFrame, *, tasks: Sequence[str] | None = None, elements: Sequence[str] | None = None
) -> UnionTable:
    """Lay curated rows of several tasks side by side.

    Rows of one composition become one row where all conditions that both state agree.

    Args:
        curated: rows in ``CURATED_COLUMNS``, one per task, composition and condition.
        tasks: columns of the union; the standard ones and then the others, where None.
        elements: columns of the compositions; those that occur, by atomic number, where None.

    Raises:
        CompositionError: an element is not in the element table.
    """
    names = _tasks(curated) if tasks is None else tuple(tasks)
    chosen = curated.filter(pl.col("task").is_in(names))
    columns = _element_columns(chosen, elements)
    outside = np.delete(fractions_of(chosen), columns, axis=1).sum(axis=1) > 0.0
    order = pl.col("task").replace_strict({name: i for i, name in enumerate(names)}, return_dtype=pl.Int64)
    rows = chosen.filter(pl.Series(~outside, dtype=pl.Boolean)).with_columns(order.alias("_task"))
    rows = rows.sort("key", "_task", *CONDITIONS)
    slot, first, stated = _slots(rows)
    symbols = element_symbols()
    y, weight = np.zeros((len(first), len(names))), np.zeros((len(first), len(names)))
    mask = np.zeros(y.shape, dtype=bool)
    source = np.full(y.shape, "", dtype=object)
    where = (slot, rows["_task"].to_numpy())
    y[where], weight[where], mask[where] = rows["value"].to_numpy(), rows["weight"].to_numpy(), True
    source[where] = rows["source"].to_list()
    systems, codes = np.unique(np.array(rows["system"].to_list(), dtype=str)[first], return_inverse=True)
    return UnionTable(
        elements=tuple(symbols[i] for i in columns),
        tasks=names,
        fractions=fractions_of(rows)[first][:, columns],
        y=y,
        mask=mask,
        weight=weight,
        source=source.astype(str),
        key=np.array(rows["key"].to_list(), dtype=str)[first],
        system=systems[codes],
        system_code=codes.astype(np.int64),
        conditions={
            name: np.array([row[i] for row in stated], dtype=np.float64) for i, name in enumerate(_NUMERIC_CONDITIONS)
        },
        process_route=np.array([row[-1] for row in stated], dtype=str),
        n_outside=int(outside.sum()),
    )


def _tasks(curated: pl.DataFrame) -> tuple[str, ...]:
    """Return the tasks that occur, the standard ones first."""
    present = set(curated["task"].unique())
    return (*(task for task in STANDARD_TASKS if task in present), *sorted(present.difference(STANDARD_TASKS)))


def _element_columns(curated: pl.DataFrame, elements: Sequence[str] | None) -> list[int]:
    """Return the positions of the wanted elements in the element table."""
    if elements is None:
        return np.flatnonzero(fractions_of(curated).sum(axis=0)).tolist()
    position = {symbol: i for i, symbol in enumerate(element_symbols())}
    return [position[require_element(symbol)] for symbol in elements]


def _slots(rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64], list[list[object]]]:
    """Give every row the number of its union row; return also the first row and the conditions of each union row."""
    slot, first = np.empty(rows.height, dtype=np.int64), list[int]()
    stated: list[list[object]] = []
    taken: list[set[int]] = []
    of_key: dict[str, list[int]] = {}
    for position, (key, task, *conditions) in enumerate(rows.select("key", "_task", *CONDITIONS).iter_rows()):
        candidates = of_key.setdefault(key, [])
        for candidate in candidates:
            if task not in taken[candidate] and _agree(stated[candidate], conditions):
                break
        else:
            candidate = len(first)
            candidates.append(candidate)
            first.append(position)
            stated.append([None] * len(_NUMERIC_CONDITIONS) + ["unknown"])
            taken.append(set())
        slot[position] = candidate
        taken[candidate].add(task)
        known = stated[candidate]
        stated[candidate] = [b if a in _UNSTATED else a for a, b in zip(known, conditions, strict=True)]
    return slot, np.array(first, dtype=np.int64), stated


def _agree(stated: Sequence[object], conditions: Sequence[object]) -> bool:
    return all(a in _UNSTATED or b in _UNSTATED or a == b for a, b in zip(stated, conditions, strict=True))
