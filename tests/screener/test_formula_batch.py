"""Formulas read together: each as `parse_formula` reads it, to the last bit, and as two public readers do."""

from __future__ import annotations

import math
import time

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener import formula_batch
from screener._formula_kernels import divide_by_sums
from screener.elements import element_symbols
from screener.errors import CompositionError, FormulaError
from screener.formula import parse_formula
from screener.formula_batch import FormulaBatch, dense_fractions, parse_formulas

HINT = "write amounts behind symbols as in `Cu50Zr50`, groups as in `(CoCrFeNi)94Al6`, or a balance as in `Ti-6Al-4V`"
UNITS = (None, "at", "wt")
LAWS = settings(deadline=None, max_examples=200)
SPACES = ("", " ", "\t", "  \t", "\u00a0", "\u2009", "\u202f", "\n", "\r", "\u3000", "\x1f")


def of(batch: FormulaBatch, row: int):
    """What a batch says of one formula: symbols and fractions, or message and hint."""
    entries = slice(batch.start[row], batch.start[row + 1])
    if row in batch.refused:
        assert entries.start == entries.stop
        return batch.refused[row]
    symbols = tuple(element_symbols()[position] for position in batch.element[entries])
    return symbols, tuple(batch.fraction[entries].tolist())


def alone(text: str | None, units):
    """The same by `parse_formula`."""
    try:
        composition = parse_formula(text or "", units)
    except FormulaError as refused:
        return refused.message, refused.hint
    return composition.symbols, composition.fractions


def check(texts, units) -> FormulaBatch:
    """Read texts together and hold every one to `parse_formula`; tuples of floats compare bit by bit (none is NaN)."""
    batch = parse_formulas(polars.Series(texts, dtype=polars.String), units)
    assert (batch.start.dtype, batch.element.dtype, batch.fraction.dtype) == (np.int64, np.int16, np.float64)
    assert len(batch.start) == len(texts) + 1
    assert batch.start[0] == 0
    assert batch.start[-1] == len(batch.element) == len(batch.fraction)
    for row, text in enumerate(texts):
        assert of(batch, row) == alone(text, units), text
    return batch


# --- as one by one ----------------------------------------------------------------------------------------------------

symbols_ = st.sampled_from(element_symbols())
decimals_ = st.decimals(0, 1000, places=4, allow_nan=False).map(str)
digits_ = st.text("0123456789", min_size=1, max_size=25)
amounts_ = st.one_of(
    st.sampled_from(["", "", "0", "0.0", "5.", ".5", ".", "05", "00.5", "1e3", "1.2.3", "₂", "0.₅", "-1", "١"]),
    decimals_,
    st.integers(0, 100).map(str),
    digits_,
    st.builds("{}.{}".format, digits_, digits_),
    digits_.map(".{}".format),
)
plain_ = st.lists(st.tuples(symbols_, amounts_, st.sampled_from(SPACES)), max_size=8).map(
    lambda terms: "".join("".join(term) for term in terms)
)
clean_ = st.lists(st.tuples(symbols_, st.one_of(st.just(""), decimals_)), min_size=1, max_size=6).map(
    lambda terms: "".join("".join(term) for term in terms)
)
grouped_ = st.one_of(
    st.builds("({}){}{}".format, clean_, st.integers(0, 100), clean_),
    st.builds("({}){}({}){}".format, clean_, decimals_, clean_, decimals_),
    st.builds("({})33.3({})33.3({})33.3".format, clean_, clean_, clean_),
)
balance_ = st.builds("{}-{}{}-{}{}".format, symbols_, decimals_, symbols_, st.integers(0, 60), symbols_)
letters_ = st.text(alphabet="AlTiCoFeNX0123456789.()[]{}- ₀₅e,%+\t\u00a0é😀", max_size=40)


@st.composite
def damaged(draw):
    """A good formula with one character put in, taken out or changed."""
    text = draw(clean_)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from([*" .0a(-Al5\t₃", ""])) + text[at + draw(st.integers(0, 1)) :]


texts_ = st.one_of(st.none(), plain_, clean_, damaged(), grouped_, balance_, letters_, st.text(max_size=20))


@given(st.lists(texts_, max_size=12), st.sampled_from(UNITS))
@LAWS
def test_any_texts_read_together_as_alone(texts, units):
    check(texts, units)


@given(st.lists(st.one_of(plain_, damaged()), min_size=20, max_size=40), st.sampled_from(UNITS))
@settings(LAWS, max_examples=60)
def test_broken_plain_formulas_read_together_as_alone(texts, units):
    check(texts, units)


