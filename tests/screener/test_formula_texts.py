"""Formulas written many at once are those written one by one."""

from __future__ import annotations

import numpy as np
import polars
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from screener.elements import element_symbols
from screener.errors import CompositionError
from screener.formula import canonical_formula, parse_formula
from screener.formula_batch import FormulaBatch, parse_formulas
from screener.formula_texts import canonical_formulas

SYMBOLS = element_symbols()


def batch(rows: list[list[float]]) -> FormulaBatch:
    start = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    element = np.concatenate([np.arange(len(row)) for row in rows]).astype(np.int16)
    return FormulaBatch(start, element, np.concatenate([np.array(row, np.float64) for row in rows]), {})


def one_by_one(alloys: FormulaBatch) -> list[str]:
    spans = [slice(a, b) for a, b in zip(alloys.start[:-1], alloys.start[1:], strict=True)]
    return [
        canonical_formula([SYMBOLS[e] for e in alloys.element[s]], [100.0 * f for f in alloys.fraction[s].tolist()])
        for s in spans
    ]


fractions = st.lists(st.floats(1e-9, 1.0) | st.integers(1, 100).map(float), min_size=1, max_size=40)


@given(rows=st.lists(fractions.map(lambda row: [f / sum(row) for f in row]), min_size=1, max_size=8))
@settings(deadline=None, max_examples=200)
@example(rows=[[1.0], [1.0 - 1e-9, 1e-9], [0.5, 0.5]])
@example(rows=[[1 / 70] * 70, [0.0001, 0.9999]])
@example(rows=[[0.3333335, 0.3333335, 0.333333], [0.00000049, 0.99999951]])
def test_they_are_those_of_the_slow_writer(rows: list[list[float]]) -> None:
    assert canonical_formulas(batch(rows)).to_list() == one_by_one(batch(rows))


def test_order_is_that_of_the_text() -> None:
    texts = ["TiAl", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "Fe", "(CoCrFeNi)94Al6"]
    found = canonical_formulas(parse_formulas(polars.Series(texts))).to_list()
    compositions = [parse_formula(text) for text in texts]
    assert found == [canonical_formula(c.symbols, [100.0 * f for f in c.fractions]) for c in compositions]
    assert found[1] == texts[1]


def test_none_and_nothing() -> None:
    assert canonical_formulas(parse_formulas(polars.Series([], dtype=polars.String))).to_list() == []
    with pytest.raises(CompositionError, match="composition is empty"):
        canonical_formulas(parse_formulas(polars.Series(["?"])))
