from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from training.metrics import classification_scores, pooled, r_squared, regression_scores

numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=60)
marked = st.lists(st.tuples(st.booleans(), st.sampled_from([k / 16 for k in range(17)])), min_size=2, max_size=60)


@settings(deadline=None, max_examples=100)
@given(pairs)
def test_regression_scores_are_scikit_learns(drawn):
    y, predicted = np.array(drawn).T
    assume(np.ptp(y) > 1e-3)
    found = regression_scores(y, predicted)
    assert found["r2"] == pytest.approx(metrics.r2_score(y, predicted), rel=1e-6, abs=1e-6)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, predicted))
    assert found["rmse"] == pytest.approx(math.sqrt(metrics.mean_squared_error(y, predicted)))
    assert ("r2_log" in found) == bool((y > 0).all())


def test_logarithms_of_positive_values():
    y, predicted = np.array([1.0, 2.0, 8.0]), np.array([1.5, 2.5, -3.0])
    expected = metrics.r2_score(np.log(y), np.log([1.5, 2.5, 1e-3]))
    assert regression_scores(y, predicted)["r2_log"] == pytest.approx(expected)


def test_a_constant_has_no_r2():
    assert math.isnan(r_squared(np.full(5, 2.0), np.arange(5.0)))
    assert r_squared(np.arange(4.0), np.arange(4.0)) == 1.0


@settings(deadline=None, max_examples=100)
@given(marked, st.sampled_from([0.25, 0.5, 0.75]))
def test_classification_scores_are_scikit_learns(drawn, threshold):
    label, p = (np.array(column, np.float64) for column in zip(*drawn, strict=True))
    assume(0 < label.sum() < len(label))
    found, flagged = classification_scores(label, p, threshold), p >= threshold
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(label, p))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, p))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(label, p))
    assert found["precision"] == pytest.approx(metrics.precision_score(label, flagged, zero_division=0))
    assert found["recall"] == pytest.approx(metrics.recall_score(label, flagged))
    assert found["specificity"] == pytest.approx(metrics.recall_score(1 - label, ~flagged))
    assert found["f1"] == pytest.approx(metrics.f1_score(label, flagged))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(label, flagged))


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_areas(label):
    found = classification_scores(np.full(4, label), np.array([0.1, 0.4, 0.6, 0.9]))
    assert math.isnan(found["pr_auc"])
    assert math.isnan(found["roc_auc"])
    assert found["recall"] == 0.5 * label
    assert found["specificity"] == 0.5 * (1 - label)


@settings(deadline=None, max_examples=50)
@given(marked, st.randoms())
def test_scores_do_not_depend_on_the_order_of_rows(drawn, random):
    label, p = (np.array(column, np.float64) for column in zip(*drawn, strict=True))
    order = random.sample(range(len(label)), len(label))
    first, second = classification_scores(label, p), classification_scores(label[order], p[order])
    assert first == pytest.approx(second, nan_ok=True)
    assert regression_scores(label, p) == pytest.approx(regression_scores(label[order], p[order]), nan_ok=True)


def test_pooling_gives_mean_and_spread():
    assert pooled([{"mae": 1.0}, {"mae": 3.0}]) == {"mae": (2.0, 1.0)}
    assert pooled([{"mae": 1.0}]) == {"mae": (1.0, 0.0)}


def test_precision_recall_and_f1_of_published_tables():
    # Kang 2025, doi:10.48550/arXiv.2512.22740: F1 and recall of its table leave one precision
    for f1, recall, precision in ((0.703, 0.617, 0.8169), (0.744, 0.722, 0.7674), (0.702, 0.670, 0.7372)):
        positives, hits = 10_000, round(10_000 * recall)
        false = round(hits / precision - hits)
        label = np.repeat([1.0, 1.0, 0.0], [hits, positives - hits, false])
        p = np.repeat([0.9, 0.1, 0.9], [hits, positives - hits, false])
        assert classification_scores(label, p)["f1"] == pytest.approx(f1, abs=2e-4)
