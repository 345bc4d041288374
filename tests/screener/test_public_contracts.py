"""The public functions under any question: an answer that keeps its promises, or a refusal of one fact and a hint."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tiny_models import ELEMENTS, STANDING

from screener import CompositionSpace, FeatureSpec, Model, ScreenerError, score, screen
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import choose_device
from screener.elements import element_symbols
from screener.formula import atomic_to_weight, canonical_formula, parse_formula, weight_to_atomic

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SETS = ("kang21", "screen", "alloy")
SOME = ("Al", "Ti", "Cr", "Fe")

numbers = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0, 1e-320, 0.3, 0.95, 1.0, 1e38, 1e300, 5.0])
columns = st.sampled_from(
    [*STANDING, "Al", "density_g_cm3", "vec", "p_amorphous_logit", "is_amorphous", "rank", "nothing", "", "\x00"]
)
objectives = st.one_of(columns, st.builds("{}={}:{}".format, columns, numbers, numbers))
conditions = st.sampled_from(
    ["Al > 20", "is_amorphous", "hardness_gpa > 1/0", "vec < 5 or in_domain", "Al > Al", "1 > 0", "rank < 3", "\ud800"]
)
scores = st.sampled_from(
    ["hardness_gpa / vec", "ln(Al - 50)", "0/Al", "exp(1000 * Al)", "Al", "in_domain", "", "coalesce()"]
)
QUESTION = {
    "maximize": st.one_of(objectives, st.lists(objectives, max_size=3)),
    "minimize": st.lists(objectives, max_size=2),
    "rank_by": st.none() | scores,
    "where": st.none() | conditions,
    "pareto": st.booleans(),
    "top": st.sampled_from([-1, 0, 1, 3, 1000, 2**70, True, 2.0, None]),
    "tier": st.sampled_from(["auto", "screen", "characterize", "both"]),
    "recall": st.none() | numbers,
    "threshold": st.none() | numbers,
    "prior": st.none() | numbers,
    "conditions": st.none() | st.dictionaries(st.sampled_from(["load_n", "anneal_k", "nothing"]), numbers, max_size=2),
    "process": st.sampled_from([None, "ribbon", "film", "bulk", "oven"]),
    "with_descriptors": st.booleans(),
    "strict": st.booleans(),
}


def some_of(**asked: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """A few arguments; the others stay as they are."""
    return st.sets(st.sampled_from(sorted(asked)), max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: asked[name] for name in sorted(names)})
    )


def hold(frame: polars.DataFrame) -> None:
    """What every result promises."""
    assert frame["rank"].to_list() == sorted(frame["rank"]) or "row" in frame.columns
    assert frame["score"].is_nan().sum() == frame["score"].null_count() == 0
    for name in STANDING:
        assert frame[name].is_finite().all(), name
    assert frame["p_amorphous"].is_between(0, 1).all()
    for name in STANDING[1:]:
        assert (frame[f"{name}_low"] <= frame[f"{name}_high"]).all()
    for formula in frame["formula"]:
        parse_formula(formula)


def told(problem: ScreenerError) -> None:
    """What every refusal promises."""
    assert problem.message, problem
    assert problem.hint, problem.message
    assert not problem.message.endswith(".")


# --- screen -----------------------------------------------------------------------------------------------------------


@FEW
@given(
    asked=some_of(
        **QUESTION,
        sample=st.sampled_from([None, -1, 0, 1, 5, 10**6]),
        seed=st.sampled_from([-1, 0, 7, 2**63, 2**70]),
        units=st.sampled_from(["at", "wt", "mol"]),
        search=st.sampled_from(["auto", "exhaustive", "exact", "fast"]),
        time_limit=st.none() | numbers,
        diverse=st.none() | numbers,
        near=st.none() | numbers,
        max_candidates=st.sampled_from([0, 1, 10**9]),
        device=st.sampled_from(["cpu", "auto", "gpu", "cuda:x"]),
    )
)
def test_any_search_is_answered_or_refused(tiny_models: Path, asked: dict) -> None:
    space = CompositionSpace.build(SOME, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = screen(space, models=tiny_models, **{"device": "cpu", **asked})
        except ScreenerError as problem:
            told(problem)
            return
    hold(found)
    assert found.height <= (
        asked["top"] if isinstance(asked.get("top"), int) and not asked.get("pareto") else space.size
    )
    assert found["index"].n_unique() == found.height
    assert found["index"].is_between(0, space.size - 1).all()
    assert (found["score"].diff().fill_null(0.0) <= 0).all() or asked.get("pareto")
    np.testing.assert_allclose(found.select(SOME).sum_horizontal(), 100.0, atol=1e-3)


@settings(FEW, max_examples=15)
@given(
    column=st.sampled_from([*STANDING, "density_g_cm3"]),
    smaller=st.booleans(),
    top=st.integers(1, 30),
    components=st.sampled_from([None, "2", "2-3", "1-2"]),
    least=st.integers(0, 40),
)
def test_three_ways_of_searching_end_in_one_list(
    tiny_models: Path, column: str, smaller: bool, top: int, components: str | None, least: int
) -> None:
    """Exact, exhaustive, and the list of all candidates scored as a list."""
    space = CompositionSpace.build(SOME, 10, components, {"Al": (least, 60)})
    asked = {"minimize" if smaller else "maximize": column, "top": top, "tier": "screen", "models": tiny_models}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        every, exact = (screen(space, search=how, device="cpu", **asked) for how in ("exhaustive", "exact"))
        amounts = space.counts(np.arange(space.size)) * (100 / space.units)
        formulas = [canonical_formula(space.elements, row) for row in amounts]
        listed = score(polars.DataFrame({"formula": formulas}), device="cpu", **asked)
    assert every["index"].to_list() == exact["index"].to_list()
    assert every["formula"].to_list() == exact["formula"].to_list()
    # a list has its formulas rounded to four decimals, which moves near ties
    np.testing.assert_allclose(listed.sort("rank")["score"], every["score"], rtol=1e-4, atol=1e-4)


# --- score ------------------------------------------------------------------------------------------------------------

cells = st.one_of(
    st.sampled_from(["Cu50Zr50", "AlTi", "(CoCrFeNi)94Al6", "Ti-6Al-4V", "Fe70Cr20Ni10", "", "Xx", "\x00", "cu50zr50"]),
    st.text(max_size=6),
)
tables = st.one_of(
    st.lists(cells, max_size=6).map(
        lambda texts: polars.DataFrame({"formula": polars.Series(texts, dtype=polars.String)})
    ),
    st.lists(st.tuples(numbers | st.none(), numbers), max_size=6).map(
        lambda rows: polars.DataFrame(rows, schema={"Al": polars.Float64, "Ti": polars.Float64}, orient="row")
    ),
    st.lists(st.tuples(cells, numbers), max_size=4).map(
        lambda rows: polars.DataFrame(rows, schema={"alloy": polars.String, "load_n": polars.Float64}, orient="row")
    ),
    st.sampled_from([polars.DataFrame(), polars.DataFrame({"a": [1]}), polars.DataFrame({"formula": [[1]]})]),
)


@FEW
@given(
    table=tables,
    asked=some_of(
        **QUESTION,
        units=st.sampled_from([None, "at", "wt", "mol"]),
        composition_column=st.sampled_from([None, "formula", "nothing"]),
        with_elements=st.booleans(),
    ),
)
def test_any_list_is_answered_or_refused(tiny_models: Path, table: polars.DataFrame, asked: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = score(table, models=tiny_models, device="cpu", **asked)
        except ScreenerError as problem:
            told(problem)
            return
    hold(found)
    assert found.height <= table.height
    assert found["row"].is_between(1, table.height).all()
    assert found["row"].n_unique() == found.height


# --- models and descriptors -------------------------------------------------------------------------------------------


@FEW
@given(data=st.data(), rows=st.integers(1, 7), tier=st.sampled_from(["screen", "characterize"]))
def test_a_prediction_does_not_depend_on_its_neighbours(tiny_models: Path, data, rows: int, tier: str) -> None:
    shares = data.draw(st.lists(st.lists(st.integers(0, 50), min_size=8, max_size=8), min_size=rows, max_size=rows))
    fractions = np.array(shares, np.float64)
    fractions[:, 0] += 1e-6
    model = Model.load(tiny_models / tier / "hardness.onnx", choose_device("cpu"))
    features = featurize(fractions / fractions.sum(axis=1, keepdims=True), ELEMENTS, model.spec)
    together = model.predict(features)
    for name, values in together.items():
        assert values.shape == (rows,)
        assert np.isfinite(values).all()
        alone = np.concatenate([model.predict(features[k : k + 1])[name] for k in range(rows)])
        np.testing.assert_allclose(alone, values, rtol=1e-5, atol=1e-6)


@settings(FEW, max_examples=100)
@given(
    name=st.sampled_from(SETS),
    symbols=st.lists(st.sampled_from(element_symbols()), min_size=1, max_size=15, unique=True),
    data=st.data(),
)
def test_descriptors_of_any_alloy_are_finite_or_refused(name: str, symbols: list[str], data) -> None:
    spec = feature_spec(name)
    assert isinstance(spec, FeatureSpec)
    parts = np.array(
        [data.draw(st.lists(st.sampled_from([0.0, 1e-6, 1.0, 50.0]), min_size=len(symbols), max_size=len(symbols)))]
    )
    assume(parts.sum() > 0)
    try:
        features = featurize(parts / parts.sum(), symbols, spec)
    except ScreenerError as problem:
        told(problem)
        return
    assert features.shape == (1, len(spec.names))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@pytest.mark.parametrize("convert", [weight_to_atomic, atomic_to_weight])
@given(data=st.data())
@settings(FEW, max_examples=50)
def test_parts_of_any_scale_give_the_same_shares(convert, data) -> None:
    symbols = data.draw(st.lists(st.sampled_from(element_symbols()), min_size=1, max_size=6, unique=True))
    parts = np.array(data.draw(st.lists(st.floats(1e-3, 1e3), min_size=len(symbols), max_size=len(symbols))))
    shares = convert(parts, symbols)
    assert abs(shares.sum() - 1) < 1e-12
    np.testing.assert_allclose(convert(7.3 * parts, symbols), shares, rtol=1e-12)


# --- spaces -----------------------------------------------------------------------------------------------------------

hostile = st.one_of(
    st.text(max_size=20), st.sampled_from(["Al", "Al,Ti", "5", "0.1", "2-3", "Al=5:35", "Al+Ti=40:90", "nan"])
)


@settings(FEW, max_examples=200)
@given(
    elements=st.one_of(hostile, st.lists(hostile, max_size=3), st.just("Al,Ti,Cr")),
    step=hostile | numbers | st.integers(-5, 60),
    components=st.none() | hostile | st.integers(-1, 5) | st.tuples(st.integers(-1, 4), st.integers(-1, 4)),
    bounds=st.none() | hostile | st.dictionaries(hostile, st.one_of(hostile, st.tuples(numbers, numbers)), max_size=2),
    sums=st.none() | hostile | st.lists(hostile, max_size=2),
)
def test_any_space_is_built_or_refused(elements, step, components, bounds, sums) -> None:
    try:
        space = CompositionSpace.build(elements, step, components, bounds, sums)
    except ScreenerError as problem:
        told(problem)
        return
    assert space.size >= 1
    assert space.describe().endswith(("candidate", "candidates"))
