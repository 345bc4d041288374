"""What `training fit` writes is what the screener lets in, and no more: operators, versions, sizes of both agree."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest

from screener import graph_check
from screener.graph_check import OPERATOR_SETS, OPERATORS, TREES, check_graph
from screener.graph_file import read_graph
from training import bodies, graphs
from training.bodies import dense_body, standardised_body
from training.graphs import GatePart, Head, build_model
from training.trees import BoostedLogit, BoostedValue, extra_trees, tree_body

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = X[:, 0] * 2 + (X[:, 1] > 0)
HEADS = [
    Head("p_x", "classification", slope=1.5, intercept=-0.2),
    Head("x_gpa", "regression", "absolute", 0.5, floor=0.0),
    Head("x_gpa", "regression", "absolute", 0.5, floor=None),
    Head("x_gpa", "regression", "relative", 0.2, floor=0.0),
]


def layers(width, outputs=1):
    return [
        (RNG.normal(size=(width, 5)).astype(np.float32), np.zeros(5, np.float32)),
        (RNG.normal(size=(5, outputs)).astype(np.float32), np.zeros(outputs, np.float32)),
    ]


def every_graph():
    """Graphs of every head, with and without conditions, gate and logarithms, of nets and of trees."""
    forest = extra_trees({"n_estimators": 3}, 0)
    forest.fit(X, Y)
    boosted = BoostedValue({"rounds": 4, "min_data_in_leaf": 2}, 0).fit(X, Y)
    odds = BoostedLogit({"rounds": 4, "min_data_in_leaf": 2}, 0).fit(X, (Y > 0).astype(float))
    constant = extra_trees({"n_estimators": 2}, 0)
    constant.fit(X, np.ones(len(X)))
    for head, conditions, gated in itertools.product(HEADS, (0, 2), (False, True)):
        width = 4 + conditions + gated
        parts = [
            dense_body(layers(width), "a", exponential=head.rule == "relative"),
            standardised_body(np.zeros(width), np.ones(width), 5.0, layers(width), "b"),
        ]
        if width == 4:
            parts += [tree_body(each, 4, f"t{k}") for k, each in enumerate((forest, boosted, odds, constant))]
        gate = GatePart((dense_body(layers(6), "g"),), (1.0,), (0.5, 1.0)) if gated else None
        yield build_model(parts, [1.0, *[0.5] * (len(parts) - 1)], head, 4, conditions, gate)


@pytest.fixture(scope="module")
def models():
    return list(every_graph())


def test_every_graph_that_is_written_is_let_in(models):
    for model in models:
        check_graph(read_graph(model.SerializeToString()))


def test_only_operators_that_are_written_are_let_in(models):
    written = {(node.domain, node.op_type) for model in models for node in model.graph.node}
    assert written == {(domain, name) for domain, names in OPERATORS.items() for name in names}


def test_versions_are_those_that_are_written():
    assert {"": bodies.OPSET, "ai.onnx.ml": bodies.ML_OPSET} == OPERATOR_SETS
    assert graphs.IR_VERSION == graph_check.IR_VERSION


def test_what_is_read_is_what_the_library_reads(models):
    for model in models:
        ours = read_graph(model.SerializeToString())
        assert [(o.operator, o.inputs, o.outputs) for o in ours.operations] == [
            (n.op_type, tuple(n.input), tuple(n.output)) for n in model.graph.node
        ]
        for weight in model.graph.initializer:
            assert np.array_equal(ours.weights[weight.name], onnx.numpy_helper.to_array(weight))
        for mine, node in zip(ours.operations, model.graph.node, strict=True):
            for attribute in node.attribute if node.op_type == TREES else ():
                value = onnx.helper.get_attribute_value(attribute)
                values = value if isinstance(value, list) else [value]
                assert mine.options[attribute.name].tolist() == pytest.approx(values)
