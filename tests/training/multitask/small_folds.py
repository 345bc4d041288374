"""A small fold of three tasks: two regressions, one of them rare, and labels; no alloy has two of them."""

from __future__ import annotations

import numpy as np

from training.multitask.config import MultiTaskConfig
from training.multitask.loop import build_net, fit
from training.multitask.rows import Fold, LabelledRows

TASKS = ("resistivity", "hardness", "is_glass")
FAST = {"batch": 32, "epochs": 3, "lr": 3e-3}
SMALL = {"name": "hard", "widths": [16, 16], "head_hidden": 8}


def labelled(n, seed, shares=(0.7, 0.15, 0.15)):
    """Rows of which each has one label."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(n, 5)), np.zeros(n)])
    values = np.column_stack([50 + 10 * x[:, 0], x[:, 0] - x[:, 1] ** 2, (x[:, 0] + x[:, 2] > 0).astype(float)])
    known = rng.choice(3, p=shares, size=n)[:, None] == np.arange(3)
    return LabelledRows(x, np.where(known, values, np.nan), known, np.array([False, False, True]), TASKS)


def small_fold(n=300, seed=0):
    """Training and validation rows."""
    return Fold(labelled(n, seed), labelled(max(80, n // 3), seed + 100))


FOLD = small_fold()
STRUCTURED = {**SMALL, "name": "structured", "embedding": 8}


def config_with(**methods):
    """A configuration of a small net and a short training, with other methods."""
    training = {**FAST, **methods.pop("training", {})}
    return MultiTaskConfig.named(**{"architecture": SMALL, "training": training, **methods})


def fitted(config, seed=0, fold=FOLD):
    """What one training gives."""
    return fit(build_net(config, 6, len(fold.train.tasks), seed), fold, config, seed)
