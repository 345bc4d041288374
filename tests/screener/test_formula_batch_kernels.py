"""Formulas read together: which are read by compiled code, how they are summed, and dense tables of them."""

from __future__ import annotations

import time

import numpy as np
import polars
import pytest
from formula_batches import UNITS

from screener import formula_batch
from screener._formula_kernels import divide_by_sums
from screener.errors import CompositionError
from screener.formula import parse_formula
from screener.formula_batch import dense_fractions, parse_formulas

# --- what is compiled and what is not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("units", UNITS)
def test_plain_formulas_never_meet_the_slow_reader(monkeypatch, units):
    def refuse(text, units):
        raise AssertionError(text)

    monkeypatch.setattr(formula_batch, "parse_formula", refuse)
    texts = ["Al20Co20Cr20Fe20Ni20", " Ti90\tAl6 V4 ", "Cu", "Al0Cu100.", "Fe.7Ni.3", "Cu50.00000000000001Zr49.9"]
    batch = parse_formulas(polars.Series(texts), units)
    assert np.diff(batch.start).tolist() == [5, 3, 1, 1, 2, 2]
    assert not batch.refused


def test_a_text_is_read_slowly_once(monkeypatch):
    read = []
    monkeypatch.setattr(formula_batch, "parse_formula", lambda text, units: read.append(text) or parse_formula(text))
    batch = parse_formulas(polars.Series(["(CoNi)2Al", "Fe", "(CoNi)2Al", "Xx", None, "Xx", ""]))
    assert sorted(read) == ["", "(CoNi)2Al", "Xx"]
    assert np.diff(batch.start).tolist() == [3, 1, 3, 0, 0, 0, 0]
    assert list(batch.refused) == [3, 4, 5, 6]


def python_sum(parts: list[float], compensated: bool) -> float:
    """The sum of floats in Python to 3.11, or from 3.12 on."""
    total = dropped = 0.0
    for part in parts:
        added = total + part
        large, small = max(total, part), min(total, part)
        dropped += (large - added) + small
        total = added
    return total + dropped if compensated else total


@pytest.mark.parametrize("compensated", [False, True])
def test_sums_are_those_of_either_python(compensated):
    rng, sizes = np.random.default_rng(5), np.array([1, 3, 0, 10, 72])
    rows = [(10.0 ** rng.uniform(-9, 9, size)).tolist() for size in sizes]
    amounts = np.array([part for row in rows for part in row])
    divide_by_sums(sizes, compensated, amounts)
    expected = [part / python_sum(row, compensated) for row in rows for part in row]
    assert amounts.tolist() == expected
    tenths = np.full(10, 0.1)
    divide_by_sums(np.array([10]), compensated, tenths)
    assert (tenths[0] == 0.1) == compensated
    assert (sum([0.1] * 10) == 1.0) == formula_batch._COMPENSATED_SUM


def test_a_million_formulas_take_a_second_or_so():
    """A bound loose enough for a busy machine; an idle one reads twenty times as many."""
    texts = polars.Series([f"Zr{41 + i % 10}.2Ti13.8Cu12.5Ni10Be22.5" for i in range(100_000)])
    parse_formulas(texts[:1])
    start = time.perf_counter()
    parse_formulas(texts)
    assert len(texts) / (time.perf_counter() - start) > 300_000


# --- dense ------------------------------------------------------------------------------------------------------------


def test_dense_fractions():
    batch = parse_formulas(polars.Series(["Zr50Cu30Al20", "Xx", "Cu", "(AlCu)50Zr50"]))
    dense = dense_fractions(batch, ("Al", "Ti", "Cu", "Zr"))
    assert dense.tolist() == [[0.2, 0, 0.3, 0.5], [0, 0, 0, 0], [0, 0, 1, 0], [0.25, 0, 0.25, 0.5]]
    assert dense_fractions(parse_formulas(polars.Series([], dtype=polars.String)), ("Al",)).shape == (0, 1)


def test_dense_fractions_need_every_element():
    with pytest.raises(CompositionError) as refused:
        dense_fractions(parse_formulas(polars.Series(["Cu", "CuZrAl"])), ("Al", "Cu"))
    assert (refused.value.message, refused.value.hint) == ("no column for `Zr`", "add `Zr` to the elements")
