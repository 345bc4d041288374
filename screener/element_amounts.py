"""Amounts in one column per element, and other cells that hold numbers, many rows at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._amount_kernels import read_rows
from screener._formula_grammar import SHARE_TOLERANCE
from screener.elements import element_symbols, element_values
from screener.formula import Units
from screener.formula_batch import FormulaBatch

if TYPE_CHECKING:
    import polars

_ROUNDING = 1e-9
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")
Problem: TypeAlias = tuple[str, str, str, str]
"""Field, text, reason and hint of a row that is refused."""
_FLAG_WORDS = {"yes": "1", "true": "1", "no": "0", "false": "0"}
_HINT = "mend the row, or drop `--strict` to have such rows listed as rejects"


def read_amounts(
    cells: polars.DataFrame, columns: Mapping[str, str], units: Units | None, foreign: Sequence[str] = ()
) -> tuple[FormulaBatch, dict[int, Problem]]:
    """Read compositions from columns of amounts; a blank cell is zero.

    A column that is named like an element without data may hold its amounts or something else, such as an entropy `S`:
    a row is refused where it adds up closer to the whole with it than without.

    Args:
        cells: n rows.
        columns: name of the column of each element, by symbol.
        units: whether amounts are atomic (also where None) or weight parts.
        foreign: names of columns that are named like elements without data.

    Returns:
        The compositions (n,), elements in the order of their columns, and the rows that are refused, which are empty.
    """
    problems: dict[int, Problem] = {}
    amounts = np.empty((len(columns), cells.height))
    for place, name in enumerate(columns.values()):
        amounts[place], found = read_numbers(cells[name], blank=0.0)
        problems = found | problems
    if foreign:
        problems = _foreign_parts(cells, foreign, amounts.sum(axis=0)) | problems
    amounts[:, list(problems)] = 0.0
    batch, total = _fractions(amounts, tuple(columns), units)
    for row in np.flatnonzero(batch.start[1:] == batch.start[:-1]).tolist():
        if row not in problems:
            problems[row] = _refused(cells.row(row, named=True), columns, amounts[:, row], total[row])
    return batch, problems


def _foreign_parts(cells: polars.DataFrame, names: Sequence[str], total: NDArray[np.float64]) -> dict[int, Problem]:
    """Find the rows (n,) in which what other columns hold belongs to the ``total`` amount of the row."""
    held = np.array([np.maximum(read_numbers(cells[name], blank=0.0)[0], 0.0) for name in names])
    whole, added = np.where(total < 2.0, 1.0, 100.0), held.sum(axis=0)
    problems: dict[int, Problem] = {}
    for row in np.flatnonzero(np.abs(total + added - whole) < np.abs(total - whole) - _ROUNDING * whole).tolist():
        name = names[int(np.argmax(held[:, row] > 0.0))]
        reason = f"no alloy data for `{name.strip()}`"
        problems[row] = (name, str(cells[name][row]).strip(), reason, f"leave `{name.strip()}` out, or the row")
    return problems


def read_numbers(
    cells: polars.Series, blank: float, most: float = np.finfo(np.float64).max
) -> tuple[NDArray[np.float64], dict[int, Problem]]:
    """Read cells (n,) as numbers, a blank one as ``blank``, and say which are none, not finite or beyond ±``most``."""
    import polars

    if cells.dtype == polars.Boolean:
        cells = cells.cast(polars.UInt8)
    elif cells.dtype in (polars.Categorical, polars.Enum):
        cells = cells.cast(polars.String)
    if cells.dtype.is_numeric():
        gaps = cells.is_null().to_numpy()
        values = np.where(gaps, blank, cells.cast(polars.Float64).fill_null(0.0).to_numpy())
        wrong = ~gaps & ~(np.abs(values) <= most)
    else:
        numbers = cells.cast(polars.Float64, strict=False)
        if not numbers.null_count() and (numbers.abs() <= most).all() and not numbers.is_nan().any():
            return numbers.to_numpy(), {}
        texts = cells.cast(polars.String, strict=False).fill_null("").str.strip_chars()
        numbers = texts.cast(polars.Float64, strict=False)
        filled = (texts != "").to_numpy()
        values = np.where(filled, numbers.fill_null(np.nan).to_numpy(), blank)
        wrong = filled & ~(np.abs(values) <= most)
    problems = {}
    for row in np.flatnonzero(wrong).tolist():
        text = str(cells[row]).strip()
        reason = "not a finite number" if _is_number(text) else "not a number"
        if _DECIMAL_COMMA.fullmatch(text):
            reason = "a decimal comma: write a point"
        problems[row] = (cells.name, text, "too large a number" if np.isfinite(values[row]) else reason, _HINT)
    values[wrong] = blank
    return values, problems


def words_as_numbers(cells: polars.Series) -> polars.Series:
    """Write 1 for `yes` and `true`, 0 for `no` and `false`, in any case; leave other cells (n,) as they are."""
    import polars

    if cells.dtype in (polars.Categorical, polars.Enum):
        cells = cells.cast(polars.String)
    if cells.dtype != polars.String:
        return cells
    words = cells.str.strip_chars().str.to_lowercase()
    return words.replace_strict(_FLAG_WORDS, default=cells, return_dtype=polars.String)


def _fractions(
    amounts: NDArray[np.float64], symbols: tuple[str, ...], units: Units | None
) -> tuple[FormulaBatch, NDArray[np.float64]]:
    """Give amounts (d, n) as atomic fractions, and the sum of each row (n,), NaN where one is negative."""
    elements, rows = amounts.shape
    share = 1.0 / element_values(symbols, "atomic_mass_u") if units == "wt" else np.ones(elements)
    place = {symbol: position for position, symbol in enumerate(element_symbols())}
    number = np.array([place[symbol] for symbol in symbols], np.int16)
    total, start = np.empty(rows), np.empty(rows + 1, np.int64)
    element, fraction = np.empty(amounts.size, np.int16), np.empty(amounts.size)
    read_rows(amounts, share, number, SHARE_TOLERANCE, total, start, element, fraction)
    entries = start[-1]
    return FormulaBatch(start, element[:entries].copy(), fraction[:entries].copy(), {}), total


def _refused(
    cells: Mapping[str, object], columns: Mapping[str, str], amounts: NDArray[np.float64], total: float
) -> Problem:
    """Say why the amounts (d,) of a row are no composition."""
    present = [
        (name, str(cells[name]).strip()) for name, amount in zip(columns.values(), amounts, strict=True) if amount
    ]
    if np.isnan(total):
        name, text = next(each for each, amount in zip(present, amounts[amounts != 0], strict=True) if amount < 0)
        return name, text, "negative amount", _HINT
    reason = f"amounts add up to {total:.6g}, not 100 or 1" if total else "no amount above zero"
    return "", " ".join(f"{name.strip()}={text}" for name, text in present), reason, _HINT


def _is_number(text: str) -> bool:
    """Say whether a text is a number, finite or not; digits of other scripts or parted by `_` are none."""
    if "_" in text or not text.isascii():
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
