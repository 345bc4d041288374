"""Expressions: against polars itself, and three-valued logic."""

import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from expression_cases import CONDITIONS, NUMBERS, rank_by, where
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.expression import Expression

ROWS = 40


def block(missing=False):
    """Values on a coarse grid, so that comparisons tie; numbers missing in a fifth of the rows if asked."""
    rng = np.random.default_rng(11)
    values = {name: rng.integers(-8, 9, ROWS) / 4 for name in NUMBERS}
    if missing:
        for column in values.values():
            column[rng.random(ROWS) < 0.2] = np.nan
    return values | {name: rng.random(ROWS) < 0.5 for name in CONDITIONS}


# Operations that make no NaN from numbers: polars lets NaN take part in comparisons as the largest number.
# Polars makes fixed-point numbers of plain decimals and rounds quotients of those; an exponent makes them float64.
LITERALS = st.sampled_from(["0e0", "1", "2.5e0", "5e-1", "1e-1", "3"])
LEAVES = st.one_of(st.sampled_from(NUMBERS), LITERALS)


def combined(inner):
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*"]), inner, inner).map(lambda t: f"({t[1]} {t[0]} {t[2]})"),
        st.tuples(inner, st.sampled_from(["2", "2.5e-1", "3"])).map(lambda t: f"({t[0]} / {t[1]})"),
        st.tuples(inner, st.sampled_from(["2", "1.5"])).map(lambda t: f"({t[0]} % {t[1]})"),
        st.tuples(st.sampled_from(["abs", "floor", "CEIL", "sign", "round"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        inner.map(lambda t: f"-({t})"),
        st.tuples(inner, inner, inner).map(lambda t: f"case when {t[0]} > {t[1]} then {t[2]} else {t[0]} end"),
    )


VALUES = st.recursive(LEAVES, combined, max_leaves=6)
TESTS = st.one_of(
    st.tuples(VALUES, st.sampled_from(["<", "<=", ">", ">=", "=", "==", "<>", "!="]), VALUES).map(" ".join),
    st.tuples(VALUES, VALUES, VALUES).map(lambda t: f"{t[0]} between {t[1]} and {t[2]}"),
    st.tuples(VALUES, VALUES).map(lambda t: f"{t[0]} NOT BETWEEN {t[1]} AND 2"),
    st.tuples(VALUES, st.lists(LITERALS, min_size=1, max_size=3)).map(lambda t: f"{t[0]} in ({', '.join(t[1])})"),
    st.tuples(VALUES, LEAVES).map(lambda t: f"{t[0]} not in ({t[1]}, 1.5e0)"),
    VALUES.map(lambda t: f"{t} is null"),
    VALUES.map(lambda t: f"({t}) is not null"),
    st.sampled_from(CONDITIONS),
    st.sampled_from(["true", "is_amorphous = in_domain", "is_amorphous is not true"]),
)
FILTERS = st.recursive(
    TESTS.map(lambda t: f"({t})"),
    lambda inner: st.one_of(
        inner.map(lambda t: f"not {t}"),
        st.tuples(inner, st.sampled_from(["and", "or", "AND"]), inner).map(" ".join),
        st.tuples(inner, inner, inner).map(lambda t: f"(case when {t[0]} then {t[1]} else {t[2]} end)"),
    ),
    max_leaves=5,
)


def by_polars(text, values):
    """Evaluate by polars, with a missing number as null; filters drop what is null."""
    frame = pl.DataFrame({name: pl.Series(column, nan_to_null=True) for name, column in values.items()})
    return frame.select(pl.sql_expr(text).alias("result"))["result"]


@settings(deadline=None, max_examples=300)
@given(FILTERS.filter(lambda t: any(name in t for name in NUMBERS + CONDITIONS)), st.booleans())
def test_filters_equal_polars(text, missing):
    values = block(missing)
    result = where(text).evaluate(values)
    assert result.dtype == np.bool_
    expected = by_polars(text, values).fill_null(value=False).to_numpy()
    np.testing.assert_array_equal(result, np.broadcast_to(expected, ROWS))


@settings(deadline=None, max_examples=300)
@given(VALUES.filter(lambda t: any(name in t for name in NUMBERS)), st.booleans())
def test_scores_equal_polars(text, missing):
    values = block(missing)
    expected = by_polars(text, values).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    result = rank_by(text).evaluate(values)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, np.broadcast_to(expected, ROWS), rtol=1e-13, atol=1e-13)


FUNCTION_CALLS = """
sqrt(Al + 3); ln(Al + 3); log2(Al + 3); log10(Al + 3); exp(Al); pow(Al + 3, 0.5); POWER(Al, 2); least(Al, In, 0.5)
greatest(Al, hardness_gpa); round(Al / 3, 2); ceiling(Al); mod(Al, 0.75); coalesce(Al, 1); 1 / 2 * Al; 5 / 2 * Al
Al / 0; case Al when 1 then 2 when 0 then 3 else In end; log10(greatest(Al, 0)); -Al * -2
"""


@pytest.mark.parametrize("text", FUNCTION_CALLS.strip().replace("\n", "; ").split("; "))
def test_functions_equal_polars(text):
    values = block()
    expected = by_polars(text, values).cast(pl.Float64).to_numpy()
    np.testing.assert_allclose(rank_by(text).evaluate(values), expected, rtol=1e-13)


def test_division_of_whole_numbers_is_not_cut_off():
    assert rank_by("Al * (1 / 2)").evaluate({"Al": np.array([3])}).tolist() == [1.5]


def test_numbers_are_read_as_float64():
    values = {"Al": np.array([0.1, 0.30000000000000004, 1e-7])}
    assert where("Al in (0.1, 1e-7)").evaluate(values).tolist() == [True, False, True]
    assert where("Al = 0.1 + 0.2").evaluate(values).tolist() == [False, True, False]


def test_float32_columns_are_calculated_in_float64():
    value = np.array([0.1], dtype=np.float32)
    assert rank_by("Al * 3").evaluate({"Al": value})[0] == float(value[0]) * 3


def test_an_unknown_value_passes_no_filter_even_negated():
    values = {"Al": np.array([1.0, np.nan, 9.0]), "is_amorphous": np.array([True, True, True])}
    for text, expected in {
        "Al > 5": [False, False, True],
        "not Al > 5": [True, False, False],
        "not (Al > 5 and is_amorphous)": [True, False, False],
        "Al > 5 or is_amorphous": [True, True, True],
        "Al <> 1": [False, False, True],
        "ln(Al - 5) > -100": [False, False, True],
        "Al is null": [False, True, False],
        "(Al > 5) is null": [False, True, False],
        "(Al > 5) is not null": [True, False, True],
        "case when Al > 5 then is_amorphous end": [False, False, True],
    }.items():
        assert where(text).evaluate(values).tolist() == expected, text


def test_a_missing_number_is_not_skipped_by_least_and_greatest():
    values = {"Al": np.array([np.nan, 1.0])}
    assert np.isnan(rank_by("greatest(Al, 0)").evaluate(values)).tolist() == [True, False]
    assert rank_by("coalesce(Al, 7)").evaluate(values).tolist() == [7.0, 1.0]
    assert np.isnan(rank_by("case when Al > 0 then 2 end").evaluate(values)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("is_amorphous", ("is_amorphous",)),
        ("not is_amorphous", ("is_amorphous",)),
        ("in_domain and Al >= 5", ("Al", "in_domain")),
        ("Al > 1 and (In < 2 or Al < 0)", ("Al", "In")),
        ('"odd name" > 1', ("odd name",)),
        ("`odd name` > 1", ("odd name",)),
    ],
)
def test_columns_are_those_used_sorted(text, columns):
    assert where(text).columns == columns


@pytest.mark.parametrize("text", ["In > 1", '"In" > 1', "1 < In", "Al + In > 1", "In in (2, 3)", "In IN (2, 3)"])
def test_indium_is_a_column_and_in_an_operator(text):
    assert "In" in where(text).columns
    assert where(text).evaluate({"Al": np.array([0.0]), "In": np.array([2.0])}).tolist() == [True]


def test_a_lone_column_is_recognised():
    assert rank_by(" (p_amorphous) ").lone_column == "p_amorphous"
    assert rank_by("p_amorphous * 1").lone_column is None


def test_expressions_travel_between_processes():
    expression = where("Al > 1 and not in_domain")
    assert pickle.loads(pickle.dumps(expression)) == expression


def test_other_boolean_columns_can_be_named():
    columns = {"cast_by_us", "Al"}
    expression = Expression.parse("cast_by_us or Al > 1", columns, "boolean", "--where", boolean_columns={"cast_by_us"})
    values = {"cast_by_us": np.array([True, False]), "Al": np.array([0.0, 0.0])}
    assert expression.evaluate(values).tolist() == [True, False]


def test_importing_expressions_does_not_import_polars():
    code = "import sys, screener.expression; assert 'polars' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
