"""What every weighting of losses promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.methods import build
from training.weighting import WEIGHTINGS

NAMES = tuple(WEIGHTINGS)
ALL = torch.ones(3, dtype=torch.bool)
SOME = torch.tensor([True, False, True])
NONE = torch.zeros(3, dtype=torch.bool)
LOSSES = torch.tensor([0.7, 1.9, 0.4])


def weighting(name, **options):
    """A weighting of three tasks."""
    given = {"tasks": 3, "labels": (False, False, True), "sizes": (100, 10, 5), "seed": 4}
    return build("weighting", WEIGHTINGS, name, options, given)


def teach(method, present=ALL, epochs=6, seed=0, units=1.0):
    """Run a method through a few epochs of falling losses; learned parameters take Adam steps with momentum.

    ``units`` multiplies each task's losses.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = list(method.parameters())
    optimiser = torch.optim.Adam(parameters, lr=0.05) if parameters else None
    for epoch in range(epochs):
        for step in range(3):
            losses = units * (torch.rand(3, generator=generator) + 1.0 / (1 + epoch))
            total = method(losses, present, epoch, step)
            if optimiser is not None:
                optimiser.zero_grad()
                total.backward()
            method.observe(losses, torch.rand(3, generator=generator), present)
            if optimiser is not None:
                optimiser.step()
            method.after_step(losses, losses * torch.rand(3, generator=generator), present)
        method.end_epoch(units * (torch.rand(3, generator=generator) + 1.0 / (1 + epoch)), present)


