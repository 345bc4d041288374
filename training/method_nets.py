"""Screening nets by a user's choice of multi-task methods, learned from the measured rows of all targets together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.architectures.dense import dense_layers_of
from training.contenders import SCREEN
from training.crossval import FOLDS, OutOfFold, check_folds, fold_rows
from training.distillation import Student, screen_inputs, takes_log
from training.folds import assign_folds
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.multitask.history import FitResult
from training.multitask.loop import build_net, fit, fit_each
from training.multitask.rows import Fold, LabelledRows
from training.nets import Layer
from training.recipes import ConditionSpec
from training.tasks import TaskRows
from training.workers import in_order

Array = NDArray[np.floating]
Tables = Mapping[str, TaskRows]


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows of all targets below each other, each with the value of its own target.

    Attributes:
        rows: screen features, then every condition of any target; tasks are named as in the data.
        key: compositions, shape (n,).
        system: chemical systems, shape (n,).
        conditions: columns behind the features.
    """

    rows: LabelledRows
    key: NDArray[np.str_]
    system: NDArray[np.str_]
    conditions: tuple[ConditionSpec, ...]


def fit_nets(tables: Tables, config: MultiTaskConfig, seed: int) -> dict[str, Student]:
    """Train by the chosen methods and return a plain net per target.

    Training stops by rows of chemical systems that are held out for it.

    Args:
        tables: rows by target.
        config: methods and optimisation.
        seed: of the held-out systems and of everything fitted.

    Raises:
        InputError: methods that cannot learn these rows or cannot be exported.
    """
    pool = pooled(tables)
    fold = stopping_fold(pool, seed)
    tasks = pool.rows.tasks
    if _apart(config):
        layers = [_layers(_learned(result), 0) for result in fit_each(fold, config, seed)]
    else:
        net = build_net(config, fold.train.x.shape[1], len(tasks), seed)
        result = _learned(fit(net, fold, config, seed))
        layers = [_layers(result, task) for task in range(len(tasks))]
    return {
        target: Student(_for_target(found, rows, pool), takes_log(rows))
        for found, (target, rows) in zip(layers, tables.items(), strict=True)
    }


def _learned(result: FitResult) -> FitResult:
    """Refuse a net that is still as it began.

    Raises:
        InputError: no epoch had a finite loss.
    """
    if result.joint_epoch < 0:
        raise InputError(
            f"training of `{', '.join(result.tasks)}` diverged: no epoch ended with a finite loss",
            "lower `lr` in the table `[training]` of the methods, or choose other methods",
        )
    return result


def out_of_fold(tables: Tables, config: MultiTaskConfig, seed: int, workers: int) -> OutOfFold:
    """Predict every row by nets that knew no alloy of its chemical system.

    Raises:
        InputError: as `fit_nets`, or a target that cannot be learned without one of the folds.
    """
    folds = fold_rows(tables, "grouped", seed)
    check_folds(tables, folds)
    predicted = {(target, SCREEN): np.full(len(rows), np.nan) for target, rows in tables.items()}
    parts = [(fold, config, seed) for fold in range(FOLDS)]
    for fold, answers in enumerate(in_order(_answer, (dict(tables), folds), parts, workers)):
        for target, values in answers.items():
            predicted[target, SCREEN][folds[target] == fold] = values
    return OutOfFold("grouped", seed, folds, predicted)


def check_nets(tables: Tables, config: MultiTaskConfig, seed: int) -> None:
    """Check that nets can be trained and exported by these methods, before hours are spent on anything else.

    Raises:
        InputError: they cannot.
    """
    fold = stopping_fold(pooled(tables), seed)
    parts = [fold.only((task,)) for task in fold.train.tasks] if _apart(config) else [fold]
    for part in parts:
        check_before_training(config, part)
        dense_layers_of(build_net(config, 2, len(part.train.tasks), seed), 0)


def pooled(tables: Tables) -> Pool:
    """Lay the rows of all targets below each other; conditions that a target does not know stand at their references.

    Lessons on other process routes are left out: they are no measurements.
    """
    tables = {target: rows.take(np.flatnonzero(rows.main)) for target, rows in tables.items()}
    specs = {c.name: c for rows in tables.values() for c in rows.recipe.conditions}
    sizes = [len(rows) for rows in tables.values()]
    y, known = np.zeros((sum(sizes), len(tables))), np.zeros((sum(sizes), len(tables)), bool)
    blocks, start = [], 0
    for column, rows in enumerate(tables.values()):
        mine = slice(start, start + len(rows))
        y[mine, column], known[mine, column] = np.log(rows.y) if takes_log(rows) else rows.y, True
        blocks.append(_inputs(rows, tuple(specs.values())))
        start += len(rows)
    is_label = np.array([rows.recipe.kind == "classification" for rows in tables.values()])
    tasks = tuple(rows.recipe.task for rows in tables.values())
    key, system = (np.concatenate([getattr(r, name) for r in tables.values()]) for name in ("key", "system"))
    return Pool(LabelledRows(np.vstack(blocks), y, known, is_label, tasks), key, system, tuple(specs.values()))


