"""Records of a list turned into blocks of compositions and conditions; what cannot be is kept aside with a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from screener.alloy_list import AlloyList, Record, Reject
from screener.card import Condition
from screener.descriptors.catalogue import Descriptor
from screener.descriptors.featurizer import compile_plan
from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError, InputError
from screener.formula import Composition, Units, parse_formula


@dataclass(frozen=True, slots=True)
class ListBlock:
    """Rows of a list that can be predicted, n of them.

    Attributes:
        rows: record numbers, from 1 (n,).
        fields: texts of each record, n times one per column.
        compositions: n compositions.
        conditions: condition values by name (n,), NaN for the models' reference.
    """

    rows: NDArray[np.int64]
    fields: tuple[tuple[str, ...], ...]
    compositions: tuple[Composition, ...]
    conditions: dict[str, NDArray[np.float64]]

    def take(self, chosen: NDArray[np.intp]) -> ListBlock:
        """Keep some rows, in the order given."""
        return ListBlock(
            self.rows[chosen],
            tuple(self.fields[i] for i in chosen),
            tuple(self.compositions[i] for i in chosen),
            {name: values[chosen] for name, values in self.conditions.items()},
        )


@dataclass(slots=True)
class ListReader:
    """Reads the records of a list into blocks and remembers what was refused.

    Attributes:
        source: the list.
        units: how amounts are meant.
        descriptors: what must be computable for every alloy.
        condition_columns: position of the columns that hold conditions, by name.
        given: value of a condition where its cell is blank, by name; the models' reference where absent.
        strict: refuse the list at the first row that cannot be read.
        rejects: rows refused so far.
        read: records seen so far.
    """

    source: AlloyList
    units: Units | None
    descriptors: Sequence[Descriptor]
    condition_columns: Mapping[str, int]
    given: Mapping[str, float]
    strict: bool
    rejects: list[Reject] = field(default_factory=list)
    read: int = 0
    _usable: dict[str, str] = field(default_factory=dict)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Elements met so far that have every property, by atomic number; never none, for lists without a row."""
        return tuple(symbol for symbol in element_symbols() if self._usable.get(symbol) == "") or ("Al",)

    def blocks(self, records: Iterable[Record], size: int) -> Iterator[ListBlock]:
        """Yield blocks of ``size`` records, less those refused."""
        waiting: list[Record] = []
        for record in records:
            waiting.append(record)
            if len(waiting) == size:
                yield self._block(waiting)
                waiting = []
        if waiting or not self.read:
            yield self._block(waiting)

    def _block(self, records: Sequence[Record]) -> ListBlock:
        """Read some records."""
        self.read += len(records)
        good: list[tuple[Record, Composition, list[float]]] = []
        for record in records:
            try:
                good.append((record, self._composition(record), self._conditions(record)))
            except _Refused as refused:
                self._reject(record, refused)
        values = np.array([each[2] for each in good]).reshape(len(good), len(self.condition_columns))
        return ListBlock(
            np.array([each[0].row for each in good], np.int64),
            tuple(each[0].fields for each in good),
            tuple(each[1] for each in good),
            {name: values[:, place] for place, name in enumerate(self.condition_columns)},
        )

    def _composition(self, record: Record) -> Composition:
        """Read the formula of a record and check that its elements can be described."""
        if record.problem:
            raise _Refused("", record.text, record.problem)
        name, text = self.source.header[self.source.formula], record.fields[self.source.formula]
        try:
            composition = parse_formula(text, self.units)
        except (FormulaError, CompositionError) as problem:
            raise _Refused(name, text, problem.message, problem.hint) from None
        for symbol in composition.symbols:
            reason = self._usable.get(symbol)
            if reason is None:
                reason = self._usable[symbol] = self._missing(symbol)
            if reason:
                raise _Refused(name, text, reason, "leave the row out")
        return composition

    def _missing(self, symbol: str) -> str:
        """Say what keeps an element from being described beside those met so far; empty if nothing does."""
        try:
            compile_plan(self.descriptors, (symbol,))
            compile_plan(self.descriptors, tuple(dict.fromkeys((*self.symbols, symbol))))
        except CompositionError as problem:
            return problem.message
        return ""

    def _conditions(self, record: Record) -> list[float]:
        """Read the condition cells of a record."""
        values = []
        for name, place in self.condition_columns.items():
            text = record.fields[place].strip()
            try:
                value = float(text) if text else self.given.get(name, math.nan)
            except ValueError:
                raise _Refused(name, text, "not a number") from None
            if text and not math.isfinite(value):
                raise _Refused(name, text, "not a finite number")
            values.append(value)
        return values

    def _reject(self, record: Record, refused: _Refused) -> None:
        """Keep a refused row aside, or stop there."""
        if self.strict:
            place = f", column `{refused.field}`" if refused.field else ""
            raise InputError(
                f"row {record.row}{place}: {refused.reason}",
                refused.hint or "mend the row, or drop `--strict` to have such rows listed as rejects",
            ) from None
        self.rejects.append((record.row, refused.field, refused.text, refused.reason))


class _Refused(Exception):
    """Why a record cannot be read: field, text, reason, hint."""

    def __init__(self, name: str, text: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.field, self.text, self.reason, self.hint = name, text, reason, hint


def find_conditions(header: Sequence[str], known: Iterable[Condition]) -> dict[str, int]:
    """Find the columns that bear the name of a condition."""
    return {c.name: header.index(c.name) for c in known if c.name in header}


def dense(compositions: Sequence[Composition], symbols: Sequence[str]) -> NDArray[np.float64]:
    """Lay compositions out as atomic fractions (n, d)."""
    place = {symbol: column for column, symbol in enumerate(symbols)}
    fractions = np.zeros((len(compositions), len(symbols)))
    for row, composition in enumerate(compositions):
        fractions[row, [place[symbol] for symbol in composition.symbols]] = composition.fractions
    return fractions
