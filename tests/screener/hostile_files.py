"""Files that are no model, are damaged, hold more than any model needs, or play tricks with the format."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hostile_attacks import FIRST, Attack, chunk, listed_again, on_bytes, on_graph, varint
from onnx import ModelProto, helper, numpy_helper


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
