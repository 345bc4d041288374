from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from tests.training.invented_tasks import GLASS, HARDNESS, invented_rows
from training.committees import CLIP, Committee, CommitteeNet, merged_layers
from training.graphs import Head, build_model
from training.metrics import r_squared

SMALL = {"members": 3, "width": 16, "width_two": 8, "epochs": 30, "batch": 32}


def fitted(recipe=HARDNESS, seed=0, **options):
    """A committee and the rows it learned from."""
    rows = invented_rows(recipe, n=280)
    model = Committee(SMALL | options, seed, classes=recipe.kind == "classification")
    return rows, model.fit(rows.inputs, rows.y, rows.trust)


def test_the_merged_net_averages_its_members():
    torch.manual_seed(3)
    net = CommitteeNet(4, (5, 7, 6, 1), dropout=0.5).eval()
    x = torch.randn(11, 5)
    with torch.no_grad():
        expected = 2.5 * net(x).mean(dim=0).numpy() + 1.5
    value = x.numpy()
    for k, (weight, bias) in enumerate(merged_layers(net, 2.5, 1.5)):
        value = value @ weight + bias
        value = np.maximum(value, 0.0) if k < 2 else value
    assert value[:, 0] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_members_start_and_learn_differently():
    torch.manual_seed(0)
    net = CommitteeNet(2, (5, 7, 1), dropout=0.0)
    x = torch.randn(3, 5)
    assert not torch.allclose(net(x)[0], net(x)[1])


@pytest.mark.parametrize("recipe", [HARDNESS, GLASS])
def test_a_committee_learns(recipe):
    rows, model = fitted(recipe)
    answers = model.predict(rows.inputs)
    if recipe is HARDNESS:
        assert r_squared(rows.y, answers) > 0.8
    else:
        assert ((answers > 0) == (rows.y > 0.5)).mean() > 0.85


def test_rows_without_weight_teach_nothing():
    rows = invented_rows(n=280)
    spoiled = np.where(np.arange(280) % 2, rows.y, 50.0)
    weight = (np.arange(280) % 2).astype(float)
    model = Committee(SMALL, 0, classes=False).fit(rows.inputs, spoiled, weight)
    assert model.predict(rows.inputs).max() < 25.0


def test_the_seed_settles_everything():
    one, again, other = (fitted(seed=seed, epochs=2)[1] for seed in (0, 0, 1))
    assert all((a[0] == b[0]).all() for a, b in zip(one.layers, again.layers, strict=True))
    assert (one.layers[0][0] != other.layers[0][0]).any()


@pytest.mark.parametrize("exponential", [False, True])
def test_the_graph_says_what_the_committee_says(exponential):
    rows, model = fitted(epochs=2)
    n_inputs = rows.inputs.shape[1]
    graph = build_model(
        [model.body("net", exponential=exponential)], [1.0], Head("x", "regression", floor=None), n_inputs
    )
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    far = np.vstack([rows.inputs, 100.0 * rows.inputs])
    found = session.run(["x"], {"features": far})[0][:, 0]
    expected = model.predict(far)
    assert found == pytest.approx(np.exp(expected) if exponential else expected, rel=1e-5, abs=1e-5)


def test_far_inputs_are_held_back():
    _, model = fitted(epochs=2)
    edge = model.centre + CLIP * model.scale
    beyond = model.centre + 100 * CLIP * model.scale
    assert model.predict(np.array([edge])) == pytest.approx(model.predict(np.array([beyond])), rel=1e-4)


def test_nothing_to_predict():
    rows, model = fitted(epochs=1)
    assert model.predict(rows.inputs[:0]).shape == (0,)