def generated(rows: int, seed: int, most: int, places: int) -> list[str]:
    """Plain formulas with amounts of up to ``places`` decimals, some zero, some left out."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(rows):
        symbols = rng.choice(element_symbols(), rng.integers(1, most + 1), replace=False)
        amounts = rng.gamma(0.7, 20.0, len(symbols))
        decimals = rng.integers(0, places + 1, len(symbols))
        missing = rng.random(len(symbols)) < 0.1
        terms = zip(symbols, amounts, decimals, missing, strict=True)
        texts.append("".join(s if bare else f"{s}{a:.{d}f}" for s, a, d, bare in terms))
    return texts


@pytest.mark.parametrize(("most", "places"), [(6, 1), (6, 4), (12, 14), (72, 6), (5, 22)])
def test_many_plain_formulas_read_as_alone(most, places):
    batch = check(generated(3000 if most < 72 else 300, most, most, places), None)
    assert len(batch.refused) < 300


def in_percent(size: int, rows: int) -> list[str]:
    rng = np.random.default_rng(size)
    texts = []
    for _ in range(rows):
        symbols = rng.permutation(element_symbols())[:size]
        percents = 100 * rng.dirichlet(np.full(size, 2.0)) * rng.choice([1.0, 0.01, 0.9961, 0.996, 1.005, 1.0051])
        texts.append("".join(f"{symbol}{percent:.6f}" for symbol, percent in zip(symbols, percents, strict=True)))
    return texts


def test_weight_percent_of_any_number_of_elements_is_read_as_alone():
    texts = [text for size in range(1, len(element_symbols()) + 1) for text in in_percent(size, 25)]
    batch = check(texts, "wt")
    assert 100 < len(batch.refused) < len(texts) / 2
    for size in (1, 5, 8, 9, 40):  # a matrix of one row, and one of a single height
        check(in_percent(size, 1), "wt")
        check(in_percent(size, 40), "wt")


@pytest.mark.parametrize(("total", "refused"), [("30.5", 0), ("30.500001", 1), ("29.500001", 0), ("29.499999", 1)])
def test_weights_are_refused_where_they_are_alone(total, refused):
    assert len(check([f"Fe70Ni{total}", "Fe70Ni30", f"Fe0.7Ni{float(total) / 100:.8f}"], "wt").refused) == 2 * refused


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
    "Fe 70 Ni 30": ("cannot read `70 Ni 30` in `Fe 70 Ni 30`", HINT),
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


@pytest.mark.parametrize(
    "text",
    [
        "Cu" + " " * 990 + "Zr",
        "Cu" + " " * 996 + "Zr",
        "Cu" + " " * 997 + "Zr",
        "Cu" + "\u00a0" * 996 + "Zr",
        "Cu" + "\u00a0" * 997 + "Zr",
        " " * 1000,
        " " * 1001,
        "Cu0." + "0" * 990 + "Zr",
        "Cu0." + "0" * 990 + "3Zr",
        "Cu" + "1" * 996 + "Zr",
        "".join(element_symbols()),
        " ".join(f"{symbol}{place}" for place, symbol in enumerate(element_symbols()[:30])),
        "Cu\0Zr",
        "Cu50Zr50\x1c",
        "Cu50Zr50😀",
    ],
)
def test_long_and_strange_texts(text):
    check([text, "Cu50Zr50", text, None], None)


@pytest.mark.parametrize(
    "amount",
    [
        *("9007199254740991", "9007199254740992", "9007199254740993", "900719925474099.3", "0.9007199254740993"),
        *("0.3000000000000000", "0.30000000000000000000", "1.7976931348623157", "123456789012345678901234567890"),
        *("0.0000000000000000000001", "0.00000000000000000000001", "0.1234567890123456789012", "1" + "0" * 22),
        *("0.000000000000000000000000000000000000001", ".0000000000000001234567", "8.98846567431158"),
    ],
)
def test_amounts_at_the_edge_of_exact_division(amount):
    check([f"Cu{amount}Zr{amount}", f"Cu{amount}Zr3", f"Zr7.1Cu{amount}"], None)


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


# --- series -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        polars.Series([], dtype=polars.String),
        polars.Series([None, None]),
        polars.Series(["", None, ""]),
        polars.Series(["Cu50Zr50", "", "AlNi", None, "Xx", "(Fe)"]),
        polars.Series(["AlNi", "Cu50Zr50", None])[1:],
        polars.Series(["AlNi"]).append(polars.Series(["Cu50Zr50", None])),
        polars.Series(["AlNi", "Cu50Zr50", "AlNi"], dtype=polars.Categorical),
    ],
)
@pytest.mark.parametrize("units", UNITS)
def test_series_of_any_make(texts, units):
    batch = parse_formulas(texts, units)
    assert [of(batch, row) for row in range(len(texts))] == [alone(text, units) for text in texts]


def test_refused_rows_alone():
    batch = parse_formulas(polars.Series(["Xx"]))
    assert batch.start.tolist() == [0, 0]
    assert (len(batch.element), len(batch.fraction)) == (0, 0)


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
