"""GradNorm without a second derivative."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.weighting.gradnorm import GradNorm, gradnorm_slope

BOTH = torch.ones(2, dtype=torch.bool)
NORMS = torch.tensor([4.0, 1.0])
PARAMS = pytest.mark.parametrize("param", ["paper", "softmax"])


@PARAMS
def test_equal_norms_are_the_fixed_point_without_alpha(param):
    method = GradNorm(2, alpha=0.0, lr=1e-3, param=param, initial=[1.0, 1.0])
    for _ in range(2000):
        method.observe(torch.tensor([0.3, 0.8]), NORMS, BOTH)
    assert method.values.tolist() == pytest.approx([0.4, 1.6], abs=5e-3)
    assert (method.values * NORMS).tolist() == pytest.approx([1.6, 1.6], abs=2e-2)


@PARAMS
def test_fixed_point_stays(param):
    method = GradNorm(2, alpha=0.0, param=param, initial=[1.0, 1.0])
    method.values.copy_(torch.tensor([0.5, 1.5]))
    for _ in range(5):
        method.observe(torch.tensor([0.3, 0.8]), torch.tensor([3.0, 1.0]), BOTH)
    # A slope is a sign: the least rounding of the softmax makes a whole step of 0.025.
    assert method.values.tolist() == pytest.approx([0.5, 1.5], abs=1e-6 if param == "paper" else 0.1)


def test_slope_vanishes_at_the_fixed_point():
    assert gradnorm_slope(torch.tensor([0.5, 2.0]), torch.tensor([4.0, 1.0]), torch.ones(2), 0.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("alpha", [0.0, 0.12, 1.5])
def test_slope_is_that_of_differentiating_through_the_norms(alpha):
    torch.manual_seed(3)
    shared, heads = nn.Linear(5, 4), nn.Linear(4, 3)
    x, y = torch.randn(20, 5), torch.randn(20, 3)
    losses = ((heads(torch.tanh(shared(x))) - y) ** 2).mean(dim=0)
    weights = torch.tensor([0.5, 1.5, 1.0], requires_grad=True)
    norms = torch.stack(
        [
            torch.autograd.grad(w * loss, shared.weight, create_graph=True)[0].norm()
            for w, loss in zip(weights, losses, strict=True)
        ]
    )
    lag = torch.tensor([0.8, 1.3, 0.9])
    target = (norms.mean() * lag**alpha).detach()
    (expected,) = torch.autograd.grad((norms - target).abs().sum(), weights)
    single = norms.detach() / weights.detach()
    assert torch.allclose(gradnorm_slope(weights.detach(), single, lag, alpha), expected, rtol=1e-4)


@PARAMS
def test_weights_sum_to_the_number_of_tasks_and_absent_ones_stay(param):
    method = GradNorm(3, param=param)
    generator = torch.Generator().manual_seed(0)
    for step in range(200):
        present = torch.rand(3, generator=generator) < 0.7
        before = method.values.clone()
        method.observe(torch.rand(3, generator=generator) + 0.1, 9 * torch.rand(3, generator=generator), present)
        assert float(method.values.sum()) == pytest.approx(3.0, abs=1e-4)
        assert (method.values > 0).all()
        assert torch.equal(method.values[~present], before[~present])
        if step == 20:
            method.end_epoch(torch.ones(3), torch.ones(3, dtype=torch.bool))


def test_first_epoch_only_measures():
    method = GradNorm(2)
    method.observe(torch.tensor([0.5, 2.0]), NORMS, BOTH)
    assert method.values.tolist() == [1.0, 1.0]
    method.end_epoch(torch.tensor([0.6, 1.8]), BOTH)
    assert method.initial.tolist() == pytest.approx([0.6, 1.8])
    method.end_epoch(torch.tensor([0.1, 0.1]), BOTH)
    assert method.initial.tolist() == pytest.approx([0.6, 1.8])
    method.observe(torch.tensor([0.5, 2.0]), NORMS, BOTH)
    assert method.values.tolist() != [1.0, 1.0]


def test_losses_are_smoothed():
    method = GradNorm(2, decay=0.9)
    method.observe(torch.tensor([1.0, 1.0]), NORMS, BOTH)
    method.observe(torch.tensor([2.0, 0.0]), NORMS, BOTH)
    assert method.smooth.tolist() == pytest.approx([1.1, 0.9])


def test_equal_progress_asks_for_equal_norms_whatever_alpha():
    moved = []
    for alpha in (0.0, 3.0):
        method = GradNorm(2, alpha=alpha, initial=[2.0, 10.0])
        method.observe(torch.tensor([1.0, 5.0]), NORMS, BOTH)
        moved.append(method.values.tolist())
    assert moved[0] == moved[1]
    assert moved[0][0] < 1.0 < moved[0][1]


def test_a_task_that_lags_gains_weight():
    method = GradNorm(2, alpha=1.5, initial=[1.0, 1.0], decay=0.0)
    method.observe(torch.tensor([0.1, 0.9]), torch.ones(2), BOTH)
    assert method.values[1] > 1.0 > method.values[0]


def test_the_model_steps_with_the_old_weights():
    method = GradNorm(2, initial=[1.0, 1.0])
    losses = torch.tensor([0.5, 2.0])
    assert method(losses, BOTH, 0, 0).item() == 2.5
    method.observe(losses, NORMS, BOTH)
    assert method.weights().tolist() == [1.0, 1.0]
    method(losses, BOTH, 0, 1)
    assert torch.equal(method.weights(), method.values)


def test_one_task_alone_moves_nothing():
    method = GradNorm(2, initial=[1.0, 1.0])
    method.observe(torch.tensor([0.5, 2.0]), NORMS, torch.tensor([True, False]))
    assert method.values.tolist() == [1.0, 1.0]
    assert method.smooth.isnan().tolist() == [False, True]
