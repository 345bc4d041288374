"""The slow path: the same columns in float64, bit for bit the same on every machine. It settles close calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import catalogue
from screener.descriptors.reference import describe
from screener.elements import element_symbols
from screener.engine import joined, sliced
from screener.float64_net import Float64Net
from screener.model import Model
from screener.tier_models import Columns, Conditions, TierModels, element_columns, in_domain

_DECIMALS = 12
_ROWS = 8192
"""Rows evaluated at once: hidden layers in float64 stay below 20 MB."""


class Judge:
    """Evaluates compositions of fixed elements with the networks of the screen tier in float64.

    Args:
        tier: the models.
        nets: their networks in float64, by target.
        symbols: d element symbols of the fraction columns.
        wanted: names of the columns to give.
    """

    def __init__(
        self, tier: TierModels, nets: Mapping[str, Float64Net], symbols: Sequence[str], wanted: Collection[str]
    ) -> None:
        self._tier = tier
        self._nets = nets
        # by atomic number, whatever the order they were given in: sums then have the same bits for the same alloy
        self._order = np.array(sorted(range(len(symbols)), key=lambda place: element_symbols().index(symbols[place])))
        self._symbols = tuple(symbols[place] for place in self._order)
        self._wanted = frozenset(wanted)
        self._models = tier.giving(self._wanted)

    def columns_of(self, fractions: NDArray[np.float64], conditions: Conditions | None = None) -> Columns:
        """Predict a table of compositions.

        Args:
            fractions: atomic fractions (n, d).
            conditions: values or columns (n,) by name; the run's own where absent.

        Returns:
            The wanted columns by name, shape (n,), numbers in float64.
        """
        given = {**self._tier.conditions, **(conditions or {})}
        starts = range(0, max(1, len(fractions)), _ROWS)
        fractions = _rounded(fractions[:, self._order])
        return joined([self._block(fractions[s : s + _ROWS], sliced(given, s, s + _ROWS)) for s in starts])

    def _block(self, fractions: NDArray[np.float64], conditions: Conditions) -> Columns:
        """Predict a few thousand rows."""
        values: Columns = {}
        features: dict[str, NDArray[np.float64]] = {}
        for name, model in self._models.items():
            if model.card.features not in features:
                features[model.card.features] = describe(fractions, self._symbols, model.spec.descriptors)
            inputs = {"features": features[model.card.features]}
            if model.card.conditions:
                inputs["conditions"] = condition_columns(model, len(fractions), conditions)
            found = self._nets[name].run(inputs)
            outputs = {output: found[output][:, 0] for output in model.output_names}
            values |= self._tier.present(model.card, outputs, self._wanted)
        named = catalogue()
        asked = [named[name] for name in named if name in self._wanted]
        described = describe(fractions, self._symbols, asked)
        values |= {each.name: described[:, place] for place, each in enumerate(asked)}
        values |= element_columns(fractions, self._symbols, self._wanted)
        if "in_domain" in self._wanted:
            values["in_domain"] = in_domain(fractions > 0, self._symbols, self._tier.domain)
        return values


def _rounded(fractions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round fractions (n, d) to the decimal they stand for: 33.3 / 100 and 333 / 1000 differ in the last bit.

    Every grid of up to 1000 units has fewer decimals; traces too small for them stay.
    """
    rounded = np.round(fractions, _DECIMALS)
    return np.where(rounded > 0, rounded, fractions)


def condition_columns(model: Model, rows: int, given: Conditions) -> NDArray[np.float64]:
    """Lay out condition values in input order (rows, conditions); the card's reference where none is given."""
    block = np.empty((rows, len(model.card.conditions)))
    for place, condition in enumerate(model.card.conditions):
        value = np.asarray(given.get(condition.name, condition.reference), np.float64)
        block[:, place] = np.where(np.isfinite(value), value, condition.reference)
    return block
