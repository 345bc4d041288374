"""Which positions of a run are done: disjoint intervals, kept in order."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator


class Spans:
    """A set of positions, as disjoint half-open intervals in ascending order; neighbours are joined.

    Args:
        intervals: pairs of start and stop.

    Raises:
        ValueError: an interval is empty, or two overlap.
    """

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in intervals:
            self.add(range(start, stop))

    def add(self, span: range) -> None:
        """Take in a span.

        Raises:
            ValueError: it is empty, or part of it is there already.
        """
        place = bisect.bisect_left(self._starts, span.start)
        before = place > 0 and self._stops[place - 1] > span.start
        behind = place < len(self._starts) and self._starts[place] < span.stop
        if before or behind or not 0 <= span.start < span.stop:
            raise ValueError(f"positions {span.start} to {span.stop} twice")
        self._starts.insert(place, span.start)
        self._stops.insert(place, span.stop)
        if place + 1 < len(self._starts) and self._starts[place + 1] == span.stop:
            del self._starts[place + 1], self._stops[place]
        if place > 0 and self._stops[place - 1] == span.start:
            del self._starts[place], self._stops[place - 1]

    @property
    def count(self) -> int:
        """How many positions are in it."""
        return sum(self._stops) - sum(self._starts)

    def intervals(self) -> list[tuple[int, int]]:
        """Return start and stop of every interval."""
        return list(zip(self._starts, self._stops, strict=True))

    def fits(self, size: int, block: int) -> bool:
        """Say whether all intervals lie within ``size`` positions and begin and end at multiples of ``block``."""
        whole = all(start % block == 0 and (stop % block == 0 or stop == size) for start, stop in self.intervals())
        return whole and (not self._stops or self._stops[-1] <= size)

    def left(self, size: int, block: int) -> Iterator[range]:
        """Yield the spans of ``block`` positions, the last one shorter, that are not in it now, in order."""
        edges = [0, *(edge for pair in self.intervals() for edge in pair), size]
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            for first in range(start, stop, block):
                yield range(first, min(first + block, stop))
