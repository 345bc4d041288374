from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.measurements import (
    CRYSTAL,
    GLASS,
    PARTLY,
    labels,
    outcome,
    reports,
    table,
)
from training.curation import curate
from training.merging import CURATED_COLUMNS, Drop
from training.pooling import nearest_distance, pool_labels, vote, vote_on
from training.sources.collector import Conditions, Label
from training.sources.table import AMORPHOUS, COLUMNS, fractions_of

# laws


@settings(deadline=None, max_examples=40)
@given(reports)
def test_pooling_twice_changes_nothing(reported):
    once = pool_labels(table("one", reported).frame)
    again = pool_labels(once.frame.select(COLUMNS))
    columns = ["key", "system", "fractions", "value", "weight", "kind", "family", "source"]
    assert again.frame.sort("key").select(columns).equals(once.frame.sort("key").select(columns))
    assert again.tied == ()


ballots = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from([0.0, 1.0]), st.sampled_from([1.0, 0.5, 0.25])),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=200)
@given(ballots, st.randoms())
def test_votes_are_fair(cast, random):
    verdict = vote(cast)
    mixed = random.sample(cast, len(cast))
    assert vote(mixed) == verdict
    mirrored = vote([(source, 1.0 - label, trust) for source, label, trust in cast])
    assert mirrored.label == (None if verdict.label is None else 1.0 - verdict.label)
    assert mirrored.against == verdict.against
    assert vote(slow_repeat(cast)) == verdict


def slow_repeat(cast):
    """Say every ballot twice: a source does not gain votes by repeating itself."""
    return [ballot for ballot in cast for _ in range(2)]


@settings(deadline=None, max_examples=100)
@given(ballots)
def test_votes_agree_with_a_plain_count(cast):
    sides = Counter()
    best = {1.0: 0.0, 0.0: 0.0}
    for source in {b[0] for b in cast}:
        own = [(label, trust) for name, label, trust in cast if name == source]
        totals = {side: sum(t for label, t in own if label == side) for side in (0.0, 1.0)}
        if totals[0.0] != totals[1.0]:
            side = max(totals, key=lambda s: totals[s])
            trust = max(t for label, t in own if label == side)
            sides[side] += trust
            best[side] = max(best[side], trust)
    verdict = vote(cast)
    if sides[0.0] == sides[1.0]:
        assert verdict.label is None
    else:
        winner = max((0.0, 1.0), key=lambda s: sides[s])
        assert verdict.label == winner
        assert verdict.trust == best[winner]
        assert verdict.against == pytest.approx(min(sides[0.0], sides[1.0]) / (sides[0.0] + sides[1.0]))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 9))
def test_distances_agree_with_the_definition(seed, n, m):
    rng = np.random.default_rng(seed)
    left, right = rng.dirichlet(np.ones(4), n).reshape(n, 4), rng.dirichlet(np.ones(4), m).reshape(m, 4)
    expected = [min((0.5 * np.abs(row - other).sum() for other in right), default=np.inf) for row in left]
    assert nearest_distance(left, right).tolist() == pytest.approx(expected)


# labels


def test_a_majority_of_sources_decides_and_ties_are_dropped():
    agreed = [labels(s, ("Cu60Zr40", 1.0, GLASS), ("Ni", 1.0, GLASS)) for s in ("a", "b")]
    against = labels("c", ("Cu60Zr40", 0.0, CRYSTAL), ("Al50Ti50", 0.0, CRYSTAL))
    even = labels("d", ("Al50Ti50", 1.0, GLASS))
    curated = curate([*agreed, against, even])
    assert outcome(curated.frame) == {
        "Cu60Zr40": (1.0, "glass", 1.0, "a+b"),
        "Ni100": (1.0, "glass", 1.0, "a+b"),
    }
    row = curated.frame.filter(pl.col("key") == "Cu60Zr40")
    assert row.select("n_repeat", "spread").rows() == [(3, pytest.approx(1 / 3))]
    assert curated.report.tied == ("Al50Ti50",)
    assert curated.report.contradicted == ("Cu60Zr40",)
    assert curated.report.dropped == (
        Drop("c", AMORPHOUS, "outvoted", 1),
        Drop("c", AMORPHOUS, "votes are even", 1),
        Drop("d", AMORPHOUS, "votes are even", 1),
    )


def test_a_source_that_repeats_itself_has_one_vote():
    loud = labels("a", *[("Cu60Zr40", 1.0, GLASS)] * 5)
    rest = [labels(s, ("Cu60Zr40", 0.0, CRYSTAL)) for s in ("b", "c")]
    assert outcome(curate([loud, *rest]).frame) == {"Cu60Zr40": (0.0, "crystalline_literature", 1.0, "b+c")}


def test_partly_crystalline_is_said_where_anybody_says_it():
    curated = curate([labels("a", ("AlNi", 0.0, PARTLY, 0.5)), labels("b", ("AlNi", 0.0, CRYSTAL))])
    assert outcome(curated.frame) == {"Al50Ni50": (0.0, "partly_crystalline", 1.0, "a+b")}


