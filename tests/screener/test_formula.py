"""Formula reader: what formulas mean, in atomic and in weight percent."""

from __future__ import annotations

import time

import numpy as np
import pytest
from formula_cases import HINT, LAWS, refusal, symbols_
from hypothesis import given
from hypothesis import strategies as st

from screener.errors import CompositionError
from screener.formula import atomic_to_weight, parse_formula, weight_to_atomic


def percents(formula: str, units=None) -> dict[str, float]:
    composition = parse_formula(formula, units)
    return {s: round(100 * x, 2) for s, x in zip(composition.symbols, composition.fractions, strict=True)}


# --- the strings that public readers disagree on ----------------------------------------------------------------------

CANTOR_AL = {"Co": 23.5, "Cr": 23.5, "Fe": 23.5, "Ni": 23.5, "Al": 6.0}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Al0.3CoCrFeNi", {"Al": 6.98, "Co": 23.26, "Cr": 23.26, "Fe": 23.26, "Ni": 23.26}),
        ("(CoCrFeNi)94Al6", CANTOR_AL),
        ("(Fe70Co30)50Ni50", {"Fe": 35, "Co": 15, "Ni": 50}),
        ("Al20Co20Cr20Fe20Ni20", {"Al": 20, "Co": 20, "Cr": 20, "Fe": 20, "Ni": 20}),
        ("Cu50Zr50 ", {"Cu": 50, "Zr": 50}),
        ("Al₀.₃CoCrFeNi", {"Al": 6.98, "Co": 23.26, "Cr": 23.26, "Fe": 23.26, "Ni": 23.26}),
        ("Zr50Cu", {"Zr": 98.04, "Cu": 1.96}),
        ("AlCoCrFeNi2.1", {"Al": 16.39, "Co": 16.39, "Cr": 16.39, "Fe": 16.39, "Ni": 34.43}),
        ("Zr41.2Ti13.8Cu12.5Ni10Be22.5", {"Zr": 41.2, "Ti": 13.8, "Cu": 12.5, "Ni": 10, "Be": 22.5}),
        ("Co Cr Fe Mn Ni", {"Co": 20, "Cr": 20, "Fe": 20, "Mn": 20, "Ni": 20}),
        ("Al0CoCr", {"Co": 50, "Cr": 50}),
    ],
)
def test_contested_strings_that_are_read(formula, expected):
    assert percents(formula) == expected
    assert percents(formula, "at") == expected


@pytest.mark.parametrize(
    ("formula", "message", "hint"),
    [
        ("Ti-6Al-4V", "`Ti-6Al-4V` does not say wt.% or at.%", "add `--units wt` or `--units at`"),
        ("Fe-18Cr-8Ni", "`Fe-18Cr-8Ni` does not say wt.% or at.%", "add `--units wt` or `--units at`"),
        ("cu50zr50", "cannot read `cu50zr50`", "did you mean `Cu50Zr50`?"),
        ("Xx50Cu50", "unknown element `Xx`", "write symbols such as `Al`, `Ti`, `Cr`"),
        ("Fe,Cr", "cannot read `,Cr` in `Fe,Cr`", HINT),
        ("", "formula is empty", HINT),
        ("FeFe2Ni", "`Fe` is repeated in `FeFe2Ni`", "write one amount for `Fe`"),
        ("Cu-50Zr50", "cannot read `-50Zr50` in `Cu-50Zr50`", HINT),
        ("Fe70 at% Ni30", "cannot read `at% Ni30` in `Fe70 at% Ni30`", HINT),
        ("Al1e-3Cu", "cannot read `e-3Cu` in `Al1e-3Cu`", HINT),
        ("CO2", "no alloy data for `O`", "leave `O` out: the mixing enthalpies do not cover it"),
    ],
)
def test_contested_strings_that_are_refused(formula, message, hint):
    assert refusal(formula) == (message, hint)


def test_balance_notation_with_units():
    assert percents("Ti-6Al-4V", "at") == {"Ti": 90, "Al": 6, "V": 4}
    assert percents("Ti-6Al-4V", "wt") == {"Ti": 86.2, "Al": 10.2, "V": 3.6}
    assert percents("Fe-18Cr-8Ni", "at") == {"Fe": 74, "Cr": 18, "Ni": 8}
    assert percents("Fe-18Cr-8Ni", "wt") == {"Fe": 73.31, "Cr": 19.15, "Ni": 7.54}


