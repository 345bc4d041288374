"""Amounts in one column per element, and other cells that hold numbers, many rows at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols, element_values
from screener.formula import Units
from screener.formula_batch import FormulaBatch

if TYPE_CHECKING:
    import polars

TOLERANCE = 0.005
"""How far the amounts of a row may be from 100 % or from 1, as a share of it."""
Problem: TypeAlias = tuple[str, str, str, str]
"""Field, text, reason and hint of a row that is refused."""
_HINT = "mend the row, or drop `--strict` to have such rows listed as rejects"


def read_amounts(
    cells: polars.DataFrame, columns: Mapping[str, str], units: Units | None
) -> tuple[FormulaBatch, dict[int, Problem]]:
    """Read compositions from columns of amounts; a blank cell is zero.

    Args:
        cells: n rows.
        columns: name of the column of each element, by symbol.
        units: whether amounts are atomic (also where None) or weight parts.

    Returns:
        The compositions (n,), elements in the order of their columns, and the rows that are refused, which are empty.
    """
    problems: dict[int, Problem] = {}
    amounts = np.empty((cells.height, len(columns)))
    for place, name in enumerate(columns.values()):
        amounts[:, place], found = read_numbers(cells[name], blank=0.0)
        for row in np.flatnonzero(amounts[:, place] < 0):
            found[int(row)] = (name, str(cells[name][int(row)]), "negative amount", _HINT)
        problems = found | problems
    amounts[list(problems)] = 0.0
    total = amounts.sum(axis=1)
    fits = (np.abs(total - 100.0) <= 100.0 * TOLERANCE) | (np.abs(total - 1.0) <= TOLERANCE)
    for row in np.flatnonzero(~fits):
        if int(row) not in problems:
            reason = "no amount above zero" if not total[row] else f"amounts add up to {total[row]:.6g}, not 100 or 1"
            present = [name for name, amount in zip(columns.values(), amounts[row], strict=True) if amount]
            text = " ".join(f"{name.strip()}={str(cells[name][int(row)]).strip()}" for name in present)
            problems[int(row)] = ("", text, reason, _HINT)
    amounts[~fits] = 0.0
    return _sparse(amounts, tuple(columns), units), problems


def read_numbers(cells: polars.Series, blank: float) -> tuple[NDArray[np.float64], dict[int, Problem]]:
    """Read cells (n,) as numbers, a blank one as ``blank``, and say which are none or not finite."""
    import polars

    if cells.dtype.is_numeric():
        gaps = cells.is_null().to_numpy()
        values = np.where(gaps, blank, cells.cast(polars.Float64).fill_null(0.0).to_numpy())
        wrong = ~gaps & ~np.isfinite(values)
    else:
        numbers = cells.cast(polars.Float64, strict=False)
        if not numbers.null_count() and numbers.is_finite().all():
            return numbers.to_numpy(), {}
        texts = cells.cast(polars.String, strict=False).fill_null("").str.strip_chars()
        numbers = texts.cast(polars.Float64, strict=False)
        filled = (texts != "").to_numpy()
        values = np.where(filled, numbers.fill_null(np.nan).to_numpy(), blank)
        wrong = filled & ~np.isfinite(values)
    problems = {}
    for row in np.flatnonzero(wrong).tolist():
        text = str(cells[row]).strip()
        problems[row] = (cells.name, text, "not a finite number" if _is_number(text) else "not a number", _HINT)
    values[wrong] = blank
    return values, problems


def _sparse(amounts: NDArray[np.float64], symbols: tuple[str, ...], units: Units | None) -> FormulaBatch:
    """Keep what is above zero of amounts (n, d), as atomic fractions."""
    parts = amounts / element_values(symbols, "atomic_mass_u") if units == "wt" else amounts
    total = parts.sum(axis=1, keepdims=True)
    fractions = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    rows, columns = np.nonzero(fractions)
    start = np.zeros(len(amounts) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=len(amounts)), out=start[1:])
    place = {symbol: position for position, symbol in enumerate(element_symbols())}
    element = np.array([place[symbol] for symbol in symbols], np.int16)
    return FormulaBatch(start, element[columns], fractions[rows, columns], {})


def _is_number(text: str) -> bool:
    """Say whether a text is a number, finite or not."""
    try:
        float(text)
    except ValueError:
        return False
    return True
