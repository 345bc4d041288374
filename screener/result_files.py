"""Results written a block at a time: files that are complete or absent, standard output, a table at the end."""

from __future__ import annotations

import csv
import io
import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from screener.sinks import OutputTarget, atomic_file, meta_path, print_table, settle, write_stdout

if TYPE_CHECKING:
    import polars

    from screener.text_blocks import Reject

REJECT_COLUMNS = ("row", "field", "text", "reason")
LISTED = 10
"""Rejects kept to be shown."""
_TABLE_ROWS = 20_000
_ROWS_A_WRITE = 65_536
_ROWS_A_GROUP = 131_072


class RowSink(Protocol):
    """Takes the result of a list block by block; the first, perhaps empty, tells the columns."""

    def write(self, frame: polars.DataFrame) -> None:
        """Take the next rows."""
        ...

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Hear that all rows are there, and what the result says about itself."""
        ...


class FrameSink:
    """Keeps a result in memory."""

    def __init__(self) -> None:
        self._parts: list[polars.DataFrame] = []

    def write(self, frame: polars.DataFrame) -> None:
        """Take the next rows."""
        self._parts.append(frame)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: a frame carries no metadata."""

    def frame(self) -> polars.DataFrame:
        """Return all rows."""
        import polars

        return polars.concat(self._parts)


class RejectSink:
    """Counts rows that could not be read, keeps the first and writes all to a file, if there is one.

    Args:
        file: where to, None for nowhere.
        keep: how many to keep, None for all.
    """

    def __init__(self, file: BinaryIO | None = None, keep: int | None = LISTED) -> None:
        self.count = 0
        self.first: list[Reject] = []
        self._keep = keep
        self._file = file
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
        sink = RejectSink(file)
        yield sink
        if not sink.count and not always:
            raise _Unwanted
    if not sink.count and not always:
        path.unlink(missing_ok=True)


@contextmanager
def open_result(target: OutputTarget) -> Iterator[RowSink]:
    """Open the place for a result; a file gets its name when the block ends without an error.

    Raises:
        OutputError: the system refuses.
    """
    with ExitStack() as stack:
        if target.path is None:
            yield _Table() if target.format == "table" else _Stdout()
            return
        if target.format == "parquet":
            file = stack.enter_context(atomic_file(target.path))
            yield stack.enter_context(_closing(_Parquet(file)))
            return
        # The metadata lie on disk before the result changes, and get their name after it.
        beside = meta_path(target.path)
        meta = stack.enter_context(atomic_file(beside))
        file = stack.enter_context(atomic_file(target.path, stale=beside))
        yield _Text(file, meta, target.format == "csv")


def write_result(frame: polars.DataFrame, target: OutputTarget, metadata: Mapping[str, str]) -> None:
    """Write a result with the metadata that says how it was made; complete, or not at all.

    Text is written as it came, floats in the shortest form that reads back the same. JSON has no NaN or infinity: they
    become null there. Parquet holds the metadata in the file. For the other formats it is in ``<out>.meta.json``; an
    earlier one is removed before the result is replaced, so no result stands beside the metadata of another. A reader
    of standard output that has seen enough ends it quietly.

    Args:
        frame: columns in the order they are written.
        target: where to; standard output carries no metadata.
        metadata: keys start with ``screener.``.

    Raises:
        OutputError: the system refuses, for example when the disk is full.
    """
    with suppress(BrokenPipeError), open_result(target) as rows:
        rows.write(frame)
        rows.finish(metadata)


class _Unwanted(Exception):
    """A file that need not appear."""


class _Text:
    """Writes CSV or JSON lines, and the metadata beside it."""

    def __init__(self, file: BinaryIO, meta: BinaryIO, is_csv: bool) -> None:
        self._file, self._meta, self._is_csv = file, meta, is_csv
        self._begun = False

    def write(self, frame: polars.DataFrame) -> None:
        if self._is_csv:
            frame.write_csv(self._file, include_header=not self._begun)
        else:
            frame.write_ndjson(self._file)
        self._begun = True

    def finish(self, metadata: Mapping[str, str]) -> None:
        self._meta.write(json.dumps(dict(metadata), indent=2, ensure_ascii=False).encode() + b"\n")
        settle(self._meta)


class _Parquet:
    """Writes row groups from a thread of its own, in which polars waits for the next frame."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frames: queue.Queue[polars.DataFrame | None] = queue.Queue(2)
        self._metadata: dict[str, str] = {}
        self._problem: BaseException | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def write(self, frame: polars.DataFrame) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(dict(frame.schema),), name="parquet", daemon=True)
            self._thread.start()
        self._put(frame)

    def finish(self, metadata: Mapping[str, str]) -> None:
        self._metadata.update(metadata)
        self._put(None)
        if self._thread is not None:
            self._thread.join()
        if self._problem is not None:
            raise self._problem

    def close(self) -> None:
        """Stop writing; nothing happens where all is written."""
        self._stopped = True
        while self._thread is not None and self._thread.is_alive():
            with suppress(queue.Full):
                self._frames.put_nowait(None)
            self._thread.join(0.05)

    def _put(self, frame: polars.DataFrame | None) -> None:
        """Hand a frame over, unless the writer has failed."""
        while True:
            if self._problem is not None:
                raise self._problem
            with suppress(queue.Full):
                self._frames.put(frame, timeout=0.2)
                return

    def _run(self, schema: dict[str, polars.DataType]) -> None:
        from polars.io.plugins import register_io_source

        try:
            frames = register_io_source(lambda *_: self._taken(), schema=schema, is_pure=False)
            frames.sink_parquet(
                self._file,
                metadata=lambda _: self._metadata,
                row_group_size=_ROWS_A_GROUP,
                maintain_order=True,
                engine="streaming",
            )
        except BaseException as problem:
            self._problem = problem

    def _taken(self) -> Iterator[polars.DataFrame]:
        """Yield the frames handed over."""
        while (frame := self._frames.get()) is not None and not self._stopped:
            yield frame


class _Stdout:
    """Writes CSV to standard output; one who has seen enough (``| head``) stops the run quietly."""

    def __init__(self) -> None:
        self._begun = False

    def write(self, frame: polars.DataFrame) -> None:
        for start in range(0, max(frame.height, 1), _ROWS_A_WRITE):
            write_stdout(frame.slice(start, _ROWS_A_WRITE).write_csv(include_header=not self._begun))
            self._begun = True

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: standard output carries no metadata."""


class _Table:
    """Prints a table in the end; of a long list its first rows."""

    def __init__(self) -> None:
        self._parts: list[polars.DataFrame] = []
        self._rows = 0

    def write(self, frame: polars.DataFrame) -> None:
        room = _TABLE_ROWS - self._rows
        self._rows += frame.height
        if room > 0 or not self._parts:
            self._parts.append(frame.head(max(0, room)))

    def finish(self, metadata: Mapping[str, str]) -> None:
        import polars

        print_table(polars.concat(self._parts))
        if self._rows > _TABLE_ROWS:
            print(f"{self._rows - _TABLE_ROWS:,} more rows: write them to a file with -o")


@contextmanager
def _closing(writer: _Parquet) -> Iterator[_Parquet]:
    try:
        yield writer
    finally:
        writer.close()
