"""Delimited text as records: columns of text as it came, and every record that has none."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener._csv_kernels import (
    BEHIND_QUOTE,
    NEVER_ENDS,
    NOT_ASCII,
    QUOTED,
    RECORD,
    UNIT,
    find_records,
    resolve_quotes,
)
from screener.byte_source import BOM, ByteSource, as_utf8
from screener.csv_header import LONGEST, read_header
from screener.jobs import EncodingChoice
from screener.text_blocks import NOT_TEXT, SHOWN, Records, Reject, TextBlock

if TYPE_CHECKING:
    import polars

_CHUNK = 1 << 21


def read_csv(source: ByteSource, encoding: EncodingChoice = "utf-8") -> Records:
    """Read delimited text with a header; the header tells comma, semicolon or tab.

    Args:
        source: its bytes.
        encoding: `latin-1` or `cp1252` for lists that are not UTF-8.

    Raises:
        InputError: it is empty, or its header cannot be read.
    """
    pieces = _pieces(source, encoding)
    first, final = next(pieces, (b"", True))
    header = read_header(first, source.what, encoding)
    reader = _Reader(header.names, header.delimiter, NOT_TEXT[encoding])
    return Records(header.names, reader.blocks(_after(header.rest, final, pieces)), source.what, header.notes)


@dataclass(slots=True)
class _Reader:
    """Splits pieces of text into records and counts them."""

    header: tuple[str, ...]
    delimiter: str
    not_text: str
    read: int = 0

    def blocks(self, pieces: Iterator[tuple[bytes, bool]]) -> Iterator[TextBlock]:
        """Yield the records of consecutive pieces, each of them with whether it is the last."""
        carried, skipping = b"", False
        for piece, final in pieces:
            if skipping:
                piece = _from_line_end(piece)
                skipping = not piece
            data = carried + piece
            found = _find(data, final, self.delimiter)
            if found.count:
                yield self._block(data, found)
            carried = data[found.consumed :]
            if len(carried) > LONGEST and not _from_line_end(carried):
                # A line beyond all measure: its start is enough to refuse it.
                carried, skipping = carried[: LONGEST + 1], True

    def _block(self, data: bytes, found: _Found) -> TextBlock:
        """Take the records found apart."""
        numbers = np.arange(self.read + 1, self.read + found.count + 1)
        self.read += found.count
        wrong = (found.flags & (NEVER_ENDS | BEHIND_QUOTE)) > 0
        wrong |= found.end - found.begin > LONGEST
        garbled = _undecodable(data, found)
        bad = wrong | garbled | (found.fields != len(self.header))
        rejects = tuple(
            self._reject(data, found, k, int(numbers[k]), bool(garbled[k])) for k in np.flatnonzero(bad).tolist()
        )
        good = found.take(np.flatnonzero(~bad)) if rejects else found
        return TextBlock(numbers[~bad] if rejects else numbers, self._cells(data, good), rejects)

    def _reject(self, data: bytes, found: _Found, place: int, number: int, garbled: bool) -> Reject:
        """Say why a record has no columns."""
        raw = data[found.begin[place] : min(found.end[place], found.begin[place] + SHOWN)]
        text = raw.decode("utf-8", "backslashreplace")
        if found.flags[place] & NEVER_ENDS:
            reason = "not readable as CSV: a quote that never ends"
        elif found.flags[place] & BEHIND_QUOTE:
            reason = "not readable as CSV: text behind a closing quote"
        elif found.end[place] - found.begin[place] > LONGEST:
            reason = f"not readable as CSV: more than {LONGEST:,} bytes"
        elif garbled:
            reason = self.not_text
        else:
            reason = f"{found.fields[place]} fields where the header has {len(self.header)}"
        return number, "", text, reason

    def _cells(self, data: bytes, found: _Found) -> polars.DataFrame:
        """Give the columns of records that have all their fields."""
        if found.lines_only and not (found.flags & QUOTED).any() and b"\r" not in data:
            text, unit, record = data[: found.consumed], self.delimiter, "\n"
        else:
            if bytes((UNIT,)) in data or bytes((RECORD,)) in data:
                return self._slowly(data, found)
            out = np.empty(int((found.end - found.begin).sum()) + found.count, np.uint8)
            delimiter = ord(self.delimiter)
            written = resolve_quotes(np.frombuffer(data, np.uint8), found.begin, found.end, delimiter, out)
            text, unit, record = out[:written].tobytes(), chr(UNIT), chr(RECORD)
            if b"\r" in text:  # which Polars drops from the end of a record
                return self._slowly(data, found)
        frame = _split(text, unit, record, self.header)
        # Polars passes over a byte order mark, and over blank lines of one column.
        return self._slowly(data, found) if text.startswith(BOM) or frame.height != found.count else frame

    def _slowly(self, data: bytes, found: _Found) -> polars.DataFrame:
        """Give the columns one record at a time."""
        import polars

        lines = [data[b:e].decode() for b, e in zip(found.begin, found.end, strict=True)]
        rows = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        columns = zip(*rows, strict=True) if rows else ((),) * len(self.header)
        return polars.DataFrame(
            [polars.Series(n, list(c), polars.String) for n, c in zip(self.header, columns, strict=True)]
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """Records found in some bytes (n,), and where the next one begins."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    fields: NDArray[np.int64]
    flags: NDArray[np.uint8]
    consumed: int

    @property
    def count(self) -> int:
        return len(self.begin)

    @property
    def lines_only(self) -> bool:
        """Whether they are all there is, each followed by one line end."""
        apart = self.count and self.begin[0] == 0 and self.end[-1] == self.consumed - 1
        return bool(apart) and int((self.end - self.begin).sum()) + self.count == self.consumed

    def take(self, chosen: NDArray[np.intp]) -> _Found:
        return _Found(self.begin[chosen], self.end[chosen], self.fields[chosen], self.flags[chosen], self.consumed)


