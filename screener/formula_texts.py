"""Compositions written as formulas, many at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener._formula_text_kernels import LONGEST_TERM, write_formulas
from screener.elements import element_symbols
from screener.formula import canonical_formula
from screener.formula_batch import FormulaBatch

if TYPE_CHECKING:
    import polars


def canonical_formulas(alloys: FormulaBatch) -> polars.Series:
    """Write compositions (n,) as ``canonical_formula`` does.

    Raises:
        CompositionError: a composition is empty.
    """
    import polars

    count = len(alloys.start) - 1
    if not count:
        return polars.Series("formula", [], polars.String)
    out = np.empty(len(alloys.element) * LONGEST_TERM + 2 * count, np.uint8)
    left = np.empty(count, np.bool_)
    written = write_formulas(alloys.start, alloys.element, alloys.fraction, _letters(), out, left)
    texts = polars.read_csv(
        out[:written].tobytes(), has_header=False, schema={"formula": polars.String}, quote_char=None, separator="\t"
    )["formula"]
    return texts.scatter(np.flatnonzero(left), _thoughtfully(alloys, left)) if left.any() else texts


def _thoughtfully(alloys: FormulaBatch, rows: NDArray[np.bool_]) -> list[str]:
    """Write the few that the kernel leaves."""
    symbols = element_symbols()
    texts = []
    for row in np.flatnonzero(rows):
        span = slice(alloys.start[row], alloys.start[row + 1])
        percent = [100.0 * fraction for fraction in alloys.fraction[span].tolist()]
        texts.append(canonical_formula([symbols[place] for place in alloys.element[span]], percent))
    return texts


@cache
def _letters() -> NDArray[np.uint8]:
    """Lay the letters of every symbol out (d, 2), zero where there is no second."""
    return np.array([[ord(letter) for letter in symbol.ljust(2, "\0")] for symbol in element_symbols()], np.uint8)
