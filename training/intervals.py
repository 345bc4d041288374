"""Intervals and errors by distance: 90 % intervals that grow with the distance to the training alloys of a target.

Mondrian split-conformal prediction (Vovk 2005, doi:10.1007/b106715) with distance bins as categories; residuals are
out of fold, those of rows whose intervals are scored are never among them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.card import DistanceBin
from screener.elements import element_symbols
from training.alloy_index import build_index
from training.calibration import COVERAGE
from training.tasks import TaskRows

Array = NDArray[np.floating]
UPTO = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 100.0)
"""Upper ends of the distance bins, at.%."""
_ENOUGH = 50
"""Held-out rows from which a bin has a width, and an error, of its own."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """Held-out rows of one split.

    Attributes:
        score: conformity scores (n,).
        error: errors in the unit of the target, or squared errors of a probability (n,).
        plain: the same errors of a constant prediction (n,).
        distance: to the nearest training alloy outside the fold, at.% (n,).
        fold: (n,).
    """

    score: Array
    error: Array
    plain: Array
    distance: Array
    fold: NDArray[np.integer]


def training_distance(rows: TaskRows, fold: NDArray[np.integer]) -> Array:
    """Measure how far every row lies from the measured training rows outside its fold, at.%, shape (n,)."""
    distance = np.zeros(len(rows))
    for k in np.unique(fold):
        index = build_index({rows.recipe.target: rows.take(np.flatnonzero(fold != k))})
        test = np.flatnonzero(fold == k)
        distance[test] = index.nearest(rows.fractions[test], element_symbols())[1][:, 0]
    return np.round(distance, 4)


def half_widths(score: Array, distance: Array, coverage: float = COVERAGE) -> Array:
    """Settle the half-width of every distance bin, never narrower than that of a nearer one, shape (bins,).

    Neighbouring bins share a width where the farther one alone would have a narrower one (pooled adjacent violators,
    Ayer 1955, doi:10.1214/aoms/1177728423) or fewer than 50 rows; bins beyond the last of these take its width.
    """
    place = bins_of(distance)
    blocks: list[tuple[Array, float, int]] = []
    for k in range(len(UPTO)):
        mine, first = score[place == k], k
        width = _quantile(mine, coverage)
        while blocks and (len(mine) < _ENOUGH or len(blocks[-1][0]) < _ENOUGH or width < blocks[-1][1]):
            before, _, first = blocks.pop()
            mine = np.concatenate([before, mine])
            width = _quantile(mine, coverage)
        blocks.append((mine, width, first))
    starts = [first for _, _, first in blocks]
    return np.repeat([width for _, width, _ in blocks], np.diff([*starts, len(UPTO)]))


def _quantile(score: Array, coverage: float) -> float:
    """Take the conformal quantile of scores; infinite where they are too few."""
    from crepes import ConformalRegressor

    if not len(score):
        return float("inf")
    fitted = ConformalRegressor().fit(residuals=score)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says that the scores are too few, which infinity says too
        return float(fitted.predict_int(y_hat=np.zeros(1), confidence=coverage)[0, 1])


def bins_of(distance: Array) -> NDArray[np.intp]:
    """Find the bin of every distance, shape (n,)."""
    return np.minimum(np.searchsorted(UPTO, distance), len(UPTO) - 1)


def joined(grouped: Residuals, random: Residuals | None) -> tuple[Array, Array]:
    """Join scores and distances of both splits: held-out systems where they are many, random rows for the near bins.

    Returns:
        Scores and distances, shape (m,) each.
    """
    if random is None:
        return grouped.score, grouped.distance
    few = np.bincount(bins_of(grouped.distance), minlength=len(UPTO)) < _ENOUGH
    extra = few[bins_of(random.distance)]
    return (
        np.concatenate([grouped.score, random.score[extra]]),
        np.concatenate([grouped.distance, random.distance[extra]]),
    )


def cross_intervals(grouped: Residuals, random: Residuals | None, scored: Residuals) -> tuple[float, float]:
    """Score intervals of each fold that were settled on the other folds: coverage and mean half-width.

    Args:
        grouped: held-out systems, the first choice to settle widths on.
        random: the same rows held out at random, for bins that held-out systems leave empty.
        scored: one of the two.
    """
    half = np.zeros(len(scored.score))
    for k in np.unique(scored.fold):
        test = scored.fold == k
        others = _rows(grouped, ~test), None if random is None else _rows(random, ~test)
        half[test] = half_widths(*joined(*others))[bins_of(scored.distance[test])]
    return float((scored.score <= half).mean()), float(half.mean())


def distance_bins(grouped: Residuals, width: Array, served: float) -> tuple[DistanceBin, ...]:
    """Tabulate held-out errors and the factors on the served half-width by distance."""
    place = bins_of(grouped.distance)
    found = []
    for k, upto in enumerate(UPTO):
        mine = grouped.error[place == k]
        error = float(mine.mean()) if len(mine) else float("nan")
        widening = float(width[k] / served) if served > 0 else 1.0
        found.append(DistanceBin(upto, len(mine), error, widening))
    return tuple(found)


def domain_limit(grouped: Residuals) -> float:
    """Draw the line: the largest distance up to which predictions beat a constant.

    Bins with fewer than 50 rows are judged together with the next ones; so are all rows of a table that has no more.
    """
    place, limit = bins_of(grouped.distance), 0.0
    mine = np.zeros(len(place), np.bool_)
    for k, upto in enumerate(UPTO):
        mine |= place == k
        last = limit == 0.0 and k == place.max()
        if mine.sum() < _ENOUGH and not last:
            continue
        if grouped.error[mine].mean() >= grouped.plain[mine].mean():
            break
        limit, mine = upto, np.zeros(len(place), np.bool_)
    return min(limit, float(np.ceil(grouped.distance.max()))) if limit else UPTO[0]


def _rows(residuals: Residuals, rest: NDArray[np.bool_]) -> Residuals:
    """Keep some rows."""
    return Residuals(
        residuals.score[rest],
        residuals.error[rest],
        residuals.plain[rest],
        residuals.distance[rest],
        residuals.fold[rest],
    )
