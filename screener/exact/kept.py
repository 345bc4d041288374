"""Candidates that may be among the best, and the score that a further one must reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener.errors import ExpressionError
from screener.exact._frame_kernels import Floats

_HELD = 200_000
"""Candidates held before those below the threshold are cleared out."""
MOST_TIED = 2_000_000
"""Most candidates held: more than that tie for the last places."""


class Kept:
    """Holds every candidate whose score may reach the threshold, the sure score of the k-th best.

    Args:
        k: how many candidates are wanted.
        threshold: a score that k candidates are known to reach.
        d: elements of the space.
    """

    def __init__(self, k: int, threshold: float, d: int) -> None:
        self.threshold = threshold
        self._k = k
        self._counts = [np.empty((0, d), np.int16)]
        self._high: list[Floats] = [np.empty(0)]
        self._sure = np.empty(0)
        self._held = 0

    def offer(self, counts: NDArray[np.int16], low: Floats, high: Floats) -> None:
        """Take in candidates (b, d), each of them once, with limits of their scores (b,).

        Raises:
            ExpressionError: too many tie for the last places.
        """
        rows = np.flatnonzero((high >= self.threshold) & (high > -np.inf))
        if not len(rows):
            return
        self._counts.append(counts[rows])
        self._high.append(high[rows])
        self._held += len(rows)
        self._sure = np.concatenate([self._sure, low[rows]])
        if len(self._sure) >= self._k:
            self._sure = np.partition(self._sure, len(self._sure) - self._k)[-self._k :]
            self.threshold = max(self.threshold, float(self._sure[0]))
        if self._held > _HELD + 2 * self._k:
            self.clear()

    def clear(self) -> NDArray[np.int16]:
        """Drop what the threshold has passed and return the rest (n, d)."""
        counts, high = np.concatenate(self._counts), np.concatenate(self._high)
        rows = high >= self.threshold
        self._counts, self._high, self._held = [counts[rows]], [high[rows]], int(rows.sum())
        if self._held > MOST_TIED + self._k:
            raise ExpressionError(
                f"more than {MOST_TIED:,} candidates tie for the last places",
                "rank by something finer, or use `--search exhaustive`",
            )
        return self._counts[0]

    @property
    def wanted(self) -> int:
        """How many candidates are wanted."""
        return self._k

    @property
    def sure(self) -> Floats:
        """Best sure scores (k or fewer,), in no order."""
        return self._sure

    @property
    def state(self) -> tuple[NDArray[np.int16], Floats, Floats]:
        """Amounts (n, d) of the candidates held, upper limits of their scores (n,), best sure scores (k or fewer,)."""
        counts = self.clear()
        return counts, self._high[0], self._sure

    def restore(self, counts: NDArray[np.int16], high: Floats, sure: Floats, threshold: float) -> None:
        """Take in what another process held, before anything else is offered."""
        self._counts.append(counts)
        self._high.append(high)
        self._held += len(counts)
        self._sure = sure
        self.threshold = max(self.threshold, threshold)
