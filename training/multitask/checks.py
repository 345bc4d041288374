"""What is refused before any training: methods that do not go together, rows that cannot be learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from screener.errors import InputError
from training.architectures import ARCHITECTURES
from training.architectures.hard_sharing import TASK_NORM
from training.imbalance.choices import require_choice
from training.multitask.kinds import check_method, make, registry
from training.multitask.rows import Fold, LabelledRows
from training.weighting import WEIGHTINGS, LossWeighting

if TYPE_CHECKING:
    from training.multitask.config import MultiTaskConfig
    from training.multitask.config_parts import Method

_SEPARATE = ("independent", "soft")
"""Architectures without shared parameters."""


def check_methods(config: MultiTaskConfig) -> None:
    """Check that every method exists, takes its options, and works with the others.

    Raises:
        InputError: one of them does not.
    """
    for kind in ("architecture", "weighting", "aggregator", "sampler"):
        method: Method | None = getattr(config, kind)
        if method is not None:
            check_method(kind, method)
    architecture, weighting = config.architecture, config.weighting
    with torch.random.fork_rng(devices=[]):
        make("architecture", architecture, n_in=2, tasks=2)
    make("sampler", config.sampler, known=torch.ones(4, 2, dtype=torch.bool), batch=4)
    if config.aggregator is not None:
        make("aggregator", config.aggregator, tasks=2)
    if architecture.name in _SEPARATE:
        hint = "choose the architecture `hard` or `structured`"
        if config.aggregator is not None:
            raise InputError(
                f"aggregator `{config.aggregator.name}` has no shared parameters to work on in `{architecture.name}`",
                hint,
            )
        if weighting is not None and WEIGHTINGS[weighting.name].reads_norms:
            raise InputError(f"weighting `{weighting.name}` has no shared layer to read in `{architecture.name}`", hint)
    if architecture.options.get("norm") == TASK_NORM and config.sampler.name != "per_task":
        raise InputError(f"norm `{TASK_NORM}` needs rows of every task in every batch", 'choose sampler = "per_task"')
    _check_remedies(config)
    _check_signs(config)


def _check_signs(config: MultiTaskConfig) -> None:
    """Refuse losses that can be negative where logarithms or ratios of losses are taken."""
    names = [balance.loss.name for balance in config.balance.values() if balance.loss is not None]
    signed = next((name for name in names if getattr(registry("loss")[name], "signed", False)), None)
    weighting, aggregator = config.weighting, config.aggregator
    if signed is None:
        return
    message, hint = f"loss `{signed}` can be below 0, which ", 'choose loss = "bmc", or weights that are fixed'
    if weighting is not None and WEIGHTINGS[weighting.name].needs_positive:
        raise InputError(f"{message}weighting `{weighting.name}` cannot take", hint)
    normalise = "" if aggregator is None else str(aggregator.options.get("normalise", ""))
    if normalise.startswith("loss"):
        raise InputError(
            f"{message}normaliser `{normalise}` cannot divide by", 'choose loss = "bmc", or normalise = "l2"'
        )


def _check_remedies(config: MultiTaskConfig) -> None:
    """Try the options of remedies on a few invented labels."""
    for balance in config.balance.values():
        if balance.lds is not None:
            make("lds", balance.lds, y=np.arange(50.0))
        if balance.fds is not None:
            make("fds", balance.fds, features=2, low=0.0, high=1.0)
        if balance.loss is not None and balance.loss.name in ("bmc", "gai"):
            make("loss", balance.loss, labels=np.arange(50.0))
        elif balance.loss is not None:
            some = torch.arange(5.0)
            make("loss", balance.loss, predicted=some, y=some)


def check_before_training(config: MultiTaskConfig, fold: Fold) -> None:
    """Check that the rows of a fold can be learned from with these methods.

    Raises:
        InputError: a single task for a method of several, a task without labels, values that are not finite, remedies
            of tasks that are not there, batches too small for the sampler.
    """
    tasks = fold.train.tasks
    if tasks != fold.valid.tasks:
        raise InputError("training and validation rows have different tasks", "split one table into both")
    for name, rows in (("training", fold.train), ("validation", fold.valid)):
        check_rows(rows, name)
    _check_task_count(config, len(tasks))
    _check_balance(config, fold.train)
    weighting_of(config, fold.train)
    make("sampler", config.sampler, known=torch.as_tensor(fold.train.known), batch=config.training.batch)


def weighting_of(config: MultiTaskConfig, rows: LabelledRows, seed: int = 0) -> LossWeighting | None:
    """Make the weighting for these tasks, None for the plain sum.

    Raises:
        ScreenerError: its options do not fit their number.
    """
    if config.weighting is None:
        return None
    sizes, labels = tuple(rows.known.sum(axis=0).clip(1).tolist()), tuple(rows.is_label.tolist())
    made = make("weighting", config.weighting, tasks=len(rows.tasks), sizes=sizes, labels=labels, seed=seed)
    assert isinstance(made, LossWeighting)
    return made


def check_rows(rows: LabelledRows, name: str) -> None:
    """Check the values of training or validation rows."""
    broken = ~np.isfinite(rows.x).all(axis=1)
    if broken.any():
        raise InputError(
            f"features of {name} row {int(np.flatnonzero(broken)[0])} are not finite", "remove the row, or mend it"
        )
    for task, column in enumerate(rows.tasks):
        values = rows.y[rows.known[:, task], task]
        if not len(values):
            raise InputError(f"task `{column}` has no label in the {name} rows", "leave it out, or split otherwise")
        wrong = ~np.isfinite(values)
        if wrong.any():
            raise InputError(
                f"task `{column}` has the value `{values[wrong][0]}` in {wrong.sum()} {name} rows",
                "remove these rows, or mark them as unknown",
            )
        if rows.is_label[task] and not np.isin(values, (0.0, 1.0)).all():
            raise InputError(f"task `{column}` has labels other than 0 and 1", "write labels as 0 or 1")


def _check_task_count(config: MultiTaskConfig, tasks: int) -> None:
    """Refuse a single task for methods of several."""
    name = config.architecture.name
    if tasks > 1:
        return
    if ARCHITECTURES[name].needs_tasks > 1 or name == "hard":
        raise InputError(f"architecture `{name}` has a single task to share", 'choose "independent", or add a task')
    for kind, method in (("weighting", config.weighting), ("aggregator", config.aggregator)):
        if method is not None:
            raise InputError(f"{kind} `{method.name}` has a single task to weigh", "leave it out, or add a task")


def _check_balance(config: MultiTaskConfig, rows: LabelledRows) -> None:
    """Check that remedies belong to tasks that are there, and to their kind."""
    for task, balance in config.balance.items():
        if task == "*":
            is_label = False
        else:
            require_choice("task with a balance", task, rows.tasks)
            is_label = bool(rows.is_label[rows.tasks.index(task)])
        for kind in ("lds", "fds", "loss"):
            if is_label and getattr(balance, kind) is not None:
                raise InputError(f"`{kind}` is not defined for the labels of `{task}`", "use class_weights = true")
        if balance.class_weights and not is_label:
            raise InputError(f"`{task}` has no classes to weigh", "use lds = true")
    for column, task in enumerate(rows.tasks):
        values = rows.y[rows.known[:, column], column]
        if config.balance_of(task, bool(rows.is_label[column])).fds is not None and values.min() == values.max():
            raise InputError(f"labels of `{task}` do not vary, so nothing can be smoothed", "leave its `fds` out")