# --- conventions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(CoCrFeNi)0.94Al0.06", CANTOR_AL),
        ("[CoCrFeNi]94Al6", CANTOR_AL),
        ("{CoCrFeNi}94Al6", CANTOR_AL),
        ("(CoCrFeNi) 94Al6", None),
        ("(Co Cr Fe Ni)94 Al6", CANTOR_AL),
        ("Al6(CoCrFeNi)94", {"Al": 6.0, "Co": 23.5, "Cr": 23.5, "Fe": 23.5, "Ni": 23.5}),
        # subscripts that are no shares multiply
        ("(FeNi)2Al", {"Fe": 40, "Ni": 40, "Al": 20}),
        ("(FeCo)(NiCr)", {"Fe": 25, "Co": 25, "Ni": 25, "Cr": 25}),
        ("(CoCrFeNi)94Al7", {"Co": 24.54, "Cr": 24.54, "Fe": 24.54, "Ni": 24.54, "Al": 1.83}),
        # a missing subscript counts 1 towards the hundred
        ("(CoNi)99Al", {"Co": 49.5, "Ni": 49.5, "Al": 1}),
        ("((Fe0.5Co0.5)75B20Si5)96Nb4", {"Fe": 36, "Co": 36, "B": 19.2, "Si": 4.8, "Nb": 4}),
        ("[(Fe0.5Co0.5)0.75B0.2Si0.05]96Nb4", {"Fe": 36, "Co": 36, "B": 19.2, "Si": 4.8, "Nb": 4}),
        ("(Zr70Cu30)50(Al2Ti)30Fe20", {"Zr": 35, "Cu": 15, "Al": 20, "Ti": 10, "Fe": 20}),
        # shares add up to a hundred or one within half a percent, and are brought to it
        ("(CoCrFeNi)33.3Al33.3Ti33.3", dict.fromkeys(("Co", "Cr", "Fe", "Ni"), 8.33) | {"Al": 33.33, "Ti": 33.33}),
        ("(FeNi)0.333(CoCr)0.333(AlTi)0.333", dict.fromkeys(("Fe", "Ni", "Co", "Cr", "Al", "Ti"), 16.67)),
        ("(FeNi)50Al50.5", {"Fe": 24.88, "Ni": 24.88, "Al": 50.25}),
        ("(FeNi)50Al49.5", {"Fe": 25.13, "Ni": 25.13, "Al": 49.75}),
        ("(FeNi)0.5Al0.505", {"Fe": 24.88, "Ni": 24.88, "Al": 50.25}),
        ("(FeNi)50Al50.51", {"Fe": 33.22, "Ni": 33.22, "Al": 33.56}),
        ("(FeNi)50Al49.49", {"Fe": 33.45, "Ni": 33.45, "Al": 33.11}),
        ("((FeNi)66.7Cr33.2)50Al50", {"Fe": 16.69, "Ni": 16.69, "Cr": 16.62, "Al": 50}),
        # one element in several groups adds up
        ("Fe20(FeNi)80", {"Fe": 60, "Ni": 40}),
        ("(FeNi)0Cu100", {"Cu": 100}),
        ("(Fe)", {"Fe": 100}),
        ("Cu", {"Cu": 100}),
        ("Cu2", {"Cu": 100}),
        ("Fe 70 Ni 30", {"Fe": 70, "Ni": 30}),
        ("Zr 41.2\tTi13.8  Cu\u00a045", {"Zr": 41.2, "Ti": 13.8, "Cu": 45}),
        ("Al.5Ti5.", {"Al": 9.09, "Ti": 90.91}),
        ("Al₅₀Ti₅₀", {"Al": 50, "Ti": 50}),
        ("\tAl50\u00a0Ti50 \n", {"Al": 50, "Ti": 50}),
        ("AlNaN", {"Al": 33.33, "Na": 33.33, "N": 33.33}),
    ],
)
def test_conventions(formula, expected):
    if expected is None:
        assert refusal(formula)[0].startswith("cannot read")
    else:
        assert percents(formula) == expected


@pytest.mark.parametrize("formula", ["Ti–6Al–4V", "Ti−6Al−4V", "Ti‑6Al‑4V", "Ti - 6Al - 4V", "Ti -6 Al -4 V"])
def test_balance_notation_takes_any_dash(formula):
    assert percents(formula, "at") == {"Ti": 90, "Al": 6, "V": 4}


def test_order_is_that_of_first_appearance():
    assert parse_formula("(NiCo)50Al50").symbols == ("Ni", "Co", "Al")
    assert parse_formula("Zr50Cu40Al10").symbols == ("Zr", "Cu", "Al")


# --- weight and atomic fractions --------------------------------------------------------------------------------------


def test_weight_to_atomic_of_brass():
    atomic = weight_to_atomic(np.array([[70.0, 30.0], [0.7, 0.3], [1.0, 0.0]]), ["Cu", "Zn"])
    assert atomic[0] == pytest.approx([0.7060, 0.2940], abs=1e-4)
    assert atomic[1] == pytest.approx(atomic[0])
    assert atomic[2].tolist() == [1, 0]


def test_rows_of_zeros_give_nan():
    assert np.isnan(weight_to_atomic(np.zeros((1, 2)), ["Cu", "Zn"])).all()
    assert np.isnan(atomic_to_weight(np.zeros((1, 2)), ["Cu", "Zn"])).all()


@given(st.integers(0, 2**32 - 1), symbols_)
@LAWS
def test_weight_and_atomic_conversion_are_inverse(seed, symbols):
    fractions = np.random.default_rng(seed).dirichlet(np.ones(len(symbols)), size=4)
    assert weight_to_atomic(atomic_to_weight(fractions, symbols), symbols) == pytest.approx(fractions)
    assert atomic_to_weight(fractions, symbols).sum(axis=1) == pytest.approx(np.ones(4))


def test_conversion_refuses_unknown_elements():
    with pytest.raises(CompositionError) as refused:
        weight_to_atomic(np.ones((1, 2)), ["Cu", "Zm"])
    assert refused.value.message == "unknown element `Zm`"


def test_plain_formulas_are_read_quickly():
    """A bound loose enough for a busy machine; an idle one reads four times as many."""
    formulas = [f"Zr{41 + i % 10}.2Ti13.8Cu12.5Ni10Be22.5" for i in range(5000)]
    start = time.perf_counter()
    for formula in formulas:
        parse_formula(formula)
    assert len(formulas) / (time.perf_counter() - start) > 20_000
