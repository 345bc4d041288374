"""Lists of alloys: records with their texts as they came, the column that holds formulas, and what cannot be read."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from screener.errors import FormulaError, InputError
from screener.formula import Units, parse_formula

if TYPE_CHECKING:
    import polars

FORMULA_NAMES = ("composition", "formula", "alloy")
"""Names of a column of formulas, the first present wins, whatever their case."""
_LOOKED_AT = 50
_PEEKED = 1000
_NOT_CSV = {".parquet", ".xlsx", ".xls", ".json", ".jsonl", ".feather", ".gz", ".zip"}
Reject: TypeAlias = tuple[int, str, str, str]
"""A row that cannot be read: number of the record from 1, field, text, reason."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a list.

    Attributes:
        row: its number, from 1.
        fields: its texts, one per column; empty where it has a problem.
        problem: why it cannot be read, if it cannot.
        text: what stood there, then.
    """

    row: int
    fields: tuple[str, ...]
    problem: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AlloyList:
    """A list being read.

    Attributes:
        header: column names.
        formula: position of the column of formulas.
        records: every record, in order; can be walked once.
    """

    header: tuple[str, ...]
    formula: int
    records: Iterator[Record]


@contextmanager
def open_csv(path: Path, units: Units | None) -> Iterator[AlloyList]:
    """Open a CSV file with a header.

    Args:
        path: the file; UTF-8, commas.
        units: how amounts are meant, where the column of formulas must be found by reading.

    Raises:
        InputError: there is no such file, it is empty, its header repeats a name, or no column holds formulas.
    """
    if path.suffix.lower() in _NOT_CSV:
        raise InputError(f"`{path}` is not a CSV file", "write the list as CSV with a header")
    try:
        # Undecodable bytes pass as surrogates, so that one bad row does not hide the others.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            rows = _rows(csv.reader(stream, strict=True))
            header = next(rows, None)
            if header is None:
                raise InputError(f"`{path}` is empty", "give a CSV file whose first line names the columns")
            if isinstance(header, csv.Error):
                raise InputError(f"cannot read the header of `{path}`: {header}", "give a CSV file with a header")
            yield _alloy_list(tuple(header), _records(rows, len(header)), units, f"`{path}`")
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise InputError(f"cannot read `{path}`: {reason}", "name a CSV file with a column of formulas") from None


def from_frame(frame: polars.DataFrame, units: Units | None) -> AlloyList:
    """Take a table in memory as a list.

    Raises:
        InputError: no column holds formulas.
    """
    import polars

    texts = frame.select(polars.all().cast(polars.String, strict=False).fill_null("")).iter_rows()
    records = (Record(row, tuple(fields)) for row, fields in enumerate(texts, 1))
    return _alloy_list(tuple(frame.columns), records, units, "the table")


def _alloy_list(header: tuple[str, ...], records: Iterator[Record], units: Units | None, what: str) -> AlloyList:
    """Check the header and find the column of formulas."""
    for position, name in enumerate(header):
        if name in header[:position]:
            raise InputError(f"column `{name}` stands twice in {what}", "give every column its own name")
    if any("\udc80" <= letter <= "\udcff" for name in header for letter in name):
        raise InputError(f"the header of {what} is not UTF-8 text", "save the list as UTF-8")
    peeked = list(itertools.islice(records, _PEEKED))
    return AlloyList(header, formula_column(header, peeked, units, what), itertools.chain(peeked, records))


def formula_column(header: Sequence[str], records: Sequence[Record], units: Units | None, what: str) -> int:
    """Find the column of formulas: by name, else the first whose first 50 filled cells all read as alloys.

    Raises:
        InputError: there is none.
    """
    folded = [name.strip().casefold() for name in header]
    for name in FORMULA_NAMES:
        if name in folded:
            return folded.index(name)
    for position in range(len(header)):
        cells = (record.fields[position].strip() for record in records if record.fields)
        filled = list(itertools.islice((cell for cell in cells if cell), _LOOKED_AT))
        if filled and all(_reads(cell, units) for cell in filled):
            return position
    raise InputError(
        f"no column of formulas in {what}",
        "name one column `composition`, `formula` or `alloy`",
    )


def _reads(cell: str, units: Units | None) -> bool:
    """Say whether a cell reads as an alloy; balance notation does, though it needs units later."""
    try:
        parse_formula(cell, units or "at")
    except FormulaError:
        return False
    return True


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """Pass rows on, blank lines left out; a row the reader chokes on is passed as its error."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            yield problem
            continue
        if row:
            yield row


def _records(rows: Iterator[list[str] | csv.Error], width: int) -> Iterator[Record]:
    """Number rows and find what is wrong with them as text."""
    for number, row in enumerate(rows, 1):
        if isinstance(row, csv.Error):
            yield Record(number, (), f"not readable as CSV: {row}")
            continue
        line = ",".join(row)
        if not line.isascii() and re.search("[\udc80-\udcff]", line):
            shown = line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            yield Record(number, (), "not UTF-8 text", shown)
        elif len(row) != width:
            yield Record(number, (), f"{len(row)} fields where the header has {width}", line)
        else:
            yield Record(number, tuple(row))
