"""Every descriptor of one alloy, from the float64 reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from screener.descriptors.catalogue import Descriptor, catalogue
from screener.descriptors.reference import describe
from screener.descriptors.specs import KANG_ELEMENTS, descriptor, feature_spec
from screener.errors import CompositionError
from screener.formula import Composition


def feature_values(composition: Composition) -> dict[str, float | None]:
    """Compute the 21 columns of `kang21`, the fraction of every other element present, and the whole catalogue.

    Returns:
        Value by name in that order; None where an element lacks a property that only this descriptor needs.

    Raises:
        CompositionError: an element lacks a property of the 21-column set.
    """
    fractions = np.array([composition.fractions])
    first = feature_spec("kang21").descriptors
    values = dict(
        zip((d.name for d in first), describe(fractions, composition.symbols, first)[0].tolist(), strict=True)
    )
    shares = {name: value for name, value in values.items() if name.startswith("c_")}
    others = {f"c_{symbol}": share for symbol, share in zip(composition.symbols, composition.fractions, strict=True)}
    rest = {name: values.get(name, _value(composition, each)) for name, each in catalogue().items()}
    return {**shares, **{name: share for name, share in others.items() if name not in shares}, **rest}


def feature_descriptors(values: Mapping[str, float | None]) -> list[Descriptor]:
    """Look up the definitions of named descriptors."""
    return [descriptor(name) for name in values]


def composition_percent(composition: Composition) -> dict[str, float]:
    """Give a composition in at.% by symbol, without the noise of binary fractions."""
    return {s: round(100.0 * share, 9) for s, share in zip(composition.symbols, composition.fractions, strict=True)}


def feature_lines(values: Mapping[str, float | None]) -> list[str]:
    """Write descriptors as a table: name, value, unit, formula."""
    rows = [
        (each.name, "–" if (value := values[each.name]) is None else f"{value:.10g}", each.unit, each.formula)
        for each in feature_descriptors(values)
        if not (each.name[2:] in KANG_ELEMENTS and each.name.startswith("c_") and not values[each.name])
    ]
    rows.insert(0, ("descriptor", "value", "unit", "formula"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {unit:<{widths[2]}}  {formula}"
        for name, value, unit, formula in rows
    ]


def _value(composition: Composition, each: Descriptor) -> float | None:
    """Compute one descriptor, or None if an element lacks a property."""
    try:
        return float(describe(np.array([composition.fractions]), composition.symbols, [each])[0, 0])
    except CompositionError:
        return None
