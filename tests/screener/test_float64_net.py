"""Networks in float64: as ONNX Runtime computes them, the same bits in every batch, nothing else accepted."""

import itertools
import math

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from screener.errors import ModelError
from screener.float64_net import Float64Net, ordered_gemm
from training.bodies import dense_body
from training.graphs import Head, build_model

HINT = "screen models are dense networks; export the model again with `training fit`"


def random_net(rng, features, conditions=0, widths=(32, 16), kind="regression", rule="absolute", exponential=False):
    """A net of the form that training exports."""
    sizes = (features + conditions, *widths, 1)
    layers = [
        ((rng.normal(size=(a, b)) / math.sqrt(a)).astype(np.float32), (rng.normal(size=b) * 0.1).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]
    head = Head("y", kind, rule, 0.3, 1.7, -0.2)
    model = build_model([dense_body(layers, exponential=exponential)], [1.0], head, features, conditions)
    return model.SerializeToString()


def onnx_runtime(content, feed):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def graph(nodes, weights=(), outputs=("y",)):
    """The bytes of a small graph on `features` (b, 3)."""
    constants = {name: np.asarray(value, np.float32) for name, value in dict(weights).items()}
    made = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["b", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initializer=[numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model.SerializeToString()


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 80),
    st.integers(0, 3),
    st.sampled_from(
        [("classification", "absolute", False), ("regression", "absolute", False), ("regression", "relative", True)]
    ),
)
def test_outputs_agree_with_onnx_runtime_to_float32_accuracy(seed, features, conditions, form):
    kind, rule, exponential = form
    rng = np.random.default_rng(seed)
    content = random_net(rng, features, conditions, kind=kind, rule=rule, exponential=exponential)
    feed = {"features": rng.normal(size=(20, features)).astype(np.float32)}
    feed["features"][rng.random((20, features)) < 0.3] = 0.0
    if conditions:
        feed["conditions"] = rng.normal(size=(20, conditions)).astype(np.float32)
    found = Float64Net.read(content).run(feed)
    for name, expected in onnx_runtime(content, feed).items():
        assert found[name].dtype == np.float64
        assert found[name].shape == (20, 1)
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(0, 1))
def test_bits_do_not_depend_on_the_batch_or_the_order_of_rows(seed, rows, conditions):
    rng = np.random.default_rng(seed)
    net = Float64Net.read(random_net(rng, 40, conditions, kind="classification"))
    inputs = {"features": rng.normal(size=(rows, 40))}
    if conditions:
        inputs["conditions"] = rng.normal(size=(rows, 1))
    whole = net.run(inputs)
    order = rng.permutation(rows)
    shuffled = net.run({name: value[order] for name, value in inputs.items()})
    cut = rng.integers(0, rows + 1)
    parts = [
        net.run({name: value[span] for name, value in inputs.items()}) for span in (slice(0, cut), slice(cut, rows))
    ]
    strided = net.run({name: np.asfortranarray(value) for name, value in inputs.items()})
    for name in ("y", "y_logit"):
        np.testing.assert_array_equal(shuffled[name], whole[name][order])
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole[name])
        np.testing.assert_array_equal(strided[name], whole[name])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(0, 30), st.integers(1, 6))
def test_a_layer_adds_products_in_the_order_of_its_inputs(seed, rows, inputs, outputs):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(rows, inputs)), rng.normal(size=(inputs, outputs)), rng.normal(size=outputs)
    x[rng.random(x.shape) < 0.3] = 0.0
    out = np.empty((rows, outputs))
    ordered_gemm(x, w, b, out)
    for row in range(rows):
        for column in range(outputs):
            total = b[column]
            for k in range(inputs):
                total += x[row, k] * w[k, column]
            assert out[row, column] == total


def test_not_a_number_goes_through():
    net = Float64Net.read(random_net(np.random.default_rng(0), 5, kind="classification"))
    features = np.zeros((2, 5))
    features[1, 2] = np.nan
    assert np.isnan(net.run({"features": features})["y"]).ravel().tolist() == [False, True]


