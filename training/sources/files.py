"""Reading delimited text and spreadsheets as records of text."""

from __future__ import annotations

import csv
import io
import lzma
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from screener.errors import InputError


def read_rows(path: Path, *, separator: str = ",", encoding: str = "utf-8-sig") -> list[list[str]]:
    """Read every row of a .csv, .csv.xz or .xlsx file (first sheet) as text, blank fields as empty text.

    Raises:
        InputError: the file cannot be read in this form.
    """
    try:
        if path.suffix == ".xlsx":
            return _sheet(path)
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=separator))
    except FileNotFoundError:
        raise InputError(f"no such file `{path}`", "training data list shows where files are looked for") from None
    except (OSError, ValueError, KeyError, csv.Error, lzma.LZMAError) as error:
        raise InputError(
            f"`{path}` does not read as a table: {type(error).__name__}", "save it as a UTF-8 .csv or as .xlsx"
        ) from None


def records(
    path: Path, columns: Sequence[str], *, separator: str = ",", encoding: str = "utf-8-sig", header: int = 0
) -> Iterator[list[str]]:
    """Yield the named columns of every record that is not blank.

    Args:
        path: .csv, .csv.xz or .xlsx file.
        columns: names as they stand in the header.
        separator: of a delimited file.
        encoding: of a delimited file.
        header: number of the row that names the columns, from 0.

    Raises:
        InputError: the file cannot be read, or a column is missing.
    """
    rows = read_rows(path, separator=separator, encoding=encoding)
    names = [name.strip() for name in rows[header]] if len(rows) > header else []
    for column in columns:
        if column not in names:
            raise InputError(f"`{path.name}` has no column `{column}`", f"its columns are {', '.join(names[:12])}")
    positions = [names.index(column) for column in columns]
    for row in rows[header + 1 :]:
        if any(field.strip() for field in row):
            yield [row[i] if i < len(row) else "" for i in positions]


def number(text: str) -> float | None:
    """Read a finite number, or None from anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _sheet(path: Path) -> list[list[str]]:
    """Read the first sheet of a workbook; formulas give their stored values."""
    import warnings
    from zipfile import BadZipFile

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # openpyxl warns of styles and extensions it leaves out
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            rows = [["" if field is None else str(field) for field in row] for row in sheet.iter_rows(values_only=True)]
            book.close()
    except BadZipFile:
        raise ValueError("not a workbook") from None
    return rows
