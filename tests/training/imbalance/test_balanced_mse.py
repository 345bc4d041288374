from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from screener.errors import InputError
from training.imbalance.balanced_mse import (
    BatchMonteCarlo,
    GaussianMixtureMse,
    mixture_losses,
    monte_carlo_losses,
)
from training.imbalance.lds import lds_weights
from training.imbalance.robust import focal_regression, huber
from training.nets import single_thread

single_thread()
seeds = st.integers(0, 10_000)
sigmas = st.sampled_from([0.3, 1.0, 2.5])


def drawn(seed: int, n: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, generator=generator, dtype=torch.float64),
        torch.randn(n, generator=generator, dtype=torch.float64),
    )


def test_golden_pair():
    f, y = torch.tensor([0.2, 0.9]), torch.tensor([0.0, 1.0])
    assert BatchMonteCarlo(sigma=math.sqrt(0.5))(f, y).mean().item() == pytest.approx(0.404294, abs=1e-6)
    assert BatchMonteCarlo(sigma=0.01)(f, y).mean().item() == pytest.approx(0.0, abs=1e-9)
    assert ((f - y) ** 2).mean().item() == pytest.approx(0.025)


@settings(deadline=None, max_examples=30)
@given(seeds, sigmas)
def test_the_batch_loss_is_a_cross_entropy_over_the_batch(seed, sigma):
    f, y = drawn(seed)
    logits = -((f[:, None] - y[None]) ** 2) / (2 * sigma**2)
    expected = functional.cross_entropy(logits, torch.arange(len(y)), reduction="none") * 2 * sigma**2
    assert torch.allclose(BatchMonteCarlo(sigma=sigma).double()(f, y), expected, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(seeds, sigmas)
def test_two_rows_have_a_closed_form(seed, sigma):
    f, y = drawn(seed, 2)
    own, other = (f - y) ** 2, (f - y.flip(0)) ** 2
    expected = 2 * sigma**2 * functional.softplus((own - other) / (2 * sigma**2)).mean()
    assert BatchMonteCarlo(sigma=sigma)(f, y).mean().item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_wide_sigma_has_an_expansion():
    f, y = drawn(3)
    variance = 1e6
    found = BatchMonteCarlo(sigma=1e3).double()(f, y).mean()
    spread = ((f[:, None] - y[None]) ** 2).mean()
    expected = 2 * variance * math.log(len(y)) + ((f - y) ** 2).mean() - spread
    assert found.item() - expected.item() == pytest.approx(0.0, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(seeds, st.permutations(range(9)))
def test_the_order_of_rows_does_not_matter(seed, order):
    f, y = drawn(seed)
    loss = BatchMonteCarlo().double()
    assert torch.allclose(loss(f[list(order)], y[list(order)]), loss(f, y)[list(order)])


def test_a_bank_of_the_other_rows_is_the_batch():
    f, y = drawn(1, 5)
    for i in range(5):
        others = torch.cat([y[:i], y[i + 1 :]])[None]
        found = monte_carlo_losses(f[i : i + 1], y[i : i + 1], others, torch.tensor(1.0))
        assert found.item() == pytest.approx(BatchMonteCarlo().double()(f, y)[i].item())


def test_a_lone_row_learns_from_the_bank_only():
    f, y = torch.tensor([0.5], requires_grad=True), torch.tensor([2.0])
    alone = BatchMonteCarlo()(f, y)
    assert alone.item() == 0.0
    assert torch.autograd.grad(alone.sum(), f)[0].item() == 0.0
    banked = BatchMonteCarlo(torch.linspace(-1, 1, 50))(f, y)
    assert torch.autograd.grad(banked.sum(), f)[0].item() < -0.5
    assert banked.item() > 1.0


def test_draws_have_their_own_generator():
    f, y = torch.zeros(3), torch.ones(3)
    loss = BatchMonteCarlo(torch.linspace(-2, 2, 1000), bank=8, seed=5)
    state = torch.get_rng_state()
    first, second = loss(f, y), loss(f, y)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, second)
    loss.reset()
    assert torch.equal(loss(f, y), first)


@pytest.mark.parametrize("kind", ["batch", "bank", "mixture"])
def test_gradients_are_the_numeric_ones(kind):
    f, y = drawn(4, 5)
    losses = {
        "batch": lambda: BatchMonteCarlo(),
        "bank": lambda: BatchMonteCarlo(y, bank=7),
        "mixture": lambda: GaussianMixtureMse(y.numpy(), components=2),
    }

    def loss(values: torch.Tensor) -> torch.Tensor:
        return losses[kind]().double()(values, y)

    assert torch.autograd.gradcheck(loss, (f.requires_grad_(),))


@settings(deadline=None, max_examples=20)
@given(seeds, sigmas)
def test_a_mixture_of_points_is_the_batch(seed, sigma):
    f, y = drawn(seed)
    n, variance = len(y), torch.tensor(sigma**2, dtype=torch.float64)
    share = torch.full((n,), -math.log(n), dtype=torch.float64)
    found = mixture_losses(f, y, share, y, torch.zeros_like(y), variance)
    batch = BatchMonteCarlo(sigma=sigma).double()(f, y)
    assert torch.allclose(found + 2 * variance * math.log(n), batch, rtol=1e-5)


def test_a_mixture_is_the_integral_over_its_density():
    f, y, variance = torch.tensor([0.3, -1.2]).double(), torch.tensor([0.0, 1.0]).double(), 0.6
    share, centre, spread = np.array([0.25, 0.75]), np.array([-1.0, 0.5]), np.array([0.2, 0.9])
    grid = np.linspace(-12, 12, 20_001)
    density = (share / np.sqrt(2 * np.pi * spread) * np.exp(-((grid[:, None] - centre) ** 2) / 2 / spread)).sum(1)
    for i in range(2):
        kernel = np.exp(-((grid - f[i].item()) ** 2) / 2 / variance)
        integral = float((density * kernel).sum() * (grid[1] - grid[0]))
        expected = (float((f[i] - y[i]) ** 2) / 2 / variance + math.log(integral)) * 2 * variance
        tensors = (torch.from_numpy(v) for v in (np.log(share), centre, spread))
        found = mixture_losses(f[i : i + 1], y[i : i + 1], *tensors, torch.tensor(variance))
        assert found.item() == pytest.approx(expected, rel=1e-6)


def test_a_bank_approaches_the_mixture():
    labels = np.random.default_rng(0).normal(0.0, 0.7, 4000)
    f, y = torch.tensor([0.1, 1.5, -2.0]), torch.tensor([0.4, 1.0, -1.0])
    bank = BatchMonteCarlo(labels, bank=200_000)(f, y) - 2 * math.log(200_001)
    assert torch.allclose(GaussianMixtureMse(labels, components=1)(f, y), bank, atol=0.03)


def test_the_gradient_is_neither_that_of_the_plain_nor_of_the_weighted_error():
    labels = np.random.default_rng(1).gamma(1.0, 1.0, 200)
    labels = (labels - labels.mean()) / labels.std()
    y = torch.from_numpy(labels).float()
    f = torch.zeros(200, requires_grad=True)
    losses = {
        "plain": (f - y) ** 2,
        "lds": torch.from_numpy(lds_weights(labels)).float() * (f - y) ** 2,
        "batch": BatchMonteCarlo()(f, y),
        "mixture": GaussianMixtureMse(labels)(f, y),
        "focal": focal_regression(f, y),
        "huber": huber(f, y),
    }
    found = {name: torch.autograd.grad(loss.mean(), f)[0] for name, loss in losses.items()}
    names = list(found)
    for i, one in enumerate(names):
        for other in names[:i]:
            gap = (found[one] - found[other]).norm() / found[other].norm()
            # Both balanced losses are estimates of one expectation over the same labels.
            assert gap < 0.01 if {one, other} == {"batch", "mixture"} else gap > 0.05, (one, other)


def test_sigma_is_learned_fixed_and_bounded():
    f, y = drawn(2)
    learned, fixed = BatchMonteCarlo(), BatchMonteCarlo(learn_sigma=False)
    learned.double()(f, y).mean().backward()
    assert learned.sigma.grad.item() != 0.0
    assert not fixed.sigma.requires_grad
    group = learned.parameter_group()
    assert (group["lr"], group["weight_decay"], len(group["params"])) == (1e-2, 0.0, 1)
    assert fixed.parameter_group()["params"] == []
    assert BatchMonteCarlo(sigma=1e-6).variance().item() == pytest.approx(1e-4)
    # The optimiser takes it as a group of its own.
    torch.optim.Adam([learned.parameter_group()])


def test_the_factor_of_the_loss_is_not_differentiated():
    f, y = drawn(5)
    others = y[None]

    def mean_loss(variance: float) -> float:
        v = torch.tensor(variance, dtype=torch.float64)
        return (monte_carlo_losses(f, y, others, v) / (2 * v)).mean().item()

    variance = torch.tensor(1.44, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(monte_carlo_losses(f, y, others, variance).mean(), variance)
    numeric = (mean_loss(1.44 + 1e-5) - mean_loss(1.44 - 1e-5)) / 2e-5
    assert found.item() == pytest.approx(2 * 1.44 * numeric, rel=1e-5)


def test_a_mixture_has_no_more_parts_than_labels():
    assert len(GaussianMixtureMse(np.array([0.0, 1.0, 1.0, 0.0])).centre) == 2
    single = GaussianMixtureMse(np.full(5, 0.3))
    assert single(torch.tensor([0.3]), torch.tensor([0.3])).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (
            lambda: BatchMonteCarlo(sigma=0.0),
            "sigma `0.0` is not positive",
            "give a width of standardised targets, such as 1",
        ),
        (lambda: BatchMonteCarlo(bank=0), "a bank of `0` labels cannot be drawn", "give 1 to 1048576, such as 256"),
        (
            lambda: BatchMonteCarlo(np.array([np.nan])),
            "labels of the bank are missing or not finite",
            "give the training labels of one task",
        ),
        (
            lambda: GaussianMixtureMse(np.array([])),
            "labels of the mixture are missing or not finite",
            "give the training labels of one task",
        ),
        (
            lambda: GaussianMixtureMse(np.ones(3), components=0),
            "a mixture of `0` components cannot be fitted",
            "give 1 to 100, such as 8",
        ),
    ],
)
def test_wrong_options_are_refused(make, message, hint):
    with pytest.raises(InputError) as error:
        make()
    assert (error.value.message, error.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("loss", "option", "hint"),
    [
        (focal_regression, {"beta": 0.0}, "give a number above 0"),
        (focal_regression, {"gamma": -1.0}, "give a number of at least 0"),
        (huber, {"delta": 0.0}, "give a number above 0"),
    ],
)
def test_wrong_options_of_cheap_relatives_are_refused(loss, option, hint):
    with pytest.raises(InputError) as error:
        loss(torch.zeros(1), torch.zeros(1), **option)
    ((name, value),) = option.items()
    assert (error.value.message, error.value.hint) == (f"option `{name}` is `{value}`", hint)


def test_cheap_relatives_by_hand():
    f, y = torch.tensor([0.5, 3.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])
    assert huber(f, y).tolist() == pytest.approx([0.125, 2.5, 0.0])
    share = [2 / (1 + math.exp(-0.2 * e)) - 1 for e in (0.5, 3.0)]
    assert focal_regression(f, y).tolist() == pytest.approx([0.25 * share[0], 9.0 * share[1], 0.0])
    assert focal_regression(f, y, gamma=0.0).tolist() == pytest.approx([0.25, 9.0, 0.0])
