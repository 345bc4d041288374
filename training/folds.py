"""Folds, assigned once for all tasks: grouped by chemical system, and random by composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError


@dataclass(frozen=True, slots=True)
class Folds:
    """Fold numbers of every row, from 0.

    Attributes:
        grouped: rows of one chemical system share a fold [n]; the headline split.
        random: rows of one composition share a fold [n]; stands beside it, never alone.
        n_folds: how many.
        seed: of both shuffles.
    """

    grouped: NDArray[np.int64]
    random: NDArray[np.int64]
    n_folds: int
    seed: int


def assign_folds(
    keys: Sequence[str] | NDArray[np.str_],
    systems: Sequence[str] | NDArray[np.str_],
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> Folds:
    """Assign folds to rows by composition key [n] and chemical system [n], whatever their order and task.

    Raises:
        InputError: fewer systems than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold

    unique_keys, row_of, position = np.unique(np.asarray(keys), return_index=True, return_inverse=True)
    groups = np.asarray(systems)[row_of]
    n_systems = len(np.unique(groups))
    if n_systems < n_folds:
        raise InputError(
            f"{n_systems} chemical systems cannot be split into {n_folds} folds", "add alloys of other element sets"
        )
    grouped = np.empty(len(unique_keys), dtype=np.int64)
    random = np.empty(len(unique_keys), dtype=np.int64)
    splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(splitter.split(unique_keys, groups=groups)):
        grouped[test] = fold
    for fold, (_, test) in enumerate(KFold(n_folds, shuffle=True, random_state=seed).split(unique_keys)):
        random[test] = fold
    return Folds(grouped[position], random[position], n_folds, seed)


def exclude_subsystems(
    systems: Sequence[str] | NDArray[np.str_], train: NDArray[np.integer], test: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the training rows whose system is neither contained in a test system nor contains one.

    Args:
        systems: chemical system of every row [n], such as ``Al-Cr-Ti``.
        train: training rows.
        test: test rows.
    """
    names, codes = np.unique(np.asarray(systems), return_inverse=True)
    elements = sorted({symbol for name in names for symbol in name.split("-")})
    member = np.array([[symbol in name.split("-") for symbol in elements] for name in names], dtype=np.int64)
    shared = member @ member.T
    size = member.sum(axis=1)
    related = (shared == size[:, None]) | (shared == size[None, :])
    touched = related[:, np.unique(codes[test])].any(axis=1)
    rows = np.asarray(train, dtype=np.int64)
    kept: NDArray[np.int64] = rows[~touched[codes[rows]]]
    return kept
