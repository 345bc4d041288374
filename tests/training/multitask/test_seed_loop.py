"""Nets of several seeds trained at once: the same as one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.multitask.small_folds import FAST, FOLD, SMALL, config_with, fitted
from training.architectures.seeds import SeedNets
from training.multitask.config import MultiTaskConfig
from training.multitask.flat_adam import FlatAdam
from training.multitask.loop import build_net
from training.multitask.seed_loop import fit_seeds


def plain_net():
    return torch.nn.Sequential(
        torch.nn.Linear(6, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Linear(16, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.ReLU(),
        torch.nn.Linear(8, 1),
    )


@pytest.mark.parametrize("count", [1, 3])
def test_stacked_nets_are_plain_sequential_nets(count):
    # float64: in float32 the biases before a normalisation, whose gradient is 0, walk with the rounding.
    options = {"name": "independent", "widths": [16, 8], "dropout": 0.0}
    nets = [build_net(config_with(architecture=options), 6, 1, seed).double() for seed in range(count)]
    plain = [plain_net().double() for _ in nets]
    for each, net in zip(plain, nets, strict=True):
        each.load_state_dict(dict(zip(each.state_dict(), net.state_dict().values(), strict=True)))
    stacked = SeedNets(nets)
    optimisers = [torch.optim.Adam(m.parameters(), lr=1e-3, weight_decay=1e-5) for m in (*plain, stacked)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        x, y = (torch.randn(count, 32, d, generator=generator, dtype=torch.float64) for d in (6, 1))
        for optimiser in optimisers:
            optimiser.zero_grad()
        errors = [(stacked(x) - y).square(), *((each(x[k]) - y[k]).square() for k, each in enumerate(plain))]
        torch.autograd.backward(sum(error.mean(dim=(-2, -1)).sum() for error in errors))
        for optimiser in optimisers:
            optimiser.step()
    stacked.eval()
    for k, (each, net) in enumerate(zip(plain, stacked.unstacked(), strict=True)):
        expected = each.eval()(x[k])
        torch.testing.assert_close(stacked(x)[k], expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(net.eval()(x[k]), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["hard", "structured"])
@pytest.mark.parametrize("weighting", [None, {"name": "fixed", "weights": [1, 10, 10]}])
def test_several_seeds_at_once_are_the_same_as_one_by_one(name, weighting):
    training = {"epochs": 8, "patience": 1, "plateau_patience": 0, "lr": 2e-2}
    config = config_with(
        architecture={**SMALL, "name": name, "norm": "none", "dropout": 0.0},
        absent="zero",
        training=training,
        weighting=weighting,
    )
    together = fit_seeds(FOLD, config, (1, 2, 3))
    for seed, result in zip((1, 2, 3), together, strict=True):
        alone = fitted(config, seed)
        assert len(result.history) == len(alone.history)
        assert result.joint_epoch == alone.joint_epoch
        np.testing.assert_allclose(result.history.joint[:3], alone.history.joint[:3], rtol=1e-3)
        np.testing.assert_allclose(result.history.joint, alone.history.joint, rtol=0.02)  # rounding grows
        np.testing.assert_allclose(result.history.lr, alone.history.lr)
        np.testing.assert_allclose(result.predict(FOLD.valid.x), alone.predict(FOLD.valid.x), rtol=0.02, atol=0.1)
    assert len({len(result.history) for result in together}) > 1  # each net has an end of its own


def test_adam_in_one_vector_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(2, *shape, generator=generator, dtype=torch.float64) for shape in ((3, 4), (5,))]
    flat = [torch.nn.Parameter(each.clone()) for each in start]
    plain = [[torch.nn.Parameter(each[k].clone()) for each in start] for k in range(2)]
    ours = FlatAdam(flat, 1e-2, 1e-2)
    theirs = [
        torch.optim.Adam(each, lr=rate, weight_decay=1e-2) for each, rate in zip(plain, (1e-2, 5e-3), strict=True)
    ]
    ours.set_rates(torch.tensor([1.0, 0.5], dtype=torch.float64))
    for step in range(20):
        for k, parameter in enumerate(flat):
            assert parameter.grad is not None
            parameter.grad.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * (step + 1))
            for net in range(2):
                plain[net][k].grad = parameter.grad[net].clone()
        ours.step()
        for optimiser in theirs:
            optimiser.step()
    for k, parameter in enumerate(flat):
        torch.testing.assert_close(parameter.detach(), torch.stack([plain[net][k].detach() for net in range(2)]))
    ours.set_rates(torch.tensor([1.0, 0.0], dtype=torch.float64))
    before = flat[0].detach().clone()
    ours.step()
    torch.testing.assert_close(flat[0][1].detach(), before[1], atol=1e-12, rtol=0)
    assert not torch.equal(flat[0][0], before[0])


def test_seeds_at_once_take_one_task_of_independent_nets():
    results = fit_seeds(FOLD.only(["hardness"]), MultiTaskConfig.named("independent", training=FAST), (1, 2))
    assert results[0].history.joint != results[1].history.joint


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"aggregator": "pcgrad"}, "aggregator `pcgrad` does not run for several seeds at once"),
        ({"weighting": "dwa"}, "weighting `dwa` does not run for several seeds at once"),
        ({"sampler": "per_task"}, "remedies and samplers do not run for several seeds at once"),
        ({"absent": "drop"}, "heads without labels in a batch cannot rest for several seeds at once"),
        ({"architecture": "soft"}, "several `SoftNet` cannot be trained at once"),
        ({"architecture": {"name": "hard", "norm": "ln"}}, "layers of `LayerNorm` cannot be stacked"),
    ],
)
def test_methods_with_a_state_are_refused_for_several_seeds(methods, message):
    with pytest.raises(Exception, match=message.replace("(", r"\(")):
        fit_seeds(FOLD, config_with(**{"absent": "zero", **methods}), (1, 2))
