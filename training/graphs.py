"""ONNX graphs of the models: bodies (dense nets, tree ensembles), their blend, and the head that calibrates.

Every graph takes `features` (b, f) and, where the model has conditions, `conditions` (b, k). A regressor returns the
value and its 90 % limits in physical units; a classifier returns the calibrated logit and the probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper

from training.bodies import JOINED, ML_OPSET, OPSET, Body, constant, rewired

IR_VERSION = 9


@dataclass(frozen=True, slots=True)
class GatePart:
    """Part of a graph that predicts a probability, which the bodies read as one more input.

    Attributes:
        bodies: parts on the features and ``references``; their weighted sum is a logit.
        weights: one per body.
        references: values of the conditions that the bodies read beside the features.
    """

    bodies: tuple[Body, ...]
    weights: tuple[float, ...]
    references: tuple[float, ...]


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


def build_model(
    bodies: Sequence[Body],
    weights: Sequence[float],
    head: Head,
    n_features: int,
    n_conditions: int = 0,
    gate: GatePart | None = None,
    residual: Body | None = None,
) -> ModelProto:
    """Blend bodies by weight and finish with the head.

    Args:
        bodies: parts that share the input.
        weights: blending weights, one per body, in physical units or logits.
        head: outputs and calibration.
        n_features: f.
        n_conditions: k, 0 for none.
        gate: predicts one more input column.
        residual: what is added to the blend, or what it is multiplied by where the body gives a logarithm.

    Returns:
        A checked model with a dynamic batch size.
    """
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["b", n_features])]
    joined = ["features"]
    if n_conditions:
        inputs.append(helper.make_tensor_value_info("conditions", TensorProto.FLOAT, ["b", n_conditions]))
        joined.append("conditions")
    if gate:
        joined.append(_open_gate(nodes, constants, gate, n_features))
    if len(joined) > 1:
        nodes.append(helper.make_node("Concat", joined, [JOINED], axis=1))
    else:
        nodes.append(helper.make_node("Identity", joined, [JOINED]))
    blended = _blend(nodes, constants, bodies, weights, "blend")
    if residual is not None:
        blended = _corrected(nodes, constants, blended, residual)
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


def _open_gate(nodes: list[NodeProto], constants: list[TensorProto], gate: GatePart, n_features: int) -> str:
    """Append a gate; return the name of its probability (b, 1)."""
    source = "features"
    if gate.references:
        references = np.array(gate.references, np.float32)
        constants += [
            constant("gate.none", np.zeros((n_features, len(references)))),
            constant("gate.references", references),
        ]
        nodes += [
            helper.make_node("Gemm", ["features", "gate.none", "gate.references"], ["gate.conditions"]),
            helper.make_node("Concat", ["features", "gate.conditions"], ["gate.x"], axis=1),
        ]
        source = "gate.x"
    bodies = [replace(b, nodes=tuple(rewired(node, source) for node in b.nodes)) for b in gate.bodies]
    logit = _blend(nodes, constants, bodies, gate.weights, "gate")
    nodes.append(helper.make_node("Sigmoid", [logit], ["gate.p"]))
    return "gate.p"


def _blend(
    nodes: list[NodeProto], constants: list[TensorProto], bodies: Sequence[Body], weights: Sequence[float], name: str
) -> str:
    """Append the bodies and their weighted sum; return its name."""
    blended = ""
    for k, (body, weight) in enumerate(zip(bodies, weights, strict=True)):
        nodes += body.nodes
        constants += body.constants
        value = body.output
        if body.exponential:
            nodes.append(helper.make_node("Exp", [value], [f"{name}.exp{k}"]))
            value = f"{name}.exp{k}"
        if weight != 1.0:
            constants.append(constant(f"{name}.weight{k}", np.array([[weight]])))
            nodes.append(helper.make_node("Mul", [value, f"{name}.weight{k}"], [f"{name}.share{k}"]))
            value = f"{name}.share{k}"
        if blended:
            nodes.append(helper.make_node("Add", [blended, value], [f"{name}.sum{k}"]))
            value = f"{name}.sum{k}"
        blended = value
    return blended


def _corrected(nodes: list[NodeProto], constants: list[TensorProto], blended: str, residual: Body) -> str:
    """Append what corrects a blend; return the name of the result."""
    nodes += residual.nodes
    constants += residual.constants
    if residual.exponential:
        nodes.append(helper.make_node("Exp", [residual.output], ["residual.factor"]))
        nodes.append(helper.make_node("Mul", [blended, "residual.factor"], ["residual.corrected"]))
    else:
        nodes.append(helper.make_node("Add", [blended, residual.output], ["residual.corrected"]))
    return "residual.corrected"


def _classify(nodes: list[NodeProto], constants: list[TensorProto], value: str, head: Head) -> tuple[str, ...]:
    """Append calibration and sigmoid; return the output names."""
    name = head.target
    constants += [
        constant("head.slope", np.array([[head.slope]])),
        constant("head.intercept", np.array([[head.intercept]])),
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
        constants.append(constant("head.floor", np.array([[head.floor]])))
    nodes.append(floored(value, name))
    if head.rule == "relative":
        constants.append(constant("head.factor", np.array([[np.exp(head.half_width)]])))
        nodes += [
            helper.make_node("Div", [name, "head.factor"], [f"{name}_low"]),
            helper.make_node("Mul", [name, "head.factor"], [f"{name}_high"]),
        ]
    else:
        constants.append(constant("head.half_width", np.array([[head.half_width]])))
        nodes += [
            helper.make_node("Sub", [name, "head.half_width"], ["head.below"]),
            floored("head.below", f"{name}_low"),
            helper.make_node("Add", [name, "head.half_width"], [f"{name}_high"]),
        ]
    return (name, f"{name}_low", f"{name}_high")
