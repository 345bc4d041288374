"""Pareto front: against comparing every pair, and independent of the order of updates and merges."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import ExpressionError
from screener.pareto import ParetoFront

VALUE = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, np.inf, -np.inf, np.nan])


def every_pair(values, directions):
    """Slow twin: compare each row with all others."""
    signed = [[v if d == "max" else -v for v, d in zip(row, directions, strict=True)] for row in values]
    known = [i for i, row in enumerate(signed) if not any(np.isnan(row))]

    def dominates(a, b):
        return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))

    return [i for i in known if not any(dominates(signed[j], signed[i]) for j in known)]


@st.composite
def tables(draw):
    width = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(VALUE, min_size=width, max_size=width), max_size=40))
    directions = draw(st.lists(st.sampled_from(["max", "min"]), min_size=width, max_size=width))
    return np.array(rows, dtype=np.float64).reshape(len(rows), width), directions


def assert_is_front(front, values, directions):
    index, kept = front.finish()
    assert index.tolist() == every_pair(values, directions)
    np.testing.assert_array_equal(kept, values[index])
    assert front.seen == len(values)
    assert front.nan_count == int(np.isnan(values).any(axis=1).sum())


@settings(deadline=None, max_examples=200)
@given(st.data(), tables())
def test_matches_every_pair_whatever_the_order_and_the_cuts(data, table):
    values, directions = table
    order = np.array(data.draw(st.permutations(range(len(values)))), dtype=np.int64)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    front = ParetoFront(directions)
    for part in np.split(order, cuts):
        front.update(values[part], part)
    assert_is_front(front, values, directions)


@settings(deadline=None, max_examples=200)
@given(st.data(), tables())
def test_merges_of_any_grouping_equal_one_front(data, table):
    values, directions = table
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))), dtype=int)
    parts = []
    for k in range(3):
        rows = np.flatnonzero(owner == k)
        parts.append(ParetoFront(directions))
        parts[-1].update(values[rows], rows)
    parts[2].merge(parts[0])
    parts[1].merge(parts[2])
    assert_is_front(parts[1], values, directions)


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("levels", [4, 40, 10**6])
def test_blocks_on_a_grid_match_every_pair(width, levels):
    rng = np.random.default_rng(width)
    values = rng.integers(0, levels, size=(600, width)).astype(np.float64)
    directions = ["max", "min", "max", "min", "max"][:width]
    front = ParetoFront(directions)
    for start in range(0, 600, 128):
        front.update(values[start : start + 128], np.arange(start, min(start + 128, 600)))
    assert_is_front(front, values, directions)


def test_duplicates_of_a_member_all_stay():
    front = ParetoFront(["max", "min"])
    front.update(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 2.0]]), np.array([5, 3, 4]))
    front.update(np.array([[1.0, 1.0]]), np.array([1]))
    assert front.finish()[0].tolist() == [1, 3, 5]


def test_float32_values_come_back_in_the_users_units():
    front = ParetoFront(["min", "max"])
    front.update(np.array([[2.5, 7.0]], dtype=np.float32), np.array([0]))
    assert front.finish()[1].tolist() == [[2.5, 7.0]]


def test_blocks_may_be_overwritten_and_fronts_pickled():
    front, values = ParetoFront(["max", "max"]), np.array([[1.0, 2.0], [2.0, 1.0]])
    front.update(values, np.arange(2))
    values[:] = 99.0
    copy = pickle.loads(pickle.dumps(front))
    copy.update(np.array([[3.0, 3.0]]), np.array([2]))
    assert copy.finish()[0].tolist() == [2]
    assert front.finish()[1].tolist() == [[1.0, 2.0], [2.0, 1.0]]


def test_a_front_above_the_capacity_is_refused():
    front = ParetoFront(["max", "max"], capacity=10)
    front.update(np.column_stack([np.arange(10.0), -np.arange(10.0)]), np.arange(10))
    with pytest.raises(ExpressionError) as refused:
        front.update(np.array([[-1.0, 1.0]]), np.array([10]))
    assert refused.value.message == "pareto front exceeds `10` candidates"
    assert refused.value.hint == "coarsen --step, use fewer objectives or add --where"


def test_one_objective_makes_no_front():
    with pytest.raises(ExpressionError) as refused:
        ParetoFront(["max"])
    assert refused.value.message == "pareto front over `1` objectives"
    assert refused.value.hint == "give --maximize or --minimize at least twice"
