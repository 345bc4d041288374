"""The float32 featurizer: a feature set compiled for a list of elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.descriptors._kernels import Plan, Scratch, featurize_rows
from screener.descriptors.catalogue import PRESENT_FOR_PAIRS, Descriptor, Kind
from screener.descriptors.properties import element_column, pair_matrix, parted
from screener.descriptors.specs import FeatureSpec

_TILE_FRACTIONS = 4096
"""Fractions worked on at once: with what is made of them they stay in the first-level cache."""
_SMALLEST = np.finfo(np.float32).tiny
_TILE_ROWS = (64, 256)
"""Fewest and most rows of a tile."""
_ONE_COLUMN = (Kind.MEAN, Kind.SPREAD, Kind.RELATIVE_SPREAD)
_TWO_COLUMNS = (Kind.MEAN_RATIO, Kind.MEAN_PRODUCT, Kind.COVARIANCE)
_PAIR = (Kind.PAIR_SUM, Kind.PAIR_MIN, Kind.PAIR_MAX)


class Featurizer:
    """Turns blocks of fractions into blocks of features.

    One instance belongs to one thread: it holds that thread's working memory.

    Args:
        spec: the feature set.
        symbols: d element symbols of the fraction columns.
        apart: whether no block holds an alloy of two elements without a pair enthalpy.

    Raises:
        CompositionError: an element lacks a property the set needs.
    """

    def __init__(self, spec: FeatureSpec, symbols: Sequence[str], *, apart: bool = False) -> None:
        self.width = len(spec.names)
        self._plan = compile_plan(spec.descriptors, tuple(symbols), apart=apart)
        fewest, most = _TILE_ROWS
        tile = min(most, max(fewest, _TILE_FRACTIONS // max(1, len(symbols))))
        self._work = Scratch(
            np.zeros((len(symbols), tile)),
            np.zeros(len(symbols), np.int64),
            np.zeros((max(1, len(self._plan.columns)), tile)),
            np.zeros(tile),
            np.zeros(tile),
        )

    def buffer(self, rows: int) -> NDArray[np.float32]:
        """Allocate a zeroed output, shape (rows, f)."""
        return np.zeros((rows, self.width), np.float32)

    def __call__(self, fractions: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write features of ``fractions`` (b, d) into ``out`` (b, f), a buffer made by this featurizer."""
        featurize_rows(fractions, self._plan, self._work, out)


def featurize(fractions: NDArray[np.floating], symbols: Sequence[str], spec: FeatureSpec) -> NDArray[np.float32]:
    """Compute the features of a table of compositions.

    Args:
        fractions: atomic fractions, rows sum to 1, shape (b, d).
        symbols: the d element symbols of the columns.
        spec: feature set.

    Returns:
        Features, shape (b, f), float32.

    Raises:
        CompositionError: an element that occurs lacks a property the set needs.
    """
    present = np.flatnonzero(np.any(np.asarray(fractions) > 0, axis=0)).tolist()
    occurring, amounts = [symbols[i] for i in present], np.asarray(fractions)[:, present]
    featurizer = Featurizer(spec, occurring, apart=parted(amounts, occurring))
    out = featurizer.buffer(len(amounts))
    featurizer(narrowed(amounts), out)
    return out


def narrowed(fractions: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn fractions (b, d) into float32; traces below its smallest number stay present."""
    narrow = np.ascontiguousarray(fractions, dtype=np.float32)
    lost = (narrow < _SMALLEST) & (fractions > 0)
    if lost.any():
        narrow = np.where(lost, _SMALLEST, narrow)
    return narrow


def compile_plan(descriptors: Sequence[Descriptor], symbols: tuple[str, ...], *, apart: bool = False) -> Plan:
    """Resolve descriptors to table rows for one list of elements.

    Args:
        descriptors: what is computed.
        symbols: the elements.
        apart: whether no alloy holds two elements without a pair enthalpy.

    Raises:
        CompositionError: an element lacks a property that a descriptor needs.
    """
    columns: dict[str, int] = {}
    pairs: dict[str, int] = {}
    fraction_column = np.full(len(symbols), -1, np.int64)
    ops: list[tuple[int, int, int, int]] = []
    scales: list[float] = []
    for out, d in enumerate(descriptors):
        if d.kind is Kind.FRACTION:
            if d.first in symbols:
                fraction_column[symbols.index(d.first)] = out
            continue
        first = second = 0
        if d.kind in _PAIR:
            first = pairs.setdefault(d.first, len(pairs))
        elif d.kind in _ONE_COLUMN or d.kind in _TWO_COLUMNS:
            first = columns.setdefault(d.first, len(columns))
            second = columns.setdefault(d.second, len(columns)) if d.kind in _TWO_COLUMNS else first
        ops.append((int(d.kind), first, second, out))
        scales.append(d.scale)
    width = len(symbols)
    return Plan(
        fraction_column,
        np.array([element_column(symbols, text) for text in columns]).reshape(len(columns), width),
        np.array([pair_matrix(symbols, text, apart=apart) for text in pairs]).reshape(len(pairs), width, width),
        np.array(ops, np.int64).reshape(len(ops), 4),
        np.array(scales, np.float64),
        np.array([PRESENT_FOR_PAIRS]),
    )
