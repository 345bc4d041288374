"""Formula reader: conventions, refusals, agreement with pymatgen, round trips."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core.composition import Composition as Oracle

from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError
from screener.formula import Composition, atomic_to_weight, canonical_formula, parse_formula, weight_to_atomic

LAWS = settings(deadline=None, max_examples=150)
HINT = "write amounts behind symbols as in `Cu50Zr50`, groups as in `(CoCrFeNi)94Al6`, or a balance as in `Ti-6Al-4V`"

symbols_ = st.lists(st.sampled_from(element_symbols()), min_size=1, max_size=8, unique=True)
amounts_ = st.integers(1, 999_999).map(lambda ticks: ticks / 10_000)


@st.composite
def alloys(draw):
    symbols = draw(symbols_)
    return {symbol: draw(amounts_) for symbol in symbols}


def text_of(alloy) -> str:
    return "".join(f"{symbol}{amount:.4f}" for symbol, amount in alloy.items())


def percents(formula: str, units=None) -> dict[str, float]:
    composition = parse_formula(formula, units)
    return {s: round(100 * x, 2) for s, x in zip(composition.symbols, composition.fractions, strict=True)}


def as_dict(composition: Composition) -> dict[str, float]:
    return dict(zip(composition.symbols, composition.fractions, strict=True))


def refusal(formula: str, units=None) -> tuple[str, str]:
    with pytest.raises(FormulaError) as refused:
        parse_formula(formula, units)
    return refused.value.message, refused.value.hint


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


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "message", "hint"),
    [
        ("   ", "formula is empty", HINT),
        ("Al0", "nothing is left in `Al0`", "give at least one element an amount above zero"),
        ("(Al0)50Cu50", "brackets in `(Al0)50Cu50` hold nothing", "put elements with amounts inside"),
        ("()", "brackets in `()` hold nothing", "put elements with amounts inside"),
        ("Al(", "a bracket in `Al(` is not closed", "close it with `)`"),
        ("[Al(Fe)", "a bracket in `[Al(Fe)` is not closed", "close it with `]`"),
        ("(Fe]", "cannot read `]` in `(Fe]`", HINT),
        ("Fe)2", "cannot read `)2` in `Fe)2`", HINT),
        ("(5Fe)", "cannot read `5Fe)` in `(5Fe)`", HINT),
        ("70Fe30Ni", "cannot read `70Fe30Ni`", HINT),
        ("Fe 70 Ni 30", "cannot read `70 Ni 30` in `Fe 70 Ni 30`", HINT),
        ("Fe70-Ni30", "cannot read `-Ni30` in `Fe70-Ni30`", HINT),
        ("Al-Ti-Cr", "cannot read `-Ti-Cr` in `Al-Ti-Cr`", HINT),
        ("Al-5", "cannot read `-5` in `Al-5`", HINT),
        ("1.2.3", "cannot read `1.2.3`", HINT),
        ("Al1.2.3", "cannot read `.3` in `Al1.2.3`", HINT),
        ("Al0,3Co", "cannot read `,3Co` in `Al0,3Co`", HINT),
        ("Alinf", "cannot read `inf` in `Alinf`", HINT),
        ("nan", "cannot read `nan`", HINT),
        ("Fe²⁺", "cannot read `²⁺` in `Fe²⁺`", HINT),
        ("Al₂0", "cannot read `₂0` in `Al₂0`", HINT),
        ("Al٣", "cannot read `٣` in `Al٣`", HINT),
        ("Al05CoCr", "cannot read `05CoCr` in `Al05CoCr`", HINT),
        ("Cu50\nZr50", "cannot read `\\x0aZr50` in `Cu50\\x0aZr50`", HINT),
        ("Fe\x1b[31m", "cannot read `\\x1b[31m` in `Fe\\x1b[31m`", HINT),
        ("TI6AL4V", "unknown element `T`", "did you mean `Ti6Al4V`?"),
        ("FE70NI30", "unknown element `E`", "did you mean `Fe70Ni30`?"),
        ("(CoXx)50Al50", "unknown element `Xx`", "write symbols such as `Al`, `Ti`, `Cr`"),
        ("(FeO)50Al50", "no alloy data for `O`", "leave `O` out: the mixing enthalpies do not cover it"),
        ("(FeFe2)50Ni50", "`Fe` is repeated in `(FeFe2)50Ni50`", "write one amount for `Fe`"),
        ("Fe20(FeNi)50Fe30", "`Fe` is repeated in `Fe20(FeNi)50Fe30`", "write one amount for `Fe`"),
        ("Al0Al2", "`Al` is repeated in `Al0Al2`", "write one amount for `Al`"),
        ("(" * 9 + "Fe" + ")" * 9, "brackets in `(((((((((Fe)))))))))` are too deep", "nest at most 8 brackets"),
        ("A" * 1001, "formula has 1001 characters", "a formula has at most 1000"),
    ],
)
def test_refusals(formula, message, hint):
    assert refusal(formula) == (message, hint)
    assert refusal(formula, "at") == (message, hint)


@pytest.mark.parametrize(
    ("formula", "message", "hint"),
    [
        (
            "Fe-60Cr-50Ni",
            "additions in `Fe-60Cr-50Ni` add up to 110 %",
            "they must leave a balance for `Fe`: lower them, or write every amount behind its symbol",
        ),
        (
            "Fe-50Cr-50Ni",
            "additions in `Fe-50Cr-50Ni` add up to 100 %",
            "they must leave a balance for `Fe`: lower them, or write every amount behind its symbol",
        ),
        ("Ti-6Al-4Al", "`Al` is repeated in `Ti-6Al-4Al`", "write one amount for `Al`"),
        ("Ti-6Ti", "`Ti` is repeated in `Ti-6Ti`", "write one amount for `Ti`"),
        ("Ti-6Xx", "unknown element `Xx`", "write symbols such as `Al`, `Ti`, `Cr`"),
        ("Ti-6Al-4V ELI", "cannot read `-6Al-4V ELI` in `Ti-6Al-4V ELI`", HINT),
        ("(FeCo)-5Al", "cannot read `-5Al` in `(FeCo)-5Al`", HINT),
    ],
)
@pytest.mark.parametrize("units", ["at", "wt"])
def test_refused_balances(formula, message, hint, units):
    assert refusal(formula, units) == (message, hint)


@pytest.mark.parametrize(
    ("formula", "message", "hint"),
    [
        (
            "FeCr18Ni8",
            "weights in `FeCr18Ni8` add up to 27, not 100",
            "write the wt.% of every element, or the balance as in `Fe-18Cr-8Ni`",
        ),
        ("(CoCrFeNi)94Al6", "brackets in `(CoCrFeNi)94Al6` cannot hold wt.%", "write the wt.% of every element"),
    ],
)
def test_refused_weights(formula, message, hint):
    assert refusal(formula, "wt") == (message, hint)


@pytest.mark.parametrize(
    "formula", ["Al" + "9" * 400 + "Cu", "Al" + "9" * 308 + "Cu" + "9" * 308, "(Al" + "9" * 400 + ")50Cu50"]
)
def test_amounts_that_are_not_finite_are_refused(formula):
    message, hint = refusal(formula)
    assert message.endswith("…` are not finite")
    assert len(message) < 100
    assert hint == "write amounts in percent"


def test_huge_additions_are_refused():
    assert refusal(f"Fe-{'9' * 308}Cr-{'9' * 308}Ni", "at")[0].endswith("add up to inf %")


@given(st.text(alphabet="AlTiCoFe0123456789.()[]{}- ₀₅e,%+\t", max_size=40), st.sampled_from(["at", "wt", None]))
@settings(deadline=None, max_examples=400)
def test_any_text_is_a_composition_or_a_refusal(text, units):
    try:
        composition = parse_formula(text, units)
    except FormulaError:
        return
    assert sum(composition.fractions) == pytest.approx(1)
    assert all(x > 0 for x in composition.fractions)
    assert len(set(composition.symbols)) == len(composition.symbols)


@pytest.mark.parametrize(
    "text", ["Al" * 480 + "!", "1" * 1000, "(" * 1000, "Ti-" + "6Al-" * 240, "Al" + "9" * 990 + "!"]
)
def test_hostile_text_is_refused_at_once(text):
    start = time.perf_counter()
    refusal(text)
    assert time.perf_counter() - start < 0.2


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
    assert as_dict(parse_formula(text, "wt")) == pytest.approx(theirs, abs=1e-6)


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
