"""Candidate descriptors against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from screener.elements import element_symbols, element_values
from screener.formula import parse_formula
from training.candidates import CANDIDATES, enthalpy_spread, entropy_over_mismatch, mismatch, moments, omega


def dense(*formulas: str) -> np.ndarray:
    rows = np.zeros((len(formulas), len(element_symbols())))
    for row, formula in zip(rows, formulas, strict=True):
        for symbol, fraction in zip(*(lambda c: (c.symbols, c.fractions))(parse_formula(formula)), strict=True):
            row[element_symbols().index(symbol)] = fraction
    return rows


def test_a_pure_element_has_no_spread_and_every_value_is_finite():
    pure = dense("Cu", "Al")
    for name, candidate in CANDIDATES.items():
        assert np.isfinite(candidate(pure)).all(), name
    for zero in (omega, entropy_over_mismatch, enthalpy_spread, mismatch("radius_metallic_pm")):
        np.testing.assert_allclose(zero(pure), 0.0, atol=1e-7)
    np.testing.assert_allclose(moments("boiling_point_k")(pure)[:, 1], 0.0, atol=1e-3)


def test_an_equiatomic_pair_by_hand():
    pair = dense("Cu50Zr50")
    entropy, melting = 8.314462618 * np.log(2.0), element_values(("Cu", "Zr"), "melting_point_k").mean()
    assert omega(pair)[0, 0] == pytest.approx(np.log1p(melting * entropy / 23_000.0))  # ΔH_mix is -23 kJ/mol
    a, b = element_values(("Cu", "Zr"), "radius_miracle_pm")
    delta = 100.0 * (b - a) / (a + b)
    assert entropy_over_mismatch(pair)[0, 0] == pytest.approx(entropy / delta**2)
    assert enthalpy_spread(pair)[0, 0] == pytest.approx(23.0)
    a, b = element_values(("Cu", "Zr"), "radius_metallic_pm")
    assert mismatch("radius_metallic_pm")(pair)[0, 0] == pytest.approx((b - a) / (a + b))


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_one_row_at_a_time_or_all_together(name):
    rows = dense("Cu50Zr50", "CoCrFeMnNi", "Ti60Al30V10")
    whole = CANDIDATES[name](rows)
    np.testing.assert_allclose(whole, np.vstack([CANDIDATES[name](row[None]) for row in rows]), rtol=1e-12, atol=1e-9)
