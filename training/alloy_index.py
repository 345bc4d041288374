"""The shipped index of training compositions: what was seen, where it was reported, no measured values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.nearest import AlloyIndex
from training.tasks import TaskRows

USER = "user:"
"""Prefix of the source key of a user's own table."""


def build_index(tables: Mapping[str, TaskRows], earlier: AlloyIndex | None = None) -> AlloyIndex:
    """Collect the distinct measured compositions of all tasks with the data sets they stand in.

    Compositions are rounded to 0.1 at.%, the largest amount takes the rounding; rows that nobody measured are left out.

    Args:
        tables: rows by target.
        earlier: index of models that stay in use; its alloys are kept, but not those of a user's table read again.
    """
    again = {key for rows in tables.values() for keys in rows.source for key in str(keys).split("+")}
    found: dict[tuple[int, ...], set[str]] = {} if earlier is None else _alloys(earlier, again)
    for rows in tables.values():
        for permille, keys, measured in zip(_permille(rows), rows.source, rows.measured, strict=True):
            if measured:
                found.setdefault(tuple(permille.tolist()), set()).update(str(keys).split("+"))
    alloys = sorted(found, reverse=True)
    source_keys = tuple(sorted({key for keys in found.values() for key in keys}))
    bit = {key: 1 << k for k, key in enumerate(source_keys)}
    dense = np.array(alloys, np.int64)
    row, element = np.nonzero(dense)
    start = np.searchsorted(row, np.arange(len(alloys) + 1))
    sources = np.array([sum(bit[key] for key in found[alloy]) for alloy in alloys], np.int64)
    return AlloyIndex(tuple(element_symbols()), start, element, dense[row, element], sources, source_keys)


def _alloys(index: AlloyIndex, again: Collection[str]) -> dict[tuple[int, ...], set[str]]:
    """Read an index back: amounts in 0.1 at.% over ``element_symbols()`` → data sets, tables read again left out."""
    column = [element_symbols().index(symbol) for symbol in index.symbols]
    found: dict[tuple[int, ...], set[str]] = {}
    for alloy in range(len(index)):
        amounts = [0] * len(element_symbols())
        for entry in range(int(index.start[alloy]), int(index.start[alloy + 1])):
            amounts[column[index.element[entry]]] = int(index.permille[entry])
        keys = {key for key in index.source_names(alloy) if not (key.startswith(USER) and key in again)}
        if keys:
            found[tuple(amounts)] = keys
    return found


def _permille(rows: TaskRows) -> NDArray[np.int64]:
    """Compositions in 0.1 at.% that add up to 1000, shape (n, d)."""
    rounded = np.rint(rows.fractions * 1000).astype(np.int64)
    largest = rows.fractions.argmax(axis=1)
    rounded[np.arange(len(rounded)), largest] += 1000 - rounded.sum(axis=1)
    return rounded
