"""Files of models, which may come from anywhere: read whole, and looked through before anything runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from screener.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

MAX_MODEL_BYTES = 200_000_000
"""Larger files are not models of this package."""
REFIT = "run `training fit` to make the models again, or name another folder with `--models`"

_DENSE = """
    Abs Add And Cast Clip Concat Div Elu Equal Erf Exp Flatten Gather Gelu Gemm Greater GreaterOrEqual HardSigmoid
    Identity LayerNormalization LeakyRelu Less LessOrEqual Log MatMul Max Mean Min Mul Neg Not Or Pow Reciprocal
    ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu Reshape Selu Sigmoid Slice Softmax Softplus Split Sqrt
    Squeeze Sub Sum Tanh Transpose Unsqueeze Where
"""
_TREES = "TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor"
_OPERATIONS = {"": frozenset(_DENSE.split()), "ai.onnx.ml": frozenset(_TREES.split())}
"""What nets and trees are made of, by domain: no loops, no branches, nothing that makes tensors from sizes."""


def read_model_file(path: Path, name: str) -> bytes:
    """Read a model file of sane size that holds nothing but a self-contained net or tree ensemble.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        ModelError: it is missing, too large, not ONNX, or has tensors in other files or operations of other kinds.
    """
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(f"`{name}` is larger than {MAX_MODEL_BYTES // 1_000_000} MB", REFIT)
        content = path.read_bytes()
    except OSError:
        raise ModelError(f"cannot read the model `{name}`", REFIT) from None
    _look_through(content, name)
    return content


def _look_through(content: bytes, name: str) -> None:
    """Refuse graphs with foreign operations or tensors outside the file."""
    import onnx

    try:
        model = onnx.load_from_string(content)
    except Exception as problem:  # protobuf's own class, which only its C extension knows
        raise ModelError(f"`{name}` is not a readable ONNX model ({type(problem).__name__})", REFIT) from None
    for node in model.graph.node:
        if node.op_type not in _OPERATIONS.get(node.domain, ()):
            raise ModelError(f"`{name}` uses the operation `{node.op_type}`, which no model of this package has", REFIT)
    if model.functions or model.graph.sparse_initializer:
        raise ModelError(f"`{name}` has functions or sparse weights, which no model of this package has", REFIT)
    if any(tensor.external_data or tensor.data_location for tensor in _tensors(model.graph)):
        raise ModelError(f"`{name}` keeps weights in another file", REFIT)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield every tensor of a graph without branches."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
