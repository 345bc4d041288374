"""Records of delimited text found in bytes, compiled: where each begins and ends, and what is wrong with its quotes.

Quotes count at the start of a field only, a doubled one inside stands for itself, and a line ends with a line feed, a
carriage return, or both. A record whose quotes make no sense ends with its first line, so that a stray quote costs one
line and not what follows it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

QUOTED, NOT_ASCII, NEVER_ENDS, BEHIND_QUOTE = 1, 2, 4, 8
"""Flags of a record: it holds quotes; bytes beyond ASCII; a quote that never ends; text behind a closing quote."""
UNIT, RECORD = 0x1F, 0x1E
"""Control characters that part fields and records where quotes are resolved."""
_START, _PLAIN, _INSIDE, _CLOSED, _LOST = 0, 1, 2, 3, 4
_QUOTE, _FEED, _RETURN = 0x22, 0x0A, 0x0D

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]


@kernel
def find_records(
    data: Bytes,
    final: bool,
    delimiter: int,
    longest: int,
    begin: Integers,
    end: Integers,
    fields: Integers,
    flags: NDArray[np.uint8],
) -> tuple[int, int]:
    """Find the records of some bytes; blank lines are passed over.

    Args:
        data: the bytes.
        final: whether nothing follows them.
        delimiter: what parts fields.
        longest: bytes after which a quoted record is taken to have a quote that never ends.
        begin: receives where each record begins (room for every line).
        end: receives where it ends.
        fields: receives its number of fields.
        flags: receives what is notable about it.

    Returns:
        How many records there are, and where the next one begins, which is not complete.
    """
    i, count = 0, 0
    while i < data.size:
        first = i
        i, width, flag = _walk(data, i, delimiter, longest)
        if i < 0:  # the end of the data comes first
            if not final:
                return count, first
            i = data.size
            if flag & NEVER_ENDS:
                i = first
                while i < data.size and data[i] != _FEED and data[i] != _RETURN:
                    i += 1
        if i == data.size - 1 and data[i] == _RETURN and not final:
            return count, first
        if i > first:
            begin[count], end[count], fields[count], flags[count] = first, i, width, flag
            count += 1
        i += 2 if i + 1 < data.size and data[i] == _RETURN and data[i + 1] == _FEED else 1
    return count, data.size


@kernel
def _walk(data: Bytes, first: int, delimiter: int, longest: int) -> tuple[int, int, int]:
    """Walk to the end of a record: where it is, -1 if not in the data; number of fields; flags."""
    state, width, flag, line_end, i = _START, 1, 0, -1, first
    while i < data.size:
        c = data[i]
        if state == _INSIDE:
            if c == _QUOTE:
                state = _CLOSED
            elif c >= 0x80:
                flag |= NOT_ASCII
            elif (c in (_FEED, _RETURN)) and line_end < 0:
                line_end = i
            if i - first >= longest:
                flag |= NEVER_ENDS
                if line_end >= 0:
                    return line_end, width, flag
                state = _LOST
        elif state == _LOST:  # only the end of the line counts
            if c in (_FEED, _RETURN):
                return i, width, flag
        elif c == delimiter:
            width += 1
            state = _START
        elif c in (_FEED, _RETURN):
            return i, width, flag
        elif c == _QUOTE:
            flag |= QUOTED
            state = _INSIDE if state in (_START, _CLOSED) else _PLAIN
        else:
            if c >= 0x80:
                flag |= NOT_ASCII
            if state == _CLOSED:
                flag |= BEHIND_QUOTE
                if line_end >= 0:
                    return line_end, width, flag
                state = _LOST
            else:
                state = _PLAIN
        i += 1
    return -1, width, flag | NEVER_ENDS if state == _INSIDE else flag


@kernel
def resolve_quotes(data: Bytes, begin: Integers, end: Integers, delimiter: int, out: Bytes) -> int:
    """Copy records with quotes resolved, fields parted by UNIT and records ended by RECORD; return the bytes written.

    Args:
        data: bytes that hold neither UNIT nor RECORD.
        begin: where each record begins (n,).
        end: where it ends (n,).
        delimiter: what parts fields.
        out: receives them (room for every byte and one more per record).
    """
    at = 0
    for record in range(begin.size):
        state = _START
        for i in range(begin[record], end[record]):
            c = data[i]
            if state == _INSIDE:
                if c == _QUOTE:
                    state = _CLOSED
                    continue
            elif c == delimiter:
                state = _START
                out[at] = UNIT
                at += 1
                continue
            elif c == _QUOTE and state == _START:
                state = _INSIDE
                continue
            else:
                # behind a closing quote only its double can stand
                state = _INSIDE if state == _CLOSED else _PLAIN
            out[at] = c
            at += 1
        out[at] = RECORD
        at += 1
    return at
