from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.invented_tasks import invented_rows
from training.calibration import conformal_quantile
from training.intervals import (
    UPTO,
    Residuals,
    bins_of,
    cross_intervals,
    distance_bins,
    domain_limit,
    half_widths,
    joined,
    training_distance,
)


def residuals(score, distance, fold=None, plain=None):
    """Held-out rows with given scores and distances."""
    score, distance = np.asarray(score, float), np.asarray(distance, float)
    fold = np.arange(len(score)) % 5 if fold is None else fold
    return Residuals(score, score, np.full(len(score), np.inf) if plain is None else plain, distance, fold)


def test_every_bin_has_its_own_quantile():
    rng = np.random.default_rng(0)
    score, distance = np.abs(rng.normal(size=400)), np.repeat([3.0, 25.0], 200)
    score[200:] *= 3
    width = half_widths(score, distance)
    near, far = bins_of(np.array([3.0, 25.0]))
    assert width[near] == pytest.approx(conformal_quantile(score[:200]))
    assert width[far] == pytest.approx(conformal_quantile(score[200:]))
    assert (width[:near] == width[near]).all()


def test_bins_with_few_rows_take_the_width_over_all():
    score, distance = np.linspace(0, 1, 120), np.r_[np.full(100, 3.0), np.full(20, 50.0)]
    width = half_widths(score, distance)
    assert width[bins_of(np.array([50.0]))[0]] == pytest.approx(conformal_quantile(score))


@settings(deadline=None, max_examples=60)
@given(st.integers(60, 300), st.integers(0, 10_000))
def test_widths_never_shrink_with_distance(n, seed):
    rng = np.random.default_rng(seed)
    width = half_widths(rng.exponential(size=n), rng.uniform(0, 100, n))
    assert (np.diff(width) >= 0).all()
    assert np.isfinite(width).all()


@pytest.mark.parametrize("seed", range(3))
def test_coverage_of_exchangeable_rows(seed):
    rng, n = np.random.default_rng(seed), 4000
    distance = rng.choice([0.5, 8.0, 35.0], n)
    score = np.abs(rng.normal(size=n)) * (1 + distance)
    rows = residuals(score, distance, rng.integers(0, 5, n))
    coverage, _ = cross_intervals(rows, None, rows)
    assert abs(coverage - 0.9) <= 3 * math.sqrt(0.09 / n) + 0.005
    for d in (0.5, 8.0, 35.0):
        new = np.abs(rng.normal(size=n)) * (1 + d)
        covered = (new <= half_widths(score, distance)[bins_of(np.array([d]))[0]]).mean()
        assert abs(covered - 0.9) <= 0.03


def test_the_rows_that_are_scored_never_settle_their_interval():
    score = np.r_[np.full(100, 1.0), np.full(100, 9.0)]
    rows = residuals(score, np.full(200, 3.0), np.repeat([0, 1], 100))
    coverage, mean = cross_intervals(rows, None, rows)
    assert coverage == 0.5  # each half is judged by the other
    assert mean == pytest.approx(5.0)


def test_near_bins_come_from_rows_held_out_at_random():
    grouped = residuals(np.full(100, 5.0), np.full(100, 12.0))
    random = residuals(np.r_[np.full(80, 1.0), np.full(80, 2.0)], np.r_[np.full(80, 0.2), np.full(80, 12.0)])
    score, distance = joined(grouped, random)
    assert len(score) == 180
    assert set(score[distance == 12.0]) == {5.0}
    assert half_widths(score, distance)[0] == pytest.approx(1.0)
    assert joined(grouped, None)[0] is grouped.score


def test_distance_is_to_rows_outside_the_fold():
    rows = invented_rows(n=84)
    fold = np.arange(84) % 2
    found = training_distance(rows, fold)
    for k in (0, 5, 50):
        others = rows.fractions[(fold != fold[k])]
        assert found[k] == pytest.approx(50 * np.abs(others - rows.fractions[k]).sum(axis=1).min(), abs=0.11)
    twice = rows.take(np.repeat(np.arange(84), 2))
    assert training_distance(twice, np.tile([0, 1], 84)).max() < 0.11
    unmeasured = replace(twice, measured=~((np.arange(168) % 2 == 1) & (np.arange(168) < 84)))
    distance = training_distance(unmeasured, np.tile([0, 1], 84))
    assert distance[:84:2].max() > 1.0
    assert distance[84::2].max() < 0.11


def test_the_table_by_distance():
    rows = residuals(np.r_[np.full(60, 2.0), np.full(60, 6.0)], np.r_[np.full(60, 0.5), np.full(60, 7.0)])
    table = distance_bins(rows, np.linspace(1, 10, len(UPTO)), 2.0)
    assert [each.upto for each in table] == list(UPTO)
    assert (table[0].rows, table[0].error, table[0].widening) == (60, 2.0, 0.5)
    assert (table[3].rows, table[3].error) == (60, 6.0)
    assert table[5].rows == 0
    assert math.isnan(table[5].error)


def test_bins_with_few_rows_are_judged_together():
    distance = np.repeat([0.5, 1.5, 4.0, 18.0], [20, 20, 20, 60])
    error = np.repeat([1.0, 1.0, 1.0, 5.0], [20, 20, 20, 60])
    assert domain_limit(residuals(error, distance, plain=np.full(120, 4.0))) == 5.0
    assert domain_limit(residuals(error, distance, plain=np.full(120, 9.0))) == 18.0
    near = np.repeat([50.0, 1.0], [49, 71])  # too few for themselves, and too bad for all
    assert domain_limit(residuals(near, np.repeat([0.5, 1.5], [49, 71]), plain=np.full(120, 9.0))) == 1.0
    few = residuals(np.ones(33), np.repeat([4.0, 28.0, 44.0], 11), plain=np.full(33, 2.0))
    assert domain_limit(few) == 44.0
    assert domain_limit(residuals(np.ones(33), np.full(33, 4.0), plain=np.full(33, 0.5))) == 1.0


def test_the_line_is_drawn_where_a_constant_does_as_well():
    distance = np.repeat([0.5, 4.0, 18.0, 55.0], 60)
    error = np.repeat([1.0, 2.0, 5.0, 1.0], 60)
    assert domain_limit(residuals(error, distance, plain=np.full(240, 4.0))) == 5.0
    assert domain_limit(residuals(error, distance, plain=np.full(240, 9.0))) == 55.0
    assert domain_limit(residuals(error, distance, plain=np.full(240, 0.5))) == 1.0
