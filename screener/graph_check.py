"""Whether a graph is a net or an ensemble of trees of this package, of a size that any machine can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from screener._graph_fields import Unfit, unreadable
from screener._wire_kernels import tree_depth
from screener.graph_file import GraphFile, Operation, Values

IR_VERSION = 9
OPERATOR_SETS = {"": 17, "ai.onnx.ml": 3}
MAX_WIDTH = 4_096
"""Most columns of any value of a graph: with sixteen thousand rows at a time, one takes 268 MB."""
MAX_WORK = 100_000_000
"""Most multiplications and steps down trees for one alloy: the largest models of this package take three million."""
MAX_DEPTH = 1_000
"""Deepest tree: the runtime follows branches by calling itself."""
TREES = "TreeEnsembleRegressor"
_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Max")
_ONE_INPUT = ("Relu", "Sigmoid", "Exp", "Identity")
OPERATORS: Mapping[str, frozenset[str]] = {
    "": frozenset((*_ELEMENTWISE, *_ONE_INPUT, "Gemm", "Concat", "Clip")),
    "ai.onnx.ml": frozenset((TREES,)),
}
"""Operators that `training fit` writes, by the domain of their set."""
_PLAIN: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "Gemm": {"alpha": (1.0,), "beta": (1.0,), "transA": (0,), "transB": (0, 1)},
    "Concat": {"axis": (1,)},
    TREES: {"n_targets": (1,), "post_transform": (b"NONE",), "aggregate_function": (b"SUM",)},
}
"""Attributes of one value, with the values they may have."""
_NODES = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
_LISTS = (
    *(f"nodes_{name}" for name in _NODES),
    *("nodes_modes", "nodes_values", "target_treeids", "target_nodeids", "target_ids", "target_weights"),
)
"""Lists that an ensemble must have."""
_MORE_LISTS = ("nodes_hitrates", "nodes_missing_value_tracks_true", "base_values")

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]


@dataclass(slots=True)
class _Flow:
    """The values of a graph as its operations give them.

    Attributes:
        weights: constants by name.
        widths: columns of every value with rows, by name.
        work: multiplications and steps for one alloy so far.
    """

    weights: Weights
    widths: dict[str, int] = field(default_factory=dict)
    work: int = 0

    def rows(self, operation: Operation, place: int) -> int:
        """Return the columns of an input with rows."""
        name = operation.inputs[place]
        if name not in self.widths:
            raise unreadable(f"`{operation.operator}` reads `{name}`, which nothing before it gives")
        return self.widths[name]

    def constant(self, operation: Operation, place: int) -> NDArray[np.float32]:
        """Return an input that is a weight."""
        name = operation.inputs[place]
        if name not in self.weights:
            raise unreadable(f"`{operation.operator}` has no weight `{name}`")
        return self.weights[name]


def check_graph(graph: GraphFile) -> None:
    """Refuse a graph that is not made as this package makes them, or that asks for more than any model needs.

    Raises:
        Unfit: it is not.
    """
    for operation in graph.operations:
        if operation.operator not in OPERATORS.get(operation.domain, ()):
            raise Unfit(f"uses the operation `{operation.operator[:60]}`, which no model of this package has")
    if graph.ir_version != IR_VERSION or any(OPERATOR_SETS.get(d) != v for d, v in graph.sets.items()):
        raise Unfit("is written in another version of ONNX than models of this package")
    for name, weight in graph.weights.items():
        if not np.isfinite(weight).all():
            raise Unfit(f"has weights `{name}` that are no finite numbers")
    flow = _Flow(graph.weights)
    if any(port.width is None for port in graph.inputs):
        return  # the card, which no such input fits, says better what is wrong
    for port in graph.inputs:
        _give(flow, port.name, port.width or 0)
    for operation in graph.operations:
        _follow(operation, flow)
    for port in graph.outputs:
        if port.name not in flow.widths:
            raise unreadable(f"nothing gives its output `{port.name}`")


def _follow(operation: Operation, flow: _Flow) -> None:
    """Find the width of what one operation gives, and add up its work."""
    operator, count = operation.operator, len(operation.inputs)
    expected = {"Gemm": 3, "Clip": 3} | dict.fromkeys(_ELEMENTWISE, 2)
    if len(operation.outputs) != 1 or count != expected.get(operator, count if operator == "Concat" and count else 1):
        raise unreadable(f"`{operator}` of {count} inputs")
    _check_options(operation)
    _give(flow, operation.outputs[0], _WIDTHS[operator](operation, flow))
    if flow.work > MAX_WORK:
        raise Unfit(f"takes more than {MAX_WORK:,} steps for one alloy")


def _give(flow: _Flow, name: str, width: int) -> None:
    """Add a value."""
    if name in flow.widths or name in flow.weights or not name:
        raise unreadable("two values of one name")
    if not 1 <= width <= MAX_WIDTH:
        raise Unfit(f"has a value of {width:,} columns; {MAX_WIDTH:,} are the most")
    flow.widths[name] = width


def _check_options(operation: Operation) -> None:
    """Refuse attributes that models of this package do not have."""
    plain = _PLAIN.get(operation.operator, {})
    lists = (*_LISTS, *_MORE_LISTS) if operation.operator == TREES else ()
    for name, values in operation.options.items():
        if name in plain and len(values) == 1 and values[0] in plain[name]:
            continue
        if name not in lists:
            raise Unfit(f"uses `{operation.operator}` with `{name[:60]}` as no model of this package does")
    missing = [name for name in lists if name in _LISTS and name not in operation.options]
    if missing or (operation.operator == "Concat" and not operation.options):
        raise unreadable(f"`{operation.operator}` lacks {', '.join(missing) or 'its axis'}")


def _same(operation: Operation, flow: _Flow) -> int:
    width = flow.rows(operation, 0)
    flow.work += width
    return width


def _clip(operation: Operation, flow: _Flow) -> int:
    """Check a clip between two numbers."""
    if any(flow.constant(operation, place).shape not in ((), (1,)) for place in (1, 2)):
        raise unreadable("`Clip` between what are no numbers")
    return _same(operation, flow)


def _concat(operation: Operation, flow: _Flow) -> int:
    return sum(flow.rows(operation, place) for place in range(len(operation.inputs)))


def _elementwise(operation: Operation, flow: _Flow) -> int:
    """Check an operation on two values of one width, or one of them of one column, or a weight of one row."""
    widths, weights = [], 0
    for place, name in enumerate(operation.inputs):
        if name in flow.weights:
            weight, weights = flow.weights[name], weights + 1
            if weight.ndim == 2 and len(weight) != 1:
                raise unreadable(f"`{operation.operator}` with a weight of {len(weight)} rows")
            widths.append(weight.shape[-1] if weight.ndim else 1)
        else:
            widths.append(flow.rows(operation, place))
    if weights == 2 or (min(widths) != 1 and min(widths) != max(widths)):
        raise unreadable(f"`{operation.operator}` of {widths[0]} and {widths[1]} columns")
    flow.work += max(widths)
    return max(widths)


def _gemm(operation: Operation, flow: _Flow) -> int:
    """Check a dense layer."""
    width, weight, bias = flow.rows(operation, 0), flow.constant(operation, 1), flow.constant(operation, 2)
    turned = "transB" in operation.options and operation.options["transB"][0] == 1
    rows, columns = weight.shape[:: -1 if turned else 1] if weight.ndim == 2 else (0, 0)
    if rows != width or bias.size not in (1, columns) or bias.shape not in ((), (bias.size,), (1, bias.size)):
        raise unreadable(f"`Gemm` of {width} columns with weights of {rows} × {columns}")
    flow.work += rows * columns
    return int(columns)


def _trees(operation: Operation, flow: _Flow) -> int:
    """Check an ensemble of trees: each node hangs on one before it, each leaf has one finite value."""
    width, lists = flow.rows(operation, 0), operation.options
    if not _paired(lists):
        raise unreadable("trees whose lists do not go together")
    tree, node, feature, true, false = (cast(NDArray[np.int64], lists[f"nodes_{name}"]) for name in _NODES)
    modes, below = lists["nodes_modes"], np.column_stack([true, false])
    leaf = modes == b"LEAF"
    if not (leaf | (modes == b"BRANCH_LEQ")).all():
        raise unreadable("trees with branches of another kind")
    depth = np.zeros(len(tree), np.int64)
    steps = tree_depth(tree, node, leaf, below, depth)
    if steps < 0:
        raise unreadable("trees that are none")
    if depth.max() > MAX_DEPTH:
        raise Unfit(f"has trees deeper than {MAX_DEPTH:,}")
    if feature.min() < 0 or feature.max() >= width:
        raise unreadable(f"trees that ask for column {feature.max()} of {width}")
    order = np.lexsort((lists["target_nodeids"], lists["target_treeids"]))
    leaves = (("treeids", tree[leaf]), ("nodeids", node[leaf]))
    at_leaves = all(np.array_equal(lists[f"target_{name}"][order], values) for name, values in leaves)
    if not at_leaves or lists["target_ids"].any():
        raise unreadable("trees whose leaves and values do not go together")
    flow.work += steps
    return 1


def _paired(lists: Mapping[str, Values]) -> bool:
    """Say whether all lists of nodes are as long as each other and of the right kind, likewise those of leaves."""
    kinds = {"values": "f", "weights": "f", "hitrates": "f", "base_values": "f", "modes": "S"}
    for name, values in lists.items():
        start, _, last = name.partition("_")
        if name in _PLAIN[TREES]:
            continue
        if values.dtype.kind != kinds.get(name, kinds.get(last, "i")):
            return False
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return False
        length = 1 if name == "base_values" else len(lists["nodes_treeids" if start == "nodes" else "target_treeids"])
        if len(values) != length or not length:
            return False
    return True


_WIDTHS: Mapping[str, Callable[[Operation, _Flow], int]] = {
    "Gemm": _gemm,
    "Concat": _concat,
    "Clip": _clip,
    TREES: _trees,
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_ONE_INPUT, _same),
}
