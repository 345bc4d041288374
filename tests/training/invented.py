"""Small invented tables in the forms that measured data come in."""

from __future__ import annotations

import openpyxl
import polars as pl


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def sheet(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def values(loaded, task):
    """Key, value and weight of every row of one task, in reading order."""
    return loaded.frame.filter(pl.col("task") == task).select("key", "value", "weight").rows()
