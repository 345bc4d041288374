"""What each aggregator promises, law by law."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.aggregators import AGGREGATORS
from training.aggregators.mgda import MGDA
from training.methods import build

NAMES = tuple(AGGREGATORS)
RANDOM_ORDER = ("pcgrad", "gradvac")
DETERMINISTIC = tuple(name for name in NAMES if name not in RANDOM_ORDER)
NEVER_AGAINST_A_TASK = ("mgda", "mgda_ub", "nash_mtl", "upgrad")
LINEAR_IN_EACH_LENGTH = ("sum", "mean", "pcgrad", "upgrad")
FREE_OF_EACH_LENGTH = ("nash_mtl", "imtl_g")
FOLLOWS_LENGTHS = ("sum", "mean", "pcgrad", "gradvac", "mgda", "mgda_ub", "cagrad", "aligned_mtl", "upgrad")
POWER_OF_SCALE = {name: 0 if name == "nash_mtl" else 1 for name in NAMES}
ZERO_ROW_FREEZES = ("mgda", "mgda_ub", "cagrad")
MEAN_TYPE = ("mean", "aligned_mtl", "upgrad")

laws = settings(deadline=None, max_examples=30)
tasks = st.integers(2, 5)
seeds = st.integers(0, 9999)


def gradients(count, seed, width=12):
    """Random gradients of different lengths."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(count, width)) * 10.0 ** (0.5 * rng.normal(size=(count, 1))))


def aggregate(name, rows):
    """d of a fresh aggregator."""
    weights = build("aggregator", AGGREGATORS, name)(rows @ rows.T)
    assert weights.dtype == rows.dtype
    assert weights.isfinite().all()
    return weights @ rows


def close(one, other, tolerance=1e-6):
    """Whether two vectors agree relative to their lengths."""
    return float((one - other).norm()) <= tolerance * float(one.norm() + other.norm())


@pytest.mark.parametrize("name", DETERMINISTIC)
@laws
@given(tasks, seeds)
def test_weights_follow_their_tasks_when_tasks_change_places(name, count, seed):
    rows = gradients(count, seed)
    places = torch.from_numpy(np.random.default_rng(seed + 1).permutation(count))
    make = AGGREGATORS[name]
    weights, permuted = make()(rows @ rows.T), make()(rows[places] @ rows[places].T)
    assert torch.allclose(permuted, weights[places], rtol=1e-6, atol=1e-9 * float(weights.abs().max()))


@pytest.mark.parametrize("name", RANDOM_ORDER)
@laws
@given(seeds)
def test_two_tasks_may_change_places_where_the_order_is_random(name, seed):
    rows = gradients(2, seed)
    weights, turned = AGGREGATORS[name]()(rows @ rows.T), AGGREGATORS[name]()(rows.flip(0) @ rows.flip(0).T)
    assert torch.allclose(turned, weights.flip(0))


@pytest.mark.parametrize("name", NAMES)
@laws
@given(tasks, seeds, st.sampled_from([1e-6, 0.1, 7.0, 1e5]))
def test_a_common_scale(name, count, seed, scale):
    rows = gradients(count, seed)
    assert close(aggregate(name, scale * rows), scale ** POWER_OF_SCALE[name] * aggregate(name, rows))


@pytest.mark.parametrize("name", LINEAR_IN_EACH_LENGTH)
@laws
@given(tasks, seeds)
def test_linear_in_the_length_of_each_gradient(name, count, seed):
    rows = gradients(count, seed)
    one, other = torch.from_numpy(np.random.default_rng(seed).uniform(0.1, 3.0, (2, count, 1)))
    assert close(aggregate(name, one * rows) + aggregate(name, other * rows), aggregate(name, (one + other) * rows))


@pytest.mark.parametrize("name", FREE_OF_EACH_LENGTH)
@laws
@given(tasks, seeds)
def test_direction_is_free_of_the_length_of_each_gradient(name, count, seed):
    rows = gradients(count, seed)
    lengths = torch.from_numpy(np.random.default_rng(seed).uniform(0.1, 3.0, (count, 1)))
    d, moved = aggregate(name, rows), aggregate(name, lengths * rows)
    cosine = float(d @ moved) / float(d.norm() * moved.norm())
    # The sign of IMTL-G hangs on that of the sum of its weights.
    assert abs(cosine) == pytest.approx(1.0, abs=1e-6)
    if name == "nash_mtl":
        assert close(d, moved)


