"""A long result in order of its score: rows wait in temporary files, only their scores in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars

_PART = 131_072
"""Rows sorted at once."""


class SortedRows:
    """Collects the rows of a result and gives them back best first, with their rank.

    Args:
        folder: holds the rows in the meantime.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scores: list[NDArray[np.float64]] = []

    def add(self, frame: polars.DataFrame) -> None:
        """Take the next rows, which have the columns `score` and `row`."""
        frame.write_ipc(self._block(len(self._scores)), compression="lz4")
        self._scores.append(frame["score"].to_numpy().copy())

    def frames(self) -> Iterator[polars.DataFrame]:
        """Yield all rows, those of equal score by their number, a part at a time."""
        import polars

        limits = _limits(np.concatenate(self._scores))
        self._distribute(limits)
        written = 0
        for part in range(len(limits) + 1):
            found = polars.concat(list(self._part(part))).sort("score", "row", descending=[True, False])
            rank = polars.Series("rank", np.arange(written + 1, written + found.height + 1))
            written += found.height
            yield found.insert_column(0, rank)

    def _distribute(self, limits: NDArray[np.float64]) -> None:
        """Split every block into parts, the best scores first, between ascending limits."""
        import polars

        for block, score in enumerate(self._scores):
            path = self._block(block)
            frame = polars.read_ipc(path)
            path.unlink()
            part = len(limits) - np.searchsorted(limits, score)
            for number in range(len(limits) + 1):
                rows = frame.filter(polars.Series(part == number))
                if rows.height or not block:
                    rows.write_ipc(self._folder / f"part-{number}-{block}.arrow", compression="lz4")

    def _part(self, number: int) -> Iterator[polars.DataFrame]:
        """Read the rows of one part."""
        import polars

        for block in range(len(self._scores)):
            path = self._folder / f"part-{number}-{block}.arrow"
            if path.exists():
                yield polars.read_ipc(path)
                path.unlink()

    def _block(self, number: int) -> Path:
        return self._folder / f"block-{number}.arrow"


def _limits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores that part n rows into parts of about the same size, ascending."""
    places = np.arange(_PART, len(scores), _PART)
    return np.unique(np.partition(scores, places)[places]) if len(places) else np.empty(0)
