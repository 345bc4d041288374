"""Expressions: everything that is not row by row is refused, any text soon."""

import contextlib
import itertools
import time

import numpy as np
import polars as pl
import pytest
from expression_cases import COLUMNS, CONDITIONS, rank_by, where
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import ExpressionError
from screener.expression import require_column

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


@pytest.mark.parametrize(("first", "most"), [("Al", 63), ("abs(Al)", 62), ("case when Al > 1 then 1 else 2 end", 61)])
def test_every_term_and_function_counts_as_a_level(first, most):
    where(first + " + Al" * most + " > 3")
    with pytest.raises(ExpressionError, match="nested over `64` levels"):
        where(first + " + Al" * (most + 1) + " > 3")


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