@pytest.mark.parametrize("name", FOLLOWS_LENGTHS)
def test_direction_changes_with_the_length_of_one_gradient(name):
    rows = torch.tensor([[1.0, 0.2, 0.0], [-0.8, 0.5, 0.3], [0.1, -0.4, 1.0]], dtype=torch.float64)
    d, moved = aggregate(name, rows), aggregate(name, torch.tensor([[2.0], [1.0], [1.0]]) * rows)
    assert float(d @ moved) / float(d.norm() * moved.norm()) < 0.9999


def test_normalised_mgda_is_free_of_lengths():
    rows = gradients(3, seed=0)
    mgda = MGDA("l2", apply_to="normalized")
    moved = torch.tensor([[2.0], [0.1], [30.0]]) * rows
    assert close(mgda(rows @ rows.T) @ rows, mgda(moved @ moved.T) @ moved)


@pytest.mark.parametrize("name", NEVER_AGAINST_A_TASK)
@laws
@given(tasks, seeds, st.integers(2, 12))
def test_no_task_is_harmed(name, count, seed, width):
    rows = gradients(count, seed, max(width, count))
    d = aggregate(name, rows)
    assert float((rows @ d / rows.norm(dim=1)).min()) >= -1e-6 * float(d.norm())


@pytest.mark.parametrize("name", ["mgda", "upgrad"])
@laws
@given(seeds, st.integers(1, 3))
def test_no_task_is_harmed_by_dependent_gradients(name, seed, width):
    rows = gradients(5, seed, width)
    d = aggregate(name, rows)
    assert float((rows @ d).min()) >= -1e-9 * float(rows.norm()) ** 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_equal_gradients_give_their_direction(name, count):
    g = torch.tensor([0.3, -2.0, 1.1], dtype=torch.float64)
    d = aggregate(name, g.repeat(count, 1))
    assert float(d @ g) / float(d.norm() * g.norm()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_vanished_gradient(name):
    rows = torch.tensor([[1.0, 0.2, 0.1], [-0.3, 0.5, 0.4]], dtype=torch.float64)
    d = aggregate(name, torch.cat([rows, torch.zeros(1, 3, dtype=torch.float64)]))
    if name in ZERO_ROW_FREEZES:
        assert d.tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    else:
        assert close(d * (3 / 2 if name in MEAN_TYPE else 1), aggregate(name, rows))


@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_at_all(name):
    assert aggregate(name, torch.zeros(3, 4)).tolist() == [0.0] * 4


@pytest.mark.parametrize("name", NAMES)
def test_opposite_gradients_stay_finite(name):
    d = aggregate(name, torch.tensor([[1.0, 2.0], [-3.0, -6.0]]))
    assert d.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_enough(name):
    rows = gradients(3, seed=2)
    single = rows.float()
    assert close(aggregate(name, single).double(), aggregate(name, rows), 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_states_go_round_and_reset_forgets(name):
    rows = gradients(4, seed=6, width=3)
    gramian = rows @ rows.T
    one, other = AGGREGATORS[name](), AGGREGATORS[name]()
    first = [one(gramian) for _ in range(3)]
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(gramian), other(gramian))
    one.reset()
    assert all(torch.equal(one(gramian), each) for each in first)


@pytest.mark.parametrize("name", RANDOM_ORDER)
def test_orders_come_from_a_generator_of_their_own(name):
    rows = gradients(4, seed=6, width=3)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    mine = AGGREGATORS[name](seed=3)(rows @ rows.T)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(AGGREGATORS[name](seed=3)(rows @ rows.T), mine)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cagrad", {"c": -1.0}, "option `c` of aggregator `cagrad` is `-1.0`"),
        ("gradvac", {"beta": 1.5}, "option `beta` of aggregator `gradvac` is `1.5`"),
        ("nash_mtl", {"max_norm": -1}, "option `max_norm` of aggregator `nash_mtl` is `-1`"),
    ],
)
def test_options_out_of_their_limits_are_refused(name, options, message):
    with pytest.raises(Exception, match="option") as refusal:
        build("aggregator", AGGREGATORS, name, options)
    assert refusal.value.message == message
