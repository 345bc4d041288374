"""Compositions of the rows of a result, and which of their elements span a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.formula_batch import FormulaBatch, parse_formulas
from screener.report.result_file import ResultFile

OTHERS = "others"
"""Name of a corner that takes every element without a corner of its own."""
_NAMES = ("formula", "composition", "alloy")
MOST_PAIRED = 4
"""Elements that are paired for maps of systems of more than three."""


@dataclass(frozen=True, slots=True)
class RowCompositions:
    """What n alloys consist of.

    Attributes:
        column: column they were read from.
        batch: the formulas read.
        readable: how many of them read as an alloy.
    """

    column: str
    batch: FormulaBatch
    readable: int

    def elements(self) -> list[str]:
        """List the elements that occur, the most used first."""
        used = np.bincount(self.batch.element, weights=self.batch.fraction, minlength=len(element_symbols()))
        order = np.argsort(-used, kind="stable")
        return [element_symbols()[place] for place in order if used[place] > 0]

    def symbols_of(self, row: int) -> set[str]:
        """Name the elements of a row."""
        span = slice(self.batch.start[row], self.batch.start[row + 1])
        return {element_symbols()[place] for place in self.batch.element[span]}

    def shares(self, corners: Sequence[str]) -> NDArray[np.float64]:
        """Give the atomic fractions at three corners (n, 3); NaN where an alloy has elements outside them."""
        return shares(self.batch, corners)


def row_compositions(result: ResultFile) -> RowCompositions | None:
    """Read the compositions of a result; None where no column holds formulas."""
    for name in _NAMES:
        if name in result.columns:
            batch = batch_of(result.columns[name].text)
            readable = result.rows - len(batch.refused)
            if readable:
                return RowCompositions(name, batch, readable)
    return None


def batch_of(formulas: Sequence[str]) -> FormulaBatch:
    """Read formulas (n,)."""
    import polars

    return parse_formulas(polars.Series("formula", list(formulas), dtype=polars.String))


def shares(batch: FormulaBatch, corners: Sequence[str]) -> NDArray[np.float64]:
    """Give the atomic fractions at three corners (n, 3), the last perhaps `others`; NaN for what lies outside."""
    rows = np.repeat(np.arange(len(batch.start) - 1), np.diff(batch.start))
    found = np.zeros((len(batch.start) - 1, 3))
    for place, corner in enumerate(corners):
        if corner != OTHERS:
            held = batch.element == element_symbols().index(corner)
            np.add.at(found, (rows[held], place), batch.fraction[held])
    if OTHERS in corners:
        found[:, 2] = np.maximum(0.0, 1.0 - found[:, 0] - found[:, 1])
    outside = (np.abs(found.sum(axis=1) - 1.0) > 1e-3) | (np.diff(batch.start) == 0)
    return np.where(outside[:, None], np.nan, found)


def map_corners(elements: Sequence[str], paired: int = MOST_PAIRED) -> list[tuple[str, str, str]]:
    """Choose the corners of maps: the three elements, or pairs of the most used ones against all others.

    Args:
        elements: elements of the system, the most used first.
        paired: how many of them are paired.
    """
    if len(elements) < 3:
        return []
    if len(elements) == 3:
        first, second, third = elements
        return [(first, second, third)]
    return [(first, second, OTHERS) for first, second in combinations(elements[:paired], 2)]