def test_reports_come_before_added_crystals_before_inferred_labels():
    studied = labels("study", ("Cu60Zr40", 1.0, GLASS), ("Al90Ni10", 0.0, CRYSTAL), ("Fe80B20", 1.0, GLASS))
    added = labels(
        "steel",
        ("Cu60Zr40", 0.0, Label("crystalline_added", "compound")),
        ("Al90Ni10", 0.0, Label("crystalline_added", "compound")),
        ("Fe82B18", 0.0, Label("crystalline_added", "steel")),
        ("Fe84B16", 0.0, Label("crystalline_added", "steel")),
        ("Ti50V50", 0.0, Label("crystalline_added", "hea")),
        ("Ni65Zr35", 0.0, Label("crystalline_added", "compound")),
    )
    guessed = labels(
        "guess",
        ("Cu60Zr40", 0.0, Label("inferred"), 0.3),
        ("Fe84B16", 0.0, Label("inferred"), 0.3),
        ("Ni64Zr36", 1.0, Label("inferred"), 0.3),
    )
    curated = curate([guessed, added, studied])
    assert outcome(curated.frame) == {
        "Cu60Zr40": (1.0, "glass", 1.0, "study"),
        "Al90Ni10": (0.0, "crystalline_literature", 1.0, "study"),
        "B20Fe80": (1.0, "glass", 1.0, "study"),
        "B16Fe84": (0.0, "crystalline_added", 1.0, "steel"),
        "Ti50V50": (0.0, "crystalline_added", 1.0, "steel"),
        "Ni64Zr36": (1.0, "inferred", 0.3, "guess"),
    }
    families = dict(curated.frame.select("key", "family").rows())
    assert families["Al90Ni10"] == "compound"
    assert families["Cu60Zr40"] == ""
    assert curated.report.dropped == (
        Drop("guess", AMORPHOUS, "known to be crystalline", 1),
        Drop("guess", AMORPHOUS, "reported by a study of glass formation", 1),
        Drop("steel", AMORPHOUS, "closer than 3 at.% to a glass", 2),
        Drop("steel", AMORPHOUS, "reported by a study of glass formation", 2),
    )


def test_the_benchmark_does_not_vote_beside_its_own_source():
    handbook = labels("landolt_ternary", ("AlNi", 1.0, GLASS), ("AlNi", 0.0, CRYSTAL))
    benchmark = labels("matbench_glass", ("AlNi", 1.0, GLASS))
    both = curate([handbook, benchmark])
    assert both.report.tied == ("Al50Ni50",)
    assert Drop("matbench_glass", AMORPHOUS, "same reports as landolt_ternary", 1) in both.report.dropped
    assert outcome(curate([benchmark]).frame) == {"Al50Ni50": (1.0, "glass", 1.0, "matbench_glass")}


def test_diameters_and_routes_are_those_of_the_winning_side():
    def cast(source, value, route, dmax):
        label = Label("glass" if value else "crystalline_literature", dmax_mm=dmax)
        return table(source, [("CuZr", AMORPHOUS, value, 1.0, Conditions(process_route=route), label)])

    frame = curate([cast("a", 1.0, "bulk", 2.0), cast("b", 1.0, "unknown", 5.0), cast("c", 0.0, "film", None)]).frame
    assert frame.select("dmax_mm", "process_route").rows() == [(5.0, "bulk")]
    frame = curate([cast("a", 1.0, "bulk", 2.0), cast("b", 1.0, "ribbon", None)]).frame
    assert frame["process_route"].to_list() == ["unknown"]
    apart = curate([cast("a", 1.0, "bulk", 2.0), cast("b", 0.0, "ribbon", None)], by_route=True).frame
    assert apart.select("process_route", "value").rows() == [("bulk", 1.0), ("ribbon", 0.0)]


def test_own_labels_are_voted_on_as_labels():
    rows = [("AlTi", "is_ductile", v, 1.0, Conditions(), Label()) for v in (1.0, 1.0, 0.0)]
    rows += [("AlNi", "is_ductile", v, 1.0, Conditions(), Label()) for v in (1.0, 0.0)]
    curated = curate([table("mine", rows)], label_tasks=("is_ductile",))
    assert curated.frame.select("key", "value").rows() == [("Al50Ti50", 1.0)]
    assert curated.report.tied == ("Al50Ni50",)


def test_nothing_in_nothing_out():
    curated = curate([])
    assert curated.frame.columns == list(CURATED_COLUMNS)
    assert curated.frame.is_empty()
    assert vote_on(curated.frame.select(COLUMNS), ["key"]).frame.is_empty()


# the measured data themselves


@pytest.mark.data
def test_no_added_crystal_lies_near_a_glass(curated_data):
    amorphous = curated_data.frame.filter(pl.col("task") == AMORPHOUS)
    added = amorphous.filter(pl.col("kind").str.starts_with("crystalline_added"))
    glasses = amorphous.filter(pl.col("value") == 1.0)
    assert nearest_distance(fractions_of(added), fractions_of(glasses)).min() >= 0.03 - 1e-9


@pytest.mark.data
def test_the_benchmark_is_covered_by_the_pool(curated_data, loaded_sources):
    benchmark = loaded_sources["matbench_glass"].frame
    pooled = curated_data.frame.filter(pl.col("task") == AMORPHOUS).select("key", "value")
    missing = set(benchmark["key"]) - set(pooled["key"]) - set(curated_data.report.tied)
    assert missing == set()
    joined = benchmark.unique("key").join(pooled, on="key", suffix="_pool")
    assert (joined["value"] == joined["value_pool"]).mean() > 0.98
