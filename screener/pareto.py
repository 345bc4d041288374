"""Candidates that no other candidate beats in every objective: the first Pareto front, independent of order.

H. T. Kung, F. Luccio and F. P. Preparata, J. ACM 22 (1975), 469, doi:10.1145/321906.321910, for the sorted sweep.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.descriptors.rounding import Rounding
from screener.errors import ExpressionError
from screener.objectives import Direction

DEFAULT_CAPACITY = 20_000
_CLOSE = 10
"""How many times as many candidates may lie close to the front."""
_FOREMOST = 128
"""Members of the front that most points fall to."""
_BEATEN, _CLOSELY, _UNBEATEN = 0, 1, 2


class ParetoFront:
    """Keeps the candidates that are not dominated: nobody is at least as good everywhere and better somewhere.

    Candidates with equal values do not dominate each other, so all of them stay. Any sequence of updates and merges
    over the same rows ends in the same front. A row with a NaN never enters and is counted. Every index may be offered
    once.

    With a rounding, candidates stay that others beat by no more than both may be off: where the exact front of rounded
    values is sought, they must be looked at again.

    Attributes:
        directions: ``max`` or ``min`` for each objective.
        capacity: how many candidates may be on the front at any time, and a tenth of how many may be close to it.
        rounding: how far each objective may be from its exact value.
        seen: rows offered so far, NaN included.
        nan_count: rows with a NaN.
    """

    def __init__(
        self,
        directions: Sequence[Direction],
        capacity: int = DEFAULT_CAPACITY,
        rounding: Sequence[Rounding] = (),
    ) -> None:
        if len(directions) < 2:
            raise ExpressionError(
                f"pareto front over `{len(directions)}` objectives", "give --maximize or --minimize at least twice"
            )
        self.directions = tuple(directions)
        self.capacity = capacity
        self.rounding = tuple(rounding) or (Rounding(),) * len(directions)
        self.seen = 0
        self.nan_count = 0
        self._sign = np.array([1.0 if direction == "max" else -1.0 for direction in directions])
        # Signed so that larger is better, sorted by the first objective for two and by promise for more.
        self._front = np.empty((0, len(directions)))
        self._index = np.empty(0, np.int64)
        # Beaten by less than rounding, where there is any.
        self._rounds = any(each != Rounding() for each in self.rounding)
        self._close = np.empty((0, len(directions)))
        self._close_index = np.empty(0, np.int64)
        self._room = capacity

    def update(self, values: NDArray[np.floating], index: NDArray[np.int64]) -> None:
        """Offer a block: values [b, m] in the objectives' units, and candidate indices [b]. Both are copied.

        Raises:
            ExpressionError: more candidates than ``capacity`` are on the front.
        """
        self.seen += len(values)
        points = np.ascontiguousarray(values * self._sign)
        missing = np.isnan(points)
        if missing.any():
            known = ~missing.any(axis=1)
            self.nan_count += int(np.count_nonzero(~known))
            points, index = points[known], index[known]
        self._enter(points, index)

    def merge(self, other: ParetoFront) -> None:
        """Take in what another front kept and counted, over rows this one has not seen.

        Raises:
            ExpressionError: more candidates than ``capacity`` are on the front.
        """
        self.seen += other.seen
        self.nan_count += other.nan_count
        self._enter(other._front, other._index)
        self._enter(other._close, other._close_index)

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return indices [k], ascending, and values [k, m] in the objectives' units."""
        self._prune()
        index, front = self._index, self._front
        if self._rounds:
            index, front = np.concatenate([index, self._close_index]), np.concatenate([front, self._close])
        order = np.argsort(index)
        return index[order], front[order] * self._sign

    def _enter(self, points: NDArray[np.float64], index: NDArray[np.int64]) -> None:
        """Add the rows that nothing dominates and drop the members of the front that they dominate."""
        points, index, fresh = self._contenders(points, index)
        if not fresh.size:
            self._set_aside(points, index)
            return
        kept = ~_dominated(self._front, _arranged(points[fresh])[0])
        front = np.concatenate([self._front[kept], points[fresh]])
        indices = np.concatenate([self._index[kept], index[fresh]])
        if self._rounds:
            self._set_aside(self._front[~kept], self._index[~kept])
            others = np.delete(np.arange(len(points)), fresh)
            self._set_aside(points[others], index[others])
        if len(front) > self.capacity:
            raise _too_many(self.capacity)
        self._front, order = _arranged(front)
        self._index = indices[order]

    def _contenders(
        self, points: NDArray[np.float64], index: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
        """Drop the rows that are surely beaten; return the others and which of them nothing beats."""
        # Most fall to the best of the front, and most others to each other: few need the whole front.
        left = np.flatnonzero(self._standing(points, self._front[:_FOREMOST]) != _BEATEN)
        points, index = points[left], index[left]
        among = self._among(points)
        left = np.flatnonzero(among != _BEATEN)
        points, index = points[left], index[left]
        standing = np.minimum(among[left], self._standing(points, self._front))
        left = np.flatnonzero(standing != _BEATEN)
        return points[left], index[left], np.flatnonzero(standing[left] == _UNBEATEN)

    def _set_aside(self, points: NDArray[np.float64], index: NDArray[np.int64]) -> None:
        """Keep beaten rows that may be better than they look."""
        if not self._rounds or not len(points):
            return
        self._close = np.concatenate([self._close, points])
        self._close_index = np.concatenate([self._close_index, index])
        if len(self._close) > self._room:
            self._prune()
            if len(self._close) > _CLOSE * self.capacity:
                raise _too_many(self.capacity)
            self._room = max(self.capacity, 2 * len(self._close))

    def _prune(self) -> None:
        """Let go of beaten rows that the front has left behind."""
        if len(self._close):
            close = np.flatnonzero(self._standing(self._close, self._front) != _BEATEN)
            self._close, self._close_index = self._close[close], self._close_index[close]

    def _among(self, points: NDArray[np.float64]) -> NDArray[np.int8]:
        """Say of points (b, m) whether one of them beats them: surely, within rounding, or not; shape (b,)."""
        fresh = _undominated(points)
        standing = np.full(len(points), _BEATEN, np.int8)
        standing[fresh] = _UNBEATEN
        if self._rounds:
            others = np.flatnonzero(standing == _BEATEN)
            standing[others] = np.minimum(self._standing(points[others], _arranged(points[fresh])[0]), _CLOSELY)
        return standing

    def _standing(self, points: NDArray[np.float64], front: NDArray[np.float64]) -> NDArray[np.int8]:
        """Say of points (b, m) whether a front [n, m] beats them: surely, within rounding, or not; shape (b,)."""
        standing = np.full(len(points), _UNBEATEN, np.int8)
        if not len(front) or not len(points):
            return standing
        if not self._rounds:
            standing[_dominated(points, front)] = _BEATEN
            return standing
        raised, lowered = self._moved(points, 1.0), self._moved(front, -1.0)
        if points.shape[1] > 2:
            _mark_standing(points, raised, front, lowered, standing)
            return standing
        standing[_dominated(points, front)] = _CLOSELY
        standing[_dominated(raised, lowered)] = _BEATEN
        return standing

    def _moved(self, points: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
        """Move points (b, m) up or down by what rounding may cost; their order stays."""
        by = np.column_stack([each.of(points[:, place]) for place, each in enumerate(self.rounding)])
        return np.ascontiguousarray(points + sign * by)


def _too_many(capacity: int) -> ExpressionError:
    return ExpressionError(
        f"pareto front exceeds `{capacity}` candidates", "coarsen --step, use fewer objectives or add --where"
    )


def _arranged(front: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Sort mutually undominated points [n, m] the way ``_dominated`` wants them; return them and the order [n]."""
    if front.shape[1] == 2:
        order = np.argsort(front[:, 0], kind="stable")
    else:
        # Points good in all objectives first: they dominate most, so most searches end early.
        order = np.argsort(-np.argsort(np.argsort(front, axis=0), axis=0).sum(axis=1), kind="stable")
    return np.ascontiguousarray(front[order]), order


def _dominated(points: NDArray[np.float64], front: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the points [b, m] that an arranged front [n, m] dominates, shape [b]."""
    beaten = np.zeros(len(points), dtype=np.bool_)
    if not len(front) or not len(points):
        return beaten
    if points.shape[1] > 2:
        _mark_dominated(points, front, beaten)
        return beaten
    # Along a front of two the second objective falls as the first rises: the first member that is at least as good in
    # the first objective is the strongest opponent in the second.
    place = np.searchsorted(front[:, 0], points[:, 0])
    rival = front[np.minimum(place, len(front) - 1)]
    higher, level = rival[:, 1] > points[:, 1], rival[:, 1] == points[:, 1]
    beaten[:] = (place < len(front)) & (higher | (level & (rival[:, 0] > points[:, 0])))
    return beaten


def _undominated(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which of the points [b, m] no other of them dominates."""
    # Best first objective first, ties by the next: whoever dominates a point stands before it.
    order = np.lexsort(-points.T[::-1])
    ranked = np.ascontiguousarray(points[order])
    beaten = np.zeros(len(points), dtype=np.bool_)
    if points.shape[1] > 2:
        _mark_beaten(ranked, np.empty(len(points), np.int64), beaten)
        return order[~beaten]
    first, second = ranked[:, 0], ranked[:, 1]
    # Groups of equal first objective start with their best second one.
    start = np.searchsorted(-first, -first)
    best_before = np.maximum.accumulate(second)[np.maximum(start - 1, 0)]
    beaten = (second[start] > second) | ((start > 0) & (best_before >= second))
    return order[~beaten]


@kernel
def _dominates(rivals: NDArray[np.float64], rival: int, points: NDArray[np.float64], row: int) -> bool:
    """Whether one of the rivals [n, m] is at least as good as a point of [b, m] everywhere and better somewhere."""
    better = False
    for objective in range(points.shape[1]):
        if rivals[rival, objective] < points[row, objective]:
            return False
        if rivals[rival, objective] > points[row, objective]:
            better = True
    return better


@kernel
def _mark_dominated(points: NDArray[np.float64], front: NDArray[np.float64], beaten: NDArray[np.bool_]) -> None:
    """Mark in ``beaten`` [b] the points [b, m] that a member of the front [n, m] dominates."""
    last = 0  # neighbours on the grid fall to the same member more often than not
    for row in range(points.shape[0]):
        if _dominates(front, last, points, row):
            beaten[row] = True
            continue
        for member in range(front.shape[0]):
            if _dominates(front, member, points, row):
                beaten[row], last = True, member
                break


@kernel
def _mark_standing(
    points: NDArray[np.float64],
    raised: NDArray[np.float64],
    front: NDArray[np.float64],
    lowered: NDArray[np.float64],
    standing: NDArray[np.int8],
) -> None:
    """Lower ``standing`` [b] of the points [b, m] that a member of the front [n, m] dominates.

    Beaten for certain is what would be with the point ``raised`` [b, m] and the front ``lowered`` [n, m] by rounding.
    """
    last = 0
    for row in range(points.shape[0]):
        if _dominates(lowered, last, raised, row):
            standing[row] = _BEATEN
            continue
        for member in range(front.shape[0]):
            if _dominates(front, member, points, row):
                standing[row] = _CLOSELY
                if _dominates(lowered, member, raised, row):
                    standing[row], last = _BEATEN, member
                    break


@kernel
def _mark_beaten(ranked: NDArray[np.float64], kept: NDArray[np.int64], beaten: NDArray[np.bool_]) -> None:
    """Mark in ``beaten`` [b] the points [b, m] that one before them dominates; ``kept`` [b] is room to work in."""
    count = 0
    for row in range(ranked.shape[0]):
        for member in range(count):
            if _dominates(ranked, kept[member], ranked, row):
                beaten[row] = True
                break
        if not beaten[row]:
            kept[count] = row
            count += 1
