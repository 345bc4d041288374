from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from screener.errors import InputError
from training.diagnostics.screening import (
    calibration_error,
    confusion,
    confusion_at_precision,
    confusions,
    log_loss,
    matched_confusions,
    precision_at_recall,
    precision_from_f1,
    screening_scores,
)
from training.diagnostics.temperature import cooled, temperature
from training.diagnostics.thresholds import (
    cost_threshold,
    f_beta_threshold,
    lower_bound,
    precision_threshold,
    threshold_by,
)
from training.metrics import classification_scores

marked = st.lists(st.tuples(st.booleans(), st.sampled_from([k / 16 for k in range(17)])), min_size=2, max_size=50)


def arrays(drawn) -> tuple[np.ndarray, np.ndarray]:
    label, score = np.array(drawn, float).T
    return label, score


@pytest.mark.parametrize(
    ("f1", "recall", "precision"), [(0.703, 0.617, 0.8169), (0.744, 0.722, 0.7674), (0.702, 0.670, 0.7372)]
)
def test_golden_precision_from_f1_and_recall(f1, recall, precision):
    assert precision_from_f1(f1, recall) == pytest.approx(precision, abs=5e-5)


def test_impossible_f1_is_refused():
    with pytest.raises(ValueError, match="not possible"):
        precision_from_f1(0.9, 0.5)


@settings(deadline=None, max_examples=60)
@given(marked)
def test_every_threshold_counts_what_flagging_counts(drawn):
    label, score = arrays(drawn)
    points = confusions(label, score)
    assert [p.threshold for p in points[1:]] == sorted(set(score), reverse=True)
    for point in points:
        assert point == confusion(label, score, point.threshold)
        assert point.hits + point.false_alarms + point.missed + point.passed == len(label)


@settings(deadline=None, max_examples=60)
@given(marked, st.sampled_from([0.5, 0.8, 1.0]))
def test_recall_at_precision_is_the_best_of_the_curve(drawn, level):
    label, score = arrays(drawn)
    if not label.any():
        return
    precision, recall, _ = metrics.precision_recall_curve(label, score)
    best = max(r for p, r in zip(precision, recall, strict=True) if p >= level - 1e-12)
    assert confusion_at_precision(label, score, level).recall == pytest.approx(best)
    reached = [p for p, r in zip(precision, recall, strict=True) if r >= level - 1e-12]
    assert precision_at_recall(label, score, level) == pytest.approx(max(reached))


@settings(deadline=None, max_examples=60)
@given(marked, st.sampled_from([1.0, 2.0, 0.5]), st.sampled_from([0.25, 0.5, 0.75]))
def test_f_is_scikit_learns(drawn, beta, threshold):
    label, score = arrays(drawn)
    expected = metrics.fbeta_score(label, score >= threshold, beta=beta, zero_division=0.0)
    assert confusion(label, score, threshold).f(beta) == pytest.approx(expected)


def test_matched_precision_takes_a_moved_threshold_out():
    rng = np.random.default_rng(0)
    label = (rng.random(400) < 0.3).astype(float)
    logit = 2.0 * label + rng.normal(size=400)
    bolder = logit + 1.5
    plain, bold = (1 / (1 + np.exp(-v)) for v in (logit - 1, bolder - 1))
    assert confusion(label, bold, 0.5).recall > confusion(label, plain, 0.5).recall + 0.1
    found = matched_confusions(label, {"plain": plain, "bold": bold}, 0.7)
    assert found["plain"].recall == found["bold"].recall
    assert found["plain"].threshold < found["bold"].threshold


def test_an_unreachable_precision_flags_nothing():
    point = confusion_at_precision(np.array([0.0, 1.0]), np.array([0.9, 0.1]), 0.8)
    assert (point.threshold, point.hits, point.missed) == (math.inf, 0, 1)
    assert math.isnan(point.precision)
    assert math.isnan(confusion(np.zeros(2), np.zeros(2), 0.5).recall)
    assert math.isnan(precision_at_recall(np.zeros(2), np.arange(2.0)))


@settings(deadline=None, max_examples=40)
@given(marked)
def test_log_loss_is_scikit_learns(drawn):
    label, score = arrays(drawn)
    p = np.clip(score, 0.01, 0.99)
    assert log_loss(label, p) == pytest.approx(metrics.log_loss(label, p, labels=[0, 1]))
    assert math.isfinite(log_loss(label, score))


@settings(deadline=None, max_examples=40)
@given(marked, st.randoms(use_true_random=False))
def test_calibration_error_does_not_depend_on_the_order_of_rows(drawn, random):
    label, p = arrays(drawn)
    order = random.sample(range(len(label)), len(label))
    assert calibration_error(label[order], p[order]) == pytest.approx(calibration_error(label, p))
    assert 0.0 <= calibration_error(label, p) <= 1.0
    assert calibration_error(label, label) == 0.0


