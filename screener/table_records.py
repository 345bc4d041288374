"""Tables as records: Parquet files, polars and pandas frames. Columns keep their types, every row is readable."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from screener.byte_source import ByteSource
from screener.errors import InputError
from screener.text_blocks import BLOCK_ROWS, Records, TextBlock

if TYPE_CHECKING:
    import polars


class PandasFrame(Protocol):
    """What is asked of a pandas frame; pandas itself is never imported."""

    @property
    def columns(self) -> object:
        """Names of the columns."""
        ...

    def __getitem__(self, name: object, /) -> object:
        """Return a column."""
        ...


class _PandasColumn(Protocol):
    @property
    def dtype(self) -> object: ...
    def to_numpy(self) -> NDArray[np.generic]: ...
    def tolist(self) -> list[object]: ...
    def isna(self) -> _PandasColumn: ...


def frame_records(frame: polars.DataFrame) -> Records:
    """Take a polars frame as records."""
    starts = range(0, max(1, frame.height), BLOCK_ROWS)
    pieces = (frame.slice(start, BLOCK_ROWS) for start in starts)
    return Records(tuple(frame.columns), _numbered(pieces), "the table", plain=False)


@contextmanager
def parquet_records(path: Path, source: ByteSource) -> Iterator[Records]:
    """Open a Parquet file, read a few row groups at a time.

    Args:
        path: the file, ``-`` for standard input.
        source: its bytes; unless they are stored so, they are copied to a temporary file: Parquet is read from its end.

    Raises:
        InputError: it is damaged.
    """
    import polars

    with path.open("rb") if source.as_stored else tempfile.TemporaryFile() as file:
        if not source.as_stored:
            _copy(source, file)
        try:
            scanned = polars.scan_parquet(file)
            header = tuple(scanned.collect_schema().names())
        except (polars.exceptions.PolarsError, OSError):
            raise _damaged(source.what) from None
        yield Records(header, _numbered(_batches(scanned, source.what)), source.what, plain=False)


def from_pandas(frame: PandasFrame) -> polars.DataFrame:
    """Copy a pandas frame into a polars frame, without its index.

    Raises:
        InputError: a column name stands twice, as text.
    """
    import polars

    names = list(cast("list[object]", frame.columns))
    texts = [str(name) for name in names]
    for place, text in enumerate(texts):
        if text in texts[:place]:
            raise InputError(f"column `{text}` stands twice in the table", "give every column its own name")
    pairs = zip(texts, names, strict=True)
    return polars.DataFrame([_series(text, cast(_PandasColumn, frame[name])) for text, name in pairs])


def path_or_frame(table: object) -> Path | polars.DataFrame:
    """Take a path, a polars or a pandas frame.

    Raises:
        InputError: it is something else.
    """
    import polars

    if isinstance(table, str | Path):
        return Path(table)
    if is_pandas(table):
        return from_pandas(cast(PandasFrame, table))
    if isinstance(table, polars.DataFrame):
        return table
    hints = {"LazyFrame": "call `.collect()` first", "Series": "call `.to_frame()` first"}
    kind = type(table).__name__
    raise InputError(
        f"the table is a {kind}, not a frame",
        hints.get(kind, "make a frame of it: `polars.DataFrame(...)`, or give a path"),
    )


def is_pandas(table: object) -> bool:
    """Say whether something is a pandas frame."""
    kind = type(table)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _series(name: str, column: _PandasColumn) -> polars.Series:
    """Copy a column: numbers, flags and times as they are, the rest as objects with their gaps."""
    import polars

    values = column.to_numpy()
    # Whole numbers with gaps would come as floats, which do not hold all of them.
    whole = {"i": polars.Int64, "u": polars.UInt64}.get(getattr(column.dtype, "kind", ""))
    if values.dtype.kind in "biuM" or (values.dtype.kind == "f" and whole is None):
        return polars.Series(name, np.ascontiguousarray(values), nan_to_null=True)
    gaps = column.isna().to_numpy()
    filled = [None if gap else each for each, gap in zip(column.tolist(), gaps, strict=True)]
    return polars.Series(name, filled, whole, strict=False)


def _numbered(pieces: Iterator[polars.DataFrame]) -> Iterator[TextBlock]:
    """Number the rows of consecutive pieces."""
    read = 0
    for piece in pieces:
        yield TextBlock(np.arange(read + 1, read + piece.height + 1), piece)
        read += piece.height


def _batches(scanned: polars.LazyFrame, what: str) -> Iterator[polars.DataFrame]:
    """Read a Parquet file a block at a time."""
    import polars

    try:
        for batch in scanned.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True):
            for start in range(0, batch.height, BLOCK_ROWS):
                yield batch.slice(start, BLOCK_ROWS)
    except (polars.exceptions.PolarsError, OSError):
        raise _damaged(what) from None


def _copy(source: ByteSource, file: IO[bytes]) -> None:
    for chunk in source.chunks(1 << 20):
        file.write(chunk)
    file.flush()
    file.seek(0)


def _damaged(what: str) -> InputError:
    return InputError(f"{what} is damaged: it does not read as Parquet", "write the file again")
