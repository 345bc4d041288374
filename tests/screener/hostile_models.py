"""Folders of models as somebody with bad intent, or a bad disk, would leave them, by kind.

`python tests/screener/hostile_models.py` tries them all on the command line and prints what became of them.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from screener.model_set import SUMS

FIRST = "characterize/amorphous.onnx"
"""The file that is loaded first."""
Change = Callable[[ModelProto], object]
RNG = np.random.default_rng(11)


@dataclass(frozen=True)
class Attack:
    """One way to spoil a folder; ``harmless`` where what it changes may be loaded as before."""

    kind: str
    name: str
    spoil: Callable[[Path], object]
    harmless: bool = False


def listed_again(folder: Path) -> None:
    """Record the digests of the files as they are now, so that something else must notice."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def on_bytes(kind: str, name: str, change: Callable[[bytes], bytes], harmless: bool = False) -> Attack:
    """Change the first file."""

    def spoil(folder: Path) -> None:
        path = folder / FIRST
        path.write_bytes(change(path.read_bytes()))
        listed_again(folder)

    return Attack(kind, name, spoil, harmless)


def on_graph(kind: str, name: str, change: Change) -> Attack:
    """Change the graph of the first file."""

    def changed(content: bytes) -> bytes:
        model = onnx.load_from_string(content)
        change(model)
        return bytes(model.SerializeToString())

    return on_bytes(kind, name, changed)


