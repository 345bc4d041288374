"""Formulas read together: each as `parse_formula` reads it, to the last bit."""

from __future__ import annotations

import numpy as np
import polars
import pytest
from formula_batches import UNITS, alone, check, generated, of
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.elements import element_symbols
from screener.formula_batch import parse_formulas

LAWS = settings(deadline=None, max_examples=200)
SPACES = ("", " ", "\t", "  \t", "\u00a0", "\u2009", "\u202f", "\n", "\r", "\u3000", "\x1f")


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
