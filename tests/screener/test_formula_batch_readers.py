"""Formulas read together: those that public readers disagree on, and ten thousand as two of them read them."""

from __future__ import annotations

import math

import polars
import pytest
from formula_batches import alone, check, generated, of
from formula_cases import HINT

from screener.formula_batch import FormulaBatch, parse_formulas

# --- the strings that public readers disagree on ----------------------------------------------------------------------

CANTOR = {"Co": 20, "Cr": 20, "Fe": 20, "Mn": 20, "Ni": 20}
CONTESTED = {
    "Al0.3CoCrFeNi": {"Al": 6.98, "Co": 23.26, "Cr": 23.26, "Fe": 23.26, "Ni": 23.26},
    "(CoCrFeNi)94Al6": {"Co": 23.5, "Cr": 23.5, "Fe": 23.5, "Ni": 23.5, "Al": 6},
    "(CoCrFeNi)33.3Al33.3Ti33.3": {"Co": 8.33, "Cr": 8.33, "Fe": 8.33, "Ni": 8.33, "Al": 33.33, "Ti": 33.33},
    "(Fe70Co30)50Ni50": {"Fe": 35, "Co": 15, "Ni": 50},
    "Ti-6Al-4V": ("`Ti-6Al-4V` does not say wt.% or at.%", "add `--units wt` or `--units at`"),
    "Fe-18Cr-8Ni": ("`Fe-18Cr-8Ni` does not say wt.% or at.%", "add `--units wt` or `--units at`"),
    "Al20Co20Cr20Fe20Ni20": {"Al": 20, "Co": 20, "Cr": 20, "Fe": 20, "Ni": 20},
    "Cu50Zr50 ": {"Cu": 50, "Zr": 50},
    "cu50zr50": ("cannot read `cu50zr50`", "did you mean `Cu50Zr50`?"),
    "Al₀.₃CoCrFeNi": {"Al": 6.98, "Co": 23.26, "Cr": 23.26, "Fe": 23.26, "Ni": 23.26},
    "Xx50Cu50": ("unknown element `Xx`", "write symbols such as `Al`, `Ti`, `Cr`"),
    "Zr50Cu": {"Zr": 98.04, "Cu": 1.96},
    "AlCoCrFeNi2.1": {"Al": 16.39, "Co": 16.39, "Cr": 16.39, "Fe": 16.39, "Ni": 34.43},
    "Zr41.2Ti13.8Cu12.5Ni10Be22.5": {"Zr": 41.2, "Ti": 13.8, "Cu": 12.5, "Ni": 10, "Be": 22.5},
    "Co Cr Fe Mn Ni": CANTOR,
    " \tCo Cr\tFe\u00a0Mn \u2009Ni\n": CANTOR,
    "Fe,Cr": ("cannot read `,Cr` in `Fe,Cr`", HINT),
    "": ("formula is empty", HINT),
    "  ": ("formula is empty", HINT),
    "FeFe2Ni": ("`Fe` is repeated in `FeFe2Ni`", "write one amount for `Fe`"),
    "Fe0FeNi": ("`Fe` is repeated in `Fe0FeNi`", "write one amount for `Fe`"),
    "Al0CoCr": {"Co": 50, "Cr": 50},
    "Al0Co.0": ("nothing is left in `Al0Co.0`", "give at least one element an amount above zero"),
    "Al05CoCr": ("cannot read `05CoCr` in `Al05CoCr`", HINT),
    "Al.Co": ("cannot read `.Co` in `Al.Co`", HINT),
    "Al.5Ti5.": {"Al": 9.09, "Ti": 90.91},
    "Cu-50Zr50": ("cannot read `-50Zr50` in `Cu-50Zr50`", HINT),
    "Fe70 at% Ni30": ("cannot read `at% Ni30` in `Fe70 at% Ni30`", HINT),
    "Fe 70 Ni 30": {"Fe": 70.0, "Ni": 30.0},
    "Al1e-3Cu": ("cannot read `e-3Cu` in `Al1e-3Cu`", HINT),
    "CO2": ("no alloy data for `O`", "leave `O` out: the mixing enthalpies do not cover it"),
    "Al" + "9" * 400 + "Cu": (f"amounts in `Al{'9' * 57}…` are not finite", "write amounts in percent"),
    "Cu" * 500 + "A": ("formula has 1001 characters", "a formula has at most 1000"),
}


def test_contested_strings():
    batch = check(list(CONTESTED), None)
    for row, (text, expected) in enumerate(CONTESTED.items()):
        found = of(batch, row)
        if isinstance(expected, dict):
            percents = {symbol: round(100 * fraction, 2) for symbol, fraction in zip(*found, strict=True)}
            assert list(percents.items()) == list(expected.items()), text
        else:
            assert found == expected, text
    assert list(batch.refused) == sorted(batch.refused)


def test_contested_strings_in_weight_and_atomic_percent():
    for units in ("at", "wt"):
        check(list(CONTESTED), units)


# --- agreement with public readers ------------------------------------------------------------------------------------


def is_read(text: str) -> bool:
    """Whether a generated formula has an amount above zero."""
    return isinstance(alone(text, None)[0], tuple)


def agree(batch: FormulaBatch, row: int, theirs: dict[str, float]) -> bool:
    symbols, fractions = of(batch, row)
    return set(symbols) == set(theirs) and all(
        math.isclose(x, theirs[s], rel_tol=1e-12) for s, x in zip(symbols, fractions, strict=True)
    )


def test_ten_thousand_formulas_agree_with_pymatgen():
    from pymatgen.core.composition import Composition

    texts = [text for text in generated(11_000, 1, 7, 4) if is_read(text)]
    assert len(texts) > 10_000
    batch = parse_formulas(polars.Series(texts))
    for row, text in enumerate(texts):
        theirs = Composition(text).fractional_composition.get_el_amt_dict()
        assert agree(batch, row, {symbol: share for symbol, share in theirs.items() if share}), text


def test_ten_thousand_formulas_agree_with_hea_bench():
    hea_bench = pytest.importorskip("hea_bench")
    plain = [text for text in generated(11_000, 2, 7, 4) if is_read(text)]
    spaced = ["Al0.25 Co1 Fe1 Ni1", " Ti90 Al6\tV4 "]
    groups = [f"(CoCrFe{1 + i % 9}Ni)9{i % 10}.{i}Al{100 - 90 - i % 10 - float(f'0.{i}'):.4f}" for i in range(1, 1000)]
    texts = [*plain, *spaced, *groups]
    assert len(plain) > 10_000
    batch = parse_formulas(polars.Series(texts))
    for row, text in enumerate(texts):
        theirs = hea_bench.parse_formula(text)
        assert agree(batch, row, {symbol: share for symbol, share in theirs.items() if share}), text
