"""Nets cut down to what a run can tell apart: inputs that are always zero, or sums of others, or fixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, load_from_string, numpy_helper

from screener.model import Model

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Branch:
    """The part of a graph that predicts one target.

    Attributes:
        nodes: operations on the shared input.
        constants: weights.
        outputs: result columns, each (b, 1).
    """

    nodes: tuple[NodeProto, ...]
    constants: tuple[TensorProto, ...]
    outputs: tuple[str, ...]


def cut_branch(
    model: Model, source: str, mixed: Matrix, conditions: Mapping[str, float], outputs: Sequence[str]
) -> Branch | None:
    """Cut a net down to some of its inputs.

    Args:
        model: the model.
        source: name of the shared input (b, live).
        mixed: the model's features as sums of the live ones (f, live).
        conditions: fixed values by name; the card's reference where absent.
        outputs: which of its outputs are read.

    Returns:
        The branch; None for a graph whose inputs do not go straight into dense layers.
    """
    graph = load_from_string(model.content).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    joined = _joined(graph, bool(model.card.conditions))
    if joined is None or not _dense_readers(graph, joined, weights):
        return None
    fixed = model.condition_block(1, conditions)[0].astype(np.float64)
    prefix = f"{model.card.target.name}."
    nodes, constants = [], []
    for node in _needed(graph, outputs):
        if joined in node.output:
            continue
        renamed = _renamed(node, prefix, outputs)
        if node.input[0] == joined:
            layer = f"{prefix}{node.output[0]}"
            rows, bias = _cut_layer(node, weights, mixed, fixed)
            constants += [_constant(f"{layer}.w", rows), _constant(f"{layer}.b", bias)]
            renamed = helper.make_node("Gemm", [source, f"{layer}.w", f"{layer}.b"], list(renamed.output))
        else:
            constants += [_named(weights[name], prefix) for name in node.input if name in weights]
        nodes.append(renamed)
    unique = {tensor.name: tensor for tensor in constants}
    return Branch(tuple(nodes), tuple(unique.values()), tuple(outputs))


def _joined(graph: GraphProto, with_conditions: bool) -> str | None:
    """Name the joined inputs of a graph, if one node joins them and nothing else reads them."""
    wanted = ["features", "conditions"] if with_conditions else ["features"]
    readers = [node for node in graph.node if {"features", "conditions"} & set(node.input)]
    if len(readers) != 1 or list(readers[0].input) != wanted:
        return None
    return readers[0].output[0] if readers[0].op_type == ("Concat" if with_conditions else "Identity") else None


def _dense_readers(graph: GraphProto, joined: str, weights: Collection[str]) -> bool:
    """Say whether the joined inputs go into plain dense layers only."""
    for node in graph.node:
        if joined in node.input:
            options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            plain = options.get("alpha", 1.0) == options.get("beta", 1.0) == 1.0 and not options.get("transA", 0)
            dense = node.op_type == "Gemm" and len(node.input) == 3 and list(node.input).count(joined) == 1
            if not (dense and plain and node.input[0] == joined and set(node.input[1:]) <= set(weights)):
                return False
    return joined not in {output.name for output in graph.output}


def _cut_layer(
    node: NodeProto, weights: Mapping[str, TensorProto], mixed: Matrix, fixed: Matrix
) -> tuple[Matrix, Matrix]:
    """Put a first layer on the live inputs, and add the fixed inputs to its bias."""
    rows, bias = (numpy_helper.to_array(weights[name]).astype(np.float64) for name in node.input[1:])
    if any(a.name == "transB" and a.i for a in node.attribute):
        rows = rows.T
    moved = np.broadcast_to(bias, (1, rows.shape[1]))[0] + fixed @ rows[len(rows) - len(fixed) :]
    return mixed.T @ rows[: len(mixed)], moved


def _needed(graph: GraphProto, outputs: Sequence[str]) -> list[NodeProto]:
    """Pick the operations that some outputs need, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _renamed(node: NodeProto, prefix: str, kept: Collection[str]) -> NodeProto:
    """Copy a node with a prefix on every name but those of outputs."""
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.name = ""
    for names in (copy.input, copy.output):
        names[:] = [name if name in kept or not name else f"{prefix}{name}" for name in names]
    return copy


def _named(tensor: TensorProto, prefix: str) -> TensorProto:
    """Copy a tensor under a name with a prefix."""
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = f"{prefix}{tensor.name}"
    return copy


def _constant(name: str, values: Matrix) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)
