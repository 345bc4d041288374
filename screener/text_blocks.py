"""Records of a list as they stand there: columns of text, and what cannot be split into columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars

    from screener.jobs import EncodingChoice

Reject: TypeAlias = tuple[int, str, str, str]
"""A row that cannot be read: number of the record from 1, field, text, reason."""
NOT_TEXT: Mapping[EncodingChoice, str] = {
    "utf-8": "not UTF-8 text",
    "latin-1": "not Latin-1 text",
    "cp1252": "not cp1252 text",
}
"""Reason to refuse a record that is in another encoding."""
TEXT_HINTS = {
    NOT_TEXT["utf-8"]: "save the list as UTF-8, or add `--encoding latin-1`",
    NOT_TEXT["cp1252"]: "add `--encoding latin-1`, which reads any byte",
}
"""What to do about it."""
SHOWN = 1000
"""Characters of a refused record that are kept."""
BLOCK_ROWS = 65_536
"""Rows of a block where a reader may choose."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Consecutive records of a list, n of them readable.

    Attributes:
        rows: numbers of the readable records, from 1 (n,).
        cells: their columns; where a list is text, its texts as they came, none missing.
        rejects: the other records, in order.
    """

    rows: NDArray[np.int64]
    cells: polars.DataFrame
    rejects: tuple[Reject, ...] = ()

    @property
    def records(self) -> int:
        """How many records there are, readable or not."""
        return len(self.rows) + len(self.rejects)


@dataclass(frozen=True, slots=True)
class Records:
    """A list being read.

    Attributes:
        header: column names.
        blocks: every record, in order; can be walked once.
        what: how messages name the list.
        notes: what is worth saying about how it is read.
        plain: whether columns are text as it came, not values of a table.
    """

    header: tuple[str, ...]
    blocks: Iterator[TextBlock]
    what: str
    notes: tuple[str, ...] = ()
    plain: bool = True
