"""Rows that could not be read: counted, shown, and written to a file of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from screener.sinks import atomic_file, discard, writing

if TYPE_CHECKING:
    from screener.text_blocks import Reject

REJECT_COLUMNS = ("row", "field", "text", "reason")
LISTED = 10
"""Rejects kept to be shown."""


class RejectSink:
    """Counts rows that could not be read, keeps the first and writes all to a file, if there is one.

    Args:
        file: where to, None for nowhere.
        keep: how many to keep, None for all.
        path: how messages name the file.
    """

    def __init__(self, file: BinaryIO | None = None, keep: int | None = LISTED, path: Path = Path("rejects")) -> None:
        self.count = 0
        self.first: list[Reject] = []
        self._keep = keep
        self._file = file
        self._path = path
        if file is not None:
            file.write((",".join(REJECT_COLUMNS) + "\n").encode())

    def write(self, rejects: Sequence[Reject]) -> None:
        """Take the next ones."""
        self.count += len(rejects)
        self.first += rejects if self._keep is None else rejects[: max(0, self._keep - len(self.first))]
        if self._file is None or not rejects:
            return
        text = io.StringIO()
        # Quotes around every text keep a lone carriage return inside its field, which minimal quoting does not.
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(rejects)
        with writing(self._path):
            self._file.write(text.getvalue().encode("utf-8", "surrogateescape"))


@contextmanager
def open_rejects(path: Path | None, always: bool) -> Iterator[RejectSink]:
    """Open the file of rejects; it appears when the block ends without an error.

    Args:
        path: the file; None writes none.
        always: whether a list without rejects leaves a file with nothing but its header; else it leaves none, not
            even that of an earlier run, which would speak of other rows.

    Raises:
        OutputError: the system refuses.
    """
    if path is None:
        yield RejectSink()
        return
    with suppress(_Unwanted), atomic_file(path) as file:
        sink = RejectSink(file, path=path)
        yield sink
        if not sink.count and not always:
            raise _Unwanted
    if not sink.count and not always:
        discard(path)


class _Unwanted(Exception):
    """A file that need not appear."""
