"""Filters decided as in float64 whatever float32 says: limits of expressions, close calls, every path alike."""

from __future__ import annotations

import numpy as np
import polars
import polars.testing
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener import scoring
from screener.binding import bind_tier
from screener.descriptors.catalogue import catalogue
from screener.descriptors.rounding import rounding_of
from screener.device import choose_device
from screener.doubt import Doubt, read_by
from screener.engine import BlockEngine
from screener.expression import BOOLEAN_COLUMNS, Expression
from screener.float64_net import Float64Net
from screener.jobs import Question, ScreenJob
from screener.judge import Judge
from screener.model_set import load_models
from screener.pareto import ParetoFront
from screener.pipeline import run_screen
from screener.plan import known_columns
from screener.scoring import score
from screener.settled_filter import SpaceFilter
from screener.space import CompositionSpace
from screener.summary import PythonWatch

ELEMENTS = ("Al", "Ti", "Cr", "Zr")
SPACE = CompositionSpace.build(ELEMENTS, 5)
FRACTIONS = SPACE.counts(np.arange(SPACE.size)) / SPACE.units

# --- limits of expressions --------------------------------------------------------------------------------------------

NUMBERS = ("a", "b")
TERMS = st.recursive(
    st.sampled_from(["a", "b", "2", "0.5", "0"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda each: f"({' '.join(each)})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "ln", "exp", "sign", "floor", "ceil"]), inner).map(
            lambda each: f"{each[0]}({each[1]})"
        ),
        st.tuples(st.sampled_from(["least", "greatest", "coalesce", "pow"]), inner, inner).map(
            lambda each: f"{each[0]}({each[1]}, {each[2]})"
        ),
        inner.map(lambda each: f"round({each}, 1)"),
        st.tuples(inner, inner).map(lambda each: f"case when a > b then {each[0]} else {each[1]} end"),
    ),
    max_leaves=5,
)
CONDITIONS = st.recursive(
    st.one_of(
        st.tuples(TERMS, st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), TERMS).map(" ".join),
        TERMS.map(lambda each: f"({each}) is null"),
        st.just("f"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda each: f"({' '.join(each)})"),
        inner.map(lambda each: f"not ({each})"),
        inner.map(lambda each: f"({each}) is not null"),
        st.tuples(inner, inner).map(lambda each: f"case when f then {each[0]} else {each[1]} end"),
    ),
    max_leaves=4,
)
POINT = st.one_of(st.floats(-3, 3), st.sampled_from([0.0, 1.0, -1.0, 0.5, np.nan]))