def varint(value: int) -> bytes:
    """Write a number as the format does."""
    out = b""
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def chunk(number: int, content: bytes) -> bytes:
    """Write a field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def not_a_model() -> Iterator[Attack]:
    texts = {
        "empty": b"", "text": b"not a model", "JSON": b'{"a": 1}', "zip": b"PK\x03\x04" + b"\0" * 60,
        "pickle": pickle.dumps({"a": print}), "gzip bomb": gzip.compress(b"\0" * 1_000_000), "ones": b"\xff" * 5_000,
        "zeros": b"\0" * 5_000, "other format of the runtime": b"\x08\x09\x12\x04ORTM" + b"\0" * 200,
        "HTML": b"<html>", "pointer to a large file": b"version https://git-lfs.github.com/spec/v1\n",
    }  # fmt: skip
    for name, content in texts.items():
        yield on_bytes("no model at all", name, lambda _, content=content: content)
    for seed in range(40):
        content = np.random.default_rng(seed).bytes(int(2 ** (2 + seed / 3)))
        yield on_bytes("no model at all", f"random bytes {seed}", lambda _, content=content: content)


def damage() -> Iterator[Attack]:
    for share in np.linspace(0.001, 0.999, 40):
        yield on_bytes("cut short", f"at {share:.1%}", lambda c, share=share: c[: int(len(c) * share)])

    def flipped(content: bytes, seed: int) -> bytes:
        rng, out = np.random.default_rng(seed), bytearray(content)
        for place in rng.integers(0, len(out), 1 + seed % 4):
            out[place] = rng.integers(0, 256)
        return bytes(out)

    for seed in range(200):
        yield on_bytes("some bytes changed", f"seed {seed}", lambda c, seed=seed: flipped(c, seed), harmless=True)


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


def too_much() -> Iterator[Attack]:
    kind = "more than any model needs"

    def chain(model: ModelProto, count: int, operator: str = "Relu") -> None:
        for k in range(count):
            source = f"more{k - 1}" if k else "features"
            model.graph.node.append(helper.make_node(operator, [source], [f"more{k}"]))

    def wide(model: ModelProto, times: int) -> None:
        model.graph.node.append(helper.make_node("Concat", ["features"] * times, ["more"], axis=1))

    def doubling(model: ModelProto) -> None:
        for k in range(40):
            source = f"more{k - 1}" if k else "features"
            model.graph.node.append(helper.make_node("Concat", [source, source], [f"more{k}"], axis=1))

    def spread(model: ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1_000_000), np.float32), "row"))
        model.graph.node.append(helper.make_node("Add", ["p_amorphous_logit", "row"], ["more"]))

    def work(model: ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1024), np.float32), "row"))
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((1024, 1024), np.float32), "square"))
        model.graph.node.append(helper.make_node("Add", ["p_amorphous_logit", "row"], ["more"]))
        for k in range(200):
            source = f"more{k - 1}" if k else "more"
            model.graph.node.append(helper.make_node("Gemm", [source, "square", "row"], [f"more{k}"]))

    yield on_graph(kind, "2,000 operations", lambda m: chain(m, 2_000))
    yield on_graph(kind, "2,000 names", lambda m: wide(m, 2_000))
    yield on_graph(kind, "wider by each operation", doubling)
    yield on_graph(kind, "a million columns", spread)
    yield on_graph(kind, "200 million products", work)
    yield on_graph(kind, "2,000 weights", lambda m: [m.graph.initializer.add() for _ in range(2_000)])
    yield on_graph(kind, "2,000 notes", lambda m: [m.metadata_props.add(key=str(k)) for k in range(2_000)])
    yield on_graph(kind, "5 MB of name", lambda m: setattr(m.graph.node[0], "op_type", "x" * 5_000_000))
    yield on_bytes(kind, "ten million empty operations", lambda c: c + chunk(7, b"\x0a\x00" * 10_000_000))
    yield on_bytes(kind, "ten million empty operations alone", lambda _: chunk(7, b"\x0a\x00" * 10_000_000))
    tensors = chunk(7, chunk(1, chunk(5, b"\x52\x00" * 6_000_000)))
    yield on_bytes(kind, "six million empty tensors", lambda _: b"\x08\x09" + tensors)

    def large(folder: Path) -> None:
        os.truncate(folder / FIRST, 200_000_001)
        listed_again(folder)

    yield Attack(kind, "a file of 200 MB", large)


def format_tricks() -> Iterator[Attack]:
    kind = "tricks with the format"
    yield on_bytes(kind, "two graphs", lambda c: c + chunk(7, b""))
    yield on_bytes(kind, "a second model behind it", lambda c: c + c)
    yield on_bytes(kind, "an unknown field", lambda c: c + chunk(99, b"x"))
    yield on_bytes(kind, "a field of a huge number", lambda c: c + chunk(2**28, b"x"))
    yield on_bytes(kind, "a number that never ends", lambda c: c + b"\x28" + b"\xff" * 30)
    yield on_bytes(kind, "a number beyond 64 bits", lambda c: c + b"\x28" + b"\xff" * 9 + b"\x7f")
    yield on_bytes(kind, "a length beyond the file", lambda c: c + b"\x32" + varint(10**12))
    yield on_bytes(kind, "a negative length", lambda c: c + b"\x32" + b"\xff" * 9 + b"\x01")
    yield on_bytes(kind, "a group", lambda c: c + b"\x33\x34")
    yield on_bytes(kind, "a field zero", lambda c: c + b"\x02\x00")
    yield on_bytes(kind, "another kind of a field", lambda c: c + b"\x2a\x00")
    yield on_bytes(kind, "bytes that are no text", lambda c: c + chunk(6, b"") + chunk(14, chunk(1, b"\xff")))
    for depth in (50, 5_000):
        nested = b""
        for _ in range(depth):
            nested = chunk(1, chunk(5, chunk(6, nested)))
        yield on_bytes(kind, f"{depth} graphs inside each other", lambda _, n=nested: b"\x08\x09" + chunk(7, n))
    yield on_graph(kind, "a note twice", lambda m: m.metadata_props.append(m.metadata_props[0]))
    yield on_graph(kind, "a weight twice", lambda m: m.graph.initializer.append(m.graph.initializer[0]))
    yield on_graph(kind, "a set of operators twice", lambda m: m.opset_import.add(domain="", version=17))


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


def cards() -> Iterator[Attack]:
    kind = "cards"

    def put(key: str, text: str) -> Change:
        def change(model: ModelProto) -> None:
            prop = next(p for p in model.metadata_props if p.key == f"screener.{key}")
            prop.value = text

        return change

    for name, text in {
        "no JSON": "{", "a million brackets": "[" * 1_000_000, "a million braces": '{"a":' * 1_000_000,
        "four million characters": json.dumps("x" * 4_000_001), "a number of 10,000 digits": "1" * 10_000,
        "a bare word": "NaN,", "single quotes": "{'a': 1}", "empty": "",
    }.items():  # fmt: skip
        yield on_graph(kind, f"notes: {name}", put("notes", text))
    for key, value in {
        "tier": "fast", "target": [], "features": "../../x", "features_digest": None, "elements": ["Xx"],
        "conditions": [{"name": "a b"}], "threshold": 7, "curve": [1], "metrics": {"a": 1}, "golden": [],
        "method": "\x1b]0;owned\x07", "notes": ["\x1b[2J"], "interval": 3, "sources": [{}], "prior": 0,
        "distance": [{}], "domain_limit": -1, "fold_scores": {"a": "b"}, "created": None, "preferred": "yes",
        "schema": 99, "interval_rule": "none", "classifier": "best", "interval_floor": "low",
    }.items():  # fmt: skip
        yield on_graph(kind, f"another {key}", put(key, json.dumps(value)))
    yield on_graph(kind, "none", lambda m: m.ClearField("metadata_props"))
    for name, formula in {
        "of no alloy": "Xx20", "empty": "", "of a million brackets": "(" * 1_000_000, "of 1e400": "Al1e400",
        "of a hundred thousand elements": "AlTi" * 50_000, "with escapes": "Al\x1b[2J",
    }.items():  # fmt: skip
        golden = [{"formula": formula, "outputs": {"p_amorphous": 0.5, "p_amorphous_logit": 0.0}}]
        yield on_graph(kind, f"golden row {name}", put("golden", json.dumps(golden)))
    row = {"formula": "Cu50Zr50", "outputs": {"p_amorphous": float("nan"), "p_amorphous_logit": 0.0}}
    yield on_graph(kind, "golden row of no number", put("golden", json.dumps([row])))
    yield on_graph(kind, "golden row of other outputs", put("golden", json.dumps([row | {"outputs": {"x": 1.0}}])))


def folders() -> Iterator[Attack]:
    kind = "folders"

    def sums(change: Callable[[str], str]) -> Callable[[Path], object]:
        return lambda folder: (folder / SUMS).write_text(change((folder / SUMS).read_text()), encoding="utf-8")

    def away(name: str) -> Callable[[Path], object]:
        return lambda folder: (folder / name).unlink()

    def linked(target: str) -> Callable[[Path], object]:
        def spoil(folder: Path) -> None:
            (folder / FIRST).unlink()
            (folder / FIRST).symlink_to(target)

        return spoil

    def piped(name: str) -> Callable[[Path], object]:
        def spoil(folder: Path) -> None:
            (folder / name).unlink()
            os.mkfifo(folder / name)

        return spoil

    def copied_out(folder: Path) -> None:
        shutil.move(folder / FIRST, folder.parent / "outside.onnx")
        (folder / FIRST).symlink_to(folder.parent / "outside.onnx")

    none = "0" * 64
    yield Attack(kind, "no list", away(SUMS))
    yield Attack(kind, "an empty list", sums(lambda _: ""))
    yield Attack(kind, "a list without a model", sums(lambda t: "\n".join(x for x in t.splitlines() if FIRST not in x)))
    yield Attack(kind, "a model that is not listed", lambda f: shutil.copy(f / FIRST, f / "screen/more.onnx"))
    yield Attack(kind, "a listed model that is not there", away(FIRST))
    yield Attack(kind, "a listed file that is not there", sums(lambda t: f"{t}{none}  notes.txt\n"))
    yield Attack(kind, "another digest", sums(lambda t: re.sub("^.{8}", "00000000", t)))
    yield Attack(kind, "a digest too short", sums(lambda t: t[1:]))
    yield Attack(kind, "a line twice", sums(lambda t: t + t.splitlines()[0]))
    for name in ("../outside.onnx", "screen/../../x.onnx", "/etc/passwd", "~/x.onnx/..", "screen/\\..\\..\\x.onnx"):
        yield Attack(kind, f"a list that names {name}", sums(lambda t, n=name: f"{t}{none}  {n}\n"))
    yield Attack(kind, "a list of escapes", sums(lambda t: f"{t}{none}  \x1b[2J.onnx\n"))
    yield Attack(kind, "a list of a name of 5,000 letters", sums(lambda t: f"{t}{none}  {'a' * 5_000}\n"))
    yield Attack(kind, "a list of 2 MB", sums(lambda t: t + "\n" * 2_000_000))
    yield Attack(kind, "a list of no text", lambda f: (f / SUMS).write_bytes(b"\xff\xfe\x00"))
    yield Attack(
        kind, "a list in old line ends", lambda f: (f / SUMS).write_bytes((f / SUMS).read_bytes().replace(b"\n", b"\r"))
    )
    yield Attack(
        kind,
        "a list in other line ends",
        lambda f: (f / SUMS).write_bytes((f / SUMS).read_bytes().replace(b"\n", b"\r\n")),
        harmless=True,
    )
    yield Attack(kind, "a link out of the folder", copied_out)
    for target in ("/dev/zero", "/etc/passwd", "nowhere.onnx", Path(FIRST).name, "/proc/self/mem"):
        yield Attack(kind, f"a link to {target}", linked(target))
    yield Attack(kind, "a pipe for a model", piped(FIRST))
    yield Attack(kind, "a pipe for the list", piped(SUMS))
    yield Attack(kind, "a folder for a model", lambda f: ((f / FIRST).unlink(), (f / FIRST).mkdir()))
    yield Attack(kind, "a folder for the list", lambda f: ((f / SUMS).unlink(), (f / SUMS).mkdir()))
    yield Attack(kind, "a file for a tier", lambda f: (shutil.rmtree(f / "screen"), (f / "screen").touch()))
    yield Attack(kind, "no folder", shutil.rmtree)


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


def attacks() -> Iterator[Attack]:
    """Yield them all."""
    for each in (
        not_a_model,
        damage,
        external,
        foreign,
        too_much,
        format_tricks,
        shapes,
        numbers,
        cards,
        folders,
        trees,
    ):
        yield from each()


@dataclass(frozen=True)
class Outcome:
    """What became of an attack: exit code, standard output, standard error, seconds of processor time."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def refused(self) -> bool:
        """Whether the command ended with one fact, a hint and nothing else, and sent no escapes to the terminal."""
        told = re.fullmatch(r"error: [^\n]+\n\nhint: [^\n]+\n", self.err)
        return self.code == 2 and not self.out and told is not None and self.err.replace("\n", "").isprintable()


