"""The best candidates seen so far, independent of the order in which they came."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LAST_INDEX = np.iinfo(np.int64).max


def finite(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Turn infinities (b,) into missing values, NaN; shares memory where there are none."""
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, np.nan).astype(values.dtype)


class Ranking:
    """Keeps the ``capacity`` best candidates: higher score first, then lower index.

    The order is total, so any sequence of updates and merges over the same rows ends in the same ranking. A score of
    NaN never enters and is counted. Every index may be offered once.

    Attributes:
        capacity: how many candidates are kept.
        seen: rows offered so far, NaN included.
        nan_count: rows whose score was NaN.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be positive, not {capacity}")
        self.capacity = capacity
        self.seen = 0
        self.nan_count = 0
        self._held = 0
        self._scores: list[NDArray[np.float64]] = []
        self._indices: list[NDArray[np.int64]] = []
        # The last place: a row enters if it comes before this one.
        self._last_score = -np.inf
        self._last_index = _LAST_INDEX

    def update(self, score: NDArray[np.float64], index: NDArray[np.int64]) -> None:
        """Offer a block: scores [b] and candidate indices [b]. Both are copied."""
        self.seen += score.size
        if not score.size:
            return
        # One pass tells both whether the block can matter and whether it holds a NaN, which `max` passes on.
        best = score.max()
        if best < self._last_score or (best == self._last_score and index.min() > self._last_index):
            return
        if np.isnan(best):
            self.nan_count += int(np.count_nonzero(np.isnan(score)))
        self._offer(score, index)

    def merge(self, other: Ranking) -> None:
        """Take in what another ranking kept and counted, over rows this one has not seen."""
        self.seen += other.seen
        self.nan_count += other.nan_count
        for score, index in zip(other._scores, other._indices, strict=True):
            self._offer(score, index)

    def take(self, score: NDArray[np.float64], index: NDArray[np.int64], seen: int, nan_count: int) -> None:
        """Offer the best rows of a block whose other rows were looked at elsewhere.

        Args:
            score: the best scores, none of them NaN; no row left out may be better than the worst of them [n].
            index: candidates [n].
            seen: rows of the block.
            nan_count: rows whose score was NaN.
        """
        self.seen += seen
        self.nan_count += nan_count
        if score.size:
            self._offer(score, index)

    @property
    def last_score(self) -> float:
        """Score below which nothing enters any more."""
        return self._last_score

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return indices [k] and scores [k], best first."""
        self._select()
        score, index = self._joined()
        order = np.lexsort((index, -score))
        return index[order], score[order]

    @classmethod
    def restore(
        cls, capacity: int, index: NDArray[np.int64], score: NDArray[np.float64], seen: int, nan_count: int
    ) -> Ranking:
        """Rebuild a ranking from what ``finish`` returned and its two counts."""
        ranking = cls(capacity)
        ranking.update(score, index)
        ranking.seen, ranking.nan_count = seen, nan_count
        return ranking

    def _offer(self, score: NDArray[np.float64], index: NDArray[np.int64]) -> None:
        """Keep the rows that come before the last place; sort out once as many wait as are kept."""
        rows = (score >= self._last_score).nonzero()[0]
        score, index = score[rows], index[rows]
        if self._last_index < _LAST_INDEX:
            before = (score > self._last_score) | (index < self._last_index)
            score, index = score[before], index[before]
        if not score.size:
            return
        self._scores.append(score)
        self._indices.append(index)
        self._held += score.size
        if self._held >= 2 * self.capacity:
            self._select()

    def _select(self) -> None:
        """Cut what is held down to ``capacity`` rows and move the last place up."""
        if self._held <= self.capacity:
            return
        score, index = self._joined()
        last = np.partition(score, score.size - self.capacity)[score.size - self.capacity]
        ahead = np.flatnonzero(score > last)
        ties = np.flatnonzero(score == last)
        room = self.capacity - ahead.size
        ties = ties[np.argpartition(index[ties], room - 1)[:room]]
        kept = np.concatenate([ahead, ties])
        self._scores, self._indices, self._held = [score[kept]], [index[kept]], self.capacity
        self._last_score, self._last_index = float(last), int(index[ties].max())

    def _joined(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return all rows held, in no order."""
        if not self._scores:
            return np.empty(0), np.empty(0, np.int64)
        return np.concatenate(self._scores), np.concatenate(self._indices)
