"""ONNX graphs of the models: bodies (dense nets, tree ensembles), their blend, and the head that calibrates.

Every graph takes `features` (b, f) and, where the model has conditions, `conditions` (b, k). A regressor returns the
value and its 90 % limits in physical units; a classifier returns the calibrated logit and the probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET = 17
ML_OPSET = 3
IR_VERSION = 9
_INPUT = "in.x"
"""Joined inputs. Names inside a graph hold a dot, names of results never do."""


@dataclass(frozen=True, slots=True)
class Body:
    """Part of a graph from the model input to one column.

    Attributes:
        nodes: operations on the joined inputs.
        constants: weights by name.
        output: name of the (b, 1) result.
        exponential: whether the result is a logarithm to be undone before blending.
    """

    nodes: tuple[NodeProto, ...]
    constants: tuple[TensorProto, ...]
    output: str
    exponential: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """How raw results become outputs.

    Attributes:
        target: output column.
        kind: `regression` or `classification`.
        rule: interval rule of a regression: `absolute` (y ± q) or `relative` (y·e^±q).
        half_width: q, in the unit of the target or as a logarithm.
        slope: strictly positive calibration slope of a classifier's logit.
        intercept: calibration intercept of the logit.
        floor: least value a regression gives, in its unit; None for a target that may be negative.
    """

    target: str
    kind: Literal["regression", "classification"]
    rule: Literal["absolute", "relative"] = "absolute"
    half_width: float = 0.0
    slope: float = 1.0
    intercept: float = 0.0
    floor: float | None = 0.0


def dense_body(
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], name: str = "net", exponential: bool = False
) -> Body:
    """Make a ReLU network from its layers [(weight (in, out), bias (out,))], standardisation already folded in."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    value = _INPUT
    for k, (weight, bias) in enumerate(layers):
        w, b = f"{name}.w{k}", f"{name}.b{k}"
        constants += [_constant(w, weight), _constant(b, bias)]
        nodes.append(helper.make_node("Gemm", [value, w, b], [f"{name}.z{k}"]))
        value = f"{name}.z{k}"
        if k < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [value], [f"{name}.a{k}"]))
            value = f"{name}.a{k}"
    return Body(tuple(nodes), tuple(constants), value, exponential)


def imported_body(model: ModelProto, name: str, exponential: bool = False) -> Body:
    """Take the nodes of a converted single-input, single-output model, renamed so that several fit in one graph."""
    graph = model.graph
    source, result = graph.input[0].name, graph.output[0].name

    def renamed(text: str) -> str:
        return _INPUT if text == source else f"{name}.{text}" if text else text

    nodes = []
    for node in graph.node:
        copy = helper.make_node(
            node.op_type, [renamed(n) for n in node.input], [renamed(n) for n in node.output], domain=node.domain
        )
        copy.attribute.extend(_kept(node))
        nodes.append(copy)
    constants = []
    for weight in graph.initializer:
        tensor = TensorProto()
        tensor.CopyFrom(weight)
        tensor.name = renamed(weight.name)
        constants.append(tensor)
    return Body(tuple(nodes), tuple(constants), renamed(result), exponential)


def build_model(
    bodies: Sequence[Body], weights: Sequence[float], head: Head, n_features: int, n_conditions: int = 0
) -> ModelProto:
    """Blend bodies by weight and finish with the head.

    Args:
        bodies: parts that share the input.
        weights: blending weights, one per body, in physical units or logits.
        head: outputs and calibration.
        n_features: f.
        n_conditions: k, 0 for none.

    Returns:
        A checked model with a dynamic batch size.
    """
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["b", n_features])]
    if n_conditions:
        inputs.append(helper.make_tensor_value_info("conditions", TensorProto.FLOAT, ["b", n_conditions]))
        nodes.append(helper.make_node("Concat", ["features", "conditions"], [_INPUT], axis=1))
    else:
        nodes.append(helper.make_node("Identity", ["features"], [_INPUT]))
    blended = _blend(nodes, constants, bodies, weights)
    finish = _classify if head.kind == "classification" else _bracket
    outputs = finish(nodes, constants, blended, head)
    described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 1]) for name in outputs]
    graph = helper.make_graph(nodes, head.target, inputs, described, initializer=constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = IR_VERSION
    model.producer_name = "alloy-screener"
    checker.check_model(model)
    return model


def _blend(
    nodes: list[NodeProto], constants: list[TensorProto], bodies: Sequence[Body], weights: Sequence[float]
) -> str:
    """Append the bodies and their weighted sum; return its name."""
    blended = ""
    for k, (body, weight) in enumerate(zip(bodies, weights, strict=True)):
        nodes += body.nodes
        constants += body.constants
        value = body.output
        if body.exponential:
            nodes.append(helper.make_node("Exp", [value], [f"blend.exp{k}"]))
            value = f"blend.exp{k}"
        if weight != 1.0:
            constants.append(_constant(f"blend.weight{k}", np.array([[weight]])))
            nodes.append(helper.make_node("Mul", [value, f"blend.weight{k}"], [f"blend.share{k}"]))
            value = f"blend.share{k}"
        if blended:
            nodes.append(helper.make_node("Add", [blended, value], [f"blend.sum{k}"]))
            value = f"blend.sum{k}"
        blended = value
    return blended


def _classify(nodes: list[NodeProto], constants: list[TensorProto], value: str, head: Head) -> tuple[str, ...]:
    """Append calibration and sigmoid; return the output names."""
    name = head.target
    constants += [
        _constant("head.slope", np.array([[head.slope]])),
        _constant("head.intercept", np.array([[head.intercept]])),
    ]
    nodes += [
        helper.make_node("Mul", [value, "head.slope"], ["head.scaled"]),
        helper.make_node("Add", ["head.scaled", "head.intercept"], [f"{name}_logit"]),
        helper.make_node("Sigmoid", [f"{name}_logit"], [name]),
    ]
    return (name, f"{name}_logit")


def _bracket(nodes: list[NodeProto], constants: list[TensorProto], value: str, head: Head) -> tuple[str, ...]:
    """Append floor and interval; return the output names."""
    name = head.target

    def floored(source: str, result: str) -> NodeProto:
        if head.floor is None:
            return helper.make_node("Identity", [source], [result])
        return helper.make_node("Max", [source, "head.floor"], [result])

    if head.floor is not None:
        constants.append(_constant("head.floor", np.array([[head.floor]])))
    nodes.append(floored(value, name))
    if head.rule == "relative":
        constants.append(_constant("head.factor", np.array([[np.exp(head.half_width)]])))
        nodes += [
            helper.make_node("Div", [name, "head.factor"], [f"{name}_low"]),
            helper.make_node("Mul", [name, "head.factor"], [f"{name}_high"]),
        ]
    else:
        constants.append(_constant("head.half_width", np.array([[head.half_width]])))
        nodes += [
            helper.make_node("Sub", [name, "head.half_width"], ["head.below"]),
            floored("head.below", f"{name}_low"),
            helper.make_node("Add", [name, "head.half_width"], [f"{name}_high"]),
        ]
    return (name, f"{name}_low", f"{name}_high")


def _kept(node: NodeProto) -> list[AttributeProto]:
    """Attributes of a node worth keeping: empty arrays only make files larger."""
    return [a for a in node.attribute if not (a.type == AttributeProto.STRINGS and not a.strings)]


def _constant(name: str, value: NDArray[np.floating]) -> TensorProto:
    """A float32 weight."""
    return numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name)
