"""The messages of an ONNX file, each read only as far as it is like those that models of this package have.

Readers of the whole format build whatever a file says before anybody can look at it, and two of them may understand one
file differently. Here a field that models of this package do not have is refused, and so is one that is there twice:
what was checked is what runs. Field numbers are those of the format's own description, onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._wire_kernels import BEYOND, CHUNK, MALFORMED, NUMBER, walk_fields

MAX_PARTS = 1_000
"""Most operations, weights or other parts of one message: the largest models of this package have some forty."""
MAX_TEXT = 4_500_000
"""Most bytes of one text."""
MAX_ENTRIES = 5_000_000
"""Most entries of a list of numbers, which has one for every node of all trees."""

Bytes: TypeAlias = NDArray[np.uint8]
_FOREIGN = {("model", 20), ("model", 25), ("graph", 15)}
"""Fields that hold a training, functions and sparse weights."""
_ELSEWHERE = {13, 14}
"""Fields of a weight that say where else its values are."""


class Unfit(Exception):
    """A file is no model of this package; the text goes on where its name ends."""


def unreadable(reason: str) -> Unfit:
    """Say that a file is no ONNX model that can be read, and what about it."""
    return Unfit(f"is not a readable ONNX model ({reason})")


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields that a message may have.

    Attributes:
        what: its name for people.
        kinds: how each is written, by number.
        repeated: those that may be there several times.
        most: how many fields it may have.
    """

    what: str
    kinds: Mapping[int, int]
    repeated: frozenset[int] = frozenset()
    most: int = MAX_PARTS


def chunks(*numbers: int) -> dict[int, int]:
    """Name fields that are text or messages themselves."""
    return dict.fromkeys(numbers, CHUNK)


MODEL = Layout("model", chunks(2, 3, 4, 6, 7, 8, 14) | {1: NUMBER, 5: NUMBER}, frozenset({8, 14}))
OPERATOR_SET = Layout("set of operators", {1: CHUNK, 2: NUMBER})
NOTE = Layout("note", chunks(1, 2))
GRAPH = Layout("graph", chunks(1, 2, 5, 10, 11, 12), frozenset({1, 5, 11, 12}))
NODE = Layout("operation", chunks(1, 2, 3, 4, 5, 6, 7), frozenset({1, 2, 5}))
TENSOR = Layout("weight", {1: NUMBER, 2: NUMBER, 8: CHUNK, 9: CHUNK}, frozenset({1}))
PORT = Layout("input or output", chunks(1, 2, 3))
TYPE = Layout("type", chunks(1))
TENSOR_TYPE = Layout("type of a tensor", {1: NUMBER, 2: CHUNK})
SHAPE = Layout("shape", chunks(1), frozenset({1}))
SIZE = Layout("size", {1: NUMBER, 2: CHUNK})


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        content: bytes of the file.
        start: where it begins.
        stop: where it ends.
        layout: what it may have.
        tally: how many fields it has by number and kind, shape (100, 8).
        last: see `walk_fields`, shape (100, 2).
    """

    content: Bytes
    start: int
    stop: int
    layout: Layout
    tally: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def read(cls, content: Bytes, start: int, stop: int, layout: Layout) -> Message:
        """Read the fields of a message and refuse those that it may not have.

        Raises:
            Unfit: it is malformed, too long, or not like those of this package.
        """
        tally, last, none = (
            np.zeros((BEYOND + 1, 8), np.int64),
            np.zeros((BEYOND + 1, 2), np.int64),
            np.empty(0, np.int64),
        )
        count = walk_fields(content, start, stop, tally, last, 0, none, none)
        if count == MALFORMED:
            raise unreadable(f"damaged {layout.what}")
        if count > layout.most:
            raise Unfit(f"has more than {layout.most:,} parts in one {layout.what}")
        message = cls(content, start, stop, layout, tally, last)
        message.check()
        return message

    def check(self) -> None:
        """Refuse fields that models of this package do not have, or not twice, or written otherwise.

        Raises:
            Unfit: there is one.
        """
        what, kinds = self.layout.what, self.layout.kinds
        for number in np.flatnonzero(self.tally.any(axis=1)).tolist():
            count = int(self.tally[number].sum())
            if what == "weight" and number in _ELSEWHERE:
                raise Unfit("keeps weights in another file")
            if (what, number) in _FOREIGN:
                raise Unfit("has functions or sparse weights, which no model of this package has")
            if number not in kinds:
                raise Unfit(f"has a field in its {what} that no model of this package has")
            if count > 1 and number not in self.layout.repeated:
                raise unreadable(f"field {number} of a {what} comes twice")
            if self.tally[number, kinds[number]] != count:
                raise unreadable(f"damaged {what}")

    def rows(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the value or begin, and the end, of every field of a number, both of shape (n,)."""
        count = int(self.tally[number].sum())
        if count == 1:
            return self.last[number, :1], self.last[number, 1:]
        begin, end = np.empty(count, np.int64), np.empty(count, np.int64)
        if count:
            tally, last = np.empty_like(self.tally), np.empty_like(self.last)
            walk_fields(self.content, self.start, self.stop, tally, last, number, begin, end)
        return begin, end

    def spans(self, number: int) -> Iterator[tuple[int, int]]:
        """Yield where every chunk of a number begins and ends."""
        begin, end = self.rows(number)
        yield from zip(begin.tolist(), end.tolist(), strict=True)

    def value(self, number: int) -> int | None:
        """Return a number that may be missing."""
        return int(self.last[number, 0]) if self.tally[number].any() else None

    def text(self, number: int) -> str:
        """Return a text, empty where it is missing.

        Raises:
            Unfit: it is no text or too long.
        """
        return next(iter(self.texts(number)), "")

    def texts(self, number: int) -> tuple[str, ...]:
        """Return every text of a number.

        Raises:
            Unfit: one is no text or too long.
        """
        return tuple(self._decoded(begin, end) for begin, end in self.spans(number))

    def inside(self, number: int, layout: Layout) -> Iterator[Message]:
        """Read the messages inside, one by one.

        Raises:
            Unfit: one is not like those of this package.
        """
        for begin, end in self.spans(number):
            yield Message.read(self.content, begin, end, layout)

    def _decoded(self, start: int, stop: int) -> str:
        if stop - start > MAX_TEXT:
            raise Unfit(f"has a text of more than {MAX_TEXT:,} bytes")
        try:
            return self.content[start:stop].tobytes().decode()
        except UnicodeDecodeError:
            raise unreadable(f"a text of its {self.layout.what} is none") from None
