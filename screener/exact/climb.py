"""Good candidates found by climbing: they set the threshold that cells must beat, and prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.exact._frame_kernels import Floats
from screener.exact.points import Points
from screener.exact.problem import Problem

Scores: TypeAlias = Callable[[NDArray[np.int16]], Floats]
"""Amounts (n, d) to what is climbed (n,)."""

_STARTS = 8
_DRAWN = 512
_STEPS = (0.25, 0.1, 0.04, 0.02, 0.01)
"""Amounts moved from one element to another, as shares of the alloy."""
_ROUNDS = 60
_SHORT = -1e200
"""Score, times 1 and what is missing, of a candidate that may not meet a condition: climbing leads out of there."""
_PENALTIES = (1.0, 4.0)
"""What it costs to miss a condition by as much as those drawn do, in the scatter of their scores."""
_SPREADS = 3
"""How often the best found are replaced by the best among their neighbours and themselves."""


def climb(problem: Problem, k: int, seed: int = 0) -> tuple[NDArray[np.int16], Floats]:
    """Return amounts (n, d) and sure scores (n,) of up to k distinct candidates, best first.

    Climbs from the best of a draw by moving amounts between pairs of elements, then gathers the neighbours of the best.
    Under conditions it climbs from better places too: those that climbs to which a condition is worth something, but
    not everything, end at. They pass through where it is not met, and so come to more of its border.
    """
    space = problem.space
    counts = space.counts(space.sample(_DRAWN, seed)).astype(np.int16)
    steps = sorted({max(1, round(share * space.units)) for share in _STEPS})
    sure = partial(_scores, problem)
    found = _best(sure, counts, max(k, _STARTS))
    if not len(found[0]):  # nothing drawn lies where candidates must
        return found
    found = _reached(sure, found[0], _spaced(found[0], _STARTS), steps, k)
    if problem.conditions and _PENALTIES:
        led = np.concatenate([_led(problem, counts, penalty, steps) for penalty in _PENALTIES])
        found = _reached(sure, found[0], led, steps, k)
    kept = found[1] > _SHORT
    return found[0][kept], found[1][kept]


def _reached(
    sure: Scores, found: NDArray[np.int16], tops: NDArray[np.int16], steps: Sequence[int], k: int
) -> tuple[NDArray[np.int16], Floats]:
    """Climb from ``tops`` and keep the k best of what was found, what is passed, and the neighbours of the best."""
    best = _best(sure, np.concatenate([found, _trail(sure, tops, steps)]), max(k, _STARTS))
    for _ in range(_SPREADS):
        near = _moved(best[0], 1)
        best = _best(sure, np.concatenate([best[0], near]), k)
    return best


def _led(problem: Problem, drawn: NDArray[np.int16], penalty: float, steps: Sequence[int]) -> NDArray[np.int16]:
    """Climb where what is missing to the conditions costs so many times what it does among those drawn."""
    score, short = _apart(problem, drawn)
    inside = np.isfinite(score)
    rate = penalty * float(score[inside].std()) / max(float(short[inside].std()), 1e-9)
    led = partial(_penalised, problem, rate)
    tops = _spaced(_best(led, drawn, _STARTS * _STARTS)[0], _STARTS)
    return _best(led, _trail(led, tops, steps), _STARTS)[0]


def _trail(scores: Scores, tops: NDArray[np.int16], steps: Sequence[int]) -> NDArray[np.int16]:
    """Return where climbs begin and all better places that they come to."""
    visited = [tops]
    for _ in range(_ROUNDS):
        tried = np.concatenate([tops, *(_moved(tops, step) for step in steps)])
        better = _climbed(scores, tops, tried)
        tops = better[(better != tops).any(axis=1)]  # the others are at the top
        if not len(tops):
            break
        visited.append(tops)
    return np.concatenate(visited)


def _climbed(scores: Scores, tops: NDArray[np.int16], tried: NDArray[np.int16]) -> NDArray[np.int16]:
    """Replace every top by the best of what was tried from it; ``tried`` repeats the tops once per move."""
    best = scores(tried).reshape(-1, len(tops)).argmax(axis=0)
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


def _best(scores: Scores, counts: NDArray[np.int16], k: int) -> tuple[NDArray[np.int16], Floats]:
    """Keep the k best distinct candidates, best first."""
    rows = np.ascontiguousarray(counts, np.int16).view(np.dtype((np.void, 2 * counts.shape[1])))
    counts = counts[np.unique(rows[:, 0], return_index=True)[1]]
    reached = scores(counts)
    order = np.argsort(-reached, kind="stable")[:k]
    order = order[reached[order] > -np.inf]
    return counts[order], reached[order]


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


def _penalised(problem: Problem, rate: float, counts: NDArray[np.int16]) -> Floats:
    """Return scores (n,) less ``rate`` times what is missing to the conditions, −∞ outside the space."""
    score, short = _apart(problem, counts)
    return score - rate * short


def _apart(problem: Problem, counts: NDArray[np.int16]) -> tuple[Floats, Floats]:
    """Return scores (n,) whether the conditions are met or not, −∞ outside the space, and what is missing to these."""
    score, short = np.full(len(counts), -np.inf), np.zeros(len(counts))
    inside = np.flatnonzero(problem.holds(counts))
    if len(inside):
        points = Points.of(counts[inside], problem.space.units, problem.curves)
        score[inside], short[inside] = problem.score_at(points)[0], problem.shortfall(points)
    return score, short
