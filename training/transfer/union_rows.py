"""Rows of all properties from the union table, with what groups them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.imbalance.choices import require_choice
from training.multitask.rows import Array, Fold, LabelledRows
from training.transfer.leakage import By, groups_by
from training.transfer.pretraining import GroupedFold
from training.union import UnionTable


def rows_of_union(union: UnionTable, x: Array, logged: Collection[str] = ()) -> LabelledRows:
    """Lay out the targets of a union as they are learned.

    Args:
        union: n rows, t tasks; tasks whose name begins with ``is_`` are labels.
        x: features of its rows, shape (n, f).
        logged: regression tasks learned as decimal logarithms.

    Raises:
        InputError: a task that is not there, or one whose values have no logarithm.
    """
    y = np.where(union.mask, union.y, np.nan)
    for task in logged:
        require_choice("task", task, union.tasks)
        column = union.tasks.index(task)
        if (y[:, column] <= 0.0).any():  # NaN compares as false
            raise InputError(f"task `{task}` has values without a logarithm", "learn it as it is")
        y[:, column] = np.log10(y[:, column])
    is_label = np.array([task.startswith("is_") for task in union.tasks])
    return LabelledRows(np.asarray(x), y, union.mask.copy(), is_label, union.tasks)


def grouped_fold(
    union: UnionTable,
    rows: LabelledRows,
    train: NDArray[np.integer],
    valid: NDArray[np.integer],
    by: By = "composition",
) -> GroupedFold:
    """Split rows of a union, each with its composition or its chemical system.

    Args:
        union: n rows.
        rows: of the same n.
        train: numbers of the training rows.
        valid: numbers of the validation rows.
        by: what a test fold must not share: `composition`, or `system` under grouped folds.
    """
    groups = groups_by(by, union.key, union.system)
    return GroupedFold(Fold(rows.take(train), rows.take(valid)), groups[train], groups[valid])