def gradient(method, losses, present, epoch=9):
    """The derivative of the total by each loss."""
    losses = losses.clone().requires_grad_()
    method(losses, present, epoch, 0).backward()
    return losses.grad


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_absent_tasks_get_no_gradient_whatever_stands_in_their_place(name, taught):
    for absent in (0.0, torch.nan, torch.inf):
        method = weighting(name)
        if taught:
            teach(method)
        losses = LOSSES.clone()
        losses[1] = absent
        found = gradient(method, losses, SOME)
        assert found.isfinite().all()
        assert found[1] == 0.0
        assert (found[SOME] > 0.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_labels_gives_zero(name):
    method = weighting(name)
    teach(method)
    before = {key: value.clone() for key, value in method.state_dict().items() if key != "_extra_state"}
    losses = torch.full((3,), torch.nan, requires_grad=True)
    total = method(losses, NONE, 9, 0)
    total.backward()
    assert total.item() == 0.0
    method.observe(losses.detach(), losses.detach(), NONE)
    method.after_step(losses.detach(), losses.detach(), NONE)
    method.end_epoch(losses.detach(), NONE)
    after = method.state_dict()
    assert all(same(value, after[key]) for key, value in before.items() if key != "epochs")


def same(one, other):
    """Whether two tensors are equal, NaN where NaN."""
    return torch.equal(one.nan_to_num(-1.0), other.nan_to_num(-1.0))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learned_about_an_absent_task_stays(name):
    method = weighting(name)
    teach(method)
    before = {key: value.clone() for key, value in method.state_dict().items() if key != "_extra_state"}
    teach(method, SOME, seed=1)
    after = method.state_dict()
    for key, value in before.items():
        if value.shape == (3,):
            assert same(value[1], after[key][1]), key
        elif key.endswith(".1"):
            assert same(value, after[key]), key


@pytest.mark.parametrize("name", [each for each in NAMES if each not in ("fixed", "gls", "rlw")])
def test_weights_do_move(name):
    method = weighting(name)
    teach(method)
    moved = gradient(method, LOSSES, ALL)
    assert not torch.allclose(moved, gradient(weighting(name), LOSSES, ALL, epoch=0), rtol=1e-3)


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_noted_weights_are_the_derivatives(name, taught):
    method = weighting(name)
    if taught:
        teach(method)
    found = gradient(method, LOSSES, ALL)
    assert torch.allclose(method.weights(), found, rtol=1e-5)
    noted = method.weights()
    gradient(method, LOSSES, SOME)
    assert method.weights()[1] == noted[1]


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(NAMES), st.permutations(range(3)), st.integers(0, 99))
def test_tasks_may_change_places(name, places, seed):
    if name in ("rlw", "fixed"):
        return
    options = {} if name != "uncertainty" else {"labels": [False] * 3}
    given = {"tasks": 3} | ({"labels": options.pop("labels")} if options else {})
    one, other = (build("weighting", WEIGHTINGS, name, {}, given) for _ in range(2))
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(6):
        losses, after, norms, means = torch.rand(4, 3, generator=generator) + 0.2
        total, turned = one(losses, ALL, epoch, 0), other(losses[places], ALL, epoch, 0)
        assert torch.allclose(total, turned, rtol=1e-5)
        for method, order in ((one, [0, 1, 2]), (other, places)):
            method.observe(losses[order], norms[order], ALL)
            method.after_step(losses[order], after[order], ALL)
            method.end_epoch(means[order], ALL)
    assert torch.allclose(one.weights()[places], other.weights(), rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_states_go_round_and_reset_forgets(name):
    one, other, fresh = weighting(name), weighting(name), weighting(name)
    first = gradient(fresh, LOSSES, ALL, epoch=0)
    teach(one)
    other.load_state_dict(one.state_dict())
    assert torch.equal(gradient(one, LOSSES, ALL), gradient(other, LOSSES, ALL))
    one.reset()
    assert torch.equal(gradient(one, LOSSES, ALL, epoch=0), first)
    fresh.reset()
    left, right = one.state_dict(), fresh.state_dict()
    assert all(same(left[key], right[key]) for key in left if key != "_extra_state")


@pytest.mark.parametrize("name", ["uncertainty", "imtl_l", "gls", "famo", "stch"])
def test_a_task_learned_by_heart_does_not_take_over(name):
    method = weighting(name)
    losses = torch.tensor([0.5, 1e-9, 0.6])
    parameters = list(method.parameters())
    optimiser = torch.optim.Adam(parameters, lr=0.1) if parameters else None
    for step in range(300 if parameters else 1):
        if optimiser is not None:
            optimiser.zero_grad()
            method(losses, ALL, 0, step).backward()
            optimiser.step()
    found = gradient(method, losses, ALL, epoch=0)
    assert float(found[0]) < float(found[1]) <= 1.01 * torch.e**4


@pytest.mark.parametrize("name", ["gls", "stch", "famo"])
def test_shares_of_the_total_are_free_of_the_units_of_losses(name):
    units, shares = torch.tensor([1.0, 20.0, 0.5]), []
    for scale in (torch.ones(3), units):
        method = weighting(name)
        teach(method, units=scale)
        losses = scale * LOSSES
        share = gradient(method, losses, ALL) * losses
        shares.append(share / share.sum())
    torch.testing.assert_close(shares[0], shares[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dwa", "rlw", "fixed"])
def test_weights_are_free_of_the_units_of_losses(name):
    weights = []
    for scale in (torch.ones(3), torch.tensor([1.0, 20.0, 0.5])):
        method = weighting(name)
        teach(method, units=scale)
        weights.append(gradient(method, scale * LOSSES, ALL))
    torch.testing.assert_close(weights[0], weights[1])


def test_weights_that_read_losses_are_told_from_those_that_do_not():
    """A loss below 0 turns a weight round, or takes it away, unless the method reads no losses."""
    below = torch.tensor([-0.7, 1.9, 0.4])
    for name in NAMES:
        one, other = weighting(name), weighting(name)
        teach(one)
        teach(other, units=torch.tensor([-1.0, 1.0, 1.0]))
        same_weights = torch.allclose(gradient(one, LOSSES, ALL), gradient(other, below, ALL))
        assert same_weights or WEIGHTINGS[name].needs_positive


def test_which_methods_ask_the_fit_for_more():
    assert [name for name, each in WEIGHTINGS.items() if each.reads_norms] == ["gradnorm"]
    assert [name for name, each in WEIGHTINGS.items() if each.reads_after] == ["famo"]
