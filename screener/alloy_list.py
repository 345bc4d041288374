"""Lists of alloys: whatever file or table they are in, and the columns that hold compositions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from screener.byte_source import ByteSource, open_bytes
from screener.csv_records import read_csv
from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError, InputError
from screener.formula import Units, parse_formula
from screener.jobs import EncodingChoice
from screener.json_records import read_jsonl
from screener.table_records import frame_records, parquet_records
from screener.text_blocks import Records, TextBlock

if TYPE_CHECKING:
    import polars

FORMULA_NAMES = ("composition", "formula", "alloy")
"""Names of a column of formulas, the first present wins, whatever their case."""
_LOOKED_AT = 50
_PEEKED = 1000
_FEWEST_ELEMENTS = 2
_NOT_LISTS = {".xlsx", ".xls", ".feather", ".zip"}
_PARQUET = b"PAR1"
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_FIRST_BYTES = 256


@dataclass(frozen=True, slots=True)
class AlloyList:
    """A list being read.

    Attributes:
        header: column names.
        formula: position of the column of formulas; None where there is one column per element.
        elements: position of the column of each element, by symbol; empty where there are formulas.
        blocks: every record, in order; can be walked once.
        notes: what is worth saying about how the list is read.
        plain: whether columns are text as it came, not values of a table.
    """

    header: tuple[str, ...]
    formula: int | None
    elements: dict[str, int]
    blocks: Iterator[TextBlock]
    notes: tuple[str, ...] = ()
    plain: bool = True


@contextmanager
def open_list(
    path: Path, units: Units | None = None, column: str | None = None, encoding: EncodingChoice = "utf-8"
) -> Iterator[AlloyList]:
    """Open a CSV file, JSON lines or a Parquet file, perhaps compressed with gzip or Zstandard.

    Args:
        path: the file; ``-`` is standard input.
        units: how amounts are meant, where the column of formulas must be found by reading.
        column: name of the column of formulas; None looks for it.
        encoding: of text; UTF-8 may start with a byte order mark.

    Raises:
        InputError: there is no such file, it is empty or no list, its header repeats a name, or nothing in it holds
            compositions.
    """
    if path.suffix.lower() in _NOT_LISTS:
        raise InputError(f"`{path}` is not a CSV file", "write the list as CSV with a header")
    with open_bytes(path) as source, _records(path, source, encoding) as records:
        yield alloy_list(records, units, column)


def from_frame(frame: polars.DataFrame, units: Units | None = None, column: str | None = None) -> AlloyList:
    """Take a table in memory as a list.

    Raises:
        InputError: nothing in it holds compositions.
    """
    return alloy_list(frame_records(frame), units, column)


def alloy_list(records: Records, units: Units | None, column: str | None) -> AlloyList:
    """Check the header and find what holds compositions: a column of some name, elements, or what reads as alloys.

    Raises:
        InputError: a name stands twice, or nothing is found.
    """
    header = records.header
    for position, name in enumerate(header):
        if name in header[:position]:
            raise InputError(f"column `{name}` stands twice in {records.what}", "give every column its own name")
    formula = _named(header, column, records.what)
    elements = element_columns(header) if formula is None else {}
    blocks = records.blocks
    if formula is None and not elements:
        peeked = list(itertools.islice(blocks, 1))
        formula = formula_column(header, peeked[0].cells if peeked else None, units, records.what)
        blocks = itertools.chain(peeked, blocks)
    said: tuple[str, ...] = ()
    if elements:
        share = "wt.%" if units == "wt" else "at.%"
        said = (f"compositions are read from {len(elements)} columns of {share}, {', '.join(elements)}",)
    return AlloyList(header, formula, elements, blocks, (*records.notes, *said), records.plain)


def element_columns(header: Sequence[str]) -> dict[str, int]:
    """Find the columns that are named like elements, by symbol; none where it is but one.

    Raises:
        InputError: an element has two.
    """
    known = set(element_symbols())
    found: dict[str, int] = {}
    for place, name in enumerate(header):
        symbol = name.strip()
        if symbol in found:
            raise InputError(f"two columns are named `{symbol}`", "give every element one column")
        if symbol in known:
            found[symbol] = place
    return found if len(found) >= _FEWEST_ELEMENTS else {}


def formula_column(header: Sequence[str], cells: polars.DataFrame | None, units: Units | None, what: str) -> int:
    """Find the column of formulas: by name, else the first whose first 50 filled cells all read as alloys.

    Args:
        header: column names.
        cells: the first rows, if there are any.
        units: how amounts are meant.
        what: how messages name the list.

    Raises:
        InputError: there is none.
    """
    import polars

    named = _named(header, None, what)
    if named is not None:
        return named
    columns = [] if cells is None else cells.head(_PEEKED).get_columns()
    for position, column in enumerate(columns):
        texts = column.cast(polars.String, strict=False)
        filled = list(itertools.islice((text for text in texts if text and text.strip()), _LOOKED_AT))
        if filled and all(_reads(cell, units) for cell in filled):
            return position
    raise InputError(
        f"no column of formulas in {what}", "name one column `formula`, or say which it is with `--composition-column`"
    )


@contextmanager
def _records(path: Path, source: ByteSource, encoding: EncodingChoice) -> Iterator[Records]:
    """Read a list as what its first bytes say it is."""
    first = source.peek(_FIRST_BYTES)
    if first.startswith(_SHEETS):
        raise InputError(f"{source.what} is not a CSV file", "write the list as CSV with a header")
    if first.startswith(_PARQUET):
        with parquet_records(path, source) as records:
            yield records
    elif first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        yield read_jsonl(source)
    else:
        yield read_csv(source, encoding)


def _named(header: Sequence[str], column: str | None, what: str) -> int | None:
    """Find the column of formulas by name.

    Raises:
        InputError: the column that was asked for is not there.
    """
    if column is not None:
        if column in header:
            return header.index(column)
        names = ", ".join(f"`{name}`" for name in header[:10]) + (", …" if len(header) > 10 else "")
        raise InputError(f"no column `{column}` in {what}", f"it has {names}")
    folded = [name.strip().casefold() for name in header]
    return next((folded.index(name) for name in FORMULA_NAMES if name in folded), None)


def _reads(cell: str, units: Units | None) -> bool:
    """Say whether a cell reads as an alloy; balance notation does, though it needs units later."""
    try:
        parse_formula(cell, units or "at")
    except (FormulaError, CompositionError):
        return False
    return True
