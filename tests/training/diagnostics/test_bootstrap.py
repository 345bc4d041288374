from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.diagnostics.bootstrap import recall_difference


def flags(seed, n, *shares):
    rng = np.random.default_rng(seed)
    return [rng.random(n) < share for share in shares]


def test_rows_of_their_own_give_the_interval_of_a_mean():
    positive = np.ones(2000, bool)
    ours, theirs = flags(0, 2000, 0.8, 0.7)
    found = recall_difference(positive, ours, theirs, np.arange(2000).astype(str))
    each = ours.astype(float) - theirs
    error = each.std() / np.sqrt(2000)
    assert found.difference == pytest.approx(each.mean())
    assert (found.low, found.high) == pytest.approx((each.mean() - 1.96 * error, each.mean() + 1.96 * error), abs=2e-3)


def test_rows_that_stand_or_fall_together_make_it_wider():
    ours, theirs = (np.repeat(each, 40) for each in flags(1, 50, 0.8, 0.7))
    positive = np.ones(2000, bool)
    together = recall_difference(positive, ours, theirs, np.repeat(np.arange(50), 40).astype(str))
    apart = recall_difference(positive, ours, theirs, np.arange(2000).astype(str))
    assert together.difference == apart.difference
    assert (together.high - together.low) > 4 * (apart.high - apart.low)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.integers(1, 60), st.integers(1, 9))
def test_it_changes_sign_with_the_order_and_lies_within_its_limits(seed, n, groups):
    positive, ours, theirs = flags(seed, n, 0.6, 0.5, 0.5)
    positive[0] = True
    group = np.random.default_rng(seed).integers(0, groups, n).astype(str)
    one = recall_difference(positive, ours, theirs, group, 400, seed)
    other = recall_difference(positive, theirs, ours, group, 400, seed)
    assert one.difference == -other.difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert -1.0 <= one.low <= one.high <= 1.0
    assert recall_difference(positive, ours, ours, group, 400, seed) == type(one)(0.0, 0.0, 0.0)


def test_rows_that_are_not_positive_do_not_count():
    positive, ours, theirs = flags(3, 500, 0.5, 0.6, 0.4)
    group = np.random.default_rng(0).integers(0, 20, 500).astype(str)
    found = recall_difference(positive, ours, theirs, group)
    assert found == recall_difference(positive, ours & positive, theirs | ~positive, group)
    with pytest.raises(ValueError, match="no row is positive"):
        recall_difference(~positive & False, ours, theirs, group)
