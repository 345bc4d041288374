"""Lists of alloys, whatever file or table they are in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from screener.byte_source import BOM, ByteSource, open_bytes
from screener.composition_columns import ListHead, find_compositions
from screener.csv_records import read_csv
from screener.errors import InputError
from screener.formula import Units
from screener.jobs import EncodingChoice
from screener.json_records import read_jsonl
from screener.table_records import frame_records, parquet_records
from screener.text_blocks import Records, TextBlock

if TYPE_CHECKING:
    import polars

_NOT_LISTS = {".xlsx", ".xls", ".feather", ".zip"}
_PARQUET = b"PAR1"
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JSON_ARRAY = re.compile(rb"\[\s*(?:[{\[]|$)")
_FIRST_BYTES = 256


@dataclass(frozen=True, slots=True)
class AlloyList:
    """A list being read.

    Attributes:
        header: column names.
        formula: position of the column of formulas; None where there is one column per element.
        elements: position of the column of each element, by symbol; empty where there are formulas.
        foreign: positions of columns that are named like elements without data.
        blocks: every record, in order; can be walked once.
        notes: what is worth saying about how the list is read.
        plain: whether columns are text as it came, not values of a table.
        warnings: what speaks against reading it so.
    """

    header: tuple[str, ...]
    formula: int | None
    elements: dict[str, int]
    foreign: tuple[int, ...]
    blocks: Iterator[TextBlock]
    notes: tuple[str, ...] = ()
    plain: bool = True
    warnings: tuple[str, ...] = ()


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
    """Check the header and find what holds compositions.

    Raises:
        InputError: a name stands twice, or nothing is found that holds compositions.
    """
    header = records.header
    for position, name in enumerate(header):
        if name in header[:position]:
            raise InputError(f"column `{name}` stands twice in {records.what}", "give every column its own name")
    peeked = list(itertools.islice(records.blocks, 1))
    cells = peeked[0].cells if peeked else None
    found = find_compositions(ListHead(header, cells, units, records.what, records.plain), column)
    blocks = itertools.chain(peeked, records.blocks)
    notes = (*records.notes, *found.notes)
    return AlloyList(header, found.formula, found.elements, found.foreign, blocks, notes, records.plain, found.warnings)


@contextmanager
def _records(path: Path, source: ByteSource, encoding: EncodingChoice) -> Iterator[Records]:
    """Read a list as what its first bytes say it is."""
    first = source.peek(_FIRST_BYTES)
    if first.startswith(_SHEETS):
        raise InputError(f"{source.what} is not a CSV file", "write the list as CSV with a header")
    if first.startswith(_UTF_16):
        raise InputError(f"{source.what} is UTF-16 text", "save the list as UTF-8")
    text = first.removeprefix(BOM).lstrip()
    if first.startswith(_PARQUET):
        with parquet_records(path, source) as records:
            yield records
    elif text.startswith(b"{"):
        yield read_jsonl(source, encoding)
    elif _JSON_ARRAY.match(text):
        raise InputError(f"no column of formulas in {source.what}", "write one JSON object a line, not an array")
    else:
        yield read_csv(source, encoding)
