"""A whole question on one device: amounts go up as small integers, the best of a block come down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper

from screener.device import Device
from screener.fused.branches import Branch, cut_branch
from screener.fused.describe import COUNTS, can_describe, describe_in_graph
from screener.fused.nets import FEATURES, IR_VERSION, OPSET, live_part
from screener.fused.winners import BEST, HOW_MANY, MISSING, PLACES, SCORE, TIED, can_score, score_in_graph
from screener.model import Model, open_session
from screener.objectives import Scorer

Counts = NDArray[np.uint8] | NDArray[np.uint16]


class Value(Protocol):
    """A tensor that ONNX Runtime holds, on the host or a device."""

    def numpy(self) -> NDArray[np.generic]:
        """Bring it to the host."""
        ...

    def update_inplace(self, values: NDArray[np.generic]) -> None:
        """Overwrite it from the host."""
        ...


class Binding(Protocol):
    """Inputs and outputs of one run at fixed places."""

    def bind_ortvalue_input(self, name: str, value: Value) -> None:
        """Read an input from a tensor."""
        ...

    def bind_output(self, name: str, device_type: str, device_id: int) -> None:
        """Leave an output on a device."""
        ...

    def get_outputs(self) -> list[Value]:
        """Give the outputs in the order they were bound."""
        ...


class BoundSession(Protocol):
    """A session that reads and writes where tensors lie."""

    def io_binding(self) -> Binding:
        """Make a binding."""
        ...

    def run_with_iobinding(self, binding: Binding) -> None:
        """Evaluate."""
        ...


@dataclass(frozen=True, slots=True)
class BlockWinners:
    """The best of one block.

    Attributes:
        score: best first (k,).
        places: their rows (k,).
        missing: rows that had no score.
        tied: whether rows as good as the last place were left out.
        everything: brings the score of every row (b,) to the host.
    """

    score: NDArray[np.float32]
    places: NDArray[np.int64]
    missing: int
    tied: bool
    everything: Value = field(repr=False)


class DeviceScreen:
    """Describes, predicts, scores and picks in one session on one device; several threads may call it.

    Args:
        graph: made by ``question_graph``.
        device: where it runs.

    Raises:
        ModelError: the device is not the one in use.
    """

    def __init__(self, graph: ModelProto, device: Device) -> None:
        session = open_session(graph.SerializeToString(), device, "the joined models")
        self._session = cast(BoundSession, session)
        self._place = device.kind, device.ordinal

    def best(self, counts: Counts, k: int) -> BlockWinners:
        """Find the k best of a block of amounts (b, d); a row's score does not depend on the rows beside it."""
        from onnxruntime import OrtValue

        binding = self._session.io_binding()
        binding.bind_ortvalue_input(COUNTS, OrtValue.ortvalue_from_numpy(counts, *self._place))
        wanted = np.array([min(k, len(counts))], np.int64)
        # how many are wanted is read on the host wherever the graph runs
        binding.bind_ortvalue_input(HOW_MANY, OrtValue.ortvalue_from_numpy(wanted, "cpu", 0))
        for name in (BEST, PLACES, MISSING, TIED):
            binding.bind_output(name, "cpu", 0)
        binding.bind_output(SCORE, *self._place)
        self._session.run_with_iobinding(binding)
        *small, everything = binding.get_outputs()
        score, places, missing, tied = (value.numpy() for value in small)
        left_out = float(tied[0]) > len(score)
        return BlockWinners(score.astype(np.float32), places.astype(np.int64), int(missing[0]), left_out, everything)


def question_graph(
    models: Mapping[str, Model],
    symbols: Sequence[str],
    units: int,
    scorer: Scorer,
    conditions: Mapping[str, float],
    shifts: Mapping[str, float],
) -> ModelProto | None:
    """Make the graph from amounts in grid units to the best of a block.

    Args:
        models: nets that the score reads, by target.
        symbols: elements of the run.
        units: grid units in the whole.
        scorer: what is better.
        conditions: fixed values by name; the cards' references where absent.
        shifts: what is added to the logit of a classifier, by target.

    Returns:
        The graph; None where nets, descriptors or the score have no such form.

    Raises:
        CompositionError: an element lacks a property that a descriptor needs.
    """
    logits = {n: shifts.get(n, 0.0) for n, m in models.items() if m.card.target.kind == "classification"}
    outputs = {n: (f"{n}_logit" if n in logits else n,) for n in models}
    sets = {model.card.features for model in models.values()}
    if (
        len(sets) != 1
        or len(symbols) < 2
        or not can_score(scorer, [o for each in outputs.values() for o in each], logits)
    ):
        return None
    spec, mixed = live_part(next(iter(models.values())).spec, symbols)
    if not can_describe(spec.descriptors):
        return None
    nodes, tensors, order = describe_in_graph(spec.descriptors, symbols, units, FEATURES)
    cut = [cut_branch(model, FEATURES, mixed[:, order], conditions, outputs[name]) for name, model in models.items()]
    branches = [branch for branch in cut if branch is not None]
    if len(branches) < len(cut):
        return None
    return _joined(nodes, tensors, branches, *score_in_graph(scorer, logits), width=(len(symbols), units))


def _joined(
    nodes: list[NodeProto],
    tensors: list[TensorProto],
    branches: Sequence[Branch],
    scoring: list[NodeProto],
    scoring_tensors: list[TensorProto],
    width: tuple[int, int],
) -> ModelProto:
    """Put descriptors, nets and score into one graph."""
    d, units = width
    whole = TensorProto.UINT8 if units < 256 else TensorProto.UINT16
    inputs = [
        helper.make_tensor_value_info(COUNTS, whole, ["b", d]),
        helper.make_tensor_value_info(HOW_MANY, TensorProto.INT64, [1]),
    ]
    outputs = [
        helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["b"]),
        helper.make_tensor_value_info(BEST, TensorProto.FLOAT, ["k"]),
        helper.make_tensor_value_info(PLACES, TensorProto.INT64, ["k"]),
        helper.make_tensor_value_info(MISSING, TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info(TIED, TensorProto.FLOAT, [1]),
    ]
    all_nodes = [*nodes, *(node for branch in branches for node in branch.nodes), *scoring]
    all_tensors = [*tensors, *(t for branch in branches for t in branch.constants), *scoring_tensors]
    graph = helper.make_graph(all_nodes, "question", inputs, outputs, initializer=all_tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return model
