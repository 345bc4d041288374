"""Distance to the training alloys: how intervals widen with it, what is inside, and what is said of both."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import Notes
from tiny_models import BINS, LIMIT, TARGETS, TRAINING_ALLOYS

from screener import scoring as scoring_module
from screener.card import DistanceBin, ModelCard
from screener.domain import target_domain, training_distances, widened, within_limits
from screener.engine import BlockEngine
from screener.explain import explain
from screener.formula import parse_formula
from screener.formula_batch import dense_fractions, parse_formulas
from screener.jobs import Question, ScoreJob
from screener.outcome import Outcome
from screener.run_models import run_models
from screener.scoring import run_score

CARD = ModelCard("screen", TARGETS["hardness_gpa"], "screen", "", ("Al",), distance=BINS, domain_limit=LIMIT)
ALLOYS = ("Al20Ti30Cr50", "Al25Ti30Cr45", "Al88Ni8Ti4", "Al75Ni25", "Ti", "Ti50Zr50", "CoCrFeNi", "Cr70Fe20Al10")
SYMBOLS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr")


def columns(value: float, low: float, high: float, rows: int = 1) -> dict[str, np.ndarray]:
    """One predicted interval, over and over."""
    return {f"hardness_gpa{end}": np.full(rows, v) for end, v in (("", value), ("_low", low), ("_high", high))}


def limits(card: ModelCard, given: dict[str, np.ndarray], distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = widened(card, given, distance)
    return found["hardness_gpa_low"], found["hardness_gpa_high"]


# --- widening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["relative", "absolute", ""])
@given(value=st.floats(0.01, 500), half=st.floats(0.01, 1.5), data=st.data())
@settings(deadline=None, max_examples=40)
def test_an_interval_widens_with_distance_and_holds_that_of_the_graph(rule, value, half, data) -> None:
    factors = sorted(data.draw(st.lists(st.floats(1, 4), min_size=3, max_size=3)))
    bins = tuple(replace(each, widening=factor) for each, factor in zip(BINS, factors, strict=True))
    card = replace(CARD, interval_rule=rule, interval_floor=0.0, distance=bins)
    low, high = (
        (max(0.0, value - half), value + half)
        if rule == "absolute"
        else (value / math.exp(half), value * math.exp(half))
    )
    distance = np.array([0.0, 5.0, 5.0001, 20.0, 20.0001, 99.0])
    below, above = limits(card, columns(value, low, high, 6), distance)
    assert (below <= low * (1 + 1e-12)).all()
    assert (above >= high * (1 - 1e-12)).all()
    assert (np.diff(below) <= 1e-12 * value).all()
    assert (np.diff(above) >= -1e-12 * value).all()
    assert (below >= 0).all()
    for place, factor in enumerate(np.repeat(factors, 2)):
        if rule == "absolute":
            expected = max(0.0, value - factor * half), value + factor * half
        else:
            expected = value * (low / value) ** factor, value * (high / value) ** factor
        np.testing.assert_allclose((below[place], above[place]), expected, rtol=1e-9, atol=1e-9)


def test_a_floor_keeps_its_place_and_the_upper_limit_tells_the_width() -> None:
    card = replace(CARD, interval_rule="absolute", interval_floor=0.0)
    below, above = limits(card, columns(1.0, 0.0, 3.0), np.array([50.0]))
    assert (below[0], above[0]) == (0.0, 6.0)
    below, above = limits(replace(card, interval_floor=None), columns(1.0, -1.0, 3.0), np.array([50.0]))
    assert (below[0], above[0]) == (-4.0, 6.0)


def test_the_rule_is_told_from_the_numbers_where_the_card_is_silent() -> None:
    far = np.array([50.0])
    assert limits(CARD, columns(4.0, 2.0, 8.0), far) == limits(
        replace(CARD, interval_rule="relative"), columns(4.0, 2.0, 8.0), far
    )
    assert limits(CARD, columns(4.0, 2.0, 6.0), far) == (-1.0, 9.0)
    given = columns(np.float32(4.1), np.float32(4.1) / np.float32(1.7), np.float32(4.1) * np.float32(1.7))
    np.testing.assert_allclose(np.ravel(limits(CARD, given, far)), [4.1 / 1.7**2.5, 4.1 * 1.7**2.5], rtol=1e-5)


def test_an_interval_of_a_value_of_nothing_stays() -> None:
    card = replace(CARD, interval_rule="relative")
    assert limits(card, columns(0.0, 0.0, 0.0), np.array([50.0])) == (0.0, 0.0)


def test_factors_below_one_narrow_and_one_changes_no_bit() -> None:
    given = columns(4.1, 4.1 / 1.7, 4.1 * 1.7)
    one = replace(CARD, distance=(DistanceBin(100.0, 5, 1.0, 1.0),))
    assert limits(one, given, np.array([9.0])) == (given["hardness_gpa_low"], given["hardness_gpa_high"])
    below, above = limits(replace(CARD, distance=(DistanceBin(100.0, 5, 1.0, 0.5),)), given, np.array([9.0]))
    assert given["hardness_gpa_low"] < below < above < given["hardness_gpa_high"]


def test_classifiers_and_cards_without_bins_have_nothing_to_widen() -> None:
    assert widened(replace(CARD, distance=()), columns(4.0, 2.0, 8.0), np.array([50.0])) == {}
    glass = replace(CARD, target=TARGETS["p_amorphous"])
    assert widened(glass, {"p_amorphous": np.array([0.5])}, np.array([50.0])) == {}


# --- the domain -------------------------------------------------------------------------------------------------------


def test_a_bin_and_the_limit_include_their_ends() -> None:
    assert target_domain(CARD, 5.0).held_out == BINS[0]
    assert target_domain(CARD, 5.0001).held_out == BINS[1]
    assert target_domain(CARD, 100.0).held_out == BINS[2]
    assert [target_domain(CARD, d).inside for d in (0.0, LIMIT, LIMIT + 0.0001)] == [True, True, False]
    silent = target_domain(replace(CARD, distance=(), domain_limit=None), 80.0)
    assert (silent.inside, silent.held_out) == (True, None)
    assert silent.as_json() == {
        "nearest_distance": 80.0, "limit": None, "inside": True,
        "held_out_error": None, "held_out_rows": None, "widening": 1.0,
    }  # fmt: skip
    unknown = replace(CARD, distance=(DistanceBin(100.0, 0, math.nan, 2.0),))
    assert target_domain(unknown, 3.0).as_json()["held_out_error"] is None


def test_every_target_with_a_limit_must_hold() -> None:
    cards = {"a": CARD, "b": replace(CARD, domain_limit=10.0), "c": replace(CARD, domain_limit=None)}
    near, far = np.array([0.0, 10.0, 15.0]), np.array([0.0, 90.0, 0.0])
    assert within_limits(cards, {"a": near, "b": near, "c": far}).tolist() == [True, True, False]
    assert within_limits({"c": cards["c"]}, {"c": far}).tolist() == [True]
    assert within_limits({}, {}).tolist() == [True]


# --- results ----------------------------------------------------------------------------------------------------------


def slow_distance(fractions: np.ndarray, held: list[str]) -> float:
    """Distance to the nearest of some formulas, at.%."""
    training = dense_fractions(parse_formulas(polars.Series(held)), SYMBOLS)
    return min(50.0 * np.abs(fractions - row).sum() for row in training)


HELD = {
    "p_amorphous": list(TRAINING_ALLOYS),
    "hardness_gpa": [text for text in TRAINING_ALLOYS if "Cu" not in text],
    "resistivity_uohm_cm": list(TRAINING_ALLOYS[::2]),
}


def scored(folder: Path, texts: tuple[str, ...] = ALLOYS, question: Question | None = None) -> Outcome:
    table = polars.DataFrame({"alloy": texts})
    return run_score(ScoreJob(table, question or Question(), models=folder), Notes())


@pytest.mark.parametrize("tier", ["auto", "screen", "characterize"])
def test_reported_intervals_are_those_of_the_graph_widened_by_the_targets_own_distance(trusted_models, tier) -> None:
    frame = scored(trusted_models, question=Question(tier=tier)).frame
    fractions = dense_fractions(parse_formulas(polars.Series(ALLOYS)), SYMBOLS)
    with run_models(Question(tier=tier), trusted_models, "cpu") as models:
        graph = BlockEngine(models.tiers()[0], SYMBOLS, models.tiers()[0].columns).columns_of(fractions)
        index = models.precise().index
    inside = np.ones(len(ALLOYS), bool)
    for target, held in HELD.items():
        distance = np.array([slow_distance(row, held) for row in fractions])
        np.testing.assert_allclose(training_distances(index, fractions, SYMBOLS, [target])[target], distance, atol=1e-4)
        inside &= (distance <= LIMIT) | (target == "hardness_gpa")  # whose card states no limit
        if target == "p_amorphous":
            continue
        factor = np.array([next(b.widening for b in BINS if d <= b.upto) for d in distance])
        value, low, high = (graph[f"{target}{end}"].astype(float) for end in ("", "_low", "_high"))
        if target == "hardness_gpa":
            expected = np.maximum(0.0, value - factor * (high - value)), value + factor * (high - value)
        else:
            expected = value * (low / value) ** factor, value * (high / value) ** factor
        np.testing.assert_allclose(frame[f"{target}_low"], expected[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(frame[f"{target}_high"], expected[1], rtol=1e-4)
        assert len(set(factor)) > 1
    assert frame["in_domain"].to_list() == inside.tolist()
    assert 0 < inside.sum() < len(ALLOYS)


def test_elements_still_count(trusted_models) -> None:
    frame = scored(trusted_models, ("Ti", "Ti99Nb1", "Ti99Cu1")).frame
    assert frame["in_domain"].to_list() == [True, False, False]


def test_long_lists_keep_the_intervals_of_the_graph_and_say_so(trusted_models, monkeypatch) -> None:
    near = (
        "in_domain: elements, and distance to the training alloys of every target, with which intervals widen (--where"
    )
    assert any(line.startswith(near) for line in scored(trusted_models).summary.lines)
    monkeypatch.setattr(scoring_module, "CHARACTERIZE_UP_TO", 3)
    outcome = scored(trusted_models)
    fractions = dense_fractions(parse_formulas(polars.Series(ALLOYS)), SYMBOLS)
    with run_models(Question(), trusted_models, "cpu") as models:
        graph = BlockEngine(models.search, SYMBOLS, models.search.columns).columns_of(fractions)
    for name in ("hardness_gpa_low", "hardness_gpa_high", "resistivity_uohm_cm_low", "resistivity_uohm_cm_high"):
        np.testing.assert_allclose(outcome.frame[name], graph[name], rtol=1e-4, atol=1e-5)
    assert outcome.frame["in_domain"].to_list() == [True] * len(ALLOYS)
    assert sum(line.startswith("in_domain: elements only") for line in outcome.summary.lines) == 1


def test_models_that_state_no_distance_say_so(tiny_models) -> None:
    lines = scored(tiny_models).summary.lines
    assert lines[-1] == (
        "in_domain: elements only, and intervals as near the training alloys: the models state no distance"
    )


# --- explain ----------------------------------------------------------------------------------------------------------


def test_explain_says_what_score_reports_and_why(trusted_models) -> None:
    row = scored(trusted_models, ("Al75Ni25",)).frame.to_dicts()[0]
    with run_models(Question(), trusted_models, "cpu") as models:
        explanation = explain("Al75Ni25", parse_formula("Al75Ni25"), models)
        lines = list(explanation.lines(models))
    said = json.loads(json.dumps(explanation.as_json()))
    for name in ("hardness_gpa_low", "hardness_gpa_high", "resistivity_uohm_cm_low", "resistivity_uohm_cm_high"):
        assert said["predictions"]["characterize"][name] == pytest.approx(row[name], rel=1e-6)
    assert (said["in_domain"], row["in_domain"]) == (False, False)
    assert list(said["domain"]) == ["p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa"]
    assert said["domain"]["resistivity_uohm_cm"] == {
        "nearest_distance": 75.0, "limit": LIMIT, "inside": False,
        "held_out_error": 2.0, "held_out_rows": 9, "widening": 2.5,
    }  # fmt: skip
    assert said["domain"]["hardness_gpa"]["nearest_distance"] == 17.0
    assert "outside the domain" in lines
    for part in (
        "  resistivity_uohm_cm: nearest training alloy 75 at.% away, outside the limit of 20",
        "    held-out error at that distance: 2 µΩ cm, from 9 rows, interval times 2.5",
        "  hardness_gpa: nearest training alloy 17 at.% away, no limit stated",
        "    held-out error at that distance: 0.9 GPa, from 80 rows, interval times 1.5",
        "  p_amorphous: nearest training alloy 17 at.% away, inside the limit of 20",
    ):
        assert part in lines
