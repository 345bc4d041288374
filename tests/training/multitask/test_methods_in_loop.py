"""Every aggregator, weighting and remedy trains, and changes the gradients that it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.multitask.small_folds import FOLD, SMALL, STRUCTURED, config_with, fitted, small_fold
from training.aggregators import AGGREGATORS
from training.architectures.layers import share_generator
from training.multitask.loop import Trainer, build_net
from training.multitask.streams import stream
from training.weighting import WEIGHTINGS


def first_gradient(config, fold=FOLD, epochs=0):
    """Gradients of all parameters at a step, after some epochs with the plain sum's steps."""
    trainer = Trainer(build_net(config, 6, 3, 0), fold, config, 0)
    for epoch in range(epochs):
        trainer.epoch(epoch)
    share_generator(trainer.net, stream(7, "dropout"))
    trainer.net.train()
    trainer.stepper.step(torch.arange(90), epochs)
    shared = {id(p) for p in trainer.net.shared_parameters()}
    grads = {n: p.grad for n, p in trainer.net.named_parameters() if p.grad is not None}
    own = torch.cat([g.flatten() for n, g in grads.items() if id(trainer.net.get_parameter(n)) in shared])
    heads = torch.cat([g.flatten() for n, g in grads.items() if id(trainer.net.get_parameter(n)) not in shared])
    return own, heads


@pytest.mark.parametrize("name", AGGREGATORS)
def test_every_aggregator_trains_and_changes_the_shared_gradient_alone(name):
    config = config_with(aggregator=name, sampler="per_task")
    result = fitted(config)
    assert len(result.history) == 3
    assert np.isfinite(result.history.joint).all()
    assert np.isfinite(result.history.departures).all()
    plain, own = first_gradient(config_with(aggregator="sum")), first_gradient(config)
    if name == "sum":
        torch.testing.assert_close(plain[0], first_gradient(config_with())[0])
    elif name in ("pcgrad", "gradvac") and torch.equal(plain[0], own[0]):
        pytest.fail("no pair of this batch is in conflict: choose another fold")
    else:
        assert not torch.allclose(plain[0], own[0])
    if name != "mgda_ub":
        assert torch.equal(plain[1], own[1])
    else:
        assert not torch.allclose(plain[1], own[1])


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_every_weighting_trains_and_changes_the_gradient(name):
    options = {"name": "fixed", "weights": [1, 10, 10]} if name == "fixed" else name
    config = config_with(weighting=options)
    result = fitted(config)
    assert np.isfinite(result.history.joint).all()
    assert np.isfinite(result.history.weights).all()
    # GradNorm, FAMO, DWA and smooth Tchebycheff need a few steps before they weigh.
    plain, own = (first_gradient(c, epochs=4) for c in (config_with(), config))
    assert not torch.allclose(plain[0], own[0])
    assert not np.allclose(result.history.weights[-1], 1.0) or name == "dwa"


@pytest.mark.parametrize("aggregator", ["pcgrad", "mgda_ub", "upgrad"])
@pytest.mark.parametrize("weighting", ["uncertainty", "gradnorm", "famo"])
def test_weightings_and_aggregators_work_together(weighting, aggregator):
    result = fitted(config_with(weighting=weighting, aggregator=aggregator, sampler="stratified"))
    assert np.isfinite(result.history.joint).all()
    assert not np.allclose(result.history.weights[-1], 1.0)


def test_weights_multiply_losses_before_they_are_aggregated():
    weights = {"name": "fixed", "weights": [1, 10, 3]}
    together = first_gradient(config_with(weighting=weights, aggregator="sum"))
    torch.testing.assert_close(together[0], first_gradient(config_with(weighting=weights))[0])
    torch.testing.assert_close(together[1], first_gradient(config_with())[1])  # heads have no weights


@pytest.mark.parametrize(
    "balance",
    [
        {"lds": {"kernel": "analytic"}},
        {"loss": "bmc"},
        {"loss": "gai"},
        {"loss": "focal"},
        {"loss": {"name": "huber", "delta": 0.3}},
    ],
    ids=["lds", "bmc", "gai", "focal", "huber"],
)
def test_every_remedy_changes_the_gradient(balance):
    gradients = [first_gradient(config_with(balance=b))[0] for b in ({}, {"hardness": balance}, {"*": balance})]
    assert not torch.allclose(gradients[0], gradients[1])
    assert not torch.allclose(gradients[1], gradients[2])
    assert np.isfinite(fitted(config_with(balance={"*": balance})).history.joint).all()


