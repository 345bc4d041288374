"""Searches under any question: an answer that keeps its promises, or a refusal of one fact and a hint."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import polars
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import STANDING

from screener import CompositionSpace, ScreenerError, screen
from screener.formula import parse_formula

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOME = ("Al", "Ti", "Cr", "Fe")

numbers = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0, 1e-320, 0.3, 0.95, 1.0, 1e300, 5.0])
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
