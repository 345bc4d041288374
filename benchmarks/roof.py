"""The arithmetic of a question, and what a device can do: the roof under which a search runs."""

from __future__ import annotations

from typing import cast

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.timing import best_seconds
from screener.device import Device
from screener.fused.on_device import BoundSession
from screener.model import open_session


def operations(graph: ModelProto) -> int:
    """Count multiplications and additions of one candidate in products of matrices."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.graph.initializer}
    return sum(2 * sizes[node.input[1]] for node in graph.graph.node if node.op_type in ("Gemm", "MatMul"))


def arithmetic(device: Device, rows: int, rounds: int) -> float:
    """Measure the operations per second of one large product in 32-bit floats, TF32 off, data on the device."""
    from onnxruntime import OrtValue

    weight = numpy_helper.from_array(np.random.default_rng(0).random((rows, rows), np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("ReduceSum", ["y"], ["z"], keepdims=0)]
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", rows]),
        helper.make_tensor_value_info("z", TensorProto.FLOAT, []),
    ]
    graph = helper.make_graph(nodes, "product", ports[:1], ports[1:], initializer=[weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = cast(BoundSession, open_session(model.SerializeToString(), device, "a product"))
    binding = session.io_binding()
    x = OrtValue.ortvalue_from_numpy(np.ones((rows, rows), np.float32), device.kind, device.ordinal)
    binding.bind_ortvalue_input("x", x)
    binding.bind_output("z", "cpu", 0)
    return 2 * rows**3 / best_seconds(lambda: session.run_with_iobinding(binding), rounds)
