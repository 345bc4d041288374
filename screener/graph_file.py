"""What an ONNX file of this package holds, read before any library that would run it sees it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from screener._graph_fields import (
    GRAPH,
    MAX_ENTRIES,
    MODEL,
    NODE,
    NOTE,
    OPERATOR_SET,
    PORT,
    SHAPE,
    SIZE,
    TENSOR,
    TENSOR_TYPE,
    TYPE,
    Layout,
    Message,
    Unfit,
    chunks,
    unreadable,
)
from screener._wire_kernels import CHUNK, FOUR_BYTES, NUMBER, Bytes, Integers, copy_pieces

Values: TypeAlias = NDArray[np.float32] | NDArray[np.int64] | NDArray[np.bytes_]
T = TypeVar("T")

_FLOAT = 1
"""What the format calls float32."""
_LONGEST_WORD = 16
_TENSOR_OF_ATTRIBUTE = 5
_VALUES = {1: (2, FOUR_BYTES), 2: (3, NUMBER), 3: (4, CHUNK), 6: (7, FOUR_BYTES), 7: (8, NUMBER), 8: (9, CHUNK)}
"""Where the values of an attribute stand, and how they are written, by its type."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: operator and its domain, what it reads and gives, attributes by name."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class GraphPort:
    """An input or output: its name, and the columns of a float matrix of any number of rows, None for other kinds."""

    name: str
    width: int | None


@dataclass(frozen=True, slots=True)
class GraphFile:
    """What a file holds.

    Attributes:
        ir_version: version of the format.
        sets: version of each set of operators, by domain.
        inputs: in order.
        outputs: in order.
        weights: float32 arrays by name.
        operations: in order.
        props: metadata, the card among them.
    """

    ir_version: int
    sets: Mapping[str, int]
    inputs: tuple[GraphPort, ...]
    outputs: tuple[GraphPort, ...]
    weights: Mapping[str, NDArray[np.float32]]
    operations: tuple[Operation, ...]
    props: Mapping[str, str]


def read_graph(content: bytes) -> GraphFile:
    """Read a file.

    Raises:
        Unfit: it is no ONNX model, or not like those of this package.
    """
    if content[4:8] == b"ORTM":
        raise unreadable("another format of the runtime")  # which would take it for that, whatever else it is
    model = Message.read(np.frombuffer(content, np.uint8), 0, len(content), MODEL)
    graphs = list(model.inside(7, GRAPH))
    if not graphs:
        raise unreadable("no graph")
    graph = graphs[0]
    return GraphFile(
        model.value(1) or 0,
        _by_name((each.text(1), each.value(2) or 0) for each in model.inside(8, OPERATOR_SET)),
        tuple(_port(each) for each in graph.inside(11, PORT)),
        tuple(_port(each) for each in graph.inside(12, PORT)),
        _by_name((each.text(8), _weight(each)) for each in graph.inside(5, TENSOR)),
        tuple(_operation(each) for each in graph.inside(1, NODE)),
        _by_name((each.text(1), each.text(2)) for each in model.inside(14, NOTE)),
    )


def _by_name(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Collect what has a name, each once."""
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise unreadable("two parts of one name")
        found[name] = value
    return found


def _port(message: Message) -> GraphPort:
    """Read an input or output."""
    sizes = [
        (size.value(1), size.text(2))
        for kind in message.inside(2, TYPE)
        for tensor in kind.inside(1, TENSOR_TYPE)
        if tensor.value(1) == _FLOAT
        for shape in tensor.inside(2, SHAPE)
        for size in shape.inside(1, SIZE)
    ]
    plain = len(sizes) == 2 and sizes[0][0] is None and sizes[1][0] is not None
    return GraphPort(message.text(1), sizes[1][0] if plain else None)


def _weight(message: Message) -> NDArray[np.float32]:
    """Read a weight."""
    dims, raw = message.rows(1)[0].tolist(), list(message.spans(9))
    if message.value(2) != _FLOAT or len(raw) != 1:
        raise Unfit("has a weight that is not plain float32, which no model of this package has")
    start, stop = raw[0]
    if min(dims, default=1) < 1 or len(dims) > 2 or 4 * math.prod(dims) != stop - start:
        raise unreadable("a weight whose size is not what it says")
    return np.frombuffer(message.content[start:stop], "<f4").reshape(dims)


def _operation(message: Message) -> Operation:
    """Read an operation."""
    operator, domain = message.text(4), message.text(7)
    options = _by_name(_attribute(message, *span) for span in message.spans(5))
    return Operation(operator, domain, message.texts(1), message.texts(2), options)


def _attribute(node: Message, start: int, stop: int) -> tuple[str, Values]:
    """Read an attribute: its type says which one field holds the values."""
    loose = Message.read(node.content, start, stop, _LOOSE)
    for _ in loose.inside(_TENSOR_OF_ATTRIBUTE, TENSOR):
        pass  # where its values are elsewhere, that is the fact that matters
    name, kind = loose.text(1), loose.value(20)
    if kind not in _VALUES:
        raise Unfit(f"has an attribute `{name[:60]}` of a kind that no model of this package has")
    place, written = _VALUES[kind]
    layout = Layout("attribute", chunks(1, 13) | {20: NUMBER, place: written}, frozenset({place}))
    replace(loose, layout=layout).check()
    begin, end = loose.rows(place)
    if written == NUMBER:
        return name, begin
    return name, _floats(node.content, begin, end) if written == FOUR_BYTES else _words(node.content, begin, end)


_LOOSE = Layout(
    "attribute",
    chunks(1, 4, 5, 6, 9, 10, 11, 13, 14, 15, 21, 22, 23)
    | {2: FOUR_BYTES, 3: NUMBER, 7: FOUR_BYTES, 8: NUMBER, 20: NUMBER},
    frozenset({5, 7, 8, 9, 10, 11, 15, 23}),
    MAX_ENTRIES,
)
"""Whatever the format lets an attribute have."""


def _floats(content: Bytes, begin: Integers, end: Integers) -> NDArray[np.float32]:
    """Read the numbers of an attribute."""
    out = np.zeros((len(begin), 4), np.uint8)
    copy_pieces(content, begin, end, out)
    return out.view("<f4").reshape(-1)


def _words(content: Bytes, begin: Integers, end: Integers) -> NDArray[np.bytes_]:
    """Read the short words of an attribute."""
    if (end - begin).max(initial=0) > _LONGEST_WORD:
        raise Unfit("has a text in an operation that no model of this package has")
    out = np.zeros((len(begin), _LONGEST_WORD), np.uint8)
    copy_pieces(content, begin, end, out)
    if np.count_nonzero(out) != (end - begin).sum():
        raise unreadable("a text with a zero byte")
    return out.view(f"S{_LONGEST_WORD}").reshape(-1)