def _find(data: bytes, final: bool, delimiter: str) -> _Found:
    """Find the records of some bytes."""
    room = data.count(b"\n") + data.count(b"\r") + 1
    begin, end, fields = np.empty((3, room), np.int64)
    flags = np.empty(room, np.uint8)
    seen = np.frombuffer(data, np.uint8)
    count, consumed = find_records(seen, final, ord(delimiter), LONGEST, begin, end, fields, flags)
    return _Found(begin[:count], end[:count], fields[:count], flags[:count], consumed)


def _split(text: bytes, unit: str, record: str, header: Sequence[str]) -> polars.DataFrame:
    """Split text without quotes into columns."""
    import polars

    schema = dict.fromkeys(header, polars.String)
    if not text:
        return polars.DataFrame(schema=schema)
    return polars.read_csv(
        text,
        has_header=False,
        separator=unit,
        eol_char=record,
        quote_char=None,
        schema=schema,
        empty_string_is_null=False,
    )


def _pieces(source: ByteSource, encoding: EncodingChoice) -> Iterator[tuple[bytes, bool]]:
    """Yield the text as UTF-8 in pieces, without byte order mark, each with whether it is the last."""
    before: bytes | None = None
    for chunk in source.chunks(_CHUNK):
        piece = as_utf8(chunk, encoding)
        if before is None:
            before = piece.removeprefix(BOM)
            continue
        yield before, False
        before = piece
    if before is not None:
        yield before, True


def _after(rest: bytes, final: bool, pieces: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    """Go on behind the header."""
    yield rest, final
    yield from pieces


def _from_line_end(piece: bytes) -> bytes:
    """Drop what stands before the first end of a line; nothing is left without one."""
    ends = [place for place in (piece.find(b"\n"), piece.find(b"\r")) if place >= 0]
    return piece[min(ends) :] if ends else b""


def _undecodable(data: bytes, found: _Found) -> NDArray[np.bool_]:
    """Say which records (n,) are not UTF-8."""
    garbled = np.zeros(found.count, np.bool_)
    suspects = np.flatnonzero(found.flags & NOT_ASCII)
    if not len(suspects):
        return garbled
    try:
        data[: found.consumed].decode()
    except UnicodeDecodeError:
        for place in suspects:
            try:
                data[found.begin[place] : found.end[place]].decode()
            except UnicodeDecodeError:
                garbled[place] = True
    return garbled
