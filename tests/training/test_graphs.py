from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.float64_net import Float64Net
from training.bodies import Body, dense_body
from training.graphs import Head, build_model
from training.nets import run_layers


def layers(widths, seed=0):
    """Random dense layers of the given widths."""
    rng = np.random.default_rng(seed)
    shapes = itertools.pairwise(widths)
    return [(rng.normal(size=s).astype(np.float32), rng.normal(size=s[1]).astype(np.float32)) for s in shapes]


def outputs(model, features, conditions=None):
    """Run a model: output name → values (b,)."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {"features": features.astype(np.float32)}
    if conditions is not None:
        feed["conditions"] = conditions.astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    return {name: value[:, 0] for name, value in zip(names, session.run(names, feed), strict=True)}


REGRESSION = Head("yield_mpa", "regression", floor=None)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 40), st.integers(0, 99))
def test_dense_bodies_answer_as_plain_numpy(hidden, rows, seed):
    net = layers((5, *hidden, 1), seed)
    x = np.random.default_rng(seed).normal(size=(rows, 5)).astype(np.float32)
    found = outputs(build_model([dense_body(net)], [1.0], REGRESSION, 5), x)["yield_mpa"]
    assert found == pytest.approx(run_layers(net, x), rel=1e-4, abs=1e-4)


def test_blends_add_up_in_physical_units():
    first, second = layers((4, 6, 1), 1), layers((4, 1), 2)
    second = [(0.1 * w, 0.1 * b) for w, b in second]
    bodies = [dense_body(first, "one"), dense_body(second, "two", exponential=True)]
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    found = outputs(build_model(bodies, [0.25, 0.75], REGRESSION, 4), x)["yield_mpa"]
    expected = 0.25 * run_layers(first, x) + 0.75 * np.exp(run_layers(second, x))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("floor", [0.0, None])
def test_absolute_intervals(floor):
    net = layers((3, 1))
    x = 3.0 * np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    raw = run_layers(net, x)
    found = outputs(build_model([dense_body(net)], [1.0], Head("y", "regression", "absolute", 0.7, floor=floor), 3), x)
    floored = raw if floor is None else np.maximum(raw, floor)
    low = floored - 0.7 if floor is None else np.maximum(floored - 0.7, floor)
    assert raw.min() < 0.0
    assert list(found) == ["y", "y_low", "y_high"]
    assert found["y"] == pytest.approx(floored, abs=1e-5)
    assert found["y_low"] == pytest.approx(low, abs=1e-5)
    assert found["y_high"] == pytest.approx(floored + 0.7, abs=1e-5)


def test_relative_intervals_multiply():
    net = [(w * 0.3, b) for w, b in layers((3, 1))]
    x = np.random.default_rng(2).normal(size=(64, 3)).astype(np.float32)
    head = Head("y", "regression", "relative", float(np.log(1.5)))
    found = outputs(build_model([dense_body(net, exponential=True)], [1.0], head, 3), x)
    assert found["y"] == pytest.approx(np.exp(run_layers(net, x)), rel=1e-5)
    assert found["y_low"] == pytest.approx(found["y"] / 1.5, rel=1e-6)
    assert found["y_high"] == pytest.approx(found["y"] * 1.5, rel=1e-6)


def test_classifiers_give_probability_and_calibrated_logit():
    net = layers((3, 4, 1))
    x = np.random.default_rng(3).normal(size=(64, 3)).astype(np.float32)
    model = build_model([dense_body(net)], [1.0], Head("p_x", "classification", slope=0.8, intercept=-0.4), 3)
    found = outputs(model, x)
    logit = 0.8 * run_layers(net, x) - 0.4
    assert list(found) == ["p_x", "p_x_logit"]
    assert found["p_x_logit"] == pytest.approx(logit, abs=1e-4)
    assert found["p_x"] == pytest.approx(1.0 / (1.0 + np.exp(-logit)), abs=1e-5)


def test_conditions_follow_the_features():
    net = layers((5, 1))
    rng = np.random.default_rng(4)
    features, conditions = rng.normal(size=(9, 3)).astype(np.float32), rng.normal(size=(9, 2)).astype(np.float32)
    model = build_model([dense_body(net)], [1.0], REGRESSION, 3, n_conditions=2)
    expected = run_layers(net, np.hstack([features, conditions]))
    assert outputs(model, features, conditions)["yield_mpa"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["x", "floor", "slope", "scaled", "factor", "below", "half_width", "net", "exp0"])
@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_no_target_name_meets_a_name_inside_the_graph(name, kind):
    body = dense_body(layers((2, 3, 1)), exponential=kind == "regression")
    model = build_model([body, body_named("m1")], [0.5, 0.5], Head(name, kind), 2)
    assert name in outputs(model, np.zeros((1, 2)))


def body_named(name: str) -> Body:
    return dense_body(layers((2, 1), 5), name)


def test_the_float64_reader_agrees_with_the_session():
    net = layers((4, 8, 1))
    x = np.random.default_rng(6).normal(size=(40, 4)).astype(np.float32)
    for head in (Head("y", "regression", "absolute", 0.2, floor=None), Head("p_y", "classification", slope=1.5)):
        model = build_model([dense_body(net)], [1.0], head, 4)
        exact = Float64Net.read(model.SerializeToString()).run({"features": x.astype(np.float64)})
        for name, values in outputs(model, x).items():
            assert values == pytest.approx(exact[name][:, 0], rel=1e-5, abs=1e-5)