def test_remedies_differ_from_each_other():
    kinds = [{"lds": True}, {"loss": "bmc"}, {"loss": "gai"}]
    gradients = [first_gradient(config_with(balance={"*": kind}))[0] for kind in kinds]
    assert not torch.allclose(gradients[0], gradients[1])
    assert not torch.allclose(gradients[1], gradients[2])


def test_class_weights_change_the_gradient():
    fold = small_fold(seed=5)
    fold.train.y[fold.train.x[:, 0] > -0.5, 2] = 1.0
    gradients = [first_gradient(config_with(balance={"is_glass": b}), fold)[0] for b in ({}, {"class_weights": True})]
    assert not torch.allclose(*gradients)


@pytest.mark.parametrize("architecture", ["hard", "soft", "structured"])
def test_smoothed_features_change_training_from_the_second_refresh_on_and_never_prediction(architecture):
    options = {k: v for k, v in (STRUCTURED if architecture == "structured" else SMALL).items() if k != "name"}
    runs = [
        fitted(config_with(architecture={"name": architecture, **options}, balance={"*": b}, training={"epochs": 4}))
        for b in ({}, {"fds": {"buckets": 6}})
    ]
    plain, smoothed = (np.array(run.history.train) for run in runs)
    assert (plain[:2] == smoothed[:2])[
        :, :2
    ].all()  # the first epoch has no statistics, the second calibrates by identity
    assert not np.allclose(plain[2:, 0], smoothed[2:, 0])
    net = runs[1].net
    x = runs[1].scales.inputs(FOLD.valid.x)
    assert torch.equal(net(x), net.heads(net.trunk(x)))


def test_losses_seen_again_are_of_the_same_dropout_and_the_same_bank_of_labels():
    config = config_with(
        weighting="famo",
        balance={"*": {"loss": {"name": "bmc", "learn_sigma": False}}},
        training={"lr": 0.0, "weight_decay": 0.0},
    )
    trainer, seen = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0), []
    trainer.weighting.after_step = lambda before, after, present: seen.append((before, after))
    trainer.epoch(0)
    assert len(seen) > 1
    for before, after in seen:
        torch.testing.assert_close(before, after)


def test_a_normaliser_divides_weighted_gradients_by_weighted_losses():
    found = []
    for weights in ([1, 1, 1], [1, 10, 3]):
        weighting = {"name": "fixed", "weights": weights}
        config = config_with(weighting=weighting, aggregator={"name": "mgda", "normalise": "loss"})
        trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
        trainer.net.train()
        found.append(trainer.stepper.step(torch.arange(90), 0).aggregated)
    torch.testing.assert_close(found[0], found[1])  # α is sought among gₜ/Lₜ, whatever multiplies both


@pytest.mark.parametrize("name", ["mgda", "cagrad", "pcgrad", "upgrad", "imtl_g"])
def test_a_batch_without_a_task_still_moves_the_trunk_and_leaves_its_head(name):
    config = config_with(aggregator=name)
    trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
    assert trainer.stepper.split
    trainer.epoch(0)  # momentum to be left alone
    without = (~trainer.rows.known[:, 1]).nonzero()[:40, 0]
    trainer.net.train()
    shared = [p.detach().clone() for p in trainer.net.shared_parameters()]
    heads = [[p.detach().clone() for p in tower.parameters()] for tower in trainer.net.towers]
    log = trainer.stepper.step(without, 1)
    assert log.present.tolist() == [True, False, True]
    assert log.aggregated[1] == 0.0
    assert any(not torch.equal(a, b) for a, b in zip(shared, trainer.net.shared_parameters(), strict=True))
    moved = [
        any(not torch.equal(a, b) for a, b in zip(was, tower.parameters(), strict=True))
        for was, tower in zip(heads, trainer.net.towers, strict=True)
    ]
    assert moved == [True, False, True]
