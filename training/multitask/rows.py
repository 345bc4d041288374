"""Rows of several tasks, their split into training and validation, and both as scaled tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from screener.errors import InputError
from training.union_nets import UnionRows

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Rows of several tasks side by side, with a mask.

    Attributes:
        x: features, shape (n, f).
        y: targets as learned (logarithms taken), anything where there is none, shape (n, t).
        known: which targets there are, shape (n, t).
        is_label: which tasks are labels 0 or 1, shape (t,).
        tasks: names, t of them.
    """

    x: Array
    y: Array
    known: NDArray[np.bool_]
    is_label: NDArray[np.bool_]
    tasks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(cls, rows: UnionRows, tasks: Sequence[str]) -> LabelledRows:
        """Read rows whose missing targets are NaN."""
        return cls(rows.x, rows.y, ~np.isnan(rows.y), rows.is_label, tuple(tasks))

    def take(self, rows: NDArray[np.integer]) -> LabelledRows:
        """Select rows."""
        return LabelledRows(self.x[rows], self.y[rows], self.known[rows], self.is_label, self.tasks)

    def only(self, tasks: Sequence[str]) -> LabelledRows:
        """Select tasks, and the rows that have a target of one of them.

        Raises:
            InputError: a task is not there.
        """
        for task in tasks:
            if task not in self.tasks:
                raise InputError(f"no task `{task}` in these rows", f"their tasks are {', '.join(self.tasks)}")
        columns = [self.tasks.index(task) for task in tasks]
        rows = self.known[:, columns].any(axis=1)
        known = self.known[rows][:, columns]
        return LabelledRows(self.x[rows], self.y[rows][:, columns], known, self.is_label[columns], tuple(tasks))

    def hiding(self, tasks: Sequence[str]) -> LabelledRows:
        """Return the rows as if nobody had measured some of the tasks."""
        known = self.known & ~np.isin(self.tasks, tasks)
        return LabelledRows(self.x, self.y, known, self.is_label, self.tasks)


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to learn from, and rows on which to stop."""

    train: LabelledRows
    valid: LabelledRows

    def only(self, tasks: Sequence[str]) -> Fold:
        """Select tasks."""
        return Fold(self.train.only(tasks), self.valid.only(tasks))

    def hiding(self, tasks: Sequence[str]) -> Fold:
        """Hide tasks on both sides."""
        return Fold(self.train.hiding(tasks), self.valid.hiding(tasks))


@dataclass(frozen=True, slots=True)
class Scales:
    """Means and standard deviations of training rows; labels keep theirs.

    Attributes:
        x_mean: shape (f,).
        x_scale: shape (f,).
        y_mean: shape (t,).
        y_scale: shape (t,).
    """

    x_mean: Array
    x_scale: Array
    y_mean: Array
    y_scale: Array

    @classmethod
    def of(cls, rows: LabelledRows) -> Scales:
        """Take them from training rows."""
        x_mean, x_scale = rows.x.mean(axis=0), rows.x.std(axis=0)
        y_mean, y_scale = np.zeros(len(rows.tasks)), np.ones(len(rows.tasks))
        for task in np.flatnonzero(~rows.is_label & rows.known.any(axis=0)):
            values = rows.y[rows.known[:, task], task]
            y_mean[task], y_scale[task] = values.mean(), max(float(values.std()), 1e-9)
        # An element new to the net must not arrive as a huge number.
        return cls(x_mean, np.where(x_scale > 1e-6, x_scale, 1.0), y_mean, y_scale)

    def inputs(self, x: Array) -> Tensor:
        """Standardise features, shape (n, f)."""
        return torch.from_numpy(((x - self.x_mean) / self.x_scale).astype(np.float32))


@dataclass(frozen=True, slots=True)
class RowTensors:
    """Scaled rows; rows without any target are left out.

    Attributes:
        x: float32 (n, f).
        y: float32 (n, t), 0 where there is no target.
        known: bool (n, t).
        is_label: bool (t,).
    """

    x: Tensor
    y: Tensor
    known: Tensor
    is_label: Tensor

    @classmethod
    def of(cls, rows: LabelledRows, scales: Scales) -> RowTensors:
        """Scale rows."""
        rows = rows.take(np.flatnonzero(rows.known.any(axis=1)))
        y = np.where(rows.known, (np.where(rows.known, rows.y, 0.0) - scales.y_mean) / scales.y_scale, 0.0)
        return cls(
            scales.inputs(rows.x),
            torch.from_numpy(y.astype(np.float32)),
            torch.from_numpy(np.ascontiguousarray(rows.known)),
            torch.from_numpy(np.asarray(rows.is_label, bool)),
        )

    def labels_of(self, task: int) -> NDArray[np.float64]:
        """Scaled targets of one task, shape (n_t,)."""
        return np.asarray(self.y[self.known[:, task], task].numpy(), np.float64)


def rows_of_columns(x: Array, targets: Mapping[str, Array], is_label: Mapping[str, bool] | None = None) -> LabelledRows:
    """Lay named targets (NaN where missing) side by side; names that begin with ``is_`` are labels unless told."""
    known_kinds = {name: name.startswith("is_") for name in targets} | dict(is_label or {})
    y = np.column_stack([np.asarray(values, np.float64) for values in targets.values()])
    return LabelledRows(x, y, ~np.isnan(y), np.array([known_kinds[name] for name in targets]), tuple(targets))
