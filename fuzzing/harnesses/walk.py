"""A plain reader of delimited text, one byte after the other: what the kernels are held against."""

from __future__ import annotations

from screener.jobs import EncodingChoice
from screener.text_blocks import NOT_TEXT, SHOWN

_ENDS = b"\r\n"


def walked(data: bytes, delimiter: str, width: int, encoding: EncodingChoice) -> list[tuple[object, ...]]:
    """Read every record behind the header, each shorter than the longest there may be.

    Returns:
        Number from 1 and its fields, or its text and why it is none.
    """
    found: list[tuple[object, ...]] = []
    place = 0
    while place < len(data):
        if data[place] in _ENDS:
            place += 1
            continue
        fields, end, problem = _record(data, place, ord(delimiter))
        raw = data[place:end]
        if not problem and not _readable(raw):
            problem = NOT_TEXT[encoding]
        if not problem and len(fields) != width:
            problem = f"{len(fields)} fields where the header has {width}"
        if problem:
            found.append((len(found) + 1, (raw[:SHOWN].decode("utf-8", "backslashreplace"), problem)))
        else:
            found.append((len(found) + 1, tuple(field.decode() for field in fields)))
        place = end
    return found


def _record(data: bytes, place: int, delimiter: int) -> tuple[list[bytes], int, str]:
    """Read one record: its fields, where it ends, and why it is none."""
    fields: list[bytes] = []
    line_end: int | None = None
    while True:
        if data[place : place + 1] == b'"':
            field = bytearray()
            place += 1
            while True:
                if place == len(data):
                    end = len(data) if line_end is None else line_end
                    return [], end, "not readable as CSV: a quote that never ends"
                if data[place] == ord('"'):
                    if data[place + 1 : place + 2] != b'"':
                        break
                    place += 1
                elif data[place] in _ENDS and line_end is None:
                    line_end = place
                field.append(data[place])
                place += 1
            place += 1
            fields.append(bytes(field))
            if place < len(data) and data[place] != delimiter and data[place] not in _ENDS:
                end = line_end if line_end is not None else _line_end(data, place)
                return [], end, "not readable as CSV: text behind a closing quote"
        else:
            first = place
            while place < len(data) and data[place] != delimiter and data[place] not in _ENDS:
                place += 1
            fields.append(data[first:place])
        if place == len(data) or data[place] in _ENDS:
            return fields, place, ""
        place += 1


def _line_end(data: bytes, place: int) -> int:
    """Find the end of a line."""
    while place < len(data) and data[place] not in _ENDS:
        place += 1
    return place


def _readable(raw: bytes) -> bool:
    """Say whether bytes are UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
