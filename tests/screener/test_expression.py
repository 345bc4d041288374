"""Expressions: against polars itself, three-valued logic, and refusal of everything that is not row by row."""

import contextlib
import itertools
import pickle
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import ExpressionError
from screener.expression import Expression, require_column

COLUMNS = {
    "Al",
    "In",
    "As",
    "No",
    "hardness_gpa",
    "density_g_cm3",
    "p_amorphous",
    "is_amorphous",
    "in_domain",
    "odd name",
}
NUMBERS = ["Al", "In", "hardness_gpa"]
CONDITIONS = ["is_amorphous", "in_domain"]
ROWS = 40


def where(text):
    return Expression.parse(text, COLUMNS, "boolean", "--where")


def rank_by(text):
    return Expression.parse(text, COLUMNS, "number", "--rank-by")


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


NO_CONDITION = "compare it in --where, for example `hardness_gpa > 5`"
AFTER = "filter the written result by it: --where sees screening values and descriptors"
EXAMPLE = "write --where like `hardness_gpa / 2 > 3 and in_domain`"
AS_NUMBER = "use a condition alone, or as a number: `case when is_amorphous then 1 else 0 end`"
COMPARE = "compare it, for example `hardness_gpa > 5`"
FUNCTIONS = (
    "--where knows abs, ceil, ceiling, coalesce, exp, floor, greatest, least, ln, log10, log2, mod, pow, power, round, "
    "sign, sqrt"
)
KNOWN = "--where knows `Al`, `As`, `In`, `No`, `density_g_cm3`, `hardness_gpa`, `in_domain`, `is_amorphous` and 2 more"
NO_TEXT = "--where compares numbers and conditions, not text; column names take double quotes or none"
DEEP = "shorten --where: every term of a sum or list counts as one level"
BRACKETS = "shorten --where, or write fewer brackets in it"
QUOTE_IN = 'write the column as "In", in double quotes, and the operator as `in`'


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("hardnes_gpa > 3", "unknown column `hardnes_gpa`", "did you mean `hardness_gpa`?"),
        ("al > 3", "unknown column `al`", "did you mean `Al`?"),
        ('"al" > 3', "unknown column `al`", "did you mean `Al`?"),
        ("zzz > 3", "unknown column `zzz`", KNOWN),
        ("rank < 3", "`rank` exists only after re-scoring", AFTER),
        ("score > 3", "`score` exists only after re-scoring", AFTER),
        ("front", "`front` exists only after re-scoring", AFTER),
        ("index > 3", "`index` exists only after re-scoring", AFTER),
        ("nearest_distance < 3", "`nearest_distance` exists only after re-scoring", AFTER),
        ("hardness_gpa_low > 3", "`hardness_gpa_low` exists only after re-scoring", AFTER),
        ('"p_amorphous_high" > 3', "`p_amorphous_high` exists only after re-scoring", AFTER),
        ("hardness_gpa", "`hardness_gpa` is a number, not a condition", NO_CONDITION),
        ("true", "`true` names no column", "use at least one column in --where"),
        ("1 > 2", "`1 > 2` names no column", "use at least one column in --where"),
        ("", "empty expression", EXAMPLE),
        (" \n", "empty expression", EXAMPLE),
        ("sum(Al) > 3", "function `sum` is not available", FUNCTIONS),
        ("count(*) > 3", "function `count` is not available", FUNCTIONS),
        ("max(Al) > 3", "function `max` is not available", "use `greatest` in --where"),
        ("row_number() over () > 3", "function `row_number` is not available", FUNCTIONS),
        ("abs(Al) over () > 3", "function `over` is not available", FUNCTIONS),
        ("cast(Al as int) > 3", "function `cast` is not available", FUNCTIONS),
        ("read_csv('x') > 3", "cannot read `'x')` in an expression", NO_TEXT),
        ("Al::int > 3", "cannot read `::int` in an expression", EXAMPLE),
        ("Al > '3'", "cannot read `'3'` in an expression", NO_TEXT),
        ("Al > 3; drop", "cannot read `;` in an expression", EXAMPLE),
        ("t.Al > 3", "cannot read `.Al` in an expression", EXAMPLE),
        ("5GPa > Al", "cannot read `5GPa` in an expression", EXAMPLE),
        ("Al > 0x10", "cannot read `0x10` in an expression", EXAMPLE),
        ("Al > 1_0", "cannot read `1_0` in an expression", EXAMPLE),
        ("\x1b[31m > 3", "cannot read `\N{REPLACEMENT CHARACTER}[31m` in an expression", EXAMPLE),
        ("Al in (select Al)", "unknown column `select`", KNOWN),
        ("*", "cannot read `*`", EXAMPLE),
        ("abs(*) > 3", "cannot read `abs(*) > 3`", EXAMPLE),
        ("Al > 3 and", "cannot read `Al > 3 and`", EXAMPLE),
        ("Al In", "cannot read `Al In`", QUOTE_IN),
        ("Al (3)", "cannot read `Al (3)`", EXAMPLE),
        ("(Al, No) > 3", "cannot read `(Al, No) > 3`", EXAMPLE),
        ("In In (3, 4)", "cannot read `In In (3, 4)`", QUOTE_IN),
        ("IN > 5", "cannot read `IN > 5`", QUOTE_IN),
        ("Al > null", "`null` in `>`", "write `is null` or `is not null` in --where"),
        ("Al > true", "`>` needs numbers, `true` is a condition", AS_NUMBER),
        ("is_amorphous + 1 > 1", "`+` needs numbers, `is_amorphous` is a condition", AS_NUMBER),
        ("case when in_domain then Al else true end", "`case` needs numbers, `true` is a condition", AS_NUMBER),
        ("Al and In", "`and` needs conditions, `Al` is a number", COMPARE),
        ("not Al", "`not` needs conditions, `Al` is a number", COMPARE),
        ("is_amorphous = 1", "`=` needs conditions, `1` is a number", COMPARE),
        ("case when Al then is_amorphous else in_domain end", "`case` needs conditions, `Al` is a number", COMPARE),
        ("Al > 1e400", "number `1e400` out of range", "use a finite number in --where"),
        ("Al > 3 " * 400, "expression of `2800` characters", "keep --where below 2000"),
        ("Al" + " + Al" * 70 + " > 3", "expression nested over `64` levels", DEEP),
        (f"Al in ({','.join(map(str, range(300)))})", "expression nested over `64` levels", DEEP),
        ("(" * 33 + "Al" + ")" * 33 + " > 3", "brackets nested over `32` levels", BRACKETS),
        ("(" * 900 + "Al" + ")" * 900, "brackets nested over `32` levels", BRACKETS),
        ("not " * 400 + "in_domain", "brackets nested over `32` levels", BRACKETS),
        ("not(" * 40 + "in_domain" + ")" * 40, "brackets nested over `32` levels", BRACKETS),
        ("- " * 400 + "Al > 3", "brackets nested over `32` levels", BRACKETS),
        ("case when in_domain then " * 40 + "Al" + " end" * 40, "brackets nested over `32` levels", BRACKETS),
    ],
)  # fmt: skip
def test_refusals(text, message, hint):
    with pytest.raises(ExpressionError) as refused:
        where(text)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_a_condition_is_no_score():
    with pytest.raises(ExpressionError) as refused:
        rank_by("is_amorphous")
    assert refused.value.message == "`is_amorphous` is a condition, not a number"
    assert (
        refused.value.hint == "filter by it with --where, or give --rank-by `case when is_amorphous then 1 else 0 end`"
    )


