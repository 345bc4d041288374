"""Results written a block at a time: files that are complete or absent, standard output, a table at the end."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from screener.column_types import require_writable
from screener.sinks import OutputTarget, atomic_file, meta_path, print_table, settle, write_stdout, writing

if TYPE_CHECKING:
    import polars

_TABLE_ROWS = 20_000
_ROWS_A_WRITE = 65_536
_ROWS_A_GROUP = 131_072


class RowSink(Protocol):
    """Takes the result of a list block by block; the first, perhaps empty, tells the columns."""

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        """Hear, before any work, which columns of the list will be part of it.

        Raises:
            OutputError: there is no place for one of them.
        """
        ...

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

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        """Refuse columns that no result can hold.

        Raises:
            OutputError: there is one.
        """
        require_writable(columns, None)

    def write(self, frame: polars.DataFrame) -> None:
        """Take the next rows."""
        self._parts.append(frame)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: a frame carries no metadata."""

    def frame(self) -> polars.DataFrame:
        """Return all rows."""
        import polars

        return polars.concat(self._parts)


@contextmanager
def open_result(target: OutputTarget, clear: Callable[[], None] = lambda: None) -> Iterator[RowSink]:
    """Open the place for a result; a file gets its name when the block ends without an error.

    Args:
        target: where to.
        clear: wipes the progress line, before a table is printed over it.

    Raises:
        OutputError: the system refuses.
    """
    with ExitStack() as stack:
        if target.path is None:
            yield _Table(clear) if target.format == "table" else _Stdout(target.format == "csv")
            return
        if target.format == "parquet":
            file = stack.enter_context(atomic_file(target.path))
            yield stack.enter_context(_closing(_Parquet(file, target.path)))
            return
        # The metadata lie on disk before the result changes, and get their name after it.
        beside = meta_path(target.path)
        meta = stack.enter_context(atomic_file(beside))
        file = stack.enter_context(atomic_file(target.path, stale=beside))
        yield _Text(file, meta, target.path, target.format == "csv")


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


class _Text:
    """Writes CSV or JSON lines, and the metadata beside it."""

    def __init__(self, file: BinaryIO, meta: BinaryIO, path: Path, is_csv: bool) -> None:
        self._file, self._meta, self._path, self._is_csv = file, meta, path, is_csv
        self._begun = False

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        require_writable(columns, "csv" if self._is_csv else "jsonl")

    def write(self, frame: polars.DataFrame) -> None:
        with writing(self._path):
            if self._is_csv:
                frame.write_csv(self._file, include_header=not self._begun)
            else:
                frame.write_ndjson(self._file)
        self._begun = True

    def finish(self, metadata: Mapping[str, str]) -> None:
        with writing(meta_path(self._path)):
            self._meta.write(json.dumps(dict(metadata), indent=2, ensure_ascii=False).encode() + b"\n")
            settle(self._meta)


class _Parquet:
    """Writes row groups from a thread of its own, in which polars waits for the next frame."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._frames: queue.Queue[polars.DataFrame | None] = queue.Queue(2)
        self._metadata: dict[str, str] = {}
        self._problem: BaseException | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        require_writable(columns, "parquet")

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
        self._check()

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
            self._check()
            with suppress(queue.Full):
                self._frames.put(frame, timeout=0.2)
                return

    def _check(self) -> None:
        """Pass on why the writer has failed, if it has."""
        if self._problem is not None:
            with writing(self._path):
                raise self._problem

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
    """Writes CSV or JSON lines to standard output; one who has seen enough (``| head``) stops the run quietly."""

    def __init__(self, is_csv: bool) -> None:
        self._begun, self._is_csv = False, is_csv

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        require_writable(columns, "csv" if self._is_csv else "jsonl")

    def write(self, frame: polars.DataFrame) -> None:
        for start in range(0, max(frame.height, 1), _ROWS_A_WRITE):
            part = frame.slice(start, _ROWS_A_WRITE)
            write_stdout(part.write_csv(include_header=not self._begun) if self._is_csv else part.write_ndjson())
            self._begun = True

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Do nothing: standard output carries no metadata."""


class _Table:
    """Prints a table in the end; of a long list its first rows."""

    def __init__(self, clear: Callable[[], None]) -> None:
        self._parts: list[polars.DataFrame] = []
        self._rows, self._clear = 0, clear

    def accept(self, columns: Mapping[str, polars.DataType]) -> None:
        require_writable(columns, "table")

    def write(self, frame: polars.DataFrame) -> None:
        room = _TABLE_ROWS - self._rows
        self._rows += frame.height
        if room > 0 or not self._parts:
            self._parts.append(frame.head(max(0, room)))

    def finish(self, metadata: Mapping[str, str]) -> None:
        import polars

        frame = polars.concat(self._parts)
        self._clear()
        print_table(frame.select(_asked_first(frame.columns, metadata)))
        if self._rows > _TABLE_ROWS:
            print(f"{self._rows - _TABLE_ROWS:,} more rows: write them to a file with -o")


def _asked_first(columns: Sequence[str], metadata: Mapping[str, str]) -> list[str]:
    """Order columns for a terminal, which shows the first ones: what was asked for comes after the formula."""
    question = json.loads(metadata.get("screener.question", "{}"))
    texts = [*(question.get("maximize") or ()), *(question.get("minimize") or ())]
    asked = [name for name in (text.partition("=")[0].strip() for text in texts) if name in columns]
    if "formula" not in columns or not asked:
        return list(columns)
    place = columns.index("formula") + 1
    rest = [name for name in columns if name not in asked]
    return [*rest[:place], *dict.fromkeys(asked), *rest[place:]]


@contextmanager
def _closing(writer: _Parquet) -> Iterator[_Parquet]:
    try:
        yield writer
    finally:
        writer.close()
