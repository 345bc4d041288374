from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.comparison import better, compare_folds, corrected_paired_test

GOLDEN = (0.02, 0.015, 0.03, 0.01, 0.025)
differences = st.lists(st.integers(-1000, 1000).map(lambda k: k / 1000), min_size=2, max_size=12)
ratios = st.sampled_from([0.0, 0.25, 0.15 / 0.70, 1.0])


def test_golden_values_of_the_corrected_and_the_naive_test():
    corrected = corrected_paired_test(GOLDEN, 0.15 / 0.70)
    assert corrected.t == pytest.approx(3.930429, abs=1e-6)
    assert 2 * corrected.p == pytest.approx(0.017097, abs=1e-6)
    naive = corrected_paired_test(GOLDEN, 0.0)
    assert naive.t == pytest.approx(5.656854, abs=1e-6)
    assert 2 * naive.p == pytest.approx(0.004813, abs=1e-6)
    assert corrected.mean == naive.mean == pytest.approx(0.02, abs=1e-12)


def test_five_folds_inflate_the_naive_statistic_by_half():
    naive, corrected = corrected_paired_test(GOLDEN, 0.0), compare_folds(GOLDEN, [0.0] * 5)
    assert naive.t / corrected.t == pytest.approx(1.5)
    assert (naive.high - naive.low) * 1.5 == pytest.approx(corrected.high - corrected.low)


def test_the_interval_is_that_of_four_degrees_of_freedom():
    test = corrected_paired_test(GOLDEN, 0.25)
    error = test.mean / test.t
    assert (test.high - test.mean) / error == pytest.approx(2.776445, abs=1e-6)
    assert (test.mean - test.low) / error == pytest.approx(2.776445, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(differences, ratios)
def test_exchanging_the_models_turns_the_sign(values, ratio):
    one, other = corrected_paired_test(values, ratio), corrected_paired_test([-v for v in values], ratio)
    assert one.mean == -other.mean
    assert one.t == -other.t
    assert one.p + other.p == pytest.approx(1.0)
    assert (one.low, one.high) == (-other.high, -other.low)
    assert not (better(one) and better(other))


@settings(deadline=None, max_examples=60)
@given(differences, ratios, st.sampled_from([0.5, 2.0, 8.0]))
def test_the_unit_of_the_score_does_not_matter(values, ratio, unit):
    one, other = corrected_paired_test(values, ratio), corrected_paired_test([unit * v for v in values], ratio)
    assert other.t == pytest.approx(one.t)
    assert other.p == pytest.approx(one.p)


@settings(deadline=None, max_examples=60)
@given(differences)
def test_a_larger_share_of_test_rows_never_makes_a_difference_surer(values):
    sure, unsure = corrected_paired_test(values, 0.25), corrected_paired_test(values, 0.5)
    assert abs(unsure.t) <= abs(sure.t)
    assert unsure.low <= sure.low <= sure.high <= unsure.high


def test_lower_scores_may_be_the_better_ones():
    new, old = [1.0, 1.2, 0.9, 1.1, 1.0], [1.3, 1.4, 1.3, 1.4, 1.2]
    assert compare_folds(new, old, higher_is_better=False) == compare_folds(old, new)
    assert better(compare_folds(new, old, higher_is_better=False))
    assert not better(compare_folds(new, old))


def test_one_difference_in_every_fold_is_certain_and_none_is_nothing():
    above = corrected_paired_test([0.1] * 5, 0.25)
    assert (above.t, above.p, above.low, above.high) == (math.inf, 0.0, above.mean, above.mean)
    below = corrected_paired_test([-0.1] * 5, 0.25)
    assert (below.t, below.p) == (-math.inf, 1.0)
    same = corrected_paired_test([0.0] * 5, 0.25)
    assert (same.mean, same.t, same.p) == (0.0, 0.0, 0.5)
    assert not better(same)


@pytest.mark.parametrize(
    ("values", "ratio"),
    [([], 0.25), ([0.1], 0.25), ([0.1, math.nan], 0.25), ([0.1, math.inf], 0.25), ([1, 2], -1), ([1, 2], math.nan)],
)
def test_what_cannot_be_tested_is_refused(values, ratio):
    with pytest.raises(ValueError, match="two finite differences"):
        corrected_paired_test(values, ratio)


def test_other_numbers_of_folds_cannot_be_paired():
    with pytest.raises(ValueError, match="5 and 4 folds"):
        compare_folds([0.1] * 5, [0.1] * 4)
