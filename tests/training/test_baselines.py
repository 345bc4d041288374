from __future__ import annotations

import numpy as np
import pytest

from tests.training.invented_tasks import GLASS, HARDNESS, invented_rows, with_values
from training.baselines import BASELINES, constant, nearest, plain, ridge, settings

TRAIN, TEST = np.arange(0, 84, 2), np.arange(1, 84, 2)


@pytest.fixture(params=[HARDNESS, GLASS], ids=["hardness", "glass"])
def halves(request):
    rows = invented_rows(request.param)
    return rows.take(TRAIN), rows.take(TEST)


def test_five_baselines_have_their_settings_in_one_file():
    assert set(BASELINES) == set(settings()) == {"constant", "nearest", "ridge", "extra_trees", "lightgbm"}


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_answers_every_row_without_its_value(halves, name):
    train, test = halves
    predicted = BASELINES[name](train, test)
    blinded = BASELINES[name](train, with_values(test, np.full(len(test), np.nan)))
    assert predicted.shape == (len(test),)
    assert np.isfinite(predicted).all()
    assert (predicted == blinded).all()
    if train.recipe.kind == "classification":
        assert predicted.min() >= 0.0
        assert predicted.max() <= 1.0


def test_the_constant_is_the_mean(halves):
    train, test = halves
    assert constant(train, test) == pytest.approx(np.full(len(test), train.y.mean()))


def test_the_nearest_alloy_by_brute_force(halves):
    train, test = halves
    predicted = nearest(train, test)
    for row, value in zip(test.fractions, predicted, strict=True):
        distance = np.abs(train.fractions - row).sum(axis=1)
        assert value in train.y[distance <= distance.min() + 1e-12]


def test_ridge_is_its_closed_form(halves):
    train, test = halves
    used = np.flatnonzero(train.fractions.max(axis=0) > 0)

    def design(rows):
        c = rows.fractions[:, used]
        pairs = [(i, j) for i in range(len(used)) for j in range(i + 1, len(used))]
        met = [(i, j) for i, j in pairs if (train.fractions[:, used[i]] * train.fractions[:, used[j]]).any()]
        return np.column_stack([c, *(c[:, i] * c[:, j] for i, j in met)])

    x = design(train)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / scale
    weights = np.linalg.solve(
        z.T @ z + settings()["ridge"]["alpha"] * np.eye(z.shape[1]), z.T @ (train.y - train.y.mean())
    )
    expected = (design(test) - centre) / scale @ weights + train.y.mean()
    if train.recipe.kind == "classification":
        expected = np.clip(expected, 0.0, 1.0)
    assert ridge(train, test) == pytest.approx(expected, abs=1e-8)


def test_trees_read_fractions_and_six_descriptors():
    rows = invented_rows()
    assert plain(rows).shape == (84, sum(n.startswith("c_") for n in screen_names()) + 6)


def screen_names():
    from screener.descriptors.specs import feature_spec

    return feature_spec("screen").names


def test_learned_baselines_beat_the_constant():
    rows = invented_rows(HARDNESS, n=280)
    train, test = rows.take(np.arange(0, 280, 2)), rows.take(np.arange(1, 280, 2))
    error = {name: np.abs(BASELINES[name](train, test) - test.y).mean() for name in BASELINES}
    assert all(error[name] < 0.8 * error["constant"] for name in error if name != "constant")