def test_extreme_logits_give_probabilities_without_overflow():
    content = graph([helper.make_node("Sigmoid", ["features"], ["y"])])
    with np.errstate(all="raise", under="ignore"):
        found = Float64Net.read(content).run({"features": np.array([[-800.0, 0.0, 800.0]])})["y"]
    assert found.tolist() == [[0.0, 0.5, 1.0]]


@pytest.mark.parametrize(
    ("node", "weights"),
    [
        (helper.make_node("Gemm", ["features", "w", "b"], ["y"], transB=1),
         {"w": np.arange(6).reshape(2, 3), "b": [1, 2]}),
        (helper.make_node("Gemm", ["features", "w", "b"], ["y"], alpha=1.0, beta=1.0, transA=0, transB=0),
         {"w": np.arange(6).reshape(3, 2), "b": [[1, 2]]}),
        (helper.make_node("Gemm", ["features", "w", "b"], ["y"]), {"w": np.arange(6).reshape(3, 2), "b": 3.0}),
        (helper.make_node("Concat", ["features", "features", "features"], ["y"], axis=1), {}),
        (helper.make_node("Min", ["features", "w"], ["y"]), {"w": [[0.5]]}),
        (helper.make_node("Max", ["features", "w"], ["y"]), {"w": [[0.5]]}),
        (helper.make_node("Sub", ["features", "w"], ["y"]), {"w": [1, 2, 3]}),
        (helper.make_node("Div", ["features", "w"], ["y"]), {"w": [[4.0]]}),
        (helper.make_node("Exp", ["features"], ["y"]), {}),
        (helper.make_node("Identity", ["features"], ["y"]), {}),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else "",
)  # fmt: skip
def test_each_operation_in_its_forms(node, weights):
    content = graph([node], weights)
    features = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    expected = onnx_runtime(content, {"features": features})["y"]
    np.testing.assert_allclose(Float64Net.read(content).run({"features": features})["y"], expected, rtol=1e-6)


def test_a_run_leaves_the_weights_alone():
    content = graph(
        [helper.make_node("Max", ["features", "w"], ["a"]), helper.make_node("Mul", ["a", "w"], ["y"])], {"w": [[0.5]]}
    )
    net = Float64Net.read(content)
    for _ in range(2):
        assert net.run({"features": np.ones((1, 3))})["y"].tolist() == [[0.5, 0.5, 0.5]]
    assert net.constants["w"].tolist() == [[0.5]]


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Tanh", ["features"], ["y"]),
        helper.make_node("TreeEnsembleRegressor", ["features"], ["y"], domain="ai.onnx.ml"),
        helper.make_node("Relu", ["features"], ["y"], domain="com.microsoft"),
        helper.make_node("Gemm", ["features", "w"], ["y"]),
        helper.make_node("Gemm", ["features", "w", "w"], ["y"], alpha=0.5),
        helper.make_node("Gemm", ["features", "w", "w"], ["y"], beta=2.0),
        helper.make_node("Gemm", ["features", "w", "w"], ["y"], transA=1),
        helper.make_node("Max", ["features", "w", "w"], ["y"]),
        helper.make_node("Max", ["features"], ["y"]),
        helper.make_node("Concat", ["features", "features"], ["y"], axis=0),
        helper.make_node("Split", ["features"], ["y", "z"], axis=1),
    ],
    ids=lambda node: node.op_type,
)
def test_an_operation_or_form_without_a_twin_is_refused(node):
    with pytest.raises(ModelError) as refused:
        Float64Net.read(graph([node], {"w": [[1.0]]}))
    assert refused.value.message == f"operation `{node.op_type}` of a screen model has no float64 twin"
    assert refused.value.hint == HINT


def test_the_tiny_models_of_the_screen_tier_are_read(tiny_models):
    for name in ("amorphous", "hardness", "resistivity"):
        assert Float64Net.read((tiny_models / f"screen/{name}.onnx").read_bytes()).nodes
