"""Element and pair properties that descriptors read, written in a small notation.

Element columns: a column of the element table, `one`, `ln a|m` (logarithm of the lesser of a and m), products `a*b`.
Pair properties: factors joined by `*`; a factor is `one`, `dH_mix_kj_mol`, `|dH_mix_kj_mol|`, `|Δa|` (difference),
`Σa` (mean of the two), `a×b` (a_i b_j, a = b) or `a~b` (a_i b_j + a_j b_i).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_values, pair_values, pairs_without_value

_PAIR_TABLE = "dH_mix_kj_mol"


def element_column(symbols: Sequence[str], text: str) -> NDArray[np.float64]:
    """Evaluate an element column for ``symbols``.

    Args:
        symbols: d element symbols.
        text: column in the notation above.

    Returns:
        Values, shape (d,).

    Raises:
        CompositionError: an element has no value for the column.
    """
    result = np.ones(len(symbols))
    for factor in text.split("*"):
        if factor.startswith("ln "):
            column, most = factor[3:].split("|")
            result *= np.log(np.minimum(element_values(symbols, column), float(most)))
        elif factor != "one":
            result *= element_values(symbols, factor)
    return result


def parted(fractions: NDArray[np.floating], symbols: Sequence[str]) -> bool:
    """Say whether no row of fractions (b, d) holds two elements without a pair enthalpy."""
    return not any(
        np.any((fractions[:, first] > 0) & (fractions[:, second] > 0)) for first, second in pairs_without_value(symbols)
    )


def pair_matrix(symbols: Sequence[str], text: str, *, apart: bool = False) -> NDArray[np.float64]:
    """Evaluate a symmetric pair property φ_ij for ``symbols``.

    Args:
        symbols: d element symbols.
        text: pair property in the notation above.
        apart: whether no alloy holds two elements without a pair enthalpy.

    Returns:
        Symmetric matrix with zero diagonal, shape (d, d).

    Raises:
        CompositionError: an element or pair has no value.
    """
    result = np.ones((len(symbols), len(symbols)))
    for factor in text.split("*"):
        result *= _pair_factor(symbols, factor, apart)
    np.fill_diagonal(result, 0.0)
    return result


def _pair_factor(symbols: Sequence[str], factor: str, apart: bool) -> NDArray[np.float64]:
    """Evaluate one factor of a pair property, shape (d, d)."""
    if factor == "one":
        return np.ones((len(symbols), len(symbols)))
    if factor.strip("|") == _PAIR_TABLE:
        table = pair_values(symbols, _PAIR_TABLE, apart=apart)
        return np.abs(table) if factor.startswith("|") else table
    if factor.startswith("|Δ"):
        column = element_column(symbols, factor[2:-1])
        return np.abs(column[:, None] - column[None, :])
    if factor.startswith("Σ"):
        column = element_column(symbols, factor[1:])
        return (column[:, None] + column[None, :]) / 2.0
    if "×" in factor:
        column = element_column(symbols, factor.split("×")[0])
        return np.outer(column, column)
    first, second = (element_column(symbols, part) for part in factor.split("~"))
    outer = np.outer(first, second)
    return outer + outer.T