def stopping_fold(pool: Pool, seed: int) -> Fold:
    """Hold out a fifth of the chemical systems to stop by; of the compositions where a task would lack labels.

    Raises:
        InputError: a task has too few labels for either.
    """
    folds = assign_folds(pool.key, pool.system, n_folds=FOLDS, seed=seed)
    for assigned in (folds.grouped, folds.random):
        for number in range(FOLDS):
            held = assigned == number
            train, valid = (pool.rows.take(np.flatnonzero(mask)) for mask in (~held, held))
            if all(_usable(rows) for rows in (train, valid)):
                return Fold(train, valid)
    raise InputError("some target has too few labels to stop the training by", "add alloys of other compositions")


def _usable(rows: LabelledRows) -> bool:
    """Whether every task has values that differ."""
    return all(len(np.unique(rows.y[rows.known[:, t], t])) > 1 for t in range(len(rows.tasks)))


def _apart(config: MultiTaskConfig) -> bool:
    """Whether every target has a training of its own."""
    return config.architecture.name == "independent" and config.weighting is None


def _inputs(rows: TaskRows, conditions: tuple[ConditionSpec, ...]) -> Array:
    """Screen features, then all conditions; those that the target does not know at their references."""
    features, own = screen_inputs(rows), [c.name for c in rows.recipe.conditions]
    known = features.shape[1] - len(own)
    columns = [
        features[:, known + own.index(c.name)] if c.name in own else np.full(len(rows), c.reference, np.float32)
        for c in conditions
    ]
    return np.column_stack([features[:, :known], *columns])


def _layers(result: FitResult, task: int) -> list[tuple[Array, Array]]:
    """Layers from raw inputs to a target as learned, float64."""
    scales = result.scales
    layers = dense_layers_of(result.net, task)
    w, b = layers[0]
    first = (w / scales.x_scale[:, None], b - (scales.x_mean / scales.x_scale) @ w)
    layers = [first, *layers[1:]]
    w, b = layers[-1]
    return [*layers[:-1], (w * scales.y_scale[task], b * scales.y_scale[task] + scales.y_mean[task])]


def _for_target(layers: list[tuple[Array, Array]], rows: TaskRows, pool: Pool) -> list[Layer]:
    """Fold the conditions that a target does not know, at their references, into the first layer."""
    (w, b), *rest = layers
    own = {c.name: k for k, c in enumerate(rows.recipe.conditions)}
    count = len(w) - len(pool.conditions)
    kept = np.zeros((count + len(own), w.shape[1]))
    kept[:count] = w[:count]
    for place, condition in enumerate(pool.conditions, start=count):
        if condition.name in own:
            kept[count + own[condition.name]] = w[place]
        else:
            b = b + condition.reference * w[place]
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in ((kept, b), *rest)]


def _answer(
    shared: tuple[Tables, Mapping[str, NDArray[np.int64]]], part: tuple[int, MultiTaskConfig, int]
) -> dict[str, Array]:
    """Learn without one fold and predict it."""
    (tables, folds), (fold, config, seed) = shared, part
    train = {target: rows.take(np.flatnonzero(folds[target] != fold)) for target, rows in tables.items()}
    nets = fit_nets(train, config, seed)
    return {t: nets[t].answer(rows.take(np.flatnonzero(folds[t] == fold))) for t, rows in tables.items()}


def told(config: MultiTaskConfig) -> str:
    """Name the methods in one line."""

    def parts() -> Iterator[str]:
        yield config.architecture.name
        for kind in ("weighting", "aggregator"):
            method = getattr(config, kind)
            if method is not None:
                yield f"{kind} {method.name}"
        if config.sampler.name != "union":
            yield f"batches {config.sampler.name}"
        for task, balance in config.balance.items():
            names = [n.name for n in (balance.lds, balance.fds, balance.loss) if n is not None]
            names += ["class weights"] if balance.class_weights else []
            yield f"{', '.join(names)} for {'every regression' if task == '*' else task}"

    return "; ".join(parts())
