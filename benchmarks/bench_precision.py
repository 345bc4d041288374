"""Fewer bits: the nets with 16-bit floats and 8-bit integers, how fast, and what it does to the list."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.cases import ELEMENTS, FULL, QUICK, TARGETS, Size, blocks_of, screen_models, space
from benchmarks.timing import Line, best_seconds
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import FeatureSpec
from screener.device import Device
from screener.engine import BATCH
from screener.fused.branches import cut_branch
from screener.fused.nets import FEATURES, join_branches, live_part
from screener.model import open_session

_BATCHES = {FULL: 128, QUICK: 2}
KEPT = 1000
Predict = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


def float32() -> tuple[ModelProto, FeatureSpec]:
    """Join the nets of the three targets; also the descriptors they read."""
    models = screen_models(1)
    spec, mixed = live_part(models[TARGETS[0]].spec, ELEMENTS)
    outputs = {name: f"{name}_logit" if name == TARGETS[0] else name for name in TARGETS}
    branches = [cut_branch(models[name], FEATURES, mixed, {}, [outputs[name]]) for name in TARGETS]
    return join_branches([each for each in branches if each], len(spec.names)), spec


def float16(model: ModelProto) -> ModelProto:
    """Turn every weight into a 16-bit float, and cast on the way in and out."""
    made = ModelProto()
    made.CopyFrom(model)
    graph, names = made.graph, {output.name for output in model.graph.output}
    for tensor in graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for node in graph.node:
        node.input[:] = ["h.x" if name == FEATURES else f"h.{name}" if name in names else name for name in node.input]
        node.output[:] = [f"h.{name}" if name in names else name for name in node.output]
    graph.node.insert(0, helper.make_node("Cast", [FEATURES], ["h.x"], to=TensorProto.FLOAT16))
    graph.node.extend(helper.make_node("Cast", [f"h.{name}"], [name], to=TensorProto.FLOAT) for name in sorted(names))
    return made


def int8(model: ModelProto) -> ModelProto:
    """Quantise weights to 8 bits, and inputs of layers as they come; first layers, of kelvins and fractions, stay."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # before it quantises, ONNX Runtime splits Gemm into MatMul and Add, with names of their own
    first = [f"{node.output[0]}{end}" for node in model.graph.node if FEATURES in node.input for end in ("", "_MatMul")]
    for node in model.graph.node:
        node.name = node.output[0]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "a.onnx", Path(folder) / "b.onnx"
        onnx.save(model, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8, per_channel=True, nodes_to_exclude=first)
        return onnx.load(after)


def predictor(model: ModelProto) -> Predict:
    """Open a session on one thread and return what runs it, in the batches of a search."""
    session = open_session(model.SerializeToString(), Device("cpu"), "nets")
    names = [output.name for output in model.graph.output]

    def predict(features: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        parts = [session.run(names, {FEATURES: features[s : s + BATCH]}) for s in range(0, len(features), BATCH)]
        return [np.concatenate([part[k] for part in parts])[:, 0] for k in range(len(names))]

    return predict


def inputs(size: Size, spec: FeatureSpec) -> NDArray[np.float32]:
    """Describe candidates spread over the space."""
    fractions = np.concatenate(blocks_of(space(size.step), _BATCHES[size], BATCH))
    return featurize(fractions, ELEMENTS, spec)


def lines(size: Size) -> Iterator[Line]:
    """Time each beside float32, and tell the share of the best that stays among the best."""
    model, spec = float32()
    features = inputs(size, spec)
    plain = predictor(model)
    expected = plain(features)
    base = len(features) / best_seconds(lambda: plain(features), size.rounds)
    for name, change in (("16-bit floats", float16), ("8-bit integers", int8)):
        predict = predictor(change(model))
        found = predict(features)
        k = min(KEPT, len(features) // 10)
        best = [set(np.argpartition(-values, k)[:k].tolist()) for values in (expected[0], found[0])]
        worst = max(np.abs(a - b).max() / a.std() for a, b in zip(expected, found, strict=True))
        rate = len(features) / best_seconds(lambda predict=predict: predict(features), size.rounds)  # type: ignore[misc]
        what = f"{name}: {len(best[0] & best[1]) / k:.1%} of the best {k:,} kept, off by up to {worst:.2g} spreads"
        yield Line("precision", what, rate, "candidates/s", "32-bit floats", rate / base)


def test_fewer_bits_are_the_same_nets() -> None:
    model, spec = float32()
    features = inputs(QUICK, spec)
    expected = predictor(model)(features)
    for change, tolerance in ((float16, 0.1), (int8, 0.5)):
        for found, exact in zip(predictor(change(model))(features), expected, strict=True):
            assert 0 < np.abs(found - exact).mean() < tolerance * exact.std()
