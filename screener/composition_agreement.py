"""Whether a column of formulas and columns of elements tell the same alloys, or one of them tells something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.element_amounts import read_amounts
from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError
from screener.formula import Units, parse_formula
from screener.formula_batch import dense_fractions

if TYPE_CHECKING:
    import polars

_UNITS: tuple[Units, Units] = ("at", "wt")
_ALIKE = 0.01
"""Greatest difference of atomic fractions between two tellings of one alloy, one of them perhaps rounded."""


def compared(
    texts: Sequence[str], cells: polars.DataFrame, columns: Mapping[str, str], units: Units | None
) -> tuple[list[int], list[int]]:
    """List the rows in which both tell one alloy, whatever units the elements are in, and those in which they differ.

    Rows in which either tells none are in neither list.

    Args:
        texts: formulas (n,).
        cells: the same rows.
        columns: name of the column of each element, by symbol, all of them of numbers or text.
        units: of the formulas; at.% where None.
    """
    atomic, weight = (dense_fractions(read_amounts(cells, columns, each)[0], element_symbols()) for each in _UNITS)
    alike: list[int] = []
    unlike: list[int] = []
    for row, text in enumerate(texts):
        told = _dense(text, units or "at") if atomic[row].any() else None
        if told is not None:
            same = any(np.abs(told - amounts[row]).max() <= _ALIKE for amounts in (atomic, weight))
            (alike if same else unlike).append(row)
    return alike, unlike


def _dense(text: str, units: Units) -> NDArray[np.float64] | None:
    """Read a formula as atomic fractions of all elements (d,); None if it reads as none."""
    try:
        alloy = parse_formula(text, units)
    except (FormulaError, CompositionError):
        return None
    out = np.zeros(len(element_symbols()))
    out[[element_symbols().index(symbol) for symbol in alloy.symbols]] = alloy.fractions
    return out
