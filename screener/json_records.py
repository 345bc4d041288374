"""JSON lines as records: one object a line, every value as the text it was written with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from screener.byte_source import BOM, ByteSource, as_utf8
from screener.errors import InputError
from screener.text_blocks import NOT_TEXT, SHOWN, Records, Reject, TextBlock

if TYPE_CHECKING:
    from screener.jobs import EncodingChoice

LONGEST = 1 << 20
"""Bytes of the longest line."""
_CHUNK = 1 << 21
_HINT = "write one JSON object a line, for example with polars `write_ndjson`"


class _Refused(Exception):
    """Why a line is no record."""


def read_jsonl(source: ByteSource, encoding: EncodingChoice = "utf-8") -> Records:
    """Read JSON lines; the columns are the keys that occur in the first two megabytes.

    Args:
        source: their bytes.
        encoding: `latin-1` or `cp1252` for lists that are not UTF-8.

    Raises:
        InputError: there is no object in them.
    """
    lines = _lines(source, encoding)
    peeked = [next(lines, [])]
    keys: dict[str, None] = {}
    for line in peeked[0]:
        try:
            keys |= dict.fromkeys(_object(line, NOT_TEXT[encoding]))
        except _Refused:
            continue
    if not keys:
        raise InputError(f"no JSON object in {source.what}", _HINT)
    reader = _Reader(tuple(keys), NOT_TEXT[encoding])
    return Records(tuple(keys), reader.blocks(peeked, lines), source.what, ("read as JSON lines",))


@dataclass(slots=True)
class _Reader:
    """Turns lines into records and counts them."""

    header: tuple[str, ...]
    not_text: str
    read: int = 0

    def blocks(self, peeked: list[list[bytes]], lines: Iterator[list[bytes]]) -> Iterator[TextBlock]:
        """Yield the records of consecutive lines."""
        for some in itertools.chain(peeked, lines):
            yield self._block(some)

    def _block(self, lines: list[bytes]) -> TextBlock:
        """Read some lines."""
        import polars

        rows: list[int] = []
        records: list[dict[str, str]] = []
        rejects: list[Reject] = []
        for number, line in enumerate(lines, self.read + 1):
            try:
                records.append(self._record(line))
                rows.append(number)
            except _Refused as refused:
                rejects.append((number, "", line[:SHOWN].decode("utf-8", "backslashreplace"), str(refused)))
        self.read += len(lines)
        columns = [polars.Series(name, [r.get(name, "") for r in records], polars.String) for name in self.header]
        return TextBlock(np.array(rows, np.int64), polars.DataFrame(columns), tuple(rejects))

    def _record(self, line: bytes) -> dict[str, str]:
        """Read one line."""
        record = _object(line, self.not_text)
        unknown = next((key for key in record if key not in self.header), None)
        if unknown is not None:
            raise _Refused(f"key `{unknown}` that no earlier record has")
        return record


def _object(line: bytes, not_text: str) -> dict[str, str]:
    """Read one object; values that are no texts keep the text they were written with.

    Args:
        line: its text.
        not_text: reason to refuse what is in another encoding.

    Raises:
        _Refused: it is no object, does not read, or a key stands twice.
    """
    if len(line) > LONGEST:
        raise _Refused(f"not readable as JSON: more than {LONGEST:,} bytes")
    try:
        text = line.decode()
        value = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        # A key costs a colon: where there are no more of them than keys, none stands twice.
        if isinstance(value, dict) and line.count(b":") > len(value):
            json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_without_repeats)
        nested = any(isinstance(each, list | dict) for each in value.values()) if isinstance(value, dict) else False
        whole = json.loads(text) if nested else {}
        if not isinstance(value, dict):
            raise _Refused("not a JSON object")
        if b"\\u" in line and not _encodable(value):
            raise _Refused(NOT_TEXT["utf-8"])
        return {key: _text(whole[key] if isinstance(each, list | dict) else each) for key, each in value.items()}
    except UnicodeDecodeError:
        raise _Refused(not_text) from None
    # Writing nests a little deeper than reading.
    except (ValueError, RecursionError) as problem:
        raise _Refused(f"not readable as JSON: {str(problem)[:80]}") from None


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its keys and values.

    Raises:
        _Refused: a key stands twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Refused(f"key `{next(key for key in keys if keys.count(key) > 1)}` stands twice")
    return found


def _encodable(value: object) -> bool:
    """Say whether a value has no half of a surrogate pair in it, which no file can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> str:
    """Give a value as text; missing ones are empty, lists and objects JSON again."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lines(source: ByteSource, encoding: EncodingChoice) -> Iterator[list[bytes]]:
    """Yield lines as UTF-8 in portions, blank ones left out; of a line beyond all measure only the start."""
    carried = b""
    for number, chunk in enumerate(source.chunks(_CHUNK)):
        piece = as_utf8(chunk if number else chunk.removeprefix(BOM), encoding)
        *whole, carried = (carried + piece).split(b"\n")
        carried = carried[: LONGEST + 1]
        lines = [line for line in (each.strip() for each in whole) if line]
        if lines:
            yield lines
    if carried.strip():
        yield [carried.strip()]
