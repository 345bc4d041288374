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


@dataclass(frozen=True, slots=True)
class Body:
    """Part of a graph from the model input to one column.

    Attributes:
        nodes: operations; the input is called `x`.
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
    """

    target: str
    kind: Literal["regression", "classification"]
    rule: Literal["absolute", "relative"] = "absolute"
    half_width: float = 0.0
    slope: float = 1.0
    intercept: float = 0.0


def dense_body(layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], name: str = "net",
               exponential: bool = False) -> Body:
    """Make a ReLU network from its layers [(weight (in, out), bias (out,))], standardisation already folded in."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    value = "x"
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
        return "x" if text == source else f"{name}.{text}" if text else text

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


def build_model(bodies: Sequence[Body], weights: Sequence[float], head: Head, n_features: int,
                n_conditions: int = 0) -> ModelProto:
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
        nodes.append(helper.make_node("Concat", ["features", "conditions"], ["x"], axis=1))
    else:
        nodes.append(helper.make_node("Identity", ["features"], ["x"]))
    blended = ""
    for k, (body, weight) in enumerate(zip(bodies, weights, strict=True)):
        nodes += body.nodes
        constants += body.constants
        value = body.output
        if body.exponential:
            nodes.append(helper.make_node("Exp", [value], [f"exp{k}"]))
            value = f"exp{k}"
        if weight != 1.0:
            constants.append(_constant(f"weight{k}", np.array([[weight]])))
            nodes.append(helper.make_node("Mul", [value, f"weight{k}"], [f"share{k}"]))
            value = f"share{k}"
        if blended:
            nodes.append(helper.make_node("Add", [blended, value], [f"sum{k}"]))
            value = f"sum{k}"
        blended = value
    outputs = _finish(nodes, constants, blended, head)
    graph = helper.make_graph(
        nodes, head.target, inputs, [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 1]) for n in outputs],
        initializer=constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    )
    model.ir_version = IR_VERSION
    model.producer_name = "alloy-screener"
    checker.check_model(model)
    return model


def _finish(nodes: list[NodeProto], constants: list[TensorProto], value: str, head: Head) -> tuple[str, ...]:
    """Append the head's nodes and return the output names."""
    name = head.target
    if head.kind == "classification":
        constants += [_constant("slope", np.array([[head.slope]])), _constant("intercept", np.array([[head.intercept]]))]
        nodes += [
            helper.make_node("Mul", [value, "slope"], ["scaled"]),
            helper.make_node("Add", ["scaled", "intercept"], [f"{name}_logit"]),
            helper.make_node("Sigmoid", [f"{name}_logit"], [name]),
        ]
        return (name, f"{name}_logit")
    floor = _constant("floor", np.array([[0.0]]))
    constants.append(floor)
    nodes.append(helper.make_node("Max", [value, "floor"], [name]))
    if head.rule == "relative":
        factor = float(np.exp(head.half_width))
        constants += [_constant("factor", np.array([[factor]]))]
        nodes += [
            helper.make_node("Div", [name, "factor"], [f"{name}_low"]),
            helper.make_node("Mul", [name, "factor"], [f"{name}_high"]),
        ]
    else:
        constants += [_constant("half_width", np.array([[head.half_width]]))]
        nodes += [
            helper.make_node("Sub", [name, "half_width"], ["below"]),
            helper.make_node("Max", ["below", "floor"], [f"{name}_low"]),
            helper.make_node("Add", [name, "half_width"], [f"{name}_high"]),
        ]
    return (name, f"{name}_low", f"{name}_high")


def _kept(node: NodeProto) -> list[AttributeProto]:
    """Attributes of a node worth keeping: empty arrays only make files larger."""
    return [a for a in node.attribute if not (a.type == AttributeProto.STRINGS and not a.strings)]


def _constant(name: str, value: NDArray[np.floating]) -> TensorProto:
    """A float32 weight."""
    return numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name)
