from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from tests.training.multitask.small_folds import FAST, SMALL, small_fold
from training.autoscale.costs import COSTS, condition_cost, loss_scale_cost, similarity_cost
from training.autoscale.optimum import best_weights, centred, minimised
from training.autoscale.scheme import AutoScale, autoscale_like, control_weights, fit_fixed, random_weights
from training.autoscale.sequence import RULES, fixed_weights
from training.autoscale.windows import explore, probe
from training.diagnostics.gramians import condition_number, magnitude_similarity, weighted
from training.multitask.config import MultiTaskConfig
from training.multitask.loop import Trainer, build_net, fit

CONFIG = MultiTaskConfig.named(SMALL, training=FAST)
FOLD = small_fold()


def two(ratio, cosine):
    """Gramian of two gradients."""
    return np.array([[ratio**2, ratio * cosine], [ratio * cosine, 1.0]])


def random_gramian(tasks, seed, decades=1.0):
    """Gramian of gradients of very different lengths."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(tasks, 30)) * 10.0 ** (decades * rng.normal(size=(tasks, 1)))
    return rows @ rows.T


drawn = st.builds(random_gramian, st.integers(2, 4), st.integers(0, 999))


@pytest.mark.parametrize(("ratio", "cosine", "kappa"), [(10, 0.0, 10.0), (10, 0.5, 11.576090)])
def test_condition_numbers_have_their_golden_values(ratio, cosine, kappa):
    assert np.exp(condition_cost(np.ones(2), two(ratio, cosine), np.ones(2))) == pytest.approx(kappa, abs=1e-6)


@pytest.mark.parametrize(("cosine", "kappa"), [(0.0, 1.0), (0.5, 1.732051), (-0.5, 1.732051)])
@pytest.mark.parametrize("ratio", [0.2, 1, 30])
def test_the_best_condition_of_two_tasks_is_that_of_equal_lengths(ratio, cosine, kappa):
    gramian = two(ratio, cosine)
    weights = best_weights("condition", gramian, np.ones(2))
    assert condition_number(weighted(gramian, weights)) == pytest.approx(kappa, abs=1e-6)
    assert weights[0] / weights[1] == pytest.approx(1 / ratio)
    found = minimised(gramian, np.ones(2), [np.array([3.0, 0.5])])  # the search agrees with the closed form
    assert condition_number(weighted(gramian, found)) == pytest.approx(kappa, abs=1e-4)


def test_magnitude_similarity_has_its_golden_value():
    assert similarity_cost(np.ones(2), two(10, 0.3), np.ones(2)) == pytest.approx(1 - 0.198020, abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(drawn, st.floats(0.01, 100))
def test_a_common_scale_changes_no_cost_of_directions(gramian, scale):
    weights = np.linspace(0.5, 2.0, len(gramian))
    losses = np.ones(len(gramian))
    # a Gramian holds the squares of singular values, so that rounding moves log κ by some κ² ε
    rounding = 1e-6 + 4 * np.finfo(float).eps * condition_number(weighted(gramian, weights)) ** 2
    for cost, close in ((condition_cost, rounding), (similarity_cost, 1e-6)):
        assert cost(scale * weights, gramian, losses) == pytest.approx(cost(weights, gramian, losses), abs=close)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_similar_lengths_become_equal(seed):
    rng = np.random.default_rng(seed)
    gramian = random_gramian(3, seed)
    norms = rng.uniform(0.1, 10, 3)  # within the range that weights may mend
    gramian *= np.outer(norms, norms) / np.sqrt(np.outer(np.diagonal(gramian), np.diagonal(gramian)))
    weights = best_weights("similarity", gramian, np.ones(3))
    lengths = weights * norms
    assert lengths == pytest.approx(lengths.mean(), rel=1e-6)
    assert magnitude_similarity(weighted(gramian, weights)) == pytest.approx(1.0)


def test_balanced_losses_are_equal():
    losses = np.array([0.1, 2.0, 5.0])
    weights = best_weights("loss_scale", np.eye(3), losses)
    assert weights * losses == pytest.approx((weights * losses).mean())
    assert loss_scale_cost(weights, np.eye(3), losses) == pytest.approx(0.0)
    assert loss_scale_cost(np.ones(2), np.eye(2), np.array([1.0, np.e])) == pytest.approx(0.25)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 999))
def test_the_search_beats_equal_lengths_and_random_weights(seed):
    gramian, losses = random_gramian(3, seed, 0.4), np.ones(3)  # the best weights lie within their range
    weights = best_weights("condition", gramian, losses)
    found = condition_cost(weights, gramian, losses)
    equal = centred(1.0 / np.sqrt(np.diagonal(gramian)))
    assert found <= condition_cost(equal, gramian, losses) + 1e-9
    assert all(
        found <= condition_cost(each, gramian, losses) + 1e-6 for each in map(centred, random_weights(3, 50, seed))
    )


@pytest.mark.parametrize("measure", ["similarity", "condition", "loss_scale"])
def test_weights_follow_their_tasks_when_tasks_change_places(measure):
    gramian, losses, places = random_gramian(3, 5, 0.4), np.array([0.5, 1.0, 3.0]), [2, 0, 1]
    weights = best_weights(measure, gramian, losses)
    moved = best_weights(measure, gramian[np.ix_(places, places)], losses[places])
    assert moved == pytest.approx(weights[places], rel=1e-4)


def test_weights_are_kept_in_range():
    gramian = two(1e9, 0.0)
    assert best_weights("condition", gramian, np.ones(2)).tolist() == pytest.approx([1e-2, 1e2])
    weights = best_weights("condition", np.ones((3, 3)), np.ones(3))  # one direction: no weights mend it
    assert np.isfinite(weights).all()
    assert np.isfinite(best_weights("similarity", np.diag([0.0, 1.0]), np.ones(2))).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_constant_sequence_gives_its_value(rule):
    sequence = np.tile([0.5, 1.0, 4.0], (6, 1))
    assert fixed_weights(sequence, rule, "first") == pytest.approx([1.0, 2.0, 8.0])
    assert fixed_weights(sequence, rule).sum() == pytest.approx(3.0)
    assert fixed_weights(sequence[:1], rule, "first") == pytest.approx([1.0, 2.0, 8.0])


def test_rules_on_a_sequence():
    sequence = np.column_stack([np.ones(4), [8.0, 8.0, 1.0, 4.0]])
    assert fixed_weights(sequence, "last_half", "first")[1] == pytest.approx(2.0)
    assert fixed_weights(sequence, "last", "first")[1] == pytest.approx(4.0)
    assert fixed_weights(sequence, "median", "first")[1] == pytest.approx(np.sqrt(32.0))
    k = np.arange(12)
    falling = np.column_stack([np.ones(12), np.exp(0.7 + 2.0 * np.exp(-k / 3.0))])
    assert np.log(fixed_weights(falling, "extrapolated", "first")[1]) == pytest.approx(0.7, abs=0.05)
    half = falling.copy()
    half[:, 1] = np.exp(2.0 * np.arange(12) % 5)
    assert np.isfinite(fixed_weights(half, "smoothed")).all()


def test_probes_are_the_gradients_of_each_task():
    trainer = Trainer(build_net(CONFIG, 6, 3, 0), FOLD, CONFIG, 0)
    gramian, losses = probe(trainer, 10_000, torch.Generator())
    net, rows = trainer.net.eval(), trainer.rows
    mine = rows.known[:, 1]
    loss = (net(rows.x[mine])[:, 1] - rows.y[mine, 1]).square().mean()
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, net.shared_parameters())])
    assert losses[1] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert gramian[1, 1] == pytest.approx(float(gradient @ gradient), rel=1e-4)


def test_windows_are_measured_without_changing_the_run():
    watched, plain = (Trainer(build_net(CONFIG, 6, 3, 0), FOLD, CONFIG, 0) for _ in range(2))
    windows = explore(watched, 3, every=4)
    for epoch in range(3):
        plain.epoch(epoch)
    assert windows.gramians.shape == (3, 3, 3)
    assert windows.losses.shape == (3, 3)
    assert (np.diagonal(windows.gramians, axis1=1, axis2=2) > 0).all()
    for mine, expected in zip(watched.net.state_dict().values(), plain.net.state_dict().values(), strict=True):
        assert torch.equal(mine, expected)


@pytest.mark.parametrize("measure", COSTS)
def test_both_phases(measure):
    found = autoscale_like(FOLD, CONFIG, 0, AutoScale(measure=measure, every=4))
    assert found.weights.sum() == pytest.approx(3.0)
    assert found.sequence.shape == (3, 3)
    assert not np.allclose(found.weights, 1.0)
    again = fit_fixed(FOLD, CONFIG, found.weights, 0)
    for key, value in found.fit.best_joint.items():  # the second phase is a plain run with these weights
        assert torch.equal(value, again.best_joint[key])
    listed = [float(weight) for weight in found.weights]
    named = MultiTaskConfig.named(SMALL, weighting={"name": "fixed", "weights": listed}, training=FAST)
    assert fit(build_net(named, 6, 3, 0), FOLD, named, 0).history.joint == found.fit.history.joint


def test_other_ways_of_finding_weights():
    found = autoscale_like(
        FOLD, CONFIG, 0, AutoScale(explorer="gradnorm", restart=False, normalise="first", rule="median", every=4)
    )
    assert found.weights[0] == pytest.approx(1.0)
    assert np.isfinite(found.fit.history.joint).all()


def test_control_arms():
    arms = control_weights(FOLD, CONFIG, 0, count=4)
    assert list(arms) == ["unit", "gradnorm_frozen", "random_00", "random_01", "random_02", "random_03"]
    for weights in arms.values():
        assert weights.sum() == pytest.approx(3.0)
        assert (weights > 0).all()
    assert not np.allclose(arms["gradnorm_frozen"], 1.0)
    many = np.log(random_weights(3, 4000, 1))
    ratio = many[:, 0] - many[:, 1]  # difference of two uniforms: a triangle
    assert ratio.std() == pytest.approx(np.log(1e4) / np.sqrt(6), rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "condtion"}, "unknown measure `condtion`"),
        ({"share": 1.0}, "share of `1.0` leaves no two phases"),
        ({"every": 0}, "every of `0` probes nothing"),
        ({"rule": "mean"}, "unknown rule `mean`"),
    ],
)
def test_options_that_find_nothing_are_refused(options, message):
    with pytest.raises(InputError) as caught:
        AutoScale(**options)
    assert caught.value.message == message


def test_tasks_that_share_nothing_have_no_gradients_to_compare():
    config = MultiTaskConfig.named("soft", training=FAST)
    with pytest.raises(InputError, match="share no layer"):
        autoscale_like(FOLD, config, 0)
