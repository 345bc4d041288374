"""Formulas: agreement with pymatgen, round trips, and what changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from formula_cases import LAWS, alloys, as_dict, symbols_, text_of
from hypothesis import assume, given
from hypothesis import strategies as st
from pymatgen.core.composition import Composition as Oracle

from screener.elements import element_symbols
from screener.errors import CompositionError
from screener.formula import canonical_formula, parse_formula

# --- agreement with pymatgen ------------------------------------------------------------------------------------------


@given(alloys())
@LAWS
def test_plain_formulas_agree_with_pymatgen(alloy):
    text = text_of(alloy)
    theirs = Oracle(text).fractional_composition.get_el_amt_dict()
    assert as_dict(parse_formula(text)) == pytest.approx(theirs, abs=1e-7)


@given(alloys(), symbols_, st.integers(2, 9))
@LAWS
def test_chemical_brackets_agree_with_pymatgen(alloy, outside, times):
    inside = "".join(alloy)
    outside = "".join(f"{symbol}3" for symbol in outside if symbol not in alloy)
    subscripts = times + 3 * (len(outside) > 0 and sum(c.isupper() for c in outside))
    assume(subscripts not in {1, 100})
    text = f"({inside}){times}{outside}"
    theirs = Oracle(text).fractional_composition.get_el_amt_dict()
    assert as_dict(parse_formula(text)) == pytest.approx(theirs, abs=1e-7)


@given(alloys())
@LAWS
def test_weight_percent_agrees_with_pymatgen(alloy):
    total = sum(alloy.values())
    text = "".join(f"{symbol}{100 * amount / total:.9f}" for symbol, amount in alloy.items())
    theirs = Oracle.from_weight_dict(alloy).fractional_composition.get_el_amt_dict()
    ours = as_dict(parse_formula(text, "wt"))
    assert ours == pytest.approx(dict.fromkeys(ours, 0.0) | theirs, abs=1e-6)  # theirs leave out less than 1e-8


# --- laws -------------------------------------------------------------------------------------------------------------


@given(alloys())
@LAWS
def test_canonical_formula_reads_back(alloy):
    composition = parse_formula(text_of(alloy))
    text = canonical_formula(composition.symbols, [100 * x for x in composition.fractions])
    again = as_dict(parse_formula(text))
    for symbol, fraction in as_dict(composition).items():
        assert again.get(symbol, 0.0) == pytest.approx(fraction, abs=1.001e-6)


@given(symbols_, st.integers(0, 2**32 - 1), st.sampled_from([1, 10, 1000]))
@LAWS
def test_canonical_formulas_of_a_grid_are_fixed_points(symbols, seed, per_percent):
    ticks = np.random.default_rng(seed).multinomial(100 * per_percent, np.full(len(symbols), 1 / len(symbols)))
    text = canonical_formula(symbols, ticks / per_percent)
    composition = parse_formula(text)
    assert canonical_formula(composition.symbols, [100 * x for x in composition.fractions]) == text
    exact = [tick / (100 * per_percent) for tick in ticks if tick]
    assert list(composition.fractions) == pytest.approx(exact, rel=1e-12)


@given(st.integers(0, 2**32 - 1))
@LAWS
def test_canonical_formula_of_many_elements_reads_back(seed):
    fractions = np.random.default_rng(seed).dirichlet(np.full(72, 0.03))
    again = as_dict(parse_formula(canonical_formula(element_symbols(), 100 * fractions)))
    for symbol, fraction in zip(element_symbols(), fractions, strict=True):
        assert again.get(symbol, 0.0) == pytest.approx(fraction, abs=1.001e-6)


@given(alloys(), st.randoms(use_true_random=False))
@LAWS
def test_order_of_elements_does_not_matter(alloy, random):
    items = list(alloy.items())
    random.shuffle(items)
    assert as_dict(parse_formula(text_of(dict(items)))) == pytest.approx(as_dict(parse_formula(text_of(alloy))))


@given(alloys(), st.integers(2, 1000))
@LAWS
def test_scale_of_amounts_does_not_matter(alloy, factor):
    scaled = {symbol: amount * factor for symbol, amount in alloy.items()}
    assert as_dict(parse_formula(text_of(scaled))) == pytest.approx(as_dict(parse_formula(text_of(alloy))), rel=1e-9)


@given(alloys())
@LAWS
def test_brackets_around_the_whole_change_nothing(alloy):
    text = text_of(alloy)
    expected = pytest.approx(as_dict(parse_formula(text)))
    assert as_dict(parse_formula(f"({text})")) == expected
    assert as_dict(parse_formula(f"[{text}]7")) == expected


@given(alloys(), alloys(), st.integers(1, 99))
@LAWS
def test_groups_with_shares_mix_linearly(first, second, share):
    text = f"({text_of(first)}){share}({text_of(second)}){100 - share}"
    expected = {s: x * share / 100 for s, x in as_dict(parse_formula(text_of(first))).items()}
    for symbol, fraction in as_dict(parse_formula(text_of(second))).items():
        expected[symbol] = expected.get(symbol, 0.0) + fraction * (100 - share) / 100
    assert as_dict(parse_formula(text)) == pytest.approx(expected)


@given(alloys(), alloys(), st.integers(1, 9999), st.integers(-60, 60), st.sampled_from(["", "0."]))
@LAWS
def test_groups_are_shares_within_half_a_percent(first, second, ticks, off, scale):
    """Against the amounts written out: group by group where subscripts are shares, element by element elsewhere."""
    one, other = ticks, 10_000 - ticks + off
    assume(other > 0)
    places = 4 if scale else 2
    subscripts = [f"{part / 10**places:.{places}f}" for part in (one, other)]
    text = f"({text_of(first)}){subscripts[0]}({text_of(second)}){subscripts[1]}"
    expected = {}
    for alloy, part in ((first, one), (second, other)):
        whole = sum(alloy.values()) if abs(off) <= 50 else 1.0
        for symbol, amount in alloy.items():
            expected[symbol] = expected.get(symbol, 0.0) + part * amount / whole
    total = sum(expected.values())
    assert as_dict(parse_formula(text)) == pytest.approx({s: x / total for s, x in expected.items()})


@given(alloys())
@LAWS
def test_fractions_add_up_to_one(alloy):
    assert sum(parse_formula(text_of(alloy)).fractions) == pytest.approx(1, abs=1e-14)


# --- canonical formulas -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbols", "at_percent", "expected"),
    [
        (["Al", "Ti", "Cr"], [20, 30, 50], "Al20Ti30Cr50"),
        (["Cr", "Al"], [0.5, 99.5], "Cr0.5Al99.5"),
        (["Cu", "Al"], [100, 0], "Cu"),
        (["Cu", "Al", "Ti"], [0, 50, 50], "Al50Ti50"),
        (["Al", "Ti", "Cr"], [100 / 3] * 3, "Al33.3333Ti33.3333Cr33.3333"),
        (["Al", "Ti"], np.array([12.345678, 87.654322]), "Al12.3457Ti87.6543"),
        (["Al", "Ti"], np.array([10.1, 89.9], dtype=np.float32), "Al10.1Ti89.9"),
        (["Al", "Ti"], [1e-7, 100 - 1e-7], "Ti"),
        (["Al", "Ti"], [99.99994, 0.00006], "Al99.9999Ti0.0001"),
        (["Al", "Ti"], [100.0 - 1e-9, 1e-9], "Al"),
    ],
)
def test_canonical_formulas(symbols, at_percent, expected):
    assert canonical_formula(symbols, at_percent) == expected


def test_empty_composition_has_no_formula():
    with pytest.raises(CompositionError) as refused:
        canonical_formula(["Al", "Ti"], [0.0, 0.0])
    assert refused.value.message == "composition is empty"
    assert refused.value.hint == "give at least one element an amount above zero"
