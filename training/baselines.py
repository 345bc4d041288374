"""Five baselines that any model must beat: constant, nearest neighbour, ridge on pairs, ExtraTrees, LightGBM."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.ensembles import plain_columns
from training.tasks import TaskRows
from training.trees import BoostedLogit, BoostedValue, extra_trees

Array = NDArray[np.floating]
Baseline = Callable[[TaskRows, TaskRows], Array]


@cache
def settings() -> Mapping[str, Mapping[str, float | int | str]]:
    """Read the settings of every baseline from the file beside this module."""
    return tomllib.loads(Path(__file__).with_name("baselines.toml").read_text(encoding="utf-8"))


def constant(train: TaskRows, test: TaskRows) -> Array:
    """Predict the mean, or the share of positives."""
    return np.full(len(test), train.y.mean())


def nearest(train: TaskRows, test: TaskRows) -> Array:
    """Predict the value of the nearest training composition."""
    from scipy.spatial import KDTree

    _, row = KDTree(train.fractions).query(test.fractions, p=1)
    return np.asarray(train.y[row])


def ridge(train: TaskRows, test: TaskRows) -> Array:
    """Predict by ridge regression on c_i and c_i c_j; labels are clipped to [0, 1]."""
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    used = np.flatnonzero(train.fractions.max(axis=0) > 0)
    first, second = np.triu_indices(len(used), 1)
    pairs = np.flatnonzero((train.fractions[:, used][:, first] * train.fractions[:, used][:, second]).max(axis=0) > 0)

    def design(rows: TaskRows) -> Array:
        c = rows.fractions[:, used]
        return np.hstack([c, c[:, first[pairs]] * c[:, second[pairs]]])

    scaler = StandardScaler().fit(design(train))
    model = Ridge(alpha=float(settings()["ridge"]["alpha"])).fit(scaler.transform(design(train)), train.y)
    predicted: Array = model.predict(scaler.transform(design(test)))
    return np.clip(predicted, 0, 1) if train.recipe.kind == "classification" else predicted


def extra_trees_baseline(train: TaskRows, test: TaskRows) -> Array:
    """Predict by ExtraTrees on fractions and six descriptors."""
    model = extra_trees(settings()["extra_trees"], seed=0)
    model.fit(plain(train), train.y)
    return model.predict(plain(test))


def lightgbm_baseline(train: TaskRows, test: TaskRows) -> Array:
    """Predict by LightGBM on fractions and six descriptors."""
    options = settings()["lightgbm"]
    if train.recipe.kind == "classification":
        raw = BoostedLogit(options, 0).fit(plain(train), train.y).predict(plain(test))
        return np.asarray(1.0 / (1.0 + np.exp(-raw)))
    return BoostedValue(options, 0).fit(plain(train), train.y).predict(plain(test))


def plain(rows: TaskRows) -> Array:
    """Fractions and six descriptors of the rows, shape (n, d + 6)."""
    return rows.features[:, plain_columns()]


BASELINES: Mapping[str, Baseline] = {
    "constant": constant,
    "nearest": nearest,
    "ridge": ridge,
    "extra_trees": extra_trees_baseline,
    "lightgbm": lightgbm_baseline,
}
