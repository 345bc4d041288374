"""CSV records: kernels and pieces against a walk from letter to letter."""

from __future__ import annotations

import io

from fuzzing.harnesses import chosen, hold_to_manners
from fuzzing.harnesses.walk import walked
from screener import csv_records
from screener.byte_source import BOM, ByteSource, as_utf8
from screener.csv_header import read_header
from screener.csv_records import read_csv
from screener.errors import InputError
from screener.jobs import EncodingChoice

TOKENS = (
    *(",", ";", "\t", '"', '""', "\n", "\r", "\r\n", "\x1e", "\x1f", "\ufeff", "sep=;\n", "SEP=|\r\n", "a,b\n", '","'),
    *("formula", "Cu50Zr50", "é", "\x00", "\x85", "\u2028", " "),
)
_ENCODINGS: tuple[EncodingChoice, ...] = ("utf-8", "latin-1", "cp1252")
_WHOLE = 1 << 21


def check(data: bytes) -> None:
    """Read delimited text whole and in pieces."""
    kind, rest = chosen(data, 3 * 7)
    encoding, piece = _ENCODINGS[kind % 3], kind // 3 + 1
    try:
        header = read_header(as_utf8(rest, encoding).removeprefix(BOM), "`x`", encoding)
    except InputError as refused:
        hold_to_manners(refused)
        return
    if len(set(header.names)) < len(header.names):
        return  # which is refused before any record is read
    whole = _records(rest, encoding, _WHOLE)
    assert whole == walked(header.rest, header.delimiter, len(header.names), encoding)
    # The first piece must hold the header and the line behind it, which tell the delimiter.
    if encoding == "utf-8" and b"\n" in header.rest[1:].replace(b"\r", b"\n"):
        behind = header.rest.lstrip(b"\r\n")
        line = min((place for end in (b"\n", b"\r") if (place := behind.find(end)) >= 0), default=len(behind))
        first = len(rest) - len(behind) + line + piece
        if b'"' not in behind[: line + 1]:
            assert _records(rest, encoding, first) == whole, f"other records in pieces of {first} bytes"


def _records(content: bytes, encoding: EncodingChoice, chunk: int) -> list[tuple[object, ...]]:
    """Read every record by number: its fields, or its text and the reason."""
    usual, csv_records._CHUNK = csv_records._CHUNK, chunk
    try:
        read = read_csv(ByteSource(io.BufferedReader(io.BytesIO(content)), "`x`"), encoding)
        found: list[tuple[object, ...]] = []
        for block in read.blocks:
            assert block.cells.width == len(read.header)
            assert len(block.rows) == block.cells.height, f"{block.cells.height} rows of {len(block.rows)}"
            found += zip(block.rows.tolist(), block.cells.rows(), strict=True)
            found += [(row, (text, reason)) for row, _, text, reason in block.rejects]
        return sorted(found, key=lambda each: int(str(each[0])))
    finally:
        csv_records._CHUNK = usual
