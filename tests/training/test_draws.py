from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.draws import SYSTEM_SIZES, near_alloys, random_alloys, student_alloys

seeds = st.integers(0, 2**32 - 1)


def known_alloys(m: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sparse = rng.dirichlet(np.ones(d), m) * (rng.random((m, d)) < 0.6)
    sparse[sparse.sum(axis=1) == 0.0, 0] = 1.0
    return sparse / sparse.sum(axis=1, keepdims=True)


def assert_compositions(drawn: np.ndarray, shape: tuple[int, int]) -> None:
    assert drawn.shape == shape
    assert (drawn >= 0.0).all()
    assert drawn.sum(axis=1) == pytest.approx(np.ones(len(drawn)), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.integers(1, 20), seeds)
def test_random_alloys_are_compositions_of_one_to_six_elements(n, d, seed):
    drawn = random_alloys(n, d, np.random.default_rng(seed))
    assert_compositions(drawn, (n, d))
    assert set((drawn > 0).sum(axis=1)) <= {s for s in SYSTEM_SIZES if s <= d}


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 30), st.integers(1, 12), seeds)
def test_near_alloys_hold_elements_of_two_known_ones(n, m, d, seed):
    known = known_alloys(m, d, seed)
    drawn = near_alloys(n, known, np.random.default_rng(seed))
    assert_compositions(drawn, (n, d))
    pairs = (known[:, None, :] > 0) | (known[None, :, :] > 0)
    held = (~(drawn > 0)[:, None, None, :] | pairs[None]).all(axis=3).any(axis=(1, 2))
    assert held.all()


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 300), st.integers(1, 30), st.integers(1, 12), seeds)
def test_lessons_are_compositions_of_the_domain(n, m, d, seed):
    known = known_alloys(m, d, seed)
    known = known[:, known.max(axis=0) > 0]
    assert_compositions(student_alloys(n, known, np.random.default_rng(seed)), (n, known.shape[1]))


def test_half_of_a_lesson_lies_on_the_grid_of_searches():
    known = known_alloys(40, 8, 1)
    drawn = student_alloys(4000, known, np.random.default_rng(0))
    rounded = np.abs(drawn / 0.005 - np.round(drawn / 0.005)).max(axis=1) < 1e-6
    renormalised = np.abs(drawn.sum(axis=1) - 1.0) < 1e-9
    assert renormalised.all()
    assert 0.1 < rounded.mean() < 0.6


def test_element_weights_are_heeded():
    weights = np.array([1.0, 1.0, 1.0, 0.01])
    drawn = random_alloys(4000, 4, np.random.default_rng(0), weights, sizes=(2,))
    share = (drawn > 0).mean(axis=0)
    assert share[3] < 0.05 < 0.6 < share[:3].min()


def test_sizes_can_be_chosen():
    drawn = random_alloys(500, 9, np.random.default_rng(0), sizes=(3, 4))
    assert set((drawn > 0).sum(axis=1)) == {3, 4}


def test_the_simplex_of_a_system_is_drawn_evenly():
    drawn = random_alloys(20_000, 2, np.random.default_rng(0), sizes=(2,))[:, 0]
    assert np.histogram(drawn, 10, (0, 1))[0] / 20_000 == pytest.approx(np.full(10, 0.1), abs=0.01)


def test_the_seed_settles_the_draw():
    known = known_alloys(10, 5, 0)
    draws = [student_alloys(50, known, np.random.default_rng(seed)) for seed in (4, 4, 5)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
