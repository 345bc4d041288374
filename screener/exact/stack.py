"""Cells that are still open, in the order in which they are halved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from screener.exact.cells import Cells

AT_ONCE = 96
"""Cells halved at once: what the layers of their halves send stays in the second-level cache."""


@dataclass(slots=True)
class Stack:
    """Open cells, the last opened on top and the most promising of them first.

    Attributes:
        parts: groups of cells in the order they were opened, each by rising ceiling.
        points: points of all boxes.
        size: memory of all cells, bytes.
    """

    parts: list[Cells] = field(default_factory=list)
    points: float = 0.0
    size: int = 0

    def push(self, cells: Cells) -> None:
        """Put cells on top."""
        if len(cells):
            self.parts.append(cells.take(np.argsort(cells.ceiling, kind="stable")))
            self.points += float(cells.counts.sum())
            self.size += cells.size

    def pop(self, threshold: float) -> Cells:
        """Take up to a block of cells from the top, without those below the threshold."""
        cells = self.parts.pop()
        top = cells.take(slice(-AT_ONCE, None))
        if len(cells) > AT_ONCE:
            self.parts.append(cells.take(slice(None, -AT_ONCE)))
        self.points -= float(top.counts.sum())
        self.size -= top.size
        return top.take(top.ceiling >= threshold)