def tried(attack: Attack, models: Path, scratch: Path) -> Outcome:
    """Spoil a copy of a folder of models and list it on the command line."""
    from screener.cli import main

    folder = scratch / "models"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(models, folder)
    attack.spoil(folder)
    out, err = io.StringIO(), io.StringIO()
    before = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["models", "--models", str(folder)])
    return Outcome(code, out.getvalue(), err.getvalue(), time.process_time() - before)


def report() -> None:
    """Try every attack and print a table by kind."""
    from tiny_models import publish_tiny_models

    counts: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        models = publish_tiny_models(Path(scratch) / "tiny")
        for attack in attacks():
            outcome = tried(attack, models, Path(scratch) / "spoilt")
            slowest = max(slowest, outcome.seconds)
            counts[attack.kind, "tried"] += 1
            loads = attack.harmless and outcome.code == 0
            end = "refused" if outcome.refused else "loaded" if loads else "wrong"
            counts[attack.kind, end] += 1
            if end == "wrong":
                print(f"{attack.kind}, {attack.name}: {outcome}", file=sys.stderr)
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    print("| kind | tried | refused | loaded: nothing is harmed | crashed, hung or wrong |\n|---|---|---|---|---|")
    for kind in [*kinds, None]:
        cells = [sum(n for (k, e), n in counts.items() if kind in (k, None) and e == end) for end in ENDS]
        print(f"| {kind or 'all'} | {' | '.join(map(str, cells))} |")
    print(f"\nThe slowest took {slowest:.1f} s of processor time.")


ENDS = ("tried", "refused", "loaded", "wrong")

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    report()
