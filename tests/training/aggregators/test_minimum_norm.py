"""The shortest vector of a convex hull."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.aggregators.minimum_norm import by_frank_wolfe, by_supports, minimum_norm

problems = st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(0, 99_999))


def gramian_of(tasks, width, seed, spread=1.0):
    """A random Gramian whose gradients differ in length by powers of ten."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(tasks, width)) * 10.0 ** (spread * rng.normal(size=(tasks, 1)))
    return rows @ rows.T


@settings(deadline=None, max_examples=150)
@given(problems)
def test_every_gradient_reaches_as_far_as_the_shortest_vector(problem):
    gramian = gramian_of(*problem)
    share = by_supports(gramian)
    assert share.min() >= 0.0
    assert share.sum() == pytest.approx(1.0)
    products = gramian @ share
    lengths = np.sqrt(np.diag(gramian))
    assert products.min() >= share @ products - 1e-9 * lengths.max() * lengths.min()


@pytest.mark.parametrize("seed", range(20))
def test_no_point_of_a_fine_grid_is_shorter(seed):
    gramian = gramian_of(3, 3, seed, spread=0.3)
    share = by_supports(gramian)
    steps = np.linspace(0.0, 1.0, 101)
    grid = np.array([(a, b, 1.0 - a - b) for a in steps for b in steps if a + b <= 1.0])
    assert share @ gramian @ share <= np.einsum("gi,ij,gj->g", grid, gramian, grid).min() + 1e-12


@pytest.mark.parametrize("tasks", [2, 4, 6])
def test_steps_come_near_the_exact_vector(tasks):
    for seed in range(5):
        gramian = gramian_of(tasks, 10, seed, spread=0.3)
        exact, near = by_supports(gramian), by_frank_wolfe(gramian)
        assert near @ gramian @ near == pytest.approx(exact @ gramian @ exact, rel=0.01)


def test_many_tasks_go_by_steps():
    gramian = gramian_of(8, 20, 0, spread=0.2)
    share = minimum_norm(gramian)
    assert np.array_equal(share, by_frank_wolfe(gramian))
    products = gramian @ share
    assert products.min() >= 0.99 * (share @ products)


def test_gradients_that_cancel_leave_nothing():
    rows = np.array([[1.0, 2.0], [-3.0, -6.0]])
    assert by_supports(rows @ rows.T).tolist() == pytest.approx([0.75, 0.25])
    three = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    assert by_supports(three @ three.T).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_nothing_to_weigh():
    assert by_supports(np.zeros((3, 3))).tolist() == pytest.approx([1 / 3] * 3)
    assert len(by_supports(np.zeros((0, 0)))) == 0
