"""Rows and splits with further properties: they are learned from, and never where they would tell of a test row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.study.base import StudyContext
from training.study.data import QUICK_ROWS, StudyRows
from training.study.extras import ExtraRows, extra_rows, with_extras
from training.study.splits import GROUPED, Split
from training.transfer.leakage import groups_by

VALID_SHARE = 0.15
"""Groups of the further rows on which fits stop."""


def extended_rows(context: StudyContext, extra: ExtraRows | None = None) -> StudyRows:
    """Put all further properties beside the context's tasks; a quick study takes some of the further rows only.

    Raises:
        InputError: a data set is not on this machine.
    """
    most = QUICK_ROWS // 2 if context.quick else None
    return with_extras(context.rows, extra_rows() if extra is None else extra, most=most)


def extended_split(split: Split, rows: StudyRows, count: int, seed: int = 0) -> Split:
    """Deal the rows below the first ``count`` to training and validation.

    Test rows stay the same. Further rows of a composition (on outer folds: of a chemical system) that is tested on are
    left out; those of one that is stopped on are stopped on.

    Args:
        split: of the first ``count`` rows.
        rows: with further ones below.
        count: rows that the split knows.
        seed: of the draws.
    """
    groups = groups_by("system" if split.kind == GROUPED else "composition", rows.key, rows.system)
    below = np.arange(count, len(rows))
    below = below[~np.isin(groups[below], groups[split.test])]
    names, code = np.unique(groups[below], return_inverse=True)
    stopped = np.random.default_rng(seed).random(len(names)) < VALID_SHARE
    stopped |= np.isin(names, groups[split.valid])
    stopped &= ~np.isin(names, groups[split.train])
    valid = stopped[code]
    hidden = split.hidden
    if hidden is not None:
        whole = np.zeros(rows.rows.known.shape, bool)
        whole[:count, : hidden.shape[1]] = hidden
        hidden = whole
    train = np.concatenate([split.train, below[~valid]]).astype(np.int64)
    return replace(
        split, train=train, valid=np.concatenate([split.valid, below[valid]]).astype(np.int64), hidden=hidden
    )


def extended_splits(context: StudyContext, rows: StudyRows) -> list[tuple[Split, tuple[int, ...]]]:
    """Return the paper's split with all seeds and the outer folds with the first, extended."""
    pairs = [(context.paper, context.seeds), *((split, context.seeds[:1]) for split in context.grouped)]
    return [(extended_split(split, rows, len(context.rows)), seeds) for split, seeds in pairs]


def only(rows: StudyRows, tasks: tuple[str, ...], name: str) -> StudyRows:
    """Keep some tasks; all rows stay in their places.

    Raises:
        KeyError: a task is not there.
    """
    place = {task: column for column, task in enumerate(rows.tasks)}
    columns = [place[task] for task in tasks]
    labelled = rows.rows
    y, known = labelled.y[:, columns], labelled.known[:, columns]
    kept = replace(labelled, y=y, known=known, is_label=labelled.is_label[columns], tasks=tasks)
    return rows.with_rows(kept, name, rows.log[columns].tolist(), [rows.units[column] for column in columns])
