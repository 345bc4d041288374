"""The table of the founding paper as exported: one column per element and one per target.

The export itself is not public data that this package can carry; who has it gets the paper's own table.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from screener.descriptors.specs import KANG_ELEMENTS
from screener.elements import element_symbols
from screener.errors import InputError
from training.curation import RANGES
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY, composition_keys
from training.study.data import StudyRows, merged_values, study_rows
from training.study.splits import LEAST_LABELS
from training.user_table import outside_words, refuse_other_unit, refuse_too_few

TARGETS = {RESISTIVITY: ("resistivity",), HARDNESS: ("hardness",), AMORPHOUS: ("amorphous", "p_amorphous")}
"""Column of each target, and what else it may be called."""
_SUM = 0.01
"""Fractions may miss 1 by so much before the row is refused."""
_UNIT_HINTS = {
    RESISTIVITY: "write every value in µΩ·cm; 1 Ω·m is 1e8 µΩ·cm",
    HARDNESS: "write every value in GPa; 1 HV is 0.00981 GPa",
}


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


def read_original(path: Path, say: Callable[[str], None]) -> StudyRows:
    """Read the export: 15 columns of atomic fractions (or per cent), and the three targets, empty where unknown.

    Args:
        path: the table.
        say: told what was left out.

    Raises:
        InputError: a column is missing, a value is no number or none that an alloy can have, fractions do not add up,
            or a target has too few values, most of them in another unit, or labels of one class.
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
    _check_values(y, [line for line, _ in rows])
    _check_usable(y)
    _leave_out(y, say)
    return _merged_rows(path, fractions, y, say)


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


def _check_values(y: np.ndarray, lines: list[int]) -> None:
    """Refuse numbers that are not above zero, labels other than 0 and 1, and empty columns."""
    for column, name in enumerate(TARGETS):
        label = name == AMORPHOUS
        wrong = ~np.isin(y[:, column], (0.0, 1.0)) if label else ~(y[:, column] > 0.0)
        at = np.flatnonzero(wrong & ~np.isnan(y[:, column]))
        if len(at):
            hint = "write labels as 0 or 1" if label else "write values above 0"
            raise InputError(f"`{name}` in line {lines[at[0]]} is `{y[at[0], column]:g}`", hint)
        if np.isnan(y[:, column]).all():
            raise InputError(f"no row has a value of `{name}`", "fill in the column")


def _check_usable(y: np.ndarray) -> None:
    """Refuse targets that cannot be learned."""
    for column, name in enumerate(TARGETS):
        known = y[~np.isnan(y[:, column]), column]
        refuse_other_unit(name, known, _UNIT_HINTS.get(name, ""))
        without = f"{len(y) - len(known)} × no {name}" if len(known) < len(y) else ""
        kind = "classification" if name == AMORPHOUS else "regression"
        refuse_too_few(name, kind, known, without, LEAST_LABELS)  # small targets are what the paper is about


def _leave_out(y: np.ndarray, say: Callable[[str], None]) -> None:
    """Empty the fields of values that no alloy can have, and tell how many."""
    for column, name in enumerate(TARGETS):
        if name in RANGES:
            outside = (y[:, column] < RANGES[name][0]) | (y[:, column] > RANGES[name][1])
            y[outside, column] = math.nan
            if outside.any():
                say(f"left out of your table: {int(outside.sum())} × {name} {outside_words(name)}")


def _merged_rows(path: Path, fractions: np.ndarray, y: np.ndarray, say: Callable[[str], None]) -> StudyRows:
    """One row per composition: medians, and labels of the majority; those without one are told."""
    keys, systems = (np.array(each) for each in composition_keys(fractions))
    unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
    merged = np.full((len(unique), 3), np.nan)
    for column in range(3):
        known = ~np.isnan(y[:, column])
        where, values = merged_values(place[known], y[known, column], label=column == 2)
        merged[where, column] = values
        tied = len(np.unique(place[known])) - len(where)
        if tied:
            say(f"{tied} compositions with as many labels for as against, left out")
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
