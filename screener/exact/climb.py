"""Good candidates found by climbing: they set the threshold that cells must beat, and prove nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.points import Points
from screener.exact.problem import Problem

_STARTS = 8
_DRAWN = 512
_STEPS = (0.25, 0.1, 0.04, 0.02, 0.01)
"""Amounts moved from one element to another, as shares of the alloy."""
_ROUNDS = 60
_SHORT = -1e200
"""Score, times 1 and what is missing, of a candidate that may not meet a condition: climbing leads out of there."""
_SPREADS = 3
"""How often the best found are replaced by the best among their neighbours and themselves."""


def climb(problem: Problem, k: int, seed: int = 0) -> tuple[NDArray[np.int16], Floats]:
    """Return amounts (n, d) and sure scores (n,) of up to k distinct candidates, best first.

    Climbs from the best of a draw by moving amounts between pairs of elements, then gathers the neighbours of the best.
    """
    space = problem.space
    counts = space.counts(space.sample(_DRAWN, seed)).astype(np.int16)
    found = _best(problem, counts, max(k, _STARTS))
    if not len(found[0]):  # nothing drawn lies where candidates must
        return found
    tops = _spaced(found[0], _STARTS)
    units = {max(1, round(share * space.units)) for share in _STEPS}
    for _ in range(_ROUNDS):
        tried = np.concatenate([tops, *(_moved(tops, step) for step in sorted(units))])
        better = _climbed(problem, tops, tried)
        tops = better[(better != tops).any(axis=1)]  # the others are at the top
        if not len(tops):
            break
        found = _best(problem, np.concatenate([found[0], tops]), max(k, _STARTS))
    for _ in range(_SPREADS):
        near = _moved(found[0], 1)
        found = _best(problem, np.concatenate([found[0], near]), k)
    sure = found[1] > _SHORT
    return found[0][sure], found[1][sure]


def _climbed(problem: Problem, tops: NDArray[np.int16], tried: NDArray[np.int16]) -> NDArray[np.int16]:
    """Replace every top by the best of what was tried from it; ``tried`` repeats the tops once per move."""
    scores = _scores(problem, tried).reshape(-1, len(tops))
    best = scores.argmax(axis=0)
    return np.asarray(tried[best * len(tops) + np.arange(len(tops))])


def _moved(counts: NDArray[np.int16], step: int) -> NDArray[np.int16]:
    """Move ``step`` units between every ordered pair of elements: rows of each pair in the order of ``counts``."""
    d = counts.shape[1]
    return np.concatenate([_shifted(counts, i, j, step) for i, j in _pairs(d)] or [counts])


def _pairs(d: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(d) for j in range(d) if i != j)


def _shifted(counts: NDArray[np.int16], giver: int, taker: int, step: int) -> NDArray[np.int16]:
    moved = counts.copy()
    moved[:, giver] -= step
    moved[:, taker] += step
    return moved


def _best(problem: Problem, counts: NDArray[np.int16], k: int) -> tuple[NDArray[np.int16], Floats]:
    """Keep the k best distinct candidates, best first."""
    rows = np.ascontiguousarray(counts, np.int16).view(np.dtype((np.void, 2 * counts.shape[1])))
    counts = counts[np.unique(rows[:, 0], return_index=True)[1]]
    scores = _scores(problem, counts)
    order = np.argsort(-scores, kind="stable")[:k]
    order = order[scores[order] > -np.inf]
    return counts[order], scores[order]


def _spaced(counts: NDArray[np.int16], n: int) -> NDArray[np.int16]:
    """Take n rows at even distances in the order given."""
    return counts[np.unique(np.linspace(0, len(counts) - 1, min(n, len(counts))).astype(np.int64))]


def _scores(problem: Problem, counts: NDArray[np.int16]) -> Floats:
    """Return sure scores (n,), −∞ outside the space, and far below all scores where a condition may not be met."""
    scores = np.full(len(counts), -np.inf)
    inside = np.flatnonzero(problem.holds(counts))
    if len(inside):
        points = Points.of(counts[inside], problem.space.units, problem.curves)
        low, short = problem.range_at(points)[0], problem.shortfall(points)
        scores[inside] = np.where(low > -np.inf, low, _SHORT * (1.0 + short))
    return scores
