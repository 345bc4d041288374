from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from training.diagnostics.gramians import (
    condition_number,
    conflict_rate,
    cosines,
    departure,
    gramian_of,
    magnitude_similarity,
    norm_ratio,
    norms,
    projection_rate,
    weighted,
)

seeds = st.integers(0, 10_000)
scales = st.sampled_from([1e-3, 0.5, 100.0])
tasks = st.integers(2, 4)


def gradients(seed: int, t: int = 3, p: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(t, p)) * 10.0 ** rng.normal(size=(t, 1))


def pair(ratio: float, cosine: float) -> np.ndarray:
    return np.array([[ratio**2, ratio * cosine], [ratio * cosine, 1.0]])


@settings(deadline=None, max_examples=40)
@given(seeds, tasks)
def test_everything_is_that_of_the_gradients(seed, t):
    rows = gradients(seed, t)
    gramian = gramian_of(rows)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert cosines(gramian) == pytest.approx(unit @ unit.T)
    assert norms(gramian) == pytest.approx(np.linalg.norm(rows, axis=1))
    singular = np.linalg.svd(rows, compute_uv=False)
    assert condition_number(gramian) == pytest.approx(singular[0] / singular[-1], rel=1e-4)
    w = np.arange(1.0, t + 1.0)
    assert weighted(gramian, w) == pytest.approx(gramian_of(w[:, None] * rows))
    plain = rows.sum(0)
    assert departure(gramian, w) == pytest.approx(np.linalg.norm(w @ rows - plain) / np.linalg.norm(plain))
    assert norm_ratio(gramian) == pytest.approx(norms(gramian).max() / norms(gramian).min())


def test_golden_condition_numbers():
    assert condition_number(pair(1.0, 0.0)) == pytest.approx(1.0)
    for cosine in (0.5, -0.5):
        assert condition_number(pair(1.0, cosine)) == pytest.approx(1.732051, abs=1e-6)
    assert condition_number(pair(10.0, 0.0)) == pytest.approx(10.0)
    assert condition_number(pair(10.0, 0.5)) == pytest.approx(11.576090, abs=1e-6)


@pytest.mark.parametrize("cosine", [-0.7, -0.2, 0.0, 0.5, 0.9])
def test_equal_lengths_give_two_tasks_their_best_condition(cosine):
    gramian = pair(10.0, cosine)
    found = minimize(lambda v: condition_number(weighted(gramian, np.exp([v[0], -v[0]]))), [0.0], method="Nelder-Mead")
    assert found.fun == pytest.approx(math.sqrt((1 + abs(cosine)) / (1 - abs(cosine))), rel=1e-4)
    assert np.exp(2 * found.x[0]) == pytest.approx(0.1, rel=0.02)


def test_golden_magnitude_similarity():
    assert magnitude_similarity(pair(10.0, 0.3)) == pytest.approx(0.198020, abs=1e-6)
    assert magnitude_similarity(pair(1.0, 0.3)) == 1.0
    assert magnitude_similarity(np.zeros((2, 2))) == 1.0


@settings(deadline=None, max_examples=40)
@given(seeds, tasks, scales, st.randoms(use_true_random=False))
def test_order_and_common_scale_do_not_matter(seed, t, scale, random):
    gramian = gramian_of(gradients(seed, t))
    order = random.sample(range(t), t)
    moved = scale**2 * gramian[np.ix_(order, order)]
    for measure in (condition_number, magnitude_similarity, norm_ratio, projection_rate):
        assert measure(moved) == pytest.approx(measure(gramian), rel=1e-5)
    assert cosines(moved) == pytest.approx(cosines(gramian)[np.ix_(order, order)])


@settings(deadline=None, max_examples=40)
@given(seeds, tasks, scales)
def test_directions_do_not_know_lengths(seed, t, scale):
    gramian = gramian_of(gradients(seed, t))
    w = np.ones(t)
    w[0] = scale
    assert cosines(weighted(gramian, w)) == pytest.approx(cosines(gramian))
    assert projection_rate(weighted(gramian, w)) == pytest.approx(projection_rate(gramian))
    level = weighted(gramian, 1.0 / norms(gramian))
    assert magnitude_similarity(level) == pytest.approx(1.0)


def surgery_share(rows: np.ndarray) -> float:
    """Share of projections of gradient surgery on two tasks or more, on the gradients themselves."""
    from itertools import permutations

    shares = []
    for i, own in enumerate(rows):
        for order in permutations([j for j in range(len(rows)) if j != i]):
            held, count = own.copy(), 0
            for j in order:
                if held @ rows[j] < 0:
                    held, count = held - held @ rows[j] / (rows[j] @ rows[j]) * rows[j], count + 1
            shares.append(count / (len(rows) - 1))
    return float(np.mean(shares))


@settings(deadline=None, max_examples=40)
@given(seeds, tasks)
def test_projections_are_counted_as_the_gradients_are_projected(seed, t):
    rows = gradients(seed, t)
    assert projection_rate(gramian_of(rows)) == pytest.approx(surgery_share(rows))


def test_projection_of_two_tasks_is_all_or_nothing():
    assert projection_rate(pair(3.0, -0.01)) == 1.0
    assert projection_rate(pair(3.0, 0.01)) == 0.0
    for t in (1, 7):
        with pytest.raises(ValueError, match="2 to 6 tasks"):
            projection_rate(np.eye(t))
    with pytest.raises(ValueError, match="two tasks"):
        magnitude_similarity(np.eye(1))


def test_conflicts_are_counted_where_both_tasks_are_there():
    steps = np.array([pair(1.0, -0.5), pair(2.0, 0.5), pair(1.0, -0.1), [[1.0, 0.0], [0.0, 0.0]]])
    rate = conflict_rate(steps)
    assert rate[0, 1] == rate[1, 0] == pytest.approx(2 / 3)
    assert np.isnan(np.diagonal(rate)).all()
    assert np.isnan(conflict_rate(steps[3:])[0, 1])
    assert conflict_rate(np.array([np.full((2, 2), np.nan), pair(1.0, -1.0)]))[0, 1] == 1.0


def test_zero_gradients():
    gone = np.array([[4.0, 0.0], [0.0, 0.0]])
    assert np.isnan(cosines(gone)[0, 1])
    assert cosines(gone)[0, 0] == 1.0
    assert norm_ratio(gone) == math.inf
    assert condition_number(gone) == pytest.approx(1 / math.sqrt(np.finfo(float).eps))
    nothing = np.zeros((2, 2))
    assert all(math.isnan(f(nothing)) for f in (norm_ratio, condition_number))
    assert math.isnan(departure(nothing, np.ones(2)))
