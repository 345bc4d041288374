"""Types of columns: which can hold formulas, which amounts, and which a format can write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from screener.errors import InputError, OutputError

if TYPE_CHECKING:
    import polars

    from screener.sinks import Format

_FORMATS: dict[Format, str] = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}
_WORDS = {
    "Array": "arrays",
    "Binary": "binary data",
    "Boolean": "true and false",
    "Date": "dates",
    "Datetime": "dates",
    "Duration": "durations",
    "List": "lists",
    "Object": "Python objects",
    "Struct": "structs",
    "Time": "times",
}


def is_text(dtype: polars.DataType) -> bool:
    """Say whether a column of a type holds texts, or nothing at all."""
    import polars

    return dtype in (polars.String, polars.Categorical, polars.Enum, polars.Null)


def require_text(name: str, dtype: polars.DataType) -> None:
    """Check a column of formulas.

    Raises:
        InputError: it holds no texts.
    """
    if not is_text(dtype):
        raise InputError(
            f"column `{name}` holds {_words(dtype)}, not formulas",
            "say with `--composition-column` which column holds formulas as text",
        )


def require_numbers(name: str, dtype: polars.DataType, *, flags: bool = False) -> None:
    """Check a column of amounts of an element, or of a condition, which may be a flag.

    Raises:
        InputError: it holds neither numbers nor texts, which may be numbers.
    """
    import polars

    if not (dtype.is_numeric() or is_text(dtype) or (flags and dtype == polars.Boolean)):
        raise InputError(f"column `{name}` holds {_words(dtype)}, not numbers", "rename the column, or give it numbers")


def require_writable(columns: Mapping[str, polars.DataType], target: Format | None) -> None:
    """Check columns that a result passes through.

    Args:
        columns: their types by name.
        target: the format they are written in; None for a frame in memory.

    Raises:
        OutputError: the format has no place for one of them.
    """
    for name, dtype in columns.items():
        if _has(dtype, "Object"):
            raise OutputError(
                f"column `{name}` holds {_words(dtype)}, which no result can", "leave it out, or turn it into text"
            )
        flat = ("Array", "Binary", "Duration", "List", "Struct")
        if (target == "csv" and str(dtype.base_type()) in flat) or (target == "jsonl" and _has(dtype, "Binary")):
            raise OutputError(
                f"column `{name}` holds {_words(dtype)}, which {_FORMATS[target]} cannot",
                "write Parquet with `-o out.parquet`, or leave the column out",
            )


def _words(dtype: polars.DataType) -> str:
    """Say what a column holds."""
    return _WORDS.get(str(dtype.base_type()), "numbers" if dtype.is_numeric() else str(dtype))


def _has(dtype: polars.DataType, kind: str) -> bool:
    """Say whether a type is of some kind, or holds values that are."""
    inner = getattr(dtype, "inner", None)
    parts = [field.dtype for field in getattr(dtype, "fields", ())] + ([] if inner is None else [inner])
    return str(dtype.base_type()) == kind or any(_has(part, kind) for part in parts)
