"""Pre-training: a body that has learned one or many properties, and knows which alloys it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from screener.errors import InputError
from training.architectures.multitask_net import MultiTaskNet
from training.imbalance.choices import require_choice
from training.multitask.checks import check_rows
from training.multitask.config import MultiTaskConfig
from training.multitask.history import FitResult, State
from training.multitask.loop import Trainer, build_net, train
from training.multitask.rows import Array, Fold, LabelledRows, Scales
from training.transfer.leakage import leak_free
from training.transfer.strategies import Strategy


@dataclass(frozen=True, slots=True)
class GroupedFold:
    """A fold whose rows carry a group: composition keys, or chemical systems under grouped folds.

    Attributes:
        fold: training and validation rows.
        train: groups of the training rows, shape (n,).
        valid: groups of the validation rows.
    """

    fold: Fold
    train: NDArray[np.str_]
    valid: NDArray[np.str_]

    def without(self, held_out: Sequence[str] | NDArray[np.str_]) -> GroupedFold:
        """Drop the rows of some groups."""
        train, valid = leak_free(self.train, held_out), leak_free(self.valid, held_out)
        fold = Fold(self.fold.train.take(train), self.fold.valid.take(valid))
        return GroupedFold(fold, self.train[train], self.valid[valid])

    def only(self, tasks: Sequence[str]) -> GroupedFold:
        """Select tasks, and the rows that have one of them."""
        groups = []
        for rows, names in ((self.fold.train, self.train), (self.fold.valid, self.valid)):
            columns = [rows.tasks.index(task) for task in tasks if task in rows.tasks]
            groups.append(names[rows.known[:, columns].any(axis=1)])
        return GroupedFold(self.fold.only(tasks), groups[0], groups[1])


@dataclass(frozen=True, slots=True)
class Body:
    """A pre-trained backbone with the scaler of its inputs.

    Attributes:
        state: parameters and statistics of the backbone.
        x_mean: of the pre-training rows, shape (f,); fine-tuning keeps them.
        x_scale: shape (f,).
        config: of the net.
        tasks: what it has learned.
        seen: groups of the rows that it has learned from or stopped on.
    """

    state: State
    x_mean: Array
    x_scale: Array
    config: MultiTaskConfig
    tasks: tuple[str, ...]
    seen: frozenset[str]

    def scales(self, rows: LabelledRows) -> Scales:
        """Scale targets by rows, and features as in pre-training."""
        own = Scales.of(rows)
        return Scales(self.x_mean, self.x_scale, own.y_mean, own.y_scale)

    def start(self, net: MultiTaskNet) -> MultiTaskNet:
        """Give a net this body."""
        net.backbones[0].load_state_dict(dict(self.state))
        return net


def sources_of(strategy: Strategy, fold: Fold, target: str) -> tuple[str, ...]:
    """Name the tasks that a strategy learns before the target.

    Raises:
        InputError: the target is not there, or there is no other task.
    """
    rows = fold.train
    require_choice("task", target, rows.tasks)
    counts = dict(zip(rows.tasks, rows.known.sum(axis=0).tolist(), strict=True))
    others = tuple(task for task in rows.tasks if task != target)
    if strategy.sources == "none":
        return ()
    if not others:
        raise InputError(f"there is no task beside `{target}` to learn from", "add data of other properties")
    if strategy.sources == "largest":
        return (max(others, key=lambda task: counts[task]),)
    return others if strategy.sources == "others" else rows.tasks


def pretrain(
    grouped: GroupedFold,
    tasks: Sequence[str],
    held_out: Sequence[str] | NDArray[np.str_],
    config: MultiTaskConfig,
    seed: int,
) -> Body:
    """Learn one property, or many with a head each, from everything that is not held out.

    Losses of missing labels are left out of every task's mean, so a task's weight does not depend on how many labels
    it has.

    Args:
        grouped: rows of many tasks.
        tasks: which of them to learn.
        held_out: groups of the rows that will be tested on.
        config: methods and optimisation; the architecture must have one backbone.
        seed: of everything.

    Raises:
        ScreenerError: rows or methods that cannot be trained.
    """
    chosen = grouped.without(held_out).only(tasks)
    result = train_unchecked(chosen.fold, config, seed)
    if len(result.net.backbones) != 1:
        raise InputError(f"architecture `{config.architecture.name}` has no single body", 'choose "hard"')
    seen = frozenset(map(str, np.concatenate([chosen.train, chosen.valid])))
    scales = result.scales
    state = {name: value.clone() for name, value in result.net.backbones[0].state_dict().items()}
    return Body(state, scales.x_mean, scales.x_scale, config, tuple(tasks), seen)


def train_unchecked(fold: Fold, config: MultiTaskConfig, seed: int) -> FitResult:
    """Train as `fit` does, one task allowed; its net is that of several."""
    for name, rows in (("training", fold.train), ("validation", fold.valid)):
        check_rows(rows, name)
    net = build_net(config, fold.train.x.shape[1], len(fold.train.tasks), seed)
    return train(Trainer(net, fold, config, seed))


def adapt_statistics(net: MultiTaskNet, x: torch.Tensor) -> None:
    """Estimate the running statistics of a body again on other rows, scaled features (n, f); weights stay.

    Li 2016, doi:10.48550/arXiv.1603.04779.
    """
    norms = [module for module in net.backbones[0].modules() if isinstance(module, torch.nn.BatchNorm1d)]
    net.eval()
    for norm in norms:  # layer by layer: later statistics rest on the new ones before
        momentum, norm.momentum = norm.momentum, 1.0
        norm.train()
        with torch.no_grad():
            net.trunk(x)
        norm.momentum = momentum
        norm.eval()
