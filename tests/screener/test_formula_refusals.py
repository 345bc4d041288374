"""Texts that are no formula: refused by one fact and one hint, at once."""

from __future__ import annotations

import time

import pytest
from formula_cases import HINT, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import FormulaError
from screener.formula import parse_formula


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
        ("Fe 18 Cr 8 Ni", "cannot read `18 Cr 8 Ni` in `Fe 18 Cr 8 Ni`", HINT),
        ("Ti 6Al 4V", "cannot read `6Al 4V` in `Ti 6Al 4V`", HINT),
        ("Fe 70Ni 30", "cannot read `70Ni 30` in `Fe 70Ni 30`", HINT),
        ("Fe 7 0 Ni 30", "cannot read `7 0 Ni 30` in `Fe 7 0 Ni 30`", HINT),
        ("Al 6061", "cannot read `6061` in `Al 6061`", HINT),
        ("Fe 70 Fe 30", "`Fe` is repeated in `Fe 70 Fe 30`", "write one amount for `Fe`"),
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
        (
            "Fe50",
            "weights in `Fe50` add up to 50, not 100",
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


def test_as_many_brackets_as_may_be_are_read():
    assert parse_formula("(" * 8 + "FeNi" + ")" * 8) == parse_formula("FeNi")


def test_what_is_shown_has_sixty_characters_at_most():
    exact, longer = "x" * 60, "x" * 61
    assert refusal(exact)[0] == f"cannot read `{exact}`"
    assert refusal(longer)[0] == f"cannot read `{'x' * 59}…`"
