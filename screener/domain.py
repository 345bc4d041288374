"""How far an alloy lies from what each model was trained on: whether it is inside, and how much wider its interval is.

Distance is ½ Σ|Δc| in at.% to the nearest alloy in the training of the model's own target.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.card import DistanceBin, ModelCard
from screener.nearest import AlloyIndex
from screener.tier_models import Columns

_RELATIVE = 1e-3
"""Relative difference from v² up to which low · high tells a relative interval: float32 is far within it."""
_DECIMALS = 4
"""Decimals of distances in at.%, as in formulas: bins and limits on the grid compare exactly."""


@dataclass(frozen=True, slots=True)
class TargetDomain:
    """How far one alloy lies from the training of one target.

    Attributes:
        distance: to the nearest training alloy, at.%.
        limit: distance beyond which alloys are outside; None where the model does not say.
        held_out: how well held-out alloys at that distance were predicted; None where the model does not say.
    """

    distance: float
    limit: float | None
    held_out: DistanceBin | None

    @property
    def inside(self) -> bool:
        """Whether the alloy lies within the limit, if there is one."""
        return self.limit is None or self.distance <= self.limit

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        held_out = self.held_out
        error = None if held_out is None or np.isnan(held_out.error) else held_out.error
        return {
            "nearest_distance": self.distance,
            "limit": self.limit,
            "inside": self.inside,
            "held_out_error": error,
            "held_out_rows": None if held_out is None else held_out.rows,
            "widening": 1.0 if held_out is None else held_out.widening,
        }


def target_domain(card: ModelCard, distance: float) -> TargetDomain:
    """Look up what a card says of alloys at a distance in at.%."""
    held_out = card.distance[int(_bins(card, np.array([distance]))[0])] if card.distance else None
    return TargetDomain(distance, card.domain_limit, held_out)


def training_distances(
    index: AlloyIndex, fractions: NDArray[np.floating], symbols: Sequence[str], targets: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """Find how far compositions (n, d) lie from the training alloys of each target, at.% (n,)."""
    distances = {}
    for target in targets:
        found = index.of_target(target).nearest(fractions, symbols)[1]
        distances[target] = np.round(found[:, 0], _DECIMALS)
    return distances


def reads_distance(card: ModelCard) -> bool:
    """Say whether a card makes anything of the distance to the training alloys."""
    return card.domain_limit is not None or bool(card.distance)


def within_limits(cards: Mapping[str, ModelCard], distances: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Say which alloys (n,) lie within the domain limit of every target that has one; True (1,) where none has."""
    inside = np.ones(1, np.bool_)
    for target, card in cards.items():
        if card.domain_limit is not None:
            inside = inside & (distances[target] <= card.domain_limit)
    return inside


def widened(card: ModelCard, columns: Columns, distance: NDArray[np.float64]) -> Columns:
    """Widen the 90 % interval of a regression by the held-out error at each alloy's distance.

    Args:
        card: card of the model.
        columns: at least its value and limits (n,).
        distance: distance to the nearest training alloy of its target, at.% (n,).

    Returns:
        The two limits (n,), in float64; none for a classifier, or for a card that does not say how to.
    """
    if card.target.kind != "regression" or not card.distance:
        return {}
    name = card.target.name
    value, low, high = (np.asarray(columns[n], np.float64) for n in (name, f"{name}_low", f"{name}_high"))
    factor = np.array([each.widening for each in card.distance])[_bins(card, distance)]
    # A factor of 1 leaves the graph's own limits, to the last bit.
    same, relative = factor == 1.0, _is_relative(card, value, low, high)
    near = np.where(relative, _scaled(value, low, factor), _below(card, value, high, factor))
    far = np.where(relative, _scaled(value, high, factor), value + factor * (high - value))
    return {f"{name}_low": np.where(same, low, near), f"{name}_high": np.where(same, high, far)}


def _bins(card: ModelCard, distance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Find the bin of every distance (n,)."""
    ends = np.array([each.upto for each in card.distance])
    return np.minimum(np.searchsorted(ends, distance), len(ends) - 1)


def _is_relative(
    card: ModelCard, value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which intervals (n,) are relative: as the card says, or where low · high is v²."""
    if card.interval_rule:
        return np.full(len(value), card.interval_rule == "relative")
    return (low > 0) & (np.abs(low * high - value**2) <= _RELATIVE * value**2) & (value > 0)


def _scaled(value: NDArray[np.float64], limit: NDArray[np.float64], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take a limit's ratio to the value to a power (n,); a value of nothing keeps its limit."""
    ratio = np.divide(limit, value, out=np.ones_like(value), where=(value > 0) & (limit > 0))
    return np.where((value > 0) & (limit > 0), value * ratio**factor, limit)


def _below(
    card: ModelCard,
    value: NDArray[np.float64],
    high: NDArray[np.float64],
    factor: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Move the lower limits (n,) of absolute intervals, but not below the floor of the graph."""
    # Where the graph cut the lower limit off, the upper one still tells the half-width.
    moved = value - factor * (high - value)
    return moved if card.interval_floor is None else np.maximum(moved, card.interval_floor)
