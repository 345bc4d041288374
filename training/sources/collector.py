"""What a loader gathers: measurements with their conditions, and counts of what it leaves out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from screener.errors import FormulaError
from screener.formula import Composition, Units, parse_formula
from training.sources.table import dense_fractions, long_table

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a measured sample was made and tested; None and ``unknown`` where not stated."""

    film_thickness_nm: float | None = None
    process_temperature_k: float | None = None
    load_n: float | None = None
    process_route: str = "unknown"


@dataclass(frozen=True, slots=True)
class Label:
    """What stands behind an amorphous label: kind, alloy family, critical diameter in mm."""

    kind: str = ""
    family: str = ""
    dmax_mm: float | None = None


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What one data set gives.

    Attributes:
        source: key of the data set.
        frame: the long table.
        n_records: records read from the file.
        dropped: records or values left out, by reason.
        cleaned: formulas whose text was mended before reading.
    """

    source: str
    frame: pl.DataFrame
    n_records: int
    dropped: Mapping[str, int]
    cleaned: int


UNSTATED = Conditions()
NO_LABEL = Label()
COMPOUND = Label("crystalline_added", "intermetallic")
COMPOUND_WEIGHT = 0.5  # a compound of the phase diagram need not appear in a quenched ribbon


class Collector:
    """Gathers the measurements of one data set and counts what is left out."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: list[tuple[object, ...]] = []
        self._compositions: list[Composition] = []
        self._dropped: Counter[str] = Counter()
        self._n_records = 0
        self._cleaned = 0

    def read(self, text: str, units: Units | None = "at") -> Composition | None:
        """Start a record and read its formula, mended only if it must be; one that does not read is counted."""
        self._n_records += 1
        try:
            return _parse(text, units)
        except FormulaError as error:
            failure = error
        try:
            composition = _parse(mend_formula(text), units)
        except FormulaError:
            self._dropped[_parse_failure(failure)] += 1
            return None
        self._cleaned += 1
        return composition

    def read_amounts(self, symbols: Sequence[str], amounts: Sequence[float], units: Units = "at") -> Composition | None:
        """Start a record whose composition comes in element columns."""
        return self.read("".join(f"{s}{a:.10f}" for s, a in zip(symbols, amounts, strict=True) if a > 0), units)

    def keep(self) -> None:
        """Start a record whose composition is known without reading."""
        self._n_records += 1

    def skip(self, reason: str) -> None:
        """Count a record that is left out before its formula is read."""
        self._n_records += 1
        self._dropped[reason] += 1

    def drop(self, reason: str) -> None:
        """Count a record or value that is left out after its formula was read."""
        self._dropped[reason] += 1

    def add(
        self,
        task: str,
        composition: Composition,
        value: float | None,
        *,
        weight: float = 1.0,
        conditions: Conditions = UNSTATED,
        label: Label = NO_LABEL,
    ) -> None:
        """Keep one measurement; a missing or non-finite value is counted instead."""
        if value is None or not np.isfinite(value):
            self._dropped[f"no {task}"] += 1
            return
        self._compositions.append(composition)
        where = (conditions.film_thickness_nm, conditions.process_temperature_k, conditions.load_n)
        what = (conditions.process_route, label.kind, label.family, label.dmax_mm)
        self._rows.append((task, float(value), self._source, weight, *where, *what))

    def finish(self) -> SourceRows:
        """Return everything gathered."""
        fractions = dense_fractions(self._compositions)
        return SourceRows(
            source=self._source,
            frame=long_table(self._rows, fractions),
            n_records=self._n_records,
            dropped=dict(sorted(self._dropped.items())),
            cleaned=self._cleaned,
        )


def mend_formula(text: str) -> str:
    """Take out blanks, commas, percent signs and elements of amount zero; write every bracket as a parenthesis.

    A text with a comma between digits stays as it is, and does not read: the comma may part decimals.
    """
    if has_decimal_comma(text):
        return text
    return _ABSENT.sub("", text.translate(_MENDING))


def has_decimal_comma(text: str) -> bool:
    """Say whether a comma stands between digits."""
    return _DECIMAL_COMMA.search(text) is not None


_DECIMAL_COMMA = re.compile(r"\d,\d")
_ABSENT = re.compile(r"[A-Z][a-z]?0(?:\.0*)?(?![.\d])")
_MENDING = str.maketrans({**dict.fromkeys(" \t\r\n\xa0%,\u200b", None), **dict(zip("[]{}", "()()", strict=True))})


@cache
def _parse(text: str, units: Units | None) -> Composition:
    return parse_formula(text, units=units)


def _parse_failure(error: FormulaError) -> str:
    """Turn a parser's message into a reason that can be counted: elements stay, texts and numbers go."""
    if error.message.startswith("no alloy data"):
        return error.message
    return _PARTICULARS.sub("…", error.message)


_PARTICULARS = re.compile(r"`[^`]*`|\b\d[\d.e+-]*")
