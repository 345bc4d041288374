"""The shipped index of training compositions: what was seen, where it was reported, no measured values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.nearest import AlloyIndex
from training.tasks import TaskRows

USER = "user:"
"""Prefix of the source key of a user's own table."""


@dataclass(frozen=True, slots=True)
class _Alloy:
    """What holds an alloy: data sets, and targets that were trained on it."""

    sources: set[str]
    targets: set[str]


def build_index(tables: Mapping[str, TaskRows], earlier: AlloyIndex | None = None) -> AlloyIndex:
    """Collect the distinct measured compositions of all tasks with the data sets and the targets they stand in.

    Compositions are rounded to 0.1 at.%, the largest amount takes the rounding; rows that nobody measured are left out.

    Args:
        tables: rows by target.
        earlier: index of models that stay in use; the alloys of targets that are not among the tables are kept.
    """
    again = {key for rows in tables.values() for keys in rows.source for key in str(keys).split("+")}
    read_again = {key for key in again if key.startswith(USER)}
    found = {} if earlier is None else _alloys(earlier, without=tables, doubtful=read_again)
    for target, rows in tables.items():
        for permille, keys, measured in zip(permille_of(rows), rows.source, rows.measured, strict=True):
            if measured:
                alloy = found.setdefault(tuple(permille.tolist()), _Alloy(set(), set()))
                alloy.sources.update(str(keys).split("+"))
                alloy.targets.add(target)
    return _index(found)


def merge_indexes(
    in_use: AlloyIndex | None, fresh: AlloyIndex, replaced: Collection[str], joined: Collection[str]
) -> AlloyIndex:
    """Join the index of models in use with that of new ones, so that every target keeps the alloys of its models.

    Args:
        in_use: of the models in use, if there are any.
        fresh: of the new ones.
        replaced: targets all of whose models are new.
        joined: targets with a new model and one that stays in use, whose alloys are those of both.

    Returns:
        The joint index; the new one as it is where no alloy of these targets is in either.
    """
    found = {} if in_use is None else _alloys(in_use, without=replaced)
    new = {*replaced, *joined}
    for amounts, alloy in _alloys(fresh, without=set(fresh.target_names) - new).items():
        held = found.setdefault(amounts, _Alloy(set(), set()))
        held.sources.update(alloy.sources)
        held.targets.update(alloy.targets)
    return _index(found) if found else fresh


def _index(found: Mapping[tuple[int, ...], _Alloy]) -> AlloyIndex:
    """Lay alloys out, by falling amounts."""
    alloys = sorted(found, reverse=True)
    dense = np.array(alloys, np.int64)
    row, element = np.nonzero(dense)
    start = np.searchsorted(row, np.arange(len(alloys) + 1))
    sources = _bits([found[alloy].sources for alloy in alloys])
    targets = _bits([found[alloy].targets for alloy in alloys])
    return AlloyIndex(tuple(element_symbols()), start, element, dense[row, element], *sources, *targets)


def _bits(held: Sequence[Collection[str]]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the names that occur, and set the bits of those that each row holds, shape (n,)."""
    names = tuple(sorted({name for row in held for name in row}))
    bit = {name: 1 << k for k, name in enumerate(names)}
    return np.array([sum(bit[name] for name in row) for row in held], np.int64), names


def _alloys(
    index: AlloyIndex, without: Collection[str], doubtful: Collection[str] = ()
) -> dict[tuple[int, ...], _Alloy]:
    """Read an index back, by amounts in 0.1 at.% over ``element_symbols()``, without some targets.

    An alloy that no other target was trained on is left out: no model in use has seen it. Nor are doubtful data sets
    named, a user's tables that are read again, where another holds the alloy.
    """
    column = [element_symbols().index(symbol) for symbol in index.symbols]
    found: dict[tuple[int, ...], _Alloy] = {}
    for alloy in range(len(index)):
        targets = {name for name in index.targets_of(alloy) if name not in without}
        if not targets:
            continue
        amounts = [0] * len(element_symbols())
        for entry in range(int(index.start[alloy]), int(index.start[alloy + 1])):
            amounts[column[index.element[entry]]] = int(index.permille[entry])
        sources = set(index.source_names(alloy))
        found[tuple(amounts)] = _Alloy(sources.difference(doubtful) or sources, targets)
    return found


def permille_of(rows: TaskRows) -> NDArray[np.int64]:
    """Compositions in 0.1 at.% that add up to 1000, shape (n, d)."""
    rounded = np.rint(rows.fractions * 1000).astype(np.int64)
    largest = rows.fractions.argmax(axis=1)
    rounded[np.arange(len(rounded)), largest] += 1000 - rounded.sum(axis=1)
    return rounded
