"""Fields of a protobuf message, compiled: one level at a time, so that nothing in a file decides how much is built."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

NUMBER, EIGHT_BYTES, CHUNK, FOUR_BYTES = 0, 1, 2, 5
"""How a field is written: a number, or bytes of which the length is known or stands before them."""
MALFORMED = -1
"""Count of fields of what is no message."""
BEYOND = 99
"""Stands for every number of a field from here on: none that is known has one."""

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]


@kernel
def walk_fields(
    content: Bytes,
    start: int,
    stop: int,
    tally: Integers,
    last: Integers,
    wanted: int,
    begin: Integers,
    end: Integers,
) -> int:
    """Walk the fields of one message; what is inside them stays closed.

    Args:
        content: bytes of the file.
        start: where the message begins.
        stop: where it ends.
        tally: receives how many fields there are of each number and kind, added to what is there, shape (100, 8).
        last: receives, of the last field of each number, what ``begin`` and ``end`` do, shape (100, 2).
        wanted: number of the fields to be listed.
        begin: receives where their bytes begin, or the value of a number, shape (any,).
        end: receives where they end, shape (any,).

    Returns:
        How many fields there are, or ``MALFORMED``.
    """
    at, count, found = start, 0, 0
    while at < stop:
        # Numbers are written seven bits a byte, least first. Spelled out twice: a call would cost more than the loop.
        tag, shift, byte = 0, 0, 128
        while byte >= 128:
            if at >= stop or shift > 28:
                return MALFORMED
            byte = int(content[at])
            tag |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
        number, kind = min(tag >> 3, BEYOND), tag & 7
        value, shift, byte = 0, 0, 128
        while byte >= 128 and kind in (NUMBER, CHUNK):
            if at >= stop or shift > 63:
                return MALFORMED
            byte = int(content[at])
            if shift == 63 and byte > 1:
                return MALFORMED
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
        if number == 0 or kind not in (NUMBER, CHUNK, FOUR_BYTES, EIGHT_BYTES):
            return MALFORMED
        if kind != NUMBER:
            size = value if kind == CHUNK else (4 if kind == FOUR_BYTES else 8)
            if size < 0 or size > stop - at:
                return MALFORMED
            value, at = at, at + size
        tally[number, kind] += 1
        last[number, 0], last[number, 1] = value, at
        if number == wanted and found < len(begin):
            begin[found], end[found] = value, at
            found += 1
        count += 1
    return count


@kernel
def copy_pieces(content: Bytes, begin: Integers, end: Integers, out: Bytes) -> None:
    """Lay out pieces of bytes below each other, each from the left, shape (n, longest); zeros before."""
    for row in range(len(begin)):
        for k in range(end[row] - begin[row]):
            out[row, k] = content[begin[row] + k]


@kernel
def tree_depth(
    tree: Integers,
    node: Integers,
    leaf: NDArray[np.bool_],
    below: Integers,
    depth: Integers,
) -> int:
    """Follow trees whose nodes are numbered from 0, each child behind the one node it hangs on.

    Args:
        tree: number of each node's tree, ascending, shape (n,).
        node: number of each node in its tree, shape (n,).
        leaf: whether it ends there, shape (n,).
        below: the numbers of its two children, shape (n, 2).
        depth: receives how deep each node is, the root 1; zeros before, shape (n,).

    Returns:
        The sum over trees of their depth; -1 where nodes are no such trees.
    """
    root, deepest, total = 0, 0, 0
    for at in range(len(tree)):
        if at == 0 or tree[at] != tree[at - 1]:
            if at and tree[at] < tree[at - 1]:
                return -1
            total += deepest
            root, deepest = at, 0
            depth[at] = 1
        if node[at] != at - root or depth[at] == 0:
            return -1
        deepest = max(deepest, depth[at])
        if leaf[at]:
            continue
        for side in range(2):
            number = below[at, side]
            child = root + number
            if number <= node[at] or number >= len(tree) - root or tree[child] != tree[at] or depth[child] != 0:
                return -1
            depth[child] = depth[at] + 1
    return total + deepest
