from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from training.diagnostics.tails import rank_correlation, tail_scores, worst_share
from training.metrics import regression_scores

values = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=2, max_size=60)


def test_scores_by_hand():
    y = np.arange(20.0)
    predicted = y + np.array([1.0] * 18 + [-5.0, 7.0])
    found = tail_scores(y, predicted)
    assert found["max"] == 7.0
    assert found["worst_tenth"] == 6.0
    assert found["p95"] == pytest.approx(np.quantile([1.0] * 18 + [5.0, 7.0], 0.95))
    assert found["p99"] == pytest.approx(7.0 - 0.19 * 2.0)
    assert found["mae_top_tenth"] == 6.0
    assert found["mae_bottom_tenth"] == 1.0
    assert regression_scores(y, predicted).items() <= found.items()
    assert set(found) > {"rmse", "mae", "r2", "spearman"}


@settings(deadline=None, max_examples=60)
@given(values)
def test_rank_correlation_is_scipys(drawn):
    y, predicted = np.array(drawn, float).T
    if np.ptp(y) == 0.0 or np.ptp(predicted) == 0.0:
        assert math.isnan(rank_correlation(y, predicted))
        return
    assert rank_correlation(y, predicted) == pytest.approx(spearmanr(y, predicted).statistic)
    assert rank_correlation(y, np.exp(predicted / 5)) == pytest.approx(rank_correlation(y, predicted))


@settings(deadline=None, max_examples=60)
@given(values)
def test_tails_are_ordered(drawn):
    y, predicted = np.array(drawn, float).T
    found = tail_scores(y, predicted)
    assert found["mae"] - 1e-9 <= found["worst_tenth"] <= found["max"]
    assert found["p95"] <= found["p99"] <= found["max"]


def test_the_worst_share_rounds_up():
    assert worst_share(np.array([1.0, 2.0, 3.0])) == 3.0
    assert worst_share(np.arange(1.0, 12.0)) == 10.5
    assert worst_share(np.arange(1.0, 31.0)) == 29.0
