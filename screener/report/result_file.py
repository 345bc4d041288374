"""A result read back: its columns with their exact text, and what it says about itself."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from screener.sinks import meta_path

if TYPE_CHECKING:
    import polars

Kind: TypeAlias = Literal["number", "flag", "text"]

_SUFFIXES = (".csv", ".parquet", ".jsonl")
_PREFIX = "screener."
_OURS = frozenset({"in_domain", "p_amorphous", "score"})
"""Columns of which a result without metadata, one that was moved, has at least one."""
_FLAGS = frozenset({"true", "false", ""})


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result, n rows.

    Attributes:
        name: its name in the file.
        kind: what its values are.
        text: every value as a CSV file has it (n,); a missing one is empty.
    """

    name: str
    kind: Kind
    text: tuple[str, ...]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Values (n,), NaN where missing; flags are 1 and 0."""
        if self.kind == "flag":
            return np.array([np.nan if not value else float(value == "true") for value in self.text])
        return np.array([float(value) if value else np.nan for value in self.text], np.float64)


@dataclass(frozen=True)
class ResultFile:
    """A result.

    Attributes:
        path: where it lies.
        rows: how many alloys are read.
        columns: by name, in order.
        question: what was asked; empty where the file does not say.
        models: folder and digest of the models; empty where the file does not say.
        counts: what was screened and kept, in words and numbers.
        version: version of the program that made it; empty where the file does not say.
        total: how many alloys the file holds.
    """

    path: Path
    rows: int
    columns: Mapping[str, ResultColumn]
    question: Mapping[str, object] = field(default_factory=dict)
    models: Mapping[str, object] = field(default_factory=dict)
    counts: Mapping[str, object] = field(default_factory=dict)
    version: str = ""
    total: int = 0

    def numeric(self) -> list[ResultColumn]:
        """List the columns of numbers that hold more than gaps."""
        return [each for each in self.columns.values() if each.kind == "number" and np.isfinite(each.numbers).any()]


def read_result(path: Path, most: int | None = None) -> ResultFile:
    """Read a result of `screener enumerate` or `screener score`, or any table like one.

    Args:
        path: CSV, Parquet or JSON lines.
        most: rows to take at most, the first ones; None takes all.

    Raises:
        InputError: the file is missing, of another format, damaged or without rows or columns.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"unknown result format `{suffix or path.name}`", "name a .csv, .parquet or .jsonl file")
    if not path.is_file():
        raise InputError(f"no such file `{path}`", "name a result that `screener enumerate -o` or `score -o` wrote")
    frame = _frame(path, suffix)
    if not frame.width or not frame.height:
        raise InputError(f"`{path.name}` holds no rows", "name a result with at least one alloy")
    total = frame.height
    frame = frame if most is None else frame.head(most)
    texts = _typed if suffix == ".csv" else _written
    columns = {name: texts(frame[name]) for name in frame.columns}
    return _described(path, columns, frame.height, total, _metadata(path, suffix))


def result_of(frame: polars.DataFrame, metadata: Mapping[str, str], name: str) -> ResultFile:
    """Take a result that is still in memory.

    Args:
        frame: its rows.
        metadata: what it says about itself, keys `screener.*`.
        name: what to call it.
    """
    columns = {each: _written(frame[each]) for each in frame.columns}
    return _described(Path(name), columns, frame.height, frame.height, metadata)


def _described(
    path: Path, columns: Mapping[str, ResultColumn], rows: int, total: int, about: Mapping[str, str]
) -> ResultFile:
    """Put columns and metadata together.

    Raises:
        InputError: the metadata are damaged.
    """
    question, models, counts = (_part(about, name, path) for name in ("question", "models", "summary"))
    return ResultFile(path, rows, columns, question, models, counts, about.get(f"{_PREFIX}version", ""), total)


def require_result(result: ResultFile) -> None:
    """Refuse a table that no screen made: nothing could be said of it but its own columns.

    Raises:
        InputError: it carries no metadata of ours and lacks the columns that every result has.
    """
    if result.question or ("formula" in result.columns and _OURS & set(result.columns)):
        return
    raise InputError(
        f"`{result.path.name}` is no result of a screen: it has no predictions",
        f"predict its alloys first: screener score {result.path.name} -o predicted.csv",
    )


def _frame(path: Path, suffix: str) -> polars.DataFrame:
    """Read the table; text of CSV stays as it stands.

    Raises:
        InputError: the file is damaged.
    """
    import polars

    try:
        if suffix == ".parquet":
            return polars.read_parquet(path)
        if suffix == ".jsonl":
            return polars.read_ndjson(path, infer_schema_length=None)
        return polars.read_csv(path, infer_schema=False, encoding="utf8")
    except polars.exceptions.NoDataError:
        return polars.DataFrame()
    except (polars.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot read `{path.name}`: {reason[:200]}", "name a result that is whole") from None


def _typed(series: polars.Series) -> ResultColumn:
    """Take a column of CSV text and find out what it holds."""
    text = tuple(series.fill_null("").to_list())
    filled = [value for value in text if value]
    if filled and _FLAGS.issuperset(text):
        return ResultColumn(series.name, "flag", text)
    return ResultColumn(series.name, "number" if filled and _all_numbers(filled) else "text", text)


def _all_numbers(texts: Sequence[str]) -> bool:
    """Say whether every text is a number."""
    try:
        # Numbers with `_` read as Python writes them are none in a table.
        return not any("_" in text for text in texts) and bool(len(list(map(float, texts))))
    except ValueError:
        return False


def _written(series: polars.Series) -> ResultColumn:
    """Take a column of values, with the text that a CSV file would have."""
    import polars

    if series.dtype.is_nested() or series.dtype in (polars.Binary, polars.Object):
        return ResultColumn(series.name, "text", tuple("" if each is None else str(each) for each in series.to_list()))
    kind: Kind = "flag" if series.dtype == polars.Boolean else "number" if series.dtype.is_numeric() else "text"
    if series.dtype == polars.String:
        return ResultColumn(series.name, "text", tuple(series.fill_null("").to_list()))
    # A second column keeps a row of nothing but a gap from being an empty line.
    beside = series.to_frame("value").with_columns(polars.lit(0).alias("end"))
    read = polars.read_csv(io.BytesIO(beside.write_csv().encode()), infer_schema=False)
    return ResultColumn(series.name, kind, tuple(read["value"].fill_null("").to_list()))


def _metadata(path: Path, suffix: str) -> dict[str, str]:
    """Read what a result says about itself; nothing where it says nothing.

    Raises:
        InputError: the file beside it is damaged.
    """
    import polars

    if suffix == ".parquet":
        return {key: value for key, value in polars.read_parquet_metadata(path).items() if key.startswith(_PREFIX)}
    beside = meta_path(path)
    if not beside.is_file():
        return {}
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
        return {str(key): value for key, value in about.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise _damaged(beside.name) from None


def _part(about: Mapping[str, str], name: str, path: Path) -> dict[str, object]:
    """Read one part of the metadata, a JSON object.

    Raises:
        InputError: it is none.
    """
    text = about.get(_PREFIX + name)
    if text is None:
        return {}
    try:
        part = json.loads(text)
        json.dumps(part, ensure_ascii=False).encode()  # no page holds half of a surrogate pair
    except (ValueError, RecursionError):
        part = None
    if not isinstance(part, dict):
        raise _damaged(path.name)
    return part


def _damaged(name: str) -> InputError:
    return InputError(f"cannot read the metadata of `{name}`", "run the screen again, or remove the .meta.json file")
