"""The training loop: repeatable, stops in time, keeps the best, and its gradients are those of the losses."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch

from tests.training.multitask.small_folds import FAST, FOLD, SMALL, STRUCTURED, TASKS, config_with, fitted, small_fold
from training.architectures.layers import share_generator
from training.imbalance.masked import masked_means, row_losses
from training.multitask.config import MultiTaskConfig
from training.multitask.gradients import (
    conflict_rate,
    gradient_norms,
    gramian,
    set_gradient,
    split_gradients,
    task_gradients,
)
from training.multitask.loop import Trainer, build_net, epoch_means, fit, fit_each, mean_predictor_losses
from training.multitask.rows import RowTensors, Scales, rows_of_columns
from training.multitask.streams import stream


@pytest.mark.parametrize(
    "methods",
    [
        {},
        {"weighting": "rlw"},
        {"aggregator": "pcgrad"},
        {"sampler": "per_task"},
        {"balance": {"*": {"loss": "bmc"}}},
        {"architecture": STRUCTURED},
    ],
    ids=["plain", "rlw", "pcgrad", "per_task", "bmc", "structured"],
)
def test_a_seed_settles_everything(methods):
    first, again, other = (fitted(config_with(**methods), seed) for seed in (0, 0, 1))
    assert all(torch.equal(first.best_joint[key], again.best_joint[key]) for key in first.best_joint)
    assert np.array_equal(first.history.train, again.history.train, equal_nan=True)
    assert first.history.joint != other.history.joint


def test_a_run_does_not_touch_the_common_stream():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fitted(config_with(weighting="rlw"))
    assert torch.equal(torch.rand(1), expected)


def test_methods_do_not_shift_batches_or_dropout():
    plain, summed = (fitted(config_with(**m)).history for m in ({}, {"aggregator": "sum"}))
    np.testing.assert_allclose(plain.train, summed.train, rtol=1e-4)


def test_absent_tasks_are_left_alone():
    moved = {}
    for absent in ("drop", "zero"):
        config = config_with(absent=absent, training={"weight_decay": 0.1})
        trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
        trainer.net.train()
        trainer.stepper.step(torch.arange(60), 0)
        before = [p.detach().clone() for p in trainer.net.task_parameters(1)]
        only = trainer.rows.known[:, 0].nonzero()[:20, 0]
        log = trainer.stepper.step(only, 0)
        assert log.present.tolist() == [True, False, False]
        moved[absent] = any(not torch.equal(a, b) for a, b in zip(before, trainer.net.task_parameters(1), strict=True))
    assert moved == {"drop": False, "zero": True}


def test_the_net_learns_every_task():
    fold = small_fold(900)
    result = fitted(config_with(sampler="per_task", training={"epochs": 12}), fold=fold)
    for best in ("joint", "task"):
        predicted = result.predict(fold.valid.x, best=best)
        for task in (0, 1):
            known = fold.valid.known[:, task]
            assert np.corrcoef(predicted[known, task], fold.valid.y[known, task])[0, 1] > 0.7
        known = fold.valid.known[:, 2]
        assert ((predicted[known, 2] > 0) == (fold.valid.y[known, 2] > 0.5)).mean() > 0.7
    assert predicted[:, 0].mean() == pytest.approx(50, abs=5)  # in the target's own unit


def test_best_states_are_those_of_the_best_epochs():
    result = fitted(config_with(training={"epochs": 8, "lr": 3e-2}))
    history = result.history
    assert result.joint_epoch == int(np.argmin(history.joint))
    assert result.task_epochs == tuple(np.argmin(history.valid, axis=0))
    valid = RowTensors.of(FOLD.valid, result.scales)
    for task in range(3):
        result.net.load_state_dict(dict(result.best_task[task]))
        result.net.eval()
        loss = row_losses(result.net(valid.x), valid.y, valid.known, valid.is_label)
        found, _ = masked_means(loss, valid.known)
        assert float(found[task].detach()) == pytest.approx(history.valid[result.task_epochs[task]][task], rel=1e-5)


def test_training_stops_when_nothing_improves():
    training = {"epochs": 40, "lr": 1.0, "patience": 3, "plateau_patience": 0}
    history = fitted(config_with(training=training)).history
    assert len(history) < 40
    assert len(history) - 1 - int(np.argmin(history.joint)) == 3
    assert history.lr[-1] < history.lr[0]


def test_the_history_counts_rows_and_steps():
    history = fitted(config_with()).history
    assert history.rows_seen[-1].tolist() == (3 * FOLD.train.known.sum(axis=0)).tolist()
    assert history.steps == [10, 20, 30] or history.steps == [9, 18, 27]
    assert np.isnan(history.departures).all()
    history = fitted(config_with(aggregator="pcgrad", sampler="per_task")).history
    assert (np.array(history.conflicts) <= 1).all()
    assert (np.array(history.projections) >= 0).all()


def test_independent_nets_see_their_own_rows_only():
    config = MultiTaskConfig.named("independent", training=FAST)
    results = fit_each(FOLD, config, 0)
    assert [result.tasks for result in results] == [(task,) for task in TASKS]
    assert [r.history.rows_seen[0].tolist() for r in results] == [[n] for n in FOLD.train.known.sum(axis=0)]


def test_independent_nets_keep_the_remedies_of_their_task():
    plain, remedied = (
        fit_each(FOLD, MultiTaskConfig.named("independent", training=FAST, balance=balance), 0)
        for balance in ({}, {"*": {"lds": True}})
    )
    changed = [a.history.joint != b.history.joint for a, b in zip(plain, remedied, strict=True)]
    assert changed == [True, True, False]


def test_configurations_and_results_travel_between_processes():
    config = config_with(aggregator="pcgrad", balance={"*": {"lds": True}})
    result = fitted(config)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        far = pool.submit(fitted, config).result()
    assert np.array_equal(far.predict(FOLD.valid.x), result.predict(FOLD.valid.x))


def test_soft_sharing_without_pull_is_independent_nets_of_the_same_batches():
    options = {"widths": [8, 8], "head_hidden": 4, "dropout": 0.0}
    soft = config_with(architecture={"name": "soft", "strength": 0.0, **options})
    alone = config_with(architecture={"name": "independent", **options})
    first, second = build_net(soft, 6, 3, 0), build_net(alone, 6, 3, 0)
    second.load_state_dict(first.state_dict())
    found, expected = fit(first, FOLD, soft, 0), fit(second, FOLD, alone, 0)
    for key, value in expected.best_joint.items():
        torch.testing.assert_close(found.best_joint[key], value)
    pulled = config_with(architecture={"name": "soft", "strength": 0.1, **options})
    assert fitted(pulled).net.similarity() > fitted(soft).net.similarity()


def test_task_gradients_are_those_of_single_losses():
    net = build_net(config_with(architecture={**SMALL, "norm": "none", "dropout": 0.0}), 6, 3, 0)
    rows = RowTensors.of(FOLD.train, Scales.of(FOLD.train))
    present = torch.tensor([True, False, True])
    losses, _ = masked_means(row_losses(net(rows.x), rows.y, rows.known, rows.is_label), rows.known)
    shared, others = net.shared_parameters(), net.heads_parameters()
    jacobian, sums = task_gradients(losses, present, shared, others)
    assert jacobian.shape == (2, sum(p.numel() for p in shared))
    plain = torch.autograd.grad(losses[0] + losses[2], [*shared, *others], retain_graph=True)
    torch.testing.assert_close(jacobian.sum(dim=0), torch.cat([g.flatten() for g in plain[: len(shared)]]))
    for mine, expected in zip(sums, plain[len(shared) :], strict=True):
        torch.testing.assert_close(mine, expected)
    torch.testing.assert_close(gramian(jacobian), jacobian @ jacobian.T)
    set_gradient(shared, jacobian[0])
    torch.testing.assert_close(torch.cat([p.grad.flatten() for p in shared]), jacobian[0])
    norms = gradient_norms(losses, present, net.last_shared().weight)
    assert norms[1] == 0.0
    (last,) = torch.autograd.grad(losses[2], [net.last_shared().weight])
    torch.testing.assert_close(norms[2], last.norm())


@pytest.mark.parametrize("architecture", [SMALL, STRUCTURED], ids=["hard", "structured"])
@pytest.mark.parametrize("balance", [{}, {"*": {"fds": {"buckets": 5}, "loss": "gai"}}], ids=["plain", "remedies"])
def test_heads_passed_through_once_give_the_same_gradients(architecture, balance):
    config = config_with(architecture=architecture, aggregator="upgrad", sampler="per_task", balance=balance)
    found = {}
    for split in (True, False):
        trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
        assert trainer.stepper.split
        for epoch in range(3):
            trainer.stepper.split = split
            trainer.epoch(epoch)
        found[split] = torch.cat([p.detach().flatten() for p in trainer.net.parameters()])
    torch.testing.assert_close(found[True], found[False], atol=2e-3, rtol=2e-3)
    trainer.net.train()
    chosen = torch.arange(60)
    rows = []
    for split in (True, False):
        share_generator(trainer.net, stream(3, "dropout"))
        losses, labels, z, read = trainer.objective(trainer.net, chosen, 3, split=split)
        shared, others = trainer.net.shared_parameters(), trainer.net.heads_parameters()
        if split:
            rows.append(split_gradients(losses, labels > 0, z, read, shared, others))
        else:
            rows.append(task_gradients(losses, labels > 0, shared, others))
    torch.testing.assert_close(rows[0][0], rows[1][0])
    for mine, expected in zip(rows[0][1], rows[1][1], strict=True):
        torch.testing.assert_close(mine, expected)


@pytest.mark.parametrize("architecture", [{**STRUCTURED, "detach": False}, {**SMALL, "norm": "task_bn"}])
def test_heads_that_are_not_all_of_a_task_are_not_split(architecture):
    config = config_with(architecture=architecture, aggregator="pcgrad", sampler="per_task")
    trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
    assert not trainer.stepper.split
    assert np.isfinite([float(log.losses.sum()) for log in trainer.epoch(0)]).all()
    assert all(p.grad is not None for p in trainer.net.parameters())


def test_conflicts_are_counted_over_pairs():
    assert conflict_rate(torch.tensor([[1.0, -0.1, 0.2], [-0.1, 1, 0.3], [0.2, 0.3, 1]])) == pytest.approx(1 / 3)
    assert conflict_rate(torch.ones(1, 1)) == 0.0


def test_unlabelled_values_change_nothing():
    fold = small_fold()
    reference = fitted(config_with(), fold=fold)
    for rows in (fold.train, fold.valid):
        rows.y[~rows.known] = 1e30
    assert fitted(config_with(), fold=fold).history.joint == reference.history.joint


def test_the_mean_predictor_is_the_best_constant():
    scales = Scales.of(FOLD.train)
    rows = RowTensors.of(FOLD.train, scales)
    losses = mean_predictor_losses(rows, rows)
    assert losses[:2].tolist() == pytest.approx([1, 1], abs=1e-4)
    share = float(rows.y[rows.known[:, 2], 2].mean())
    assert float(losses[2]) == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share), rel=1e-4)


def test_columns_become_rows():
    rows = rows_of_columns(np.zeros((2, 1)), {"a": np.array([1.0, np.nan]), "is_b": np.array([np.nan, 1.0])})
    assert rows.is_label.tolist() == [False, True]
    assert rows.known.tolist() == [[True, False], [False, True]]


def test_means_of_an_epoch_are_over_labels():
    config = config_with(training={"batch": 8})
    trainer = Trainer(build_net(config, 6, 3, 0), FOLD, config, 0)
    logs = trainer.epoch(0)
    means, present = epoch_means(logs)
    counts = torch.stack([log.labels for log in logs])
    assert len(counts[:, 1].unique()) > 1
    assert torch.equal(counts.sum(dim=0), trainer.seen)
    expected = sum(float(log.losses[1] * log.labels[1]) for log in logs) / float(counts[:, 1].sum())
    assert present.all()
    assert float(means[1]) == pytest.approx(expected, rel=1e-5)
