"""Ranking: against a full sort, and independent of the order of updates and merges."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.ranking import Ranking

# Few distinct values, so that ties straddle the last place in most examples.
SCORES = st.lists(st.sampled_from([0.0, -0.0, 1.0, 1.5, -3.0, np.inf, -np.inf, np.nan]), max_size=60)


def full_sort(score, index, capacity):
    """Slow twin: sort everything."""
    rows = [(-s, i) for s, i in zip(score, index, strict=True) if not np.isnan(s)]
    rows.sort()
    return [i for _, i in rows[:capacity]], [-s for s, _ in rows[:capacity]]


def assert_is_best(ranking, score, index):
    kept, kept_score = ranking.finish()
    assert (kept.tolist(), kept_score.tolist()) == full_sort(score, index, ranking.capacity)
    assert kept.dtype == np.int64
    assert kept_score.dtype == np.float64
    assert ranking.seen == len(score)
    assert ranking.nan_count == int(np.isnan(score).sum())


def offered(capacity, score, index, cuts):
    ranking = Ranking(capacity)
    for part in np.split(np.arange(len(score)), cuts):
        ranking.update(score[part], index[part])
    return ranking


@settings(deadline=None, max_examples=150)
@given(st.data(), SCORES, st.integers(1, 12))
def test_matches_a_full_sort_whatever_the_order_and_the_cuts(data, scores, capacity):
    order = np.array(data.draw(st.permutations(range(len(scores)))), dtype=np.int64)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(scores)), max_size=5)))
    score = np.array(scores, dtype=np.float64)[order]
    assert_is_best(offered(capacity, score, order, cuts), score, order)


@settings(deadline=None, max_examples=150)
@given(st.data(), SCORES, st.integers(1, 12))
def test_merges_of_any_grouping_equal_one_ranking(data, scores, capacity):
    score, index = np.array(scores, dtype=np.float64), np.arange(len(scores))
    owner = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores))), dtype=int)
    parts = [offered(capacity, score[owner == k], index[owner == k], [1]) for k in range(4)]
    first, second = Ranking(capacity), Ranking(capacity)
    first.merge(parts[2])
    first.merge(parts[0])
    second.merge(parts[3])
    second.merge(parts[1])
    second.merge(first)
    assert_is_best(second, score, index)


@pytest.mark.parametrize("capacity", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("shape", ["random", "rising", "falling", "tied"])
def test_large_blocks_match_a_full_sort(capacity, shape):
    rng = np.random.default_rng(7)
    count = 40_000
    score = {
        "random": rng.normal(size=count),
        "rising": np.arange(count, dtype=np.float64),
        "falling": -np.arange(count, dtype=np.float64),
        "tied": np.repeat(1.0, count),
    }[shape]
    score[rng.integers(0, count, 50)] = np.nan
    index = np.arange(count)
    ranking = Ranking(capacity)
    for start in range(0, count, 4096):
        ranking.update(score[start : start + 4096], index[start : start + 4096])
    assert_is_best(ranking, score, index)


def test_later_ties_with_a_lower_index_take_the_place():
    ranking = Ranking(2)
    ranking.update(np.ones(6), np.arange(10, 16))
    ranking.update(np.ones(2), np.array([3, 20]))
    assert ranking.finish()[0].tolist() == [3, 10]


def test_blocks_may_be_overwritten_after_an_update():
    ranking, score, index = Ranking(5), np.array([1.0, 2.0]), np.array([0, 1])
    ranking.update(score, index)
    score[:], index[:] = 99.0, 99
    assert ranking.finish()[0].tolist() == [1, 0]


def test_finish_may_be_called_between_updates():
    ranking = Ranking(2)
    assert ranking.finish()[0].tolist() == []
    ranking.update(np.array([1.0, 5.0, 3.0]), np.arange(3))
    assert ranking.finish()[0].tolist() == [1, 2]
    ranking.update(np.array([4.0]), np.array([3]))
    assert ranking.finish()[0].tolist() == [1, 3]


def test_a_merge_leaves_the_other_ranking_alone():
    first, second = Ranking(2), Ranking(2)
    second.update(np.array([1.0, 2.0, np.nan]), np.arange(3))
    first.merge(second)
    first.update(np.array([9.0, 8.0, 7.0]), np.arange(3, 6))
    assert second.finish()[0].tolist() == [1, 0]
    assert first.nan_count == second.nan_count == 1


def test_memory_is_bounded_by_the_capacity_not_the_rows():
    ranking = Ranking(100)
    for start in range(0, 200_000, 1000):
        ranking.update(np.arange(start, start + 1000, dtype=np.float64), np.arange(start, start + 1000))
        assert sum(part.size for part in ranking._scores) < 2 * 100
        assert len(ranking._scores) < 200


def test_restored_and_pickled_rankings_go_on_the_same():
    rng = np.random.default_rng(3)
    score, index = rng.integers(0, 5, 500).astype(np.float64), np.arange(500)
    half = offered(20, score[:250], index[:250], [])
    restored = Ranking.restore(20, *half.finish(), half.seen, half.nan_count)
    for ranking in (restored, pickle.loads(pickle.dumps(half))):
        ranking.update(score[250:], index[250:])
        assert_is_best(ranking, score, index)


def test_a_capacity_below_one_is_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="capacity must be positive, not 0"):
        Ranking(0)
