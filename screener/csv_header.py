"""The header of delimited text: what parts the fields, and how the columns are called."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screener.errors import InputError
from screener.text_blocks import NOT_TEXT, TEXT_HINTS

if TYPE_CHECKING:
    from screener.jobs import EncodingChoice

LONGEST = 131_072
"""Bytes of the longest record."""
_DELIMITERS = {",": "a comma", ";": "`;`", "\t": "a tab"}
# What a spreadsheet writes above a header to say what parts the fields.
_DIRECTIVE = re.compile(rb"sep=([,;\t|])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """What the first lines of delimited text tell.

    Attributes:
        names: column names.
        delimiter: what parts the fields.
        rest: the text behind the header.
        notes: what is worth saying about them.
    """

    names: tuple[str, ...]
    delimiter: str
    rest: bytes
    notes: tuple[str, ...] = ()


def read_header(text: bytes, what: str, encoding: EncodingChoice = "utf-8") -> CsvHeader:
    """Read the column names; they tell comma, semicolon or tab, unless a line ``sep=`` above them does.

    Args:
        text: the first piece of the text.
        what: how messages name the list.
        encoding: of the list.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    line = first_line(text)
    directive = _DIRECTIVE.fullmatch(line or b"")
    if directive:
        text = behind(text, line or b"")
        line = first_line(text)
    if line is None:
        raise InputError(f"{what} is empty", "give a CSV file whose first line names the columns")
    delimiter = directive[1].decode() if directive else _sniffed(text, line)
    names, unnamed = _named(_fields(line, delimiter, what, encoding))
    parted = () if delimiter == "," else (f"fields are separated by {_DELIMITERS.get(delimiter, f'`{delimiter}`')}",)
    return CsvHeader(names, delimiter, behind(text, line), (*parted, *unnamed))


def first_line(text: bytes) -> bytes | None:
    """Return the first line that is not blank; ends of lines between quotes do not count."""
    text = text.lstrip(b"\r\n")
    quoted = False
    for place, byte in enumerate(text[:LONGEST]):
        if byte == ord('"'):
            quoted = not quoted
        elif byte in b"\r\n" and not quoted:
            return text[:place]
    return text[:LONGEST] or None


def behind(text: bytes, line: bytes) -> bytes:
    """Return what follows the first line that is not blank."""
    return text.lstrip(b"\r\n")[len(line) :]


def _sniffed(text: bytes, line: bytes) -> str:
    """Tell what parts the fields: what the header and the line behind it hold as often, else what it holds most."""
    following = first_line(behind(text, line)) or b""
    ranks = [
        (_count(line, d) > 0 and _count(line, d) == _count(following, d), _count(line, d), -place, d)
        for place, d in enumerate(_DELIMITERS)
    ]
    return max(ranks)[-1]


def _count(line: bytes, delimiter: str) -> int:
    """Count what stands outside quotes."""
    return sum(part.count(delimiter.encode()) for part in line.split(b'"')[::2])


def _fields(line: bytes, delimiter: str, what: str, encoding: EncodingChoice) -> list[str]:
    """Split the line of column names."""
    try:
        return next(csv.reader([line.decode()], delimiter=delimiter, strict=True))
    except UnicodeDecodeError:
        reason = NOT_TEXT[encoding]
        raise InputError(f"the header of {what} is {reason}", TEXT_HINTS[reason]) from None
    except csv.Error as problem:
        raise InputError(f"cannot read the header of {what}: {problem}", "give a CSV file with a header") from None


def _named(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Call columns without a name by their number, unless another column is called so, and say which."""
    given = {f"column_{k}" for k, name in enumerate(names, 1) if not name.strip()}
    if not given or given.intersection(names) or len(given) == len(names):
        return tuple(names), ()
    called = [name if name.strip() else f"column_{k}" for k, name in enumerate(names, 1)]
    new = ", ".join(f"`{name}`" for name in called if name in given)
    said = f"{len(given)} columns without a name are called {new}" if len(given) > 1 else ""
    return tuple(called), (said or f"a column without a name is called {new}",)
