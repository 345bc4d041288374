"""Parts of ONNX graphs: dense nets and tree ensembles, each from the joined inputs to one column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 17
ML_OPSET = 3
JOINED = "in.x"
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


def dense_body(
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], name: str = "net", exponential: bool = False
) -> Body:
    """Make a ReLU network from its layers [(weight (in, out), bias (out,))], standardisation already folded in."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    value = JOINED
    for k, (weight, bias) in enumerate(layers):
        w, b = f"{name}.w{k}", f"{name}.b{k}"
        constants += [constant(w, weight), constant(b, bias)]
        nodes.append(helper.make_node("Gemm", [value, w, b], [f"{name}.z{k}"]))
        value = f"{name}.z{k}"
        if k < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [value], [f"{name}.a{k}"]))
            value = f"{name}.a{k}"
    return Body(tuple(nodes), tuple(constants), value, exponential)


def standardised_body(
    centre: NDArray[np.floating],
    scale: NDArray[np.floating],
    limit: float,
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    name: str = "net",
    exponential: bool = False,
) -> Body:
    """Make a ReLU network on inputs that are centred, scaled and kept within ±``limit``."""
    dense = dense_body(layers, name, exponential)
    constants = (
        constant(f"{name}.centre", np.asarray(centre)[None, :]),
        constant(f"{name}.per_unit", 1.0 / np.asarray(scale)[None, :]),
        constant(f"{name}.least", np.array(-limit)),
        constant(f"{name}.most", np.array(limit)),
    )
    nodes = (
        helper.make_node("Sub", [JOINED, f"{name}.centre"], [f"{name}.centred"]),
        helper.make_node("Mul", [f"{name}.centred", f"{name}.per_unit"], [f"{name}.scaled"]),
        helper.make_node("Clip", [f"{name}.scaled", f"{name}.least", f"{name}.most"], [f"{name}.x"]),
    )
    inner = tuple(rewired(node, f"{name}.x") for node in dense.nodes)
    return Body((*nodes, *inner), (*constants, *dense.constants), dense.output, exponential)


def imported_body(model: ModelProto, name: str, exponential: bool = False) -> Body:
    """Take the nodes of a converted single-input, single-output model, renamed so that several fit in one graph."""
    graph = model.graph
    source, result = graph.input[0].name, graph.output[0].name

    def renamed(text: str) -> str:
        return JOINED if text == source else f"{name}.{text}" if text else text

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


def rewired(node: NodeProto, source: str) -> NodeProto:
    """Copy a node that reads ``source`` where it read the joined inputs."""
    copy = NodeProto()
    copy.CopyFrom(node)
    for k, name in enumerate(copy.input):
        if name == JOINED:
            copy.input[k] = source
    return copy


def constant(name: str, value: NDArray[np.floating]) -> TensorProto:
    """A float32 weight."""
    return numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name)


def _kept(node: NodeProto) -> list[AttributeProto]:
    """Attributes of a node worth keeping: empty arrays only make files larger."""
    return [a for a in node.attribute if not (a.type == AttributeProto.STRINGS and not a.strings)]