def test_an_unreadable_score_shows_a_score():
    with pytest.raises(ExpressionError) as refused:
        rank_by("hardness_gpa /")
    assert refused.value.hint == "write --rank-by like `hardness_gpa / density_g_cm3`"


def test_a_column_of_the_input_may_end_like_an_interval():
    assert require_column("temperature_low", {"temperature_low"}, "--where") == "temperature_low"


def test_sub_queries_reach_no_file(tmp_path):
    # The SQL parser opens the file while it parses; it must never see the text.
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    assert "SubPlan" in pl.sql_expr(f"(select count(*) from read_csv('{file}')) > 0").meta.serialize(format="json")
    for text in (f"(select count(*) from read_csv('{file}')) > 0", f'Al in (select a from read_csv("{file}"))'):
        with pytest.raises(ExpressionError):
            where(text)


TOKENS = [*"()+-*/%,<=>'\"`;.", "::", "and", "not", "in", "is", "null", "case", "when", "then", "end", "between", "abs"]
TOKENS += ["round", "1", "2.5", "select", *sorted(COLUMNS)]


@settings(deadline=None, max_examples=400)
@given(st.text(max_size=40) | st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join))
def test_any_text_is_read_or_refused(text):
    values = {name: np.ones(3, dtype=np.bool_ if name in CONDITIONS else np.float64) for name in COLUMNS}
    refusal = None
    try:
        result = where(text).evaluate(values)
    except ExpressionError as refused:
        refusal = refused
    if refusal is None:
        assert result.shape == (3,)
        assert result.dtype == np.bool_
    else:
        assert refusal.message
        assert refusal.hint


NESTS = {
    "not(": ")", "abs(": ")", "(": ")", "not not (": ")", "case when in_domain then ": " end", "Al in (": ")",
    "-(": ")", "- - (": ")", "Al between (": ") and 2", "least(Al, ": ")", "least(": ", Al)", "Al not in (": ")",
    "in_domain and (": ")", "(Al, ": ")", "- ": "", "not ": "", "not - (": ")", "round(": ", 2)", "(not (": "))",
    "pow(": ", 2)", "not Al between (": ") and 2", "in_domain and not (": ")", "Al > -(": ")",
    "case when (": ") then Al end", "case when not (": ") then Al else 1 end", "1 + (": ")", "Al is null = (": ")",
}  # fmt: skip
"""What can stand around an expression; the parser used to try for hours how some of them are meant."""


@pytest.mark.parametrize("opening", NESTS)
def test_nothing_that_nests_takes_long(opening):
    insides = ("Al", "Al Al", "", "case", "Al, Al", "Al )", "Al+" * 400 + "Al Al", "Al in (" + "1," * 500)
    for inside, levels in itertools.product(insides, (7, 8, 10, 16, 31, 32, 200)):
        text = (opening * levels + inside + NESTS[opening] * levels + " > 1")[:2000]
        before = time.process_time()
        with contextlib.suppress(ExpressionError):
            where(text)
        assert time.process_time() - before < 5, text


def test_importing_expressions_does_not_import_polars():
    code = "import sys, screener.expression; assert 'polars' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
