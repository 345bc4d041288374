"""One formula: read alone, by the kernels, and once more from its canonical form."""

from __future__ import annotations

import math

import polars

from fuzzing.harnesses import chosen, hold_to_manners, text_of
from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError
from screener.formula import Composition, Units, canonical_formula, parse_formula
from screener.formula_batch import FormulaBatch, parse_formulas

TOKENS = (
    *("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "W", "B", "Xx", "at%", "(", ")", "[", "]", "{", "}", "-", "−"),
    *(
        "0",
        "0.",
        ".5",
        "33.3",
        "94",
        "100",
        "1e3",
        "05",
        "₀",
        "₅",
        "\u00a0",
        "\u2009",
        " ",
        "\t",
        ",",
        "9007199254740993",
    ),
)
UNITS: tuple[Units | None, ...] = (None, "at", "wt")


def check(data: bytes) -> None:
    """Read one text both ways."""
    kind, rest = chosen(data, len(UNITS))
    text = text_of(rest)
    read = read_alone(text, UNITS[kind])
    if isinstance(read, Composition):
        hold(read)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    together = read_together(parse_formulas(polars.Series([text]), UNITS[kind]), 0)
    assert together == read, f"{together} where one by one it is {read}"


def read_alone(text: str, units: Units | None) -> Composition | tuple[str, str]:
    """Read a formula, or say why not."""
    try:
        return parse_formula(text, units)
    except (FormulaError, CompositionError) as refused:
        hold_to_manners(refused)
        return refused.message, refused.hint


def read_together(batch: FormulaBatch, row: int) -> Composition | tuple[str, str]:
    """Take one formula out of several."""
    first, end = int(batch.start[row]), int(batch.start[row + 1])
    if row in batch.refused:
        assert first == end, "a refused formula with elements"
        return batch.refused[row]
    symbols = tuple(element_symbols()[place] for place in batch.element[first:end])
    return Composition(symbols, tuple(batch.fraction[first:end].tolist()))


def hold(read: Composition) -> None:
    """Check what a composition promises, and that its canonical formula reads back."""
    assert len(set(read.symbols)) == len(read.symbols) == len(read.fractions) > 0
    assert set(read.symbols) <= set(element_symbols())
    assert all(math.isfinite(share) and share > 0 for share in read.fractions), f"shares {read.fractions}"
    assert abs(math.fsum(read.fractions) - 1) < 1e-9, f"a sum of {math.fsum(read.fractions)!r}"
    again = parse_formula(canonical_formula(read.symbols, [100 * share for share in read.fractions]))
    shares = dict(zip(again.symbols, again.fractions, strict=True))
    for symbol, share in zip(read.symbols, read.fractions, strict=True):
        assert abs(shares.get(symbol, 0.0) - share) <= 1.001e-6, f"`{symbol}` reads back as {shares.get(symbol)}"