@settings(deadline=None, max_examples=400)
@given(CONDITIONS, st.lists(st.tuples(POINT, POINT, st.booleans()), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_what_is_sure_holds_and_what_holds_is_possible(text, points, seed):
    where = Expression.parse(f"({text}) or (a > 1e9 and b > 1e9)", ("a", "b", "f"), "boolean", "--where", {"f"})
    rng = np.random.default_rng(seed)
    centre = {name: np.array([each[k] for each in points]) for k, name in enumerate(NUMBERS)}
    by = {name: rng.choice([0.0, 1e-6, 0.3, 2.0], len(points)) for name in NUMBERS}
    flag, open_flag = np.array([each[2] for each in points]), rng.random(len(points)) < 0.3
    ends = {name: (centre[name] - by[name], centre[name] + by[name]) for name in NUMBERS}
    ends["f"] = flag & ~open_flag, flag | open_flag
    sure, possible = where.limits(ends)
    assert not (sure & ~possible).any()
    for _ in range(12):
        share = {name: rng.choice([-1.0, 1.0, rng.uniform(-1, 1)], len(points)) for name in NUMBERS}
        inside = {name: np.clip(centre[name] + share[name] * by[name], *ends[name]) for name in NUMBERS}
        holds = where.evaluate({**inside, "f": np.where(open_flag, rng.random(len(points)) < 0.5, flag)})
        assert not (sure & ~holds).any()
        assert not (holds & ~possible).any()


def test_what_may_be_missing_is_not_surely_below_or_above_an_infinity():
    where = Expression.parse("ln(0) <= (a % 0) or a > 9", NUMBERS, "boolean", "--where")
    sure, possible = where.limits({"a": (np.array([-1.0]), np.array([1.0]))})
    assert (sure.tolist(), possible.tolist()) == ([False], [True])


def test_known_numbers_leave_no_doubt():
    where = Expression.parse("a / b > 1 or sqrt(a) is null", NUMBERS, "boolean", "--where")
    a, b = np.array([1.0, -1.0, 0.0, np.nan]), np.array([0.0, 2.0, 0.0, 1.0])
    sure, possible = where.limits({"a": (a, a), "b": (b, b)})
    np.testing.assert_array_equal(sure, possible)
    np.testing.assert_array_equal(sure, where.evaluate({"a": a, "b": b}))


# --- close calls ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tier(tiny_models):
    models = load_models(tiny_models, choose_device("cpu"), ("screen",)).screen
    return bind_tier("screen", models, Question())


@pytest.fixture(scope="module")
def exact(tier):
    """Every column in float64."""
    nets = {name: Float64Net.read(model.content) for name, model in tier.models.items()}
    columns = {*tier.columns, "density_g_cm3", "vec", "delta", "dH_mix", "p_amorphous_logit"}
    return Judge(tier, nets, ELEMENTS, columns).columns_of(FRACTIONS)


def filtered(text, tier, batch=2048):
    booleans = BOOLEAN_COLUMNS | {flag.column for flag in tier.flags.values()}
    where = Expression.parse(text, known_columns(tier, ELEMENTS), "boolean", "--where", booleans)
    columns = BlockEngine(tier, ELEMENTS, read_by(where, tier), batch).columns_of(FRACTIONS)
    index, _ = SpaceFilter(where, tier, SPACE).passing(np.arange(SPACE.size), columns)
    return index, np.flatnonzero(where.evaluate(columns))


@pytest.mark.parametrize("column", ["hardness_gpa", "resistivity_uohm_cm", "p_amorphous", "density_g_cm3", "delta"])
@pytest.mark.parametrize("comparison", [">=", ">", "<="])
def test_rows_at_a_limit_are_decided_by_their_float64_value(tier, exact, column, comparison):
    compare = {">=": np.greater_equal, ">": np.greater, "<=": np.less_equal}[comparison]
    lost = 0
    for row in range(3, SPACE.size, 97):
        limit = float(exact[column][row])
        found, rough = filtered(f"{column} {comparison} {limit!r}", tier)
        expected = np.flatnonzero(compare(exact[column], limit))
        np.testing.assert_array_equal(found, expected)
        lost += not np.array_equal(rough, expected)
    assert lost > 3  # float32 alone decides otherwise


def test_sums_and_combinations_at_a_limit(tier, exact):
    for row in range(5, SPACE.size, 211):
        first, second = float(exact["hardness_gpa"][row]), float(exact["vec"][row])
        total = first + second
        found, _ = filtered(f"hardness_gpa + vec >= {total!r}", tier)
        np.testing.assert_array_equal(found, np.flatnonzero(exact["hardness_gpa"] + exact["vec"] >= total))
        found, _ = filtered(f"hardness_gpa >= {first!r} and vec >= {second!r}", tier)
        both = (exact["hardness_gpa"] >= first) & (exact["vec"] >= second)
        np.testing.assert_array_equal(found, np.flatnonzero(both))


def test_flags_at_their_threshold_are_decided_in_float64(tiny_models, exact):
    models = load_models(tiny_models, choose_device("cpu"), ("screen",)).screen
    for row in range(3, SPACE.size, 301):
        bound = bind_tier("screen", models, Question(threshold=float(exact["p_amorphous"][row])))
        flag = bound.flags["p_amorphous"]
        for text, holds in (("is_amorphous", flag.holds), ("amorphous_borderline", flag.borderline)):
            found, _ = filtered(text, bound)
            np.testing.assert_array_equal(found, np.flatnonzero(holds(exact["p_amorphous_logit"])))


def test_amounts_and_domain_are_never_in_doubt(tier):
    where = Expression.parse("Al + Ti > 30 and in_domain", known_columns(tier, ELEMENTS), "boolean", "--where")
    columns = BlockEngine(tier, ELEMENTS, where.columns).columns_of(FRACTIONS)
    sure, possible = Doubt(where, tier).limits(columns)
    np.testing.assert_array_equal(sure, possible)


# --- every path -------------------------------------------------------------------------------------------------------


def test_every_path_keeps_the_same_alloys(tiny_models, exact, monkeypatch):
    limit = float(exact["hardness_gpa"][800])
    question = Question(where=f"hardness_gpa >= {limit!r}", top=2000, minimize=("hardness_gpa",))

    def searched(**how):
        return run_screen(ScreenJob(SPACE, question, models=tiny_models, **how), PythonWatch()).frame

    first = searched(search="exhaustive")
    assert first["index"][0] == 800 or first["score"][0] == -limit
    for how in ({"search": "exhaustive", "block": 7}, {"search": "exhaustive", "block": 333}, {"search": "exact"}):
        polars.testing.assert_frame_equal(searched(**how), first, check_exact=True)
    alloys = [
        "".join(f"{s}{100 * c:g}" for s, c in zip(ELEMENTS[::-1], row[::-1], strict=True) if c) for row in FRACTIONS
    ]
    table = polars.DataFrame({"formula": alloys})
    rank_as = {"where": question.where, "minimize": "hardness_gpa", "models": tiny_models}
    for bound in (20_000, 10):
        monkeypatch.setattr(scoring, "CHARACTERIZE_UP_TO", bound)
        listed = score(table, **rank_as)
        assert sorted(listed["row"] - 1) == sorted(first["index"])


def test_lists_settle_what_is_close_before_a_front(tiny_models, exact, monkeypatch):
    question = Question(pareto=True, maximize=("hardness_gpa",), minimize=("density_g_cm3=2:10",), top=2000)
    front = ParetoFront(("max", "min"))
    front.update(np.column_stack([exact["hardness_gpa"], exact["density_g_cm3"]]), np.arange(SPACE.size))
    expected = front.finish()[0].tolist()
    searched = run_screen(ScreenJob(SPACE, question, models=tiny_models, search="exhaustive", block=50), PythonWatch())
    assert sorted(searched.frame["index"]) == expected
    monkeypatch.setattr(scoring, "CHARACTERIZE_UP_TO", 10)
    alloys = ["".join(f"{s}{100 * c:g}" for s, c in zip(ELEMENTS, row, strict=True) if c) for row in FRACTIONS]
    listed = score(
        polars.DataFrame({"formula": alloys}),
        pareto=True,
        maximize="hardness_gpa",
        minimize="density_g_cm3=2:10",
        models=tiny_models,
    )
    assert sorted(listed["row"] - 1) == expected


# --- fronts of rounded values -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(1, 5))
def test_a_front_with_rounding_holds_the_exact_front(seed, width, parts):
    rng = np.random.default_rng(seed)
    exact_values = rng.integers(0, 6, (60, width)) + rng.choice([0.0, 1e-7], (60, width))
    rounding = [rounding_of(catalogue()["dH_mix"])] * width
    off = np.stack([each.of(exact_values[:, k]) for k, each in enumerate(rounding)], axis=1)
    rough = exact_values + rng.uniform(-1, 1, exact_values.shape) * off
    ways = rng.choice(["max", "min"], width).tolist()
    truth, found = ParetoFront(ways), ParetoFront(ways, rounding=rounding)
    truth.update(exact_values, np.arange(60))
    other = ParetoFront(ways, rounding=rounding)
    for k, part in enumerate(np.array_split(rng.permutation(60), parts)):
        (found if k % 2 else other).update(rough[part], part)
    found.merge(other)
    index, values = found.finish()
    assert set(truth.finish()[0]) <= set(index)
    np.testing.assert_array_equal(values, rough[index])
    whole = ParetoFront(ways, rounding=rounding)
    whole.update(rough, np.arange(60))
    np.testing.assert_array_equal(whole.finish()[0], index)
    assert found.seen == 60
