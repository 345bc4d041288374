"""Formulas read together and alone, and many generated ones."""

from __future__ import annotations

import numpy as np
import polars

from screener.elements import element_symbols
from screener.errors import FormulaError
from screener.formula import parse_formula
from screener.formula_batch import FormulaBatch, parse_formulas

UNITS = (None, "at", "wt")


def of(batch: FormulaBatch, row: int):
    """What a batch says of one formula: symbols and fractions, or message and hint."""
    entries = slice(batch.start[row], batch.start[row + 1])
    if row in batch.refused:
        assert entries.start == entries.stop
        return batch.refused[row]
    symbols = tuple(element_symbols()[position] for position in batch.element[entries])
    return symbols, tuple(batch.fraction[entries].tolist())


def alone(text: str | None, units):
    """The same by `parse_formula`."""
    try:
        composition = parse_formula(text or "", units)
    except FormulaError as refused:
        return refused.message, refused.hint
    return composition.symbols, composition.fractions


def check(texts, units) -> FormulaBatch:
    """Read texts together and hold every one to `parse_formula`; tuples of floats compare bit by bit (none is NaN)."""
    batch = parse_formulas(polars.Series(texts, dtype=polars.String), units)
    assert (batch.start.dtype, batch.element.dtype, batch.fraction.dtype) == (np.int64, np.int16, np.float64)
    assert len(batch.start) == len(texts) + 1
    assert batch.start[0] == 0
    assert batch.start[-1] == len(batch.element) == len(batch.fraction)
    for row, text in enumerate(texts):
        assert of(batch, row) == alone(text, units), text
    return batch


def generated(rows: int, seed: int, most: int, places: int) -> list[str]:
    """Plain formulas with amounts of up to ``places`` decimals, some zero, some left out."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(rows):
        symbols = rng.choice(element_symbols(), rng.integers(1, most + 1), replace=False)
        amounts = rng.gamma(0.7, 20.0, len(symbols))
        decimals = rng.integers(0, places + 1, len(symbols))
        missing = rng.random(len(symbols)) < 0.1
        terms = zip(symbols, amounts, decimals, missing, strict=True)
        texts.append("".join(s if bare else f"{s}{a:.{d}f}" for s, a, d, bare in terms))
    return texts
