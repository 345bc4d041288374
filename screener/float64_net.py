"""Screen-tier networks in float64 with a fixed order of additions: the judge of close calls.

ONNX Runtime adds in float32 and in an order that depends on batch shape and machine. Winners are therefore re-ranked by
this reader of the same graph: sums have the same bits in every batch, thread and machine (exp may differ between
processors in its last place, and no logit passes through it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.errors import ModelError

if TYPE_CHECKING:
    from onnx import NodeProto

Matrix = NDArray[np.float64]
_ANY = -1
"""Any number of inputs."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a graph: ONNX operator, inputs, output, transpose flag of a Gemm's weight."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Float64Net:
    """A small network read from ONNX.

    Attributes:
        nodes: operations in order.
        constants: weights by name, float64.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Matrix]

    @classmethod
    def read(cls, content: bytes) -> Float64Net:
        """Read a network from the bytes of an ONNX file.

        Raises:
            ModelError: the graph holds an operation, or a form of one, that has no float64 twin here.
        """
        import onnx
        from onnx import numpy_helper

        graph = onnx.load_from_string(content).graph
        constants = {w.name: numpy_helper.to_array(w).astype(np.float64) for w in graph.initializer}
        return cls(tuple(_node(node) for node in graph.node), constants)

    def run(self, inputs: Mapping[str, Matrix]) -> dict[str, Matrix]:
        """Evaluate every node.

        Args:
            inputs: `features` (b, f) and, where the model has them, `conditions`.

        Returns:
            Every named value of the graph, shape (b, columns).
        """
        values = dict(self.constants)
        values |= {name: np.ascontiguousarray(value, dtype=np.float64) for name, value in inputs.items()}
        for node in self.nodes:
            arguments = [values[name] for name in node.inputs]
            if node.transposed:
                arguments[1] = np.ascontiguousarray(arguments[1].T)
            with np.errstate(over="ignore", invalid="ignore"):  # infinities are missing values to who asked
                values[node.output] = _OPERATIONS[node.operator](*arguments)
        return values


def _node(node: NodeProto) -> Node:
    """Read one operation of a form that has a twin here."""
    from onnx import helper

    options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    transposed = options.pop("transB", 0) == 1
    plain = _PLAIN.get(node.op_type, {})
    inputs = _INPUTS.get(node.op_type)
    fits = inputs in (len(node.input), _ANY) and all(plain.get(name) == value for name, value in options.items())
    if not fits or node.domain or len(node.output) != 1:
        raise ModelError(
            f"operation `{node.op_type}` of a screen model has no float64 twin",
            "screen models are dense networks; export the model again with `training fit`",
        )
    return Node(node.op_type, tuple(node.input), node.output[0], transposed)


@kernel
def ordered_gemm(x: Matrix, w: Matrix, b: Matrix, out: Matrix) -> None:
    """Compute x (b, f) · w (f, h) + b (h,) → out (b, h), products added in the order of the columns of x."""
    for row in range(x.shape[0]):
        for h in range(w.shape[1]):
            out[row, h] = b[h]
        for k in range(x.shape[1]):
            value = x[row, k]
            if value != 0.0:
                for h in range(w.shape[1]):
                    out[row, h] += value * w[k, h]


def _gemm(x: Matrix, w: Matrix, b: Matrix) -> Matrix:
    """Dense layer; a bias of one row or one number is spread over the columns."""
    out = np.empty((len(x), w.shape[1]))
    bias = np.ascontiguousarray(np.broadcast_to(b, (1, w.shape[1]))[0])
    ordered_gemm(np.ascontiguousarray(x), w, bias, out)
    return out


def _sigmoid(x: Matrix) -> Matrix:
    """Logistic function without overflow."""
    half = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, half) / (1.0 + half)


_OPERATIONS: Mapping[str, Callable[..., Matrix]] = {
    "Gemm": _gemm,
    "Relu": lambda x: np.maximum(x, 0.0),
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Exp": np.exp,
    "Max": np.maximum,
    "Min": np.minimum,
    "Sigmoid": _sigmoid,
    "Concat": lambda *parts: np.concatenate(parts, axis=1),
    "Identity": lambda x: x,
}
_INPUTS = dict.fromkeys(_OPERATIONS, 2) | {"Gemm": 3, "Relu": 1, "Exp": 1, "Sigmoid": 1, "Identity": 1, "Concat": _ANY}
"""How many inputs each operation takes here."""
_PLAIN: Mapping[str, Mapping[str, float]] = {"Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0}, "Concat": {"axis": 1}}
"""Attributes that operations may state, at the only value that is understood."""
