from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from training.comparison import corrected_paired_test
from training.diagnostics.statistics import (
    benjamini_hochberg,
    equivalence,
    paired_bootstrap,
    paired_t,
    two_sided,
    wilcoxon,
)

GOLDEN = (0.02, 0.015, 0.03, 0.01, 0.025)
whole = st.lists(st.integers(-9, 9), min_size=1, max_size=12)
chances = st.lists(st.integers(0, 1000).map(lambda k: k / 1000), min_size=1, max_size=20)


def test_golden_tests_of_five_seeds():
    plain, corrected = paired_t(GOLDEN), corrected_paired_test(GOLDEN, 0.15 / 0.70)
    assert (plain.t, two_sided(plain)) == pytest.approx((5.656854, 0.004813), abs=1e-6)
    assert (corrected.t, two_sided(corrected)) == pytest.approx((3.930429, 0.017097), abs=1e-6)
    assert wilcoxon(GOLDEN) == 0.0625


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=10, unique=True), st.integers(0, 1023))
def test_signed_ranks_without_ties_are_scipys(sizes, signs):
    d = [s if signs >> i & 1 else -s for i, s in enumerate(sizes)]
    assert wilcoxon(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


def flipped(d: list[int]) -> float:
    """Two-sided share of all sign patterns with a sum of ranks as far out."""
    kept = np.array([v for v in d if v])
    ranks = stats.rankdata(np.abs(kept))
    signs = (np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept))) & 1
    sums, seen = signs @ ranks, ranks[kept > 0].sum()
    return min(1.0, 2 * min((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean()))


@settings(deadline=None, max_examples=40)
@given(whole)
def test_signed_ranks_with_ties_are_counted_over_all_signs(d):
    assert wilcoxon(d) == pytest.approx(flipped(d))
    assert wilcoxon(d) == pytest.approx(wilcoxon([-v for v in d]))
    assert wilcoxon(d) >= min(1.0, 2.0 ** (1 - len(d))) - 1e-12


def test_no_differences_have_no_ranks():
    assert wilcoxon([0.0, 0.0]) == 1.0
    for bad in ([], [float("nan")]):
        with pytest.raises(ValueError, match="finite differences"):
            wilcoxon(bad)


@settings(deadline=None, max_examples=60)
@given(chances)
def test_adjusted_chances_are_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_untested_entries_do_not_count():
    found = benjamini_hochberg([0.01, float("nan"), 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg([1.2])


def test_equivalence_is_that_the_ninety_percent_interval_lies_within_the_margin():
    close = equivalence([0.001, -0.002, 0.003, 0.0, -0.001])
    assert close.equivalent
    assert -0.02 < close.low < close.mean < close.high < 0.02
    wide = equivalence([0.03, -0.04, 0.02, 0.0, -0.01])
    assert not wide.equivalent
    assert two_sided(paired_t([0.03, -0.04, 0.02, 0.0, -0.01])) > 0.05


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-40, 40).map(lambda k: k / 1000), min_size=3, max_size=10),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([0.01, 0.02]),
)
def test_equivalence_agrees_with_its_interval_and_does_not_know_the_sign(d, ratio, margin):
    found, turned = equivalence(d, ratio, margin), equivalence([-v for v in d], ratio, margin)
    assert found.p == pytest.approx(turned.p, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low), abs=1e-9)
    inside = -margin < found.low and found.high < margin
    clear = min(abs(found.low + margin), abs(found.high - margin)) > 1e-9
    if clear:
        assert found.equivalent == inside
    # The corrected interval holds the plain one.
    assert found.high - found.low >= equivalence(d, 0.0, margin).high - equivalence(d, 0.0, margin).low - 1e-12


def test_equivalence_oracle():
    d = np.array(GOLDEN)
    upper = stats.ttest_1samp(d, 0.02, alternative="less").pvalue
    lower = stats.ttest_1samp(d, -0.02, alternative="greater").pvalue
    assert equivalence(GOLDEN).p == pytest.approx(max(upper, lower))
    low, high = stats.t.interval(0.90, 4, d.mean(), stats.sem(d))
    assert (equivalence(GOLDEN).low, equivalence(GOLDEN).high) == pytest.approx((low, high))
    with pytest.raises(ValueError, match="margin is positive"):
        equivalence(GOLDEN, margin=0.0)


def test_a_bootstrap_over_groups_is_wider_than_one_over_rows():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 20)
    gain = np.repeat(rng.normal(0.3, 1.0, 12), 20) + 0.1 * rng.normal(size=240)
    by_group = paired_bootstrap(lambda rows: gain[rows].mean(), groups, resamples=400)
    by_row = paired_bootstrap(lambda rows: gain[rows].mean(), np.arange(240), resamples=400)
    assert by_group.value == by_row.value == pytest.approx(gain.mean())
    assert by_group.high - by_group.low > 3 * (by_row.high - by_row.low)
    assert by_group.low < by_group.value < by_group.high
    means = gain.reshape(12, 20).mean(1)
    assert (by_group.high - by_group.low) / 3.92 == pytest.approx(means.std() / np.sqrt(12), rel=0.15)


def test_a_bootstrap_takes_whole_groups_and_is_repeatable():
    groups = np.array(["b", "a", "b", "c"])
    seen = []

    def difference(rows):
        seen.append(rows)
        return float(np.isin(rows, [0, 2]).mean()) if len(rows) > 3 else float("nan")

    one = paired_bootstrap(difference, groups, resamples=50, seed=3)
    assert all((rows == 0).sum() == (rows == 2).sum() for rows in seen[:50])
    assert one == paired_bootstrap(difference, groups, resamples=50, seed=3)
    assert paired_bootstrap(lambda rows: 1.0, groups, resamples=20).p == 0.0
    assert paired_bootstrap(lambda rows: 0.0, groups, resamples=20).p == 1.0
    with pytest.raises(ValueError, match="two groups"):
        paired_bootstrap(difference, np.zeros(3))
    with pytest.raises(ValueError, match="no resample"):
        paired_bootstrap(lambda rows: float("nan"), groups, resamples=5)
