"""The table of the founding paper as exported: one column per element and one per target.

The export itself is not public data that this package can carry; who has it gets the paper's own table.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from screener.descriptors.specs import KANG_ELEMENTS
from screener.elements import element_symbols
from screener.errors import InputError
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY, composition_keys
from training.study.data import StudyRows, merged_values, study_rows

TARGETS = {RESISTIVITY: ("resistivity",), HARDNESS: ("hardness",), AMORPHOUS: ("amorphous", "p_amorphous")}
"""Column of each target, and what else it may be called."""
_SUM = 0.01
"""Fractions may miss 1 by so much before the row is refused."""


def is_original(path: Path) -> bool:
    """Tell whether a CSV file has one column per element of the paper and no column of formulas."""
    if path.suffix.casefold() != ".csv":
        return False
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = {name.strip().casefold() for name in next(csv.reader(file), [])}
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    elements = sum(symbol.casefold() in names or f"c_{symbol}".casefold() in names for symbol in KANG_ELEMENTS)
    return elements > len(KANG_ELEMENTS) // 2 and not names & {"composition", "formula", "alloy"}


def read_original(path: Path) -> StudyRows:
    """Read the export: 15 columns of atomic fractions (or per cent), and the three targets, empty where unknown.

    Raises:
        InputError: a column is missing, a value is no number, or fractions do not add up.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *records = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"`{path.name}` does not read as CSV: {type(error).__name__}", "save it as UTF-8") from None
    place = {name.strip().casefold(): number for number, name in enumerate(header)}
    elements = [_column(place, symbol, (f"c_{symbol}",), path) for symbol in KANG_ELEMENTS]
    targets = {name: _column(place, name, others, path) for name, others in TARGETS.items()}
    rows = [(line, record) for line, record in enumerate(records, 2) if any(field.strip() for field in record)]
    if not rows:
        raise InputError(f"`{path.name}` has no rows", "write one alloy a line below the names of the columns")
    amounts = np.array([[_number(r, c, header, line) for c in elements] for line, r in rows])
    y = np.array([[_number(r, c, header, line, absent=math.nan) for c in targets.values()] for line, r in rows])
    fractions = _fractions(amounts, [line for line, _ in rows])
    _check_targets(y, [line for line, _ in rows])
    return _merged_rows(path, fractions, y)


def _column(place: dict[str, int], name: str, others: tuple[str, ...], path: Path) -> int:
    """Find a column by one of its names."""
    for each in (name, *others):
        if each.casefold() in place:
            return place[each.casefold()]
    raise InputError(f"`{path.name}` has no column `{name}`", f"it needs {', '.join((*KANG_ELEMENTS, *TARGETS))}")


def _number(record: list[str], column: int, header: list[str], line: int, absent: float = 0.0) -> float:
    """Read one field; an empty one is the absent value."""
    text = record[column].strip() if column < len(record) else ""
    if text.casefold() in ("", "nan"):
        return absent
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"`{header[column].strip()}` in line {line} is `{text}`", "write a number, or leave it empty")
    return value


def _fractions(amounts: np.ndarray, lines: list[int]) -> np.ndarray:
    """Atomic fractions over all elements, from fractions or per cent."""
    total = amounts.sum(axis=1)
    scale = 100.0 if np.median(total) > 50.0 else 1.0
    wrong = (amounts < 0.0).any(axis=1) | (np.abs(total / scale - 1.0) > _SUM)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"fractions in line {lines[first]} add up to `{total[first]:g}`", "write atomic fractions that add up to 1"
        )
    fractions = np.zeros((len(amounts), len(element_symbols())))
    fractions[:, [element_symbols().index(symbol) for symbol in KANG_ELEMENTS]] = amounts / total[:, None]
    return fractions


def _check_targets(y: np.ndarray, lines: list[int]) -> None:
    """Refuse resistivities of which there is no logarithm, and labels other than 0 and 1."""
    for column, name in enumerate(TARGETS):
        if not (~np.isnan(y[:, column])).any():
            raise InputError(f"no row has a value of `{name}`", "fill in the column")
    low = np.flatnonzero(y[:, 0] <= 0.0)
    if len(low):
        raise InputError(f"`{RESISTIVITY}` in line {lines[low[0]]} is `{y[low[0], 0]:g}`", "write values above 0")
    odd = np.flatnonzero(~np.isnan(y[:, 2]) & ~np.isin(y[:, 2], (0.0, 1.0)))
    if len(odd):
        raise InputError(f"`{AMORPHOUS}` in line {lines[odd[0]]} is `{y[odd[0], 2]:g}`", "write labels as 0 or 1")


def _merged_rows(path: Path, fractions: np.ndarray, y: np.ndarray) -> StudyRows:
    """One row per composition: medians, and labels of the majority."""
    keys, systems = (np.array(each) for each in composition_keys(fractions))
    unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
    merged = np.full((len(unique), 3), np.nan)
    for column in range(3):
        known = ~np.isnan(y[:, column])
        where, values = merged_values(place[known], y[known, column], label=column == 2)
        merged[where, column] = values
    merged[:, 0] = np.log(merged[:, 0])
    return study_rows(
        "original",
        f"the paper's export `{path.name}`, one row per composition",
        fractions[first],
        unique,
        systems[first],
        merged,
        {name: name == AMORPHOUS for name in TARGETS},
        (True, False, False),
        ("µΩ·cm", "GPa", "1"),
    )
