from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.diagnostics.enrichment import (
    bedroc,
    enrichment_factor,
    largest_enrichment,
    partial_auc,
    robust_initial_enhancement,
)

ranked = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40)


def library(ranks: list[int], n: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of n rows whose hits stand at some ranks, the first rank 1."""
    label = np.zeros(n)
    label[np.array(ranks) - 1] = 1.0
    return label, -np.arange(n, dtype=float)


@pytest.mark.parametrize(
    ("ranks", "rie", "expected"),
    [
        ([1, 2, 3, 4, 5], 12.642411, 1.0),
        ([96, 97, 98, 99, 100], 0.0, 0.0),
        ([1, 10, 20, 50, 90], 4.305961, 0.340596),
    ],
)
def test_golden_early_recognition(ranks, rie, expected):
    assert robust_initial_enhancement(*library(ranks)) == pytest.approx(rie, abs=1e-6)
    assert bedroc(*library(ranks)) == pytest.approx(expected, abs=1e-6)


def test_enrichment_by_hand():
    label, score = library([1, 10, 20, 50, 90])
    assert enrichment_factor(label, score, 0.1) == pytest.approx((2 / 10) / (5 / 100))
    assert enrichment_factor(label, score, 0.01) == pytest.approx(20.0)
    assert enrichment_factor(label, score, 1.0) == pytest.approx(1.0)
    assert largest_enrichment(label, 0.01) == pytest.approx(20.0)
    assert largest_enrichment(label, 0.1) == pytest.approx(10.0)


@settings(deadline=None, max_examples=40)
@given(ranked, st.sampled_from([0.05, 0.1, 0.33, 1.0]))
def test_ties_stand_for_the_mean_over_their_orders(drawn, share):
    label, score = np.array(drawn, float).T
    if not label.any():
        assert math.isnan(enrichment_factor(label, score, share))
        return
    rng, found, early = np.random.default_rng(0), [], []
    for _ in range(400):
        broken = score + 1e-3 * rng.random(len(score))
        found.append(enrichment_factor(label, broken, share))
        early.append(robust_initial_enhancement(label, broken))
    for exact, sampled in (
        (enrichment_factor(label, score, share), found),
        (robust_initial_enhancement(label, score), early),
    ):
        assert abs(exact - np.mean(sampled)) <= 5 * np.std(sampled) / 20 + 1e-9


@settings(deadline=None, max_examples=40)
@given(ranked)
def test_no_ranking_beats_the_perfect_one(drawn):
    label, score = np.array(drawn, float).T
    if label.all() or not label.any():
        assert math.isnan(bedroc(label, score))
        return
    assert 0.0 - 1e-9 <= bedroc(label, score) <= 1.0 + 1e-9
    assert bedroc(label, label) == pytest.approx(1.0)
    assert bedroc(label, -label) == pytest.approx(0.0, abs=1e-9)
    assert enrichment_factor(label, score) <= largest_enrichment(label) + 1e-9


def test_the_partial_area_by_hand():
    # Two false alarms of ten are allowed; one hit of two comes before all others, the other after one of them.
    label, score = library([1, 3], 12)
    area, chance = 0.1 * 0.5 + 0.1 * 1.0, 0.2**2 / 2
    assert partial_auc(label, score, 0.2) == pytest.approx(0.5 * (1 + (area - chance) / (0.2 - chance)))
    assert partial_auc(label, label, 0.2) == pytest.approx(1.0)
    assert math.isnan(partial_auc(np.zeros(3), np.arange(3.0)))


def test_a_library_without_hits_has_no_enhancement():
    assert math.isnan(robust_initial_enhancement(np.zeros(5), np.arange(5.0)))