def test_calibration_error_by_hand():
    p = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    label = np.concatenate([(np.arange(20) < round(20 * v)).astype(float) for v in np.linspace(0.05, 0.95, 10)])
    assert calibration_error(label, p) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(label, p + 0.03) == pytest.approx(0.03)
    assert calibration_error(np.array([1.0, 0.0]), np.array([0.8, 0.3])) == pytest.approx(0.25)


def test_screening_scores_extend_those_there_are():
    rng = np.random.default_rng(1)
    label = (rng.random(100) < 0.4).astype(float)
    p = np.clip(0.3 * label + 0.7 * rng.random(100), 0.0, 1.0)
    found = screening_scores(label, p, 0.4)
    assert classification_scores(label, p, 0.4).items() <= found.items()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, p >= 0.4))
    assert found["f2"] == pytest.approx(metrics.fbeta_score(label, p >= 0.4, beta=2))
    assert found["recall_at_precision_80"] == confusion_at_precision(label, p, 0.8).recall
    assert found["precision_at_recall_90"] == precision_at_recall(label, p, 0.9)


@pytest.mark.parametrize(("hits", "rows"), [(0, 5), (1, 1), (9, 10), (45, 50), (50, 50)])
def test_the_lower_bound_leaves_a_tenth_beyond(hits, rows):
    from scipy.stats import binom

    bound = float(lower_bound(np.array([hits]), np.array([rows]))[0])
    if hits == 0:
        assert bound == 0.0
    else:
        assert binom.sf(hits - 1, rows, bound) == pytest.approx(0.1)


@settings(deadline=None, max_examples=60)
@given(marked)
def test_rules_choose_the_best_of_all_thresholds(drawn):
    label, score = arrays(drawn)
    if not label.any():
        with pytest.raises(InputError, match="no positives"):
            f_beta_threshold(label, score)
        return
    best = confusion(label, score, f_beta_threshold(label, score)).f(2.0)
    assert best == pytest.approx(max(p.f(2.0) for p in confusions(label, score)))
    chosen = confusion(label, score, precision_threshold(label, score, 0.6))
    for point in confusions(label, score)[1:]:
        rows = point.hits + point.false_alarms
        if lower_bound(np.array([point.hits]), np.array([rows]))[0] >= 0.6:
            assert chosen.hits >= point.hits
    if chosen.hits:
        assert chosen.precision > 0.6


def test_a_sure_precision_needs_rows():
    label, score = np.ones(10), np.arange(10.0)
    # Ten hits of ten: the bound is 0.1 to the power of a tenth, 0.794.
    assert precision_threshold(label, score) == math.inf
    assert precision_threshold(np.ones(11), np.arange(11.0)) == 0.0


def test_costs_set_a_threshold():
    assert cost_threshold(1.0, 4.0) == 0.2
    assert threshold_by("cost", np.ones(1), np.ones(1)) == 0.5
    assert threshold_by("cost", np.ones(1), np.ones(1), (3.0, 1.0)) == 0.75
    with pytest.raises(InputError) as error:
        cost_threshold(0.0, 0.0)
    assert error.value.message == "costs `0` and `0` set no threshold"
    assert error.value.hint == "give two costs of at least 0"


def test_rules_go_by_name():
    label, score = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.1, 0.9, 0.8, 0.85])
    assert threshold_by("f_beta", label, score) == f_beta_threshold(label, score) == 0.8
    assert threshold_by("precision", label, score) == math.inf
    with pytest.raises(InputError) as error:
        threshold_by("fbeta", label, score)
    assert error.value.message == "unknown threshold rule `fbeta`"
    assert error.value.hint == "did you mean `f_beta`?"


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_a_temperature_is_found_again_and_keeps_the_ranking(true):
    rng = np.random.default_rng(2)
    logits = rng.normal(0.0, 2.0, 20_000)
    label = (rng.random(20_000) < 1 / (1 + np.exp(-logits))).astype(float)
    found = temperature(true * logits, label)
    assert found == pytest.approx(true, rel=0.05)
    p = cooled(true * logits, found)
    assert metrics.roc_auc_score(label, p) == pytest.approx(metrics.roc_auc_score(label, logits))
    assert log_loss(label, p) <= log_loss(label, cooled(true * logits, 1.0)) + 1e-12
    for beside in (0.98, 1.02):
        assert log_loss(label, p) < log_loss(label, cooled(true * logits, beside * found))


def test_a_temperature_has_bounds():
    sure = np.array([5.0, -5.0])
    assert temperature(sure, np.array([1.0, 0.0])) == pytest.approx(0.05, rel=1e-5)
    assert temperature(sure, np.array([0.0, 1.0])) == pytest.approx(20.0, rel=1e-5)
    with pytest.raises(ValueError, match="finite logits"):
        temperature(np.array([np.inf]), np.array([1.0]))
