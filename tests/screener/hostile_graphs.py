"""Graphs that no model of ours has: weights elsewhere, foreign operations, misfits, no numbers, impossible trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from hostile_attacks import Attack, Change, on_bytes, on_graph
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper


def external() -> Iterator[Attack]:
    def elsewhere(model: ModelProto, location: str, keep: bool) -> None:
        weight = model.graph.initializer[0]
        if not keep:
            weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)

    for location in ("weights.bin", "../../../etc/passwd", "/etc/passwd", "", "https://example.org/w", "/dev/zero"):
        for keep in (False, True):
            name = f"`{location}`{' beside its values' if keep else ''}"
            yield on_graph("weights elsewhere", name, lambda m, a=location, k=keep: elsewhere(m, a, k))

    def hidden(model: ModelProto) -> None:
        attribute = model.graph.node[0].attribute.add(name="value", type=AttributeProto.TENSOR)
        attribute.t.external_data.add(key="location", value="weights.bin")

    yield on_graph("weights elsewhere", "in an attribute", hidden)


def foreign() -> Iterator[Attack]:
    kind = "operations of others"
    body = helper.make_graph([], "b", [], [])
    nodes = [
        helper.make_node("Loop", ["", "", "x"], ["y"], body=body),
        helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body),
        helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1),
        *(helper.make_node(name, ["x"], ["y"]) for name in ("ConstantOfShape", "StringNormalizer", "NonZero", "Cast")),
        *(helper.make_node(name, ["x", "x"], ["y"]) for name in ("Expand", "Tile", "Range", "GatherND", "MatMul")),
        helper.make_node("RandomNormal", [], ["y"], shape=[10**9]),
        helper.make_node("Constant", [], ["y"], value_float=1.0),
        helper.make_node("Relu", ["x"], ["y"], domain="com.evil"),
        helper.make_node("PyOp", ["x"], ["y"], domain="ai.onnx.contrib"),
        helper.make_node("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft"),
        helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", ep_cache_context="../x.so"),
        helper.make_node("TreeEnsembleClassifier", ["x"], ["y"], domain="ai.onnx.ml"),
        helper.make_node("\x1b[2J\x07", ["x"], ["y"]),
    ]
    for node in nodes:
        name = f"{node.domain or 'ONNX'} {node.op_type if node.op_type.isprintable() else 'escapes'}"
        yield on_graph(kind, name, lambda m, node=node: m.graph.node.insert(1, node))
    relu = helper.make_node("Relu", ["a"], ["b"])
    function = helper.make_function("", "Relu", ["a"], ["b"], [relu], [helper.make_opsetid("", 17)])
    yield on_graph(kind, "a function of its own", lambda m: m.functions.append(function))
    yield on_graph(kind, "sparse weights", lambda m: m.graph.sparse_initializer.add())
    yield on_graph(kind, "a training", lambda m: m.training_info.add())
    yield on_graph(kind, "another set of operators", lambda m: setattr(m.opset_import[0], "version", 21))
    yield on_graph(kind, "an unknown set", lambda m: m.opset_import.add(domain="com.evil", version=1))
    yield on_graph(kind, "another version", lambda m: setattr(m, "ir_version", 11))
    yield on_graph(kind, "shapes inside", lambda m: m.graph.value_info.append(m.graph.input[0]))
    yield on_graph(kind, "an attribute", lambda m: m.graph.node[1].attribute.append(helper.make_attribute("x", 1)))
    yield on_graph(
        kind, "another axis", lambda m: m.graph.node.append(helper.make_node("Concat", ["features"], ["y"], axis=0))
    )
    text = helper.make_attribute("activation", "x" * 100)
    yield on_graph(kind, "a text", lambda m: m.graph.node[1].attribute.append(text))


def shapes() -> Iterator[Attack]:
    kind = "parts that do not fit"

    def dims(*values: int) -> Change:
        return lambda m: m.graph.initializer[0].dims.__setitem__(slice(None), values)

    for values in ((1,), (0, 0), (-1, -1), (2**40, 2**40), (2**62, 4), (70, 16, 1), (2**31, 2**31)):
        yield on_graph(kind, f"a weight of size {values}", dims(*values))

    def typed(model: ModelProto, code: int) -> None:
        model.graph.initializer[0].data_type = code

    for code in (0, 2, 7, 8, 10, 11, 16, 99):
        yield on_graph(kind, f"a weight of type {code}", lambda m, c=code: typed(m, c))

    def port(model: ModelProto, name: str, width: int, code: int = TensorProto.FLOAT, rank: int = 2) -> None:
        size = ["b", width, 1][:rank]
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info(name, code, size))

    yield on_graph(kind, "an input of another name", lambda m: port(m, "feature", 78))
    yield on_graph(kind, "an input of another width", lambda m: port(m, "features", 5))
    yield on_graph(kind, "an input of a billion columns", lambda m: port(m, "features", 10**9))
    yield on_graph(kind, "an input of float64", lambda m: port(m, "features", 148, TensorProto.DOUBLE))
    yield on_graph(kind, "an input of text", lambda m: port(m, "features", 148, TensorProto.STRING))
    yield on_graph(kind, "an input of rank 1", lambda m: port(m, "features", 148, rank=1))
    yield on_graph(kind, "an input of rank 3", lambda m: port(m, "features", 148, rank=3))
    yield on_graph(
        kind, "one more input", lambda m: m.graph.input.append(helper.make_tensor_value_info("x", 1, ["b", 1]))
    )
    yield on_graph(kind, "no input", lambda m: m.graph.ClearField("input"))
    yield on_graph(kind, "no output", lambda m: m.graph.ClearField("output"))
    yield on_graph(kind, "no operation", lambda m: m.graph.ClearField("node"))
    yield on_graph(kind, "no weights", lambda m: m.graph.ClearField("initializer"))
    yield on_graph(kind, "an output of another name", lambda m: setattr(m.graph.output[0], "name", "p"))
    yield on_graph(kind, "an output twice", lambda m: m.graph.output.append(m.graph.output[0]))
    yield on_graph(
        kind, "an output of other type", lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", 7)
    )
    yield on_graph(kind, "a circle", lambda m: m.graph.node[1].input.__setitem__(0, m.graph.node[-1].output[0]))
    yield on_graph(kind, "operations in another order", lambda m: m.graph.node.reverse())
    yield on_graph(kind, "an input from nowhere", lambda m: m.graph.node[1].input.__setitem__(0, "nowhere"))
    yield on_graph(kind, "two values of one name", lambda m: m.graph.node.append(m.graph.node[0]))
    yield on_graph(kind, "too few inputs", lambda m: m.graph.node[1].input.pop())
    yield on_graph(kind, "two outputs", lambda m: m.graph.node[1].output.append("y"))


def numbers() -> Iterator[Attack]:
    kind = "numbers that are none"
    for value in (np.nan, np.inf, -np.inf):
        for place in (0, 1, -1):

            def spoilt(model: ModelProto, value: float = value, place: int = place) -> None:
                weight = model.graph.initializer[place]
                values = numpy_helper.to_array(weight).copy()
                values.flat[0] = value
                weight.CopyFrom(numpy_helper.from_array(values, weight.name))

            yield on_graph(kind, f"{value} in weight {place}", spoilt)

    def overflow(model: ModelProto) -> None:
        huge = {"net.w2": 3e38, "net.b2": 3e38, "head.slope": 0.0}
        for weight in model.graph.initializer:
            if weight.name in huge:
                values = np.full(tuple(weight.dims), huge[weight.name], np.float32)
                weight.CopyFrom(numpy_helper.from_array(values, weight.name))

    yield on_graph(kind, "weights that overflow to NaN", overflow)


def trees() -> Iterator[Attack]:
    """Spoil the ensembles of a model that ships, which takes the place of the first."""
    kind = "trees"

    def on_trees(name: str, change: Callable[[dict[str, AttributeProto]], object]) -> Attack:
        def changed(_: bytes) -> bytes:
            shipped = Path(__file__).resolve().parents[2] / "models/characterize/bulk_glass.onnx"
            model = onnx.load_from_string(shipped.read_bytes())
            node = next(n for n in model.graph.node if n.domain)
            change({a.name: a for a in node.attribute})
            return bytes(model.SerializeToString())

        return on_bytes(kind, name, changed)

    def ints(name: str, place: int, value: int) -> Callable[[dict[str, AttributeProto]], object]:
        return lambda lists: lists[name].ints.__setitem__(place, value)

    def chain(lists: dict[str, AttributeProto], depth: int) -> None:
        """One tree, each branch of which has a leaf and the next branch."""
        node = np.arange(2 * depth + 1)
        leaf = (node % 2 == 1) | (node == 2 * depth)
        values = {
            "treeids": 0 * node, "nodeids": node, "truenodeids": np.where(leaf, 0, node + 1), "hitrates": 0.0 * node,
            "falsenodeids": np.where(leaf, 0, node + 2), "featureids": 0 * node, "values": 0.0 * node,
            "missing_value_tracks_true": 0 * node,
        }  # fmt: skip
        for name, column in values.items():
            kept = lists[f"nodes_{name}"]
            (kept.floats if column.dtype.kind == "f" else kept.ints)[:] = column.tolist()
        lists["nodes_modes"].strings[:] = [b"LEAF" if each else b"BRANCH_LEQ" for each in leaf]
        lists["target_treeids"].ints[:] = lists["target_ids"].ints[:] = [0] * int(leaf.sum())
        lists["target_nodeids"].ints[:] = node[leaf].tolist()
        lists["target_weights"].floats[:] = [0.0] * int(leaf.sum())

    yield on_trees("a branch to itself", ints("nodes_truenodeids", 0, 0))
    yield on_trees("a branch backwards", ints("nodes_falsenodeids", 1, 0))
    yield on_trees("a node of two branches", ints("nodes_falsenodeids", 0, 1))
    yield on_trees("a branch out of its tree", ints("nodes_falsenodeids", 0, 10**9))
    yield on_trees("a branch to a negative node", ints("nodes_truenodeids", 0, -5))
    yield on_trees("a branch beyond 32 bits", ints("nodes_truenodeids", 0, 2**32 + 1))
    yield on_trees("a column beyond the input", ints("nodes_featureids", 0, 10**6))
    yield on_trees("a negative column", ints("nodes_featureids", 0, -1))
    yield on_trees("a tree of the largest number", ints("nodes_treeids", 0, 2**63 - 1))
    yield on_trees("a tree of the least number", ints("nodes_treeids", -1, -(2**63)))
    yield on_trees("a node of another number", ints("nodes_nodeids", 5, 6))
    yield on_trees("a leaf of another target", ints("target_ids", 0, 1))
    yield on_trees("a value for no leaf", ints("target_nodeids", 0, 0))
    yield on_trees("a list too long", lambda lists: lists["nodes_treeids"].ints.append(0))
    yield on_trees("a list too short", lambda lists: lists["target_weights"].floats.pop())
    yield on_trees("an empty list", lambda lists: lists["nodes_modes"].ClearField("strings"))
    yield on_trees(
        "a mode of another kind", lambda lists: lists["nodes_modes"].strings.__setitem__(0, b"BRANCH_MEMBER")
    )
    yield on_trees("a mode of none", lambda lists: lists["nodes_modes"].strings.__setitem__(0, b"LEAF\0"))
    yield on_trees("a threshold of NaN", lambda lists: lists["nodes_values"].floats.__setitem__(0, float("nan")))
    yield on_trees("a leaf of infinity", lambda lists: lists["target_weights"].floats.__setitem__(0, float("inf")))
    yield on_trees("several targets", lambda lists: setattr(lists["n_targets"], "i", 2**31))
    yield on_trees("a transform", lambda lists: setattr(lists["post_transform"], "s", b"SOFTMAX"))
    yield on_trees("a list of another type", lambda lists: setattr(lists["nodes_values"], "type", AttributeProto.INTS))
    yield on_trees("a tree 200,000 deep", lambda lists: chain(lists, 200_000))
    yield on_trees("a tree 1,001 deep", lambda lists: chain(lists, 1_001))
