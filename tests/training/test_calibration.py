from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.linear_model import LogisticRegression

from training.calibration import (
    MAX_SLOPE,
    MIN_SLOPE,
    conformal_quantile,
    cross_coverage,
    cross_flags,
    default_threshold,
    expit,
    logit,
    operating_curve,
    platt,
    residual_scores,
)


def drawn_labels(n, seed, slope=1.0, intercept=0.0):
    """Logits, and labels whose probability is σ(slope · logit + intercept)."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0.0, 3.0, n)
    return raw, (rng.random(n) < special.expit(slope * raw + intercept)).astype(np.float64)


@pytest.mark.parametrize(("n", "rank"), [(19, 18), (99, 90), (120, 109)])
def test_the_rank_of_the_conformal_score(n, rank):
    scores = np.random.default_rng(n).permutation(np.arange(1.0, n + 1.0))
    assert conformal_quantile(scores) == rank


def test_too_few_scores_give_no_quantile():
    assert conformal_quantile(np.arange(1.0, 10.0)) == 9.0
    with pytest.raises(ValueError, match="8 scores cannot give 90% coverage"):
        conformal_quantile(np.arange(8.0))


def test_intervals_cover_new_rows_as_promised():
    rng, alpha, m = np.random.default_rng(0), 0.1, 20_000
    covered = []
    for _ in range(60):
        half = conformal_quantile(np.abs(rng.standard_t(3, 400)))
        covered.append((np.abs(rng.standard_t(3, m)) <= half).mean())
    tolerance = 3.0 * math.sqrt(alpha * (1 - alpha) / 400 / 60)
    assert np.mean(covered) == pytest.approx(1 - alpha, abs=tolerance + 1 / 400)


@pytest.mark.parametrize("seed", range(6))
def test_coverage_of_exchangeable_folds(seed):
    rng, m = np.random.default_rng(seed), 4000
    scores, fold = rng.exponential(size=m), rng.integers(0, 5, m)
    # calibrated on 4/5 of the rows, scored on 1/5, five times
    assert cross_coverage(scores, fold) == pytest.approx(0.9, abs=3.0 * math.sqrt(0.09 / m) + 1 / m)


def test_coverage_of_a_fold_is_judged_by_the_others():
    scores = np.concatenate([np.full(50, 1.0), np.full(50, 2.0)])
    fold = np.repeat([0, 1], 50)
    assert cross_coverage(scores, fold) == 0.5


def test_residuals_of_both_rules():
    y, predicted = np.array([1.0, 4.0, 100.0]), np.array([2.0, 4.0, -5.0])
    assert residual_scores(y, predicted, "absolute").tolist() == [1.0, 0.0, 105.0]
    expected = [math.log(2.0), 0.0, math.log(100.0) - math.log(1e-3)]
    assert residual_scores(y, predicted, "relative") == pytest.approx(expected)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-700, 700), min_size=1, max_size=20))
def test_logistic_functions_are_scipys(values):
    z = np.array(values)
    assert expit(z) == pytest.approx(special.expit(z), rel=1e-12)
    inside = z[np.abs(z) < 20]
    assert logit(expit(inside)) == pytest.approx(inside, rel=1e-6, abs=1e-6)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 9999), st.floats(0.2, 3.0), st.floats(-2.0, 2.0))
def test_calibration_is_scikit_learns_regression_without_penalty(seed, slope, intercept):
    raw, label = drawn_labels(800, seed, slope, intercept)
    weight = np.random.default_rng(seed).uniform(0.2, 1.0, 800)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(raw[:, None], label, sample_weight=weight)
    found = platt(raw, label, weight)
    assert found == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=2e-3)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 9999), st.floats(-3.0, 3.0), st.integers(2, 200))
def test_calibration_is_strictly_increasing(seed, slope, n):
    raw, label = drawn_labels(n, seed, slope)
    label[:2] = 0.0, 1.0
    found, intercept = platt(raw, label, np.ones(n))
    assert found >= MIN_SLOPE
    assert math.isfinite(intercept)
    ordered = np.unique(raw)
    assert (np.diff(found * ordered + intercept) > 0).all()


def test_a_reversed_ranking_keeps_the_mean_right():
    raw, label = drawn_labels(4000, 1, slope=-2.0, intercept=1.0)
    slope, intercept = platt(raw, label, np.ones(4000))
    assert slope == MIN_SLOPE
    assert expit(slope * raw + intercept).mean() == pytest.approx(label.mean(), abs=1e-6)


def test_separable_labels_stay_finite():
    raw = np.array([-2.0, -1.0, 1.0, 2.0] * 10)
    slope, intercept = platt(raw, (raw > 0).astype(float), np.ones(40))
    assert slope > 1.0
    assert math.isfinite(slope + intercept)


marked = st.lists(
    st.tuples(st.integers(0, 100), st.booleans(), st.booleans()).map(lambda t: (t[0] / 100, t[1], t[2] and not t[1])),
    min_size=2,
    max_size=60,
)


@settings(deadline=None, max_examples=50)
@given(marked)
def test_the_operating_curve_by_counting(drawn):
    p, label, crystalline = (np.array(column) for column in zip(*drawn, strict=True))
    curve = operating_curve(p, label.astype(float), crystalline)
    assert [point.threshold for point in curve] == pytest.approx([k / 100 for k in range(1, 100)])
    counted = [row for row in drawn if row[2]] or [row for row in drawn if not row[1]]
    for point in curve[::7]:
        flagged = [row for row in drawn if row[0] >= point.threshold]
        hits = sum(row[1] for row in flagged)
        assert point.precision == pytest.approx(hits / max(1, len(flagged)))
        assert point.recall == pytest.approx(hits / max(1, sum(label)))
        kept = sum(row[0] < point.threshold for row in counted)
        assert point.specificity == pytest.approx(kept / max(1, len(counted)))
    recalls = [point.recall for point in curve]
    assert recalls == sorted(recalls, reverse=True)


def test_the_default_threshold_is_the_highest_that_keeps_the_recall():
    p = np.concatenate([np.linspace(0.40, 0.99, 100), np.linspace(0.01, 0.45, 100)])
    label = np.repeat([1.0, 0.0], 100)
    curve = operating_curve(p, label, label < 0.5)
    threshold, both = default_threshold(curve)
    keeps = [point for point in curve if point.recall >= 0.95]
    assert both
    assert threshold == max(point.threshold for point in keeps)
    assert next(point for point in curve if point.threshold == threshold).specificity >= 0.8


def test_the_balance_is_taken_where_both_cannot_be_had():
    rng = np.random.default_rng(0)
    p, label = rng.random(2000), (rng.random(2000) < 0.5).astype(float)
    curve = operating_curve(p, label, label < 0.5)
    threshold, both = default_threshold(curve)
    assert not both
    best = max(point.recall + point.specificity for point in curve)
    chosen = next(point for point in curve if point.threshold == threshold)
    assert chosen.recall + chosen.specificity == best


def test_flags_of_a_fold_do_not_depend_on_its_own_labels():
    raw, label = drawn_labels(1500, 3, 2.5, -0.5)
    fold = np.arange(1500) % 5
    every, none = np.ones(1500, bool), np.zeros(1500, bool)
    p, flagged = cross_flags(raw, label, np.ones(1500), fold, every, none)
    for k in range(5):
        changed = np.where(fold == k, 1.0 - label, label)
        other_p, other_flags = cross_flags(raw, changed, np.ones(1500), fold, every, none)
        assert (other_p[fold == k] == p[fold == k]).all()
        assert (other_flags[fold == k] == flagged[fold == k]).all()
    assert flagged[label > 0.5].mean() == pytest.approx(0.95, abs=0.02)
    assert p.mean() == pytest.approx(label.mean(), abs=0.03)


def test_the_best_likelihood_is_found_from_far_away():
    rng = np.random.default_rng(0)
    label = (rng.random(115) < 0.48).astype(float)
    raw = rng.normal(-3.0, 0.6, 115) + 0.4 * (label - 0.5)
    slope, intercept = platt(raw, label, np.ones(115))

    def gradient(weight):
        return weight @ (expit(slope * raw + intercept) - label)

    assert abs(gradient(np.ones(115))) < 1e-6
    assert abs(gradient(raw)) < 1e-5
    assert slope > MIN_SLOPE


def test_labels_that_a_threshold_parts_have_the_steepest_slope_allowed():
    raw = np.r_[np.linspace(-2.0, -1.0, 40), np.linspace(1.5, 2.5, 40)]
    slope, intercept = platt(raw, (raw > 0).astype(float), np.ones(80))
    assert 5.0 < slope <= MAX_SLOPE
    assert -1.0 < -intercept / slope < 1.5
