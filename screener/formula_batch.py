"""Alloy formulas by the million: plain ones compiled, the others one by one, all as ``parse_formula`` reads them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener._formula_kernels import CAPITALS, SECOND_LETTERS, count_capitals, divide_by_sums, read_entries
from screener.elements import element_symbols, element_values
from screener.errors import CompositionError, FormulaError
from screener.formula import Composition, Units, parse_formula

if TYPE_CHECKING:
    import polars

# Weights this far from 100 % are left to `parse_formula`, which refuses some of them.
_DOUBTFUL_WEIGHTS = 0.004
_COMPENSATED_SUM = sys.version_info >= (3, 12)


@dataclass(frozen=True, slots=True)
class FormulaBatch:
    """Formulas read together, n of them: entries ``start[i]:start[i + 1]`` belong to formula i.

    Attributes:
        start: where the entries of each formula begin, and where the last ends (n + 1,).
        element: positions in ``element_symbols()`` (entries,), in order of first appearance in the text.
        fraction: atomic fractions (entries,), positive, adding up to 1 over a formula.
        refused: message and hint by number of the formula, from 0; such formulas have no entries.
    """

    start: NDArray[np.int64]
    element: NDArray[np.int16]
    fraction: NDArray[np.float64]
    refused: Mapping[int, tuple[str, str]]


def parse_formulas(texts: polars.Series, units: Units | None = None) -> FormulaBatch:
    """Read formulas (n,); symbols, fractions and refusals are those of ``parse_formula``, to the last bit.

    Args:
        texts: the formulas; a missing one is read as an empty text.
        units: whether amounts are atomic or weight parts; atomic if left out, except in balance notation.
    """
    import polars

    texts = texts.cast(polars.String).fill_null("")
    count, element, fraction = _plain_entries(texts)
    slow = count == 0
    if units == "wt":
        slow |= _weights_to_atomic(count, element, fraction)
    else:
        divide_by_sums(count, _COMPENSATED_SUM, fraction)
    plain = FormulaBatch(_starts(count), element, fraction, {})
    return _with_the_slow(texts, units, slow, plain) if slow.any() else plain


def dense_fractions(batch: FormulaBatch, symbols: Sequence[str]) -> NDArray[np.float64]:
    """Lay formulas out as atomic fractions (n, d) of the elements (d,); refused ones are rows of zeros.

    Raises:
        CompositionError: a formula holds an element that is not among them.
    """
    place = {symbol: column for column, symbol in enumerate(symbols)}
    columns = np.array([place.get(symbol, -1) for symbol in element_symbols()])[batch.element]
    if (columns < 0).any():
        symbol = element_symbols()[batch.element[int(np.argmax(columns < 0))]]
        raise CompositionError(f"no column for `{symbol}`", f"add `{symbol}` to the elements")
    rows = np.repeat(np.arange(len(batch.start) - 1), np.diff(batch.start))
    fractions = np.zeros((len(batch.start) - 1, len(symbols)))
    fractions[rows, columns] = batch.fraction
    return fractions


def _plain_entries(texts: polars.Series) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.float64]]:
    """Read plain formulas: number of entries of each (n,), 0 where it may be another kind, elements and amounts."""
    import polars

    start = _starts(texts.str.len_bytes().to_numpy())
    letters = texts.cast(polars.Binary).cast(polars.List(polars.UInt8)).explode(empty_as_null=False)
    text = letters.to_numpy().view(np.int8)
    text.flags.writeable = False  # the one type that the kernels are compiled for
    room = count_capitals(text)
    count = np.empty(len(texts), np.int64)
    element, amount = np.empty(room, np.int16), np.empty(room, np.float64)
    seen = np.full(len(element_symbols()), -1)
    read_entries(text, start, _elements_by_letters(), seen, count, element, amount)
    entries = int(count.sum())
    return count, element[:entries], amount[:entries]


def _weights_to_atomic(
    count: NDArray[np.int64], element: NDArray[np.int16], amount: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Turn weight parts into atomic fractions in place and say which formulas (n,) may be no weight percent.

    Formulas of as many elements form a matrix, so that NumPy adds up a row as it does in ``weight_to_atomic``.
    """
    masses = element_values(element_symbols(), "atomic_mass_u")
    first, doubtful = _starts(count)[:-1], np.zeros(len(count), np.bool_)
    for size in np.unique(count[count > 0]).tolist():
        rows = np.flatnonzero(count == size)
        places = first[rows, None] + np.arange(size)
        weights = amount[places]
        total = weights.sum(axis=1)
        whole = np.where(total < 2.0, 1.0, 100.0)
        doubtful[rows] = np.abs(total - whole) > _DOUBTFUL_WEIGHTS * whole
        parts = weights / masses[element[places]]
        amount[places] = parts / parts.sum(axis=1, keepdims=True)
    return doubtful


def _with_the_slow(
    texts: polars.Series, units: Units | None, slow: NDArray[np.bool_], read: FormulaBatch
) -> FormulaBatch:
    """Read some formulas with ``parse_formula``, each text once, and put them in their places."""
    rows = np.flatnonzero(slow)
    parse = cache(partial(_parsed, units=units))
    answers = [parse(text) for text in texts.gather(rows)]
    compositions = [answer for answer in answers if isinstance(answer, Composition)]
    count = np.diff(read.start)
    kept = np.repeat(~slow, count)
    count[rows] = [len(answer.symbols) if isinstance(answer, Composition) else 0 for answer in answers]
    filled = np.repeat(slow, count)
    place = {symbol: position for position, symbol in enumerate(element_symbols())}
    element, fraction = np.empty(len(filled), np.int16), np.empty(len(filled))
    element[filled] = [place[symbol] for each in compositions for symbol in each.symbols]
    fraction[filled] = [share for each in compositions for share in each.fractions]
    element[~filled], fraction[~filled] = read.element[kept], read.fraction[kept]
    refused = {row: answer for row, answer in zip(rows.tolist(), answers, strict=True) if isinstance(answer, tuple)}
    return FormulaBatch(_starts(count), element, fraction, refused)


def _parsed(text: str, units: Units | None) -> Composition | tuple[str, str]:
    """Read one formula, or say why not: message and hint."""
    try:
        return parse_formula(text, units)
    except (FormulaError, CompositionError) as refused:
        return refused.message, refused.hint


def _starts(sizes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return where runs of these sizes (n,) begin, and where the last ends (n + 1,)."""
    start = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=start[1:])
    return start


@cache
def _elements_by_letters() -> NDArray[np.int16]:
    """Return positions of elements by the letters of a symbol (CAPITALS · SECOND_LETTERS,), -1 where there is none."""
    known = np.full(CAPITALS * SECOND_LETTERS, -1, np.int16)
    for position, symbol in enumerate(element_symbols()):
        second = ord(symbol[1]) - ord("a") + 1 if len(symbol) > 1 else 0
        known[(ord(symbol[0]) - ord("A")) * SECOND_LETTERS + second] = position
    return known
