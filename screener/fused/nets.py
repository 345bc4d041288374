"""The nets of a run in one session on the descriptors that its elements can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from screener.descriptors.catalogue import Kind
from screener.descriptors.properties import element_column
from screener.descriptors.specs import FeatureSpec
from screener.device import Device
from screener.fused.branches import Branch, cut_branch
from screener.fused.describe import lives
from screener.model import Model, Session, open_session

OPSET, IR_VERSION = 17, 9
FEATURES = "x"
"""Shared input of all branches; names inside models hold a dot or are outputs."""


@dataclass(frozen=True)
class FusedNets:
    """Several nets on one set of descriptors.

    Attributes:
        spec: the descriptors they read, in order: what is left of the models' feature set.
        models: targets they predict.
        branches: one per target.
        session: ONNX Runtime session of all of them.
    """

    spec: FeatureSpec
    models: tuple[str, ...]
    branches: tuple[Branch, ...]
    session: Session = field(repr=False)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Every output, model by model."""
        return tuple(name for branch in self.branches for name in branch.outputs)

    def predict(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Predict every output (b,) from the live descriptors (b, f)."""
        values = self.session.run(self.outputs, {FEATURES: features})
        return {name: value.reshape(len(features)) for name, value in zip(self.outputs, values, strict=True)}


def fuse(
    models: Mapping[str, Model],
    symbols: Sequence[str],
    conditions: Mapping[str, float],
    outputs: Mapping[str, Sequence[str]],
    device: Device,
) -> list[FusedNets]:
    """Put nets on the same descriptors together; what cannot be taken apart is left out.

    Args:
        models: by target.
        symbols: elements of the run.
        conditions: fixed values by name.
        outputs: what is read of each model, by target.
        device: where they run.
    """
    fused = []
    for features in dict.fromkeys(model.card.features for model in models.values()):
        group = {name: model for name, model in models.items() if model.card.features == features}
        spec, mixed = live_part(next(iter(group.values())).spec, symbols)
        cut = {n: cut_branch(model, FEATURES, mixed, conditions, outputs[n]) for n, model in group.items()}
        branches = {name: branch for name, branch in cut.items() if branch is not None}
        if branches:
            graph = join_branches(tuple(branches.values()), len(spec.names))
            session = open_session(graph.SerializeToString(), device, "the joined models")
            fused.append(FusedNets(spec, tuple(branches), tuple(branches.values()), session))
    return fused


def live_part(spec: FeatureSpec, symbols: Sequence[str]) -> tuple[FeatureSpec, NDArray[np.float64]]:
    """Take the descriptors that nets need in alloys of some elements.

    Fractions of other elements are zero, and averages are sums of the fractions.

    Returns:
        These descriptors, and the whole set as sums of them (f, live).

    Raises:
        CompositionError: an element lacks a property that a descriptor needs.
    """
    told = all(f"c_{symbol}" in spec.names for symbol in symbols)
    kept = [d for d in spec.descriptors if lives(d, symbols) and not (told and d.kind is Kind.MEAN)]
    places = {d.name: place for place, d in enumerate(kept)}
    mixed = np.zeros((len(spec.names), len(kept)))
    for row, d in enumerate(spec.descriptors):
        if d.name in places:
            mixed[row, places[d.name]] = 1.0
        elif d.kind is Kind.MEAN:
            mixed[row, [places[f"c_{symbol}"] for symbol in symbols]] = d.scale * element_column(symbols, d.first)
    return FeatureSpec(f"{spec.name} of {','.join(symbols)}", tuple(places)), mixed


def join_branches(branches: Sequence[Branch], width: int) -> ModelProto:
    """Put branches on one input (b, width) into one graph."""
    outputs = [name for branch in branches for name in branch.outputs]
    graph = helper.make_graph(
        [node for branch in branches for node in branch.nodes],
        "screen",
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["b", width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 1]) for name in outputs],
        initializer=[tensor for branch in branches for tensor in branch.constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return model
