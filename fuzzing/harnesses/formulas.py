"""Formulas read together by compiled kernels: each as if it were alone."""

from __future__ import annotations

import polars

from fuzzing.harnesses import chosen
from fuzzing.harnesses.formula import TOKENS as OF_ONE
from fuzzing.harnesses.formula import UNITS, read_alone, read_together
from screener.formula_batch import parse_formulas

TOKENS = (*OF_ONE, "Cu50Zr50\n", "\n")


def check(data: bytes) -> None:
    """Read the lines of a text together and one by one."""
    kind, rest = chosen(data, len(UNITS))
    texts = rest.decode("utf-8", "replace").split("\n")
    batch = parse_formulas(polars.Series(texts), UNITS[kind])
    assert len(batch.start) == len(texts) + 1
    assert int(batch.start[-1]) == len(batch.element) == len(batch.fraction)
    for row, text in enumerate(texts):
        together, alone = read_together(batch, row), read_alone(text, UNITS[kind])
        assert together == alone, f"row {row}: {together} where one by one it is {alone}"
