"""Everything that is known about one alloy: how it was read, what the models say, how far to trust them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.card import Target
from screener.domain import TargetDomain, target_domain, training_distances, widened
from screener.engine import BlockEngine
from screener.feature_table import composition_percent, feature_lines, feature_values
from screener.formula import Composition, atomic_to_weight
from screener.judge import Judge
from screener.measured_values import MeasuredValue, measured_values
from screener.model_set import column_order
from screener.nearest import AlloyIndex
from screener.run_models import RunModels
from screener.summary import setting_lines, threshold_line
from screener.tier_models import AMORPHOUS, Columns, TierModels, target_columns

_NEIGHBOURS = 3
_NEAREST = "nearest training alloys"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training alloy near the one asked about.

    Attributes:
        formula: its formula.
        distance: how far it is, at.%.
        sources: data sets that hold it.
        measured: what was measured on it; None where measured values are not on this machine.
    """

    formula: str
    distance: float
    sources: tuple[str, ...]
    measured: tuple[MeasuredValue, ...] | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        measured = None if self.measured is None else [value.as_json() for value in self.measured]
        return {
            "formula": self.formula,
            "distance": self.distance,
            "sources": list(self.sources),
            "measured": measured,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about one alloy.

    Attributes:
        text: the formula as it was given.
        composition: how it was read.
        descriptors: value by name, None where a property is missing.
        predictions: columns by tier.
        outside: elements no model or not every model was trained on, with the models.
        neighbours: nearest training alloys.
        domain: how far it lies from the training of each target, and what follows.
    """

    text: str
    composition: Composition
    descriptors: dict[str, float | None]
    predictions: dict[str, dict[str, float | bool]]
    outside: tuple[tuple[str, tuple[str, ...]], ...]
    neighbours: tuple[Neighbour, ...]
    domain: dict[str, TargetDomain]

    @property
    def in_domain(self) -> bool:
        """Whether every model knows every element, and the alloy lies within the limit of every target."""
        return not self.outside and all(each.inside for each in self.domain.values())

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "formula": self.text,
            "composition": composition_percent(self.composition),
            "descriptors": self.descriptors,
            "predictions": self.predictions,
            "in_domain": self.in_domain,
            "nearest_training_alloys": [near.as_json() for near in self.neighbours],
            "domain": {target: each.as_json() for target, each in self.domain.items()},
        }

    def lines(self, models: RunModels) -> Iterator[str]:
        """Write it for people."""
        shares = np.array([self.composition.fractions])
        weights = 100.0 * atomic_to_weight(shares, self.composition.symbols)[0]
        yield self.text
        yield "  at.%: " + ", ".join(f"{s} {share:.6g}" for s, share in composition_percent(self.composition).items())
        yield "  wt.%: " + ", ".join(f"{s} {w:.4g}" for s, w in zip(self.composition.symbols, weights, strict=True))
        yield from (f"  {line}" for line in setting_lines(models))
        for tier in models.tiers():
            yield f"predictions of the {tier.tier} tier"
            yield from _prediction_lines(tier, self.predictions[tier.tier])
        yield "in the domain of every model" if self.in_domain else "outside the domain"
        for symbol, names in self.outside:
            yield f"  {symbol} was not in the training of {', '.join(names)}"
        for target, domain in self.domain.items():
            yield from _domain_lines(models.reported()[target].card.target, domain)
        yield _NEAREST + (
            " (measured values are not shipped: `training data fetch --all` brings them)"
            if any(near.measured is None for near in self.neighbours)
            else ""
        )
        for near in self.neighbours:
            yield f"  {near.formula}, {near.distance:.4g} at.% away, from {', '.join(near.sources)}"
            yield from _measured_lines(near.measured or ())
        yield "descriptors"
        yield from feature_lines(self.descriptors)


def explain(text: str, composition: Composition, models: RunModels, measured: Path | None = None) -> Explanation:
    """Collect what is known about one alloy.

    Args:
        text: the formula as it was given.
        composition: how it was read.
        models: both tiers and the training alloys.
        measured: file of measured values; None where there is none.

    Raises:
        CompositionError: an element lacks a property that a model needs.
        ModelError: models or training alloys cannot be loaded.
        InputError: the file of measured values is none.
    """
    symbols, fractions = composition.symbols, np.array([composition.fractions])
    index, targets = models.precise().index, sorted(models.reported(), key=column_order)
    distances = training_distances(index, fractions, symbols, targets) if index else {}
    predictions: dict[str, dict[str, float | bool]] = {
        tier.tier: _plain(_predict(tier, models, symbols, fractions, distances)) for tier in models.tiers()
    }
    blind = (
        (s, tuple(f"{m.card.target.name} ({m.card.tier})" for m in models.models() if s not in m.card.elements))
        for s in symbols
    )
    return Explanation(
        text,
        composition,
        feature_values(composition),
        predictions,
        tuple((symbol, names) for symbol, names in blind if names),
        _with_values(neighbours(index, symbols, fractions), measured) if index else (),
        {t: target_domain(models.reported()[t].card, float(distance[0])) for t, distance in distances.items()},
    )


def neighbours(index: AlloyIndex, symbols: Sequence[str], fractions: NDArray[np.float64]) -> tuple[Neighbour, ...]:
    """Find the three training alloys nearest to one composition (1, d)."""
    rows, distances = index.nearest(fractions, symbols, _NEIGHBOURS)
    return tuple(
        Neighbour(index.formula(row), round(float(distance), 4), index.source_names(row))
        for row, distance in zip(rows[0], distances[0], strict=True)
    )


def _with_values(near: tuple[Neighbour, ...], measured: Path | None) -> tuple[Neighbour, ...]:
    """Add what was measured on training alloys, if that is on this machine."""
    if measured is None:
        return near
    values = measured_values(measured, {each.formula for each in near})
    return tuple(replace(each, measured=values[each.formula]) for each in near)


def _predict(
    tier: TierModels,
    models: RunModels,
    symbols: tuple[str, ...],
    fractions: NDArray[np.float64],
    distances: Mapping[str, NDArray[np.float64]],
) -> Columns:
    """Predict one composition with one tier, in float64 where the models have such a twin; widen its intervals."""
    if tier.tier == "screen":
        columns = Judge(tier, models.precise().nets, symbols, tier.columns).columns_of(fractions)
    else:
        columns = BlockEngine(tier, symbols, tier.columns).columns_of(fractions)
    for target, distance in distances.items():
        if target in tier.models:
            columns |= widened(tier.models[target].card, columns, distance)
    return columns


def _plain(columns: Columns) -> dict[str, float | bool]:
    """Take the only row of some columns as Python values."""
    return {n: bool(v[0]) if v.dtype == np.bool_ else float(np.float64(v[0])) for n, v in columns.items()}


def _measured_lines(values: Sequence[MeasuredValue]) -> Iterator[str]:
    """Write what was measured on a training alloy."""
    for each in values:
        unit = "" if each.unit == "1" else f" {each.unit}"
        yield f"    measured {each.target}: {each.value:.4g}{unit} ({', '.join(each.sources)})"


def _prediction_lines(tier: TierModels, values: dict[str, float | bool]) -> Iterator[str]:
    """Write the predictions of one tier."""
    for model in tier.models.values():
        target = model.card.target
        if target.kind == "regression":
            value, low, high = (values[name] for name in target_columns(model.card))
            yield f"  {target.name}: {value:.4g} {target.unit}, 90 % interval {low:.4g} to {high:.4g}"
            continue
        flag = tier.flags.get(target.name)
        if flag is None:
            yield f"  {target.name}: {values[target.name]:.4g}"
            continue
        border = ", so near the threshold that rounding may decide" if values.get("amorphous_borderline") else ""
        yield f"  {flag.column}: {'yes' if values[flag.column] else 'no'}, p = {values[target.name]:.4g}{border}"
        if target.name == AMORPHOUS:
            yield f"    {threshold_line(tier)}"


def _domain_lines(target: Target, domain: TargetDomain) -> Iterator[str]:
    """Write how far an alloy lies from the training of one target, and how well such alloys were predicted."""
    limit = "no limit stated"
    if domain.limit is not None:
        limit = f"{'inside' if domain.inside else 'outside'} the limit of {domain.limit:.4g}"
    yield f"  {target.name}: nearest training alloy {domain.distance:.4g} at.% away, {limit}"
    held_out = domain.held_out
    if held_out is None:
        return
    error = "unknown" if np.isnan(held_out.error) else f"{held_out.error:.3g} {target.unit}".removesuffix(" 1")
    widening = f", interval times {held_out.widening:.3g}" if target.kind == "regression" else ""
    yield f"    held-out error at that distance: {error}, from {held_out.rows:,} rows{widening}"
