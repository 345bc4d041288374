from __future__ import annotations

import warnings

import numpy as np
import onnxruntime
import oracles
import pytest

from screener.descriptors.featurizer import featurize
from training.graphs import Head, build_model
from training.tasks import alloy_spec
from training.trees import BoostedLogit, BoostedValue, extra_trees, tree_body

ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Zr")
FOREST = {"n_estimators": 40, "min_samples_leaf": 2, "max_features": 0.5}
BOOSTED = {"rounds": 120, "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 5, "feature_fraction": 0.5}


@pytest.fixture(scope="module")
def grid():
    """Features of 12,000 compositions of the 1 at.% grid, with a rough value of each."""
    rng = np.random.default_rng(0)
    whole = rng.multinomial(100, rng.dirichlet(np.ones(len(ELEMENTS)), 12_000))
    fractions = whole / 100
    value = 5 * fractions[:, 0] + np.sin(9 * fractions[:, 2]) + (fractions[:, 4] > 0.3) + 0.1 * rng.normal(size=12_000)
    return featurize(fractions, ELEMENTS, alloy_spec()), value


def in_onnx(model, x, exponential=False):
    """Predict with the converted model."""
    body = tree_body(model, x.shape[1], "m0", exponential)
    graph = build_model([body], [1.0], Head("y", "regression", floor=None), x.shape[1])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"features": x})[0][:, 0]


def test_forests_answer_in_onnx_as_in_python(grid):
    x, value = grid
    model = extra_trees(FOREST, 0)
    model.fit(x[:1500], value[:1500])
    assert in_onnx(model, x) == pytest.approx(model.predict(x), abs=1e-5)


def test_boosted_values_answer_in_onnx_as_in_python(grid):
    x, value = grid
    model = BoostedValue(BOOSTED, 0).fit(x[:1500], value[:1500])
    assert in_onnx(model, x) == pytest.approx(model.predict(x), abs=1e-5)
    logs = BoostedValue(BOOSTED, 0).fit(x[:1500], np.log(value[:1500] + 9.0))
    assert in_onnx(logs, x, exponential=True) == pytest.approx(np.exp(logs.predict(x)), rel=1e-5)


def test_boosted_labels_answer_with_the_logit(grid):
    import lightgbm

    x, value = grid
    label = (value > 2.0).astype(np.float64)
    model = BoostedLogit(BOOSTED, 0).fit(x[:1500], label[:1500])
    logit = model.predict(x)
    assert in_onnx(model, x) == pytest.approx(logit, abs=1e-5 * np.abs(logit).max())
    probability = lightgbm.Booster(model_str=model.text).predict(x.astype(np.float64))
    assert 1.0 / (1.0 + np.exp(-logit)) == pytest.approx(probability, abs=1e-12)
    assert logit.min() < -2.0 < 2.0 < logit.max()


def test_the_same_seed_gives_the_same_trees(grid):
    x, value = grid[0][:400], grid[1][:400]
    for make in (BoostedLogit, BoostedValue):
        y = (value > 2.0).astype(float) if make is BoostedLogit else value
        texts = [make(BOOSTED | {"bagging_fraction": 0.7, "bagging_freq": 1}, s).fit(x, y).text for s in (0, 0, 1)]
        assert texts[0] == texts[1] != texts[2]
    forests = [extra_trees(FOREST, seed) for seed in (0, 0, 1)]
    answers = [forest.fit(x, value).predict(x) for forest in forests]
    assert (answers[0] == answers[1]).all()
    assert (answers[0] != answers[2]).any()


@pytest.mark.parametrize(("make", "y"), [(BoostedValue, 3.0), (BoostedLogit, 1.0), (BoostedLogit, 0.0)])
def test_trees_without_a_split_are_served_too(grid, make, y):
    x = grid[0][:40]
    model = make(BOOSTED, 0).fit(x, np.full(40, y))
    assert in_onnx(model, x) == pytest.approx(model.predict(x), rel=1e-6)


def test_weights_decide_where_values_contradict_each_other(grid):
    x = np.vstack([grid[0][:60]] * 2)
    y, weight = np.repeat([0.0, 1.0], 60), np.repeat([1.0, 3.0], 60)
    for model in (extra_trees(FOREST | {"min_samples_leaf": 20}, 0), BoostedValue(BOOSTED, 0)):
        model.fit(x, y, sample_weight=weight)
        assert model.predict(x) == pytest.approx(np.full(120, 0.75), abs=0.15)


def test_converting_is_silent(grid):
    x, value = grid[0][:100], grid[1][:100]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree_body(BoostedValue(BOOSTED, 0).fit(x, value), x.shape[1], "m")


@pytest.mark.parametrize("make", [lambda: extra_trees(FOREST, 0), lambda: BoostedValue(BOOSTED, 0)])
def test_no_grid_point_falls_on_the_other_side_of_a_split(make):
    whole = np.array(oracles.simplex(100, 3))
    fractions = (whole / 100).astype(np.float32)
    value = np.random.default_rng(1).normal(size=len(whole))  # rough, so that splits are many
    model = make()
    model.fit(fractions[::3], value[::3])
    assert in_onnx(model, fractions) == pytest.approx(model.predict(fractions), abs=1e-5)
