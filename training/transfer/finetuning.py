"""Fine-tuning: a single-task net on a pre-trained body, by any strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from screener.errors import InputError
from training.architectures.multitask_net import MultiTaskNet
from training.multitask.checks import check_rows
from training.multitask.config import MultiTaskConfig
from training.multitask.history import FitResult, History
from training.multitask.loop import Groups, Trainer, build_net, train
from training.multitask.rows import Fold, Scales
from training.transfer.leakage import require_leak_free
from training.transfer.pretraining import Body, GroupedFold, pretrain, sources_of
from training.transfer.strategies import Stage, Strategy


def learn(
    grouped: GroupedFold,
    target: str,
    strategy: Strategy,
    held_out: Sequence[str] | NDArray[np.str_],
    config: MultiTaskConfig,
    seed: int,
) -> FitResult:
    """Learn a target by a strategy, pre-training included.

    Args:
        grouped: rows of many tasks.
        target: which of them to learn in the end.
        strategy: from `STRATEGIES`, or one of your own.
        held_out: groups of the rows that will be tested on.
        config: methods and optimisation of the pre-training; its optimisation also of the fine-tuning.
        seed: of everything.

    Raises:
        ScreenerError: rows that cannot be learned from, a target that is not there.
    """
    sources = sources_of(strategy, grouped.fold, target)
    body = pretrain(grouped, sources, held_out, config, seed) if sources else None
    return finetune(body, grouped.without(held_out).fold.only((target,)), strategy, config, seed, held_out)


def finetune(
    body: Body | None,
    fold: Fold,
    strategy: Strategy,
    config: MultiTaskConfig,
    seed: int,
    held_out: Sequence[str] | NDArray[np.str_] = (),
) -> FitResult:
    """Train one task on a body; without one, the same net from scratch.

    Features keep the scaler of the pre-training, the target is scaled by the rows of this fold. The result is the best
    epoch of all stages.

    Args:
        body: pre-trained.
        fold: rows of the target.
        strategy: what is trained, when, how fast.
        config: its optimisation is used, its learning rate is the strategy's.
        seed: of head, batches, dropout.
        held_out: groups of the rows that will be tested on.

    Raises:
        ScreenerError: rows that cannot be learned from, a body that has seen what is held out, a strategy that needs a
            body without one.
    """
    if (body is None) != (strategy.sources == "none"):
        raise InputError(
            f"strategy `{strategy.name}` {'needs a' if body is None else 'starts without any'} pre-trained body",
            "`pretrain` makes one" if body is None else "leave the body out",
        )
    for name, rows in (("training", fold.train), ("validation", fold.valid)):
        check_rows(rows, name)
    scales = Scales.of(fold.train)
    own = MultiTaskConfig(architecture=config.architecture, training=config.training, absent=config.absent)
    net = build_net(own, fold.train.x.shape[1], 1, seed)
    if body is not None:
        require_leak_free(body.seen, held_out)
        net, scales = body.start(net), body.scales(fold.train)
    anchor = anchor_to(net, strategy.anchor) if strategy.anchor else None
    results = [_staged(net, fold, own, stage, scales, anchor, seed) for stage in strategy.stages]
    best = min(results, key=lambda result: min(result.history.joint))
    net.load_state_dict(dict(best.best_joint))
    offset = sum(len(result.history) for result in results[: results.index(best)])
    return replace(
        best,
        history=_merged([result.history for result in results]),
        joint_epoch=best.joint_epoch + offset,
        task_epochs=tuple(epoch + offset for epoch in best.task_epochs),
    )


def anchor_to(net: MultiTaskNet, strength: float) -> Callable[[], Tensor]:
    """Return the pull β‖θ − θ₀‖² of a body towards the weights that it has now."""
    body = list(net.backbones.parameters())
    start = [parameter.detach().clone() for parameter in body]

    def pull() -> Tensor:
        away = [(parameter - first).square().sum() for parameter, first in zip(body, start, strict=True)]
        return strength * torch.stack(away).sum()

    return pull


def groups_of(net: MultiTaskNet, stage: Stage) -> tuple[Groups, list[nn.Module]]:
    """Return the parameter groups of a stage, and the modules that stay in evaluation mode."""
    last = net.last_block()
    mine = {id(parameter) for parameter in last}
    body = [parameter for parameter in net.backbones.parameters() if id(parameter) not in mine]
    parts = ((body, stage.body), (last, stage.last), (list(net.towers.parameters()), stage.head))
    groups: list[dict[str, object]] = [{"params": held, "lr": rate} for held, rate in parts if rate and held]
    modules = list(net.backbones[0].children())
    at = modules.index(net.last_shared())
    resting = ([] if stage.body else modules[:at]) + ([] if stage.last else modules[at:])
    return groups, resting


def _staged(
    net: MultiTaskNet,
    fold: Fold,
    config: MultiTaskConfig,
    stage: Stage,
    scales: Scales,
    anchor: Callable[[], Tensor] | None,
    seed: int,
) -> FitResult:
    """Train one stage."""
    if stage.epochs is not None:
        most = min(stage.epochs, config.training.epochs)
        config = replace(config, training=replace(config.training, epochs=most))
    groups, resting = groups_of(net, stage)
    return train(Trainer(net, fold, config, seed, scales=scales, groups=groups, anchor=anchor, resting=resting))


def _merged(histories: Sequence[History]) -> History:
    """Lay histories one after the other; counts of rows and steps go on."""
    whole = History()
    for history in histories:
        steps, rows = (whole.steps[-1], whole.rows_seen[-1]) if len(whole) else (0, 0)
        for each in fields(History):
            getattr(whole, each.name).extend(getattr(history, each.name))
        count = len(history)
        whole.steps[-count:] = [steps + step for step in history.steps]
        whole.rows_seen[-count:] = [rows + seen for seen in history.rows_seen]
    return whole
