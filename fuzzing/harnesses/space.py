"""A composition space: what people write for it, held against counting up every amount."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np

from fuzzing.harnesses import hold_to_manners, text_of
from screener.errors import CompositionError
from screener.space import CompositionSpace

TOKENS = (
    *("Al", "Ti", "Cr", "Fe", "Co", ",", "=", ":", "+", "-", "\n", "0", "5", "35", "100", "0.1", "12.5", "33.3", "1-3"),
    *("Al=5:35", "Cr=0:20", "Al+Ti=40:90", "Al,Ti,Cr", "1e3", "١", "nan", "inf", "50", "10"),
)
_COUNTED = 3000
"""Compositions that are counted up one by one, at most."""
_DRAWN = 50


def check(data: bytes) -> None:
    """Build a space of lines: elements, step, components, bounds, and sums."""
    elements, step, components, bounds, *sums = [*text_of(data).split("\n"), "", "", "", ""][: max(5, 9)]
    try:
        space = CompositionSpace.build(elements, step or 1, components or None, bounds or None, [s for s in sums if s])
    except CompositionError as refused:
        hold_to_manners(refused)
        return
    hold(space)


def hold(space: CompositionSpace) -> None:
    """Check what a space promises."""
    size, d = space.size, len(space.elements)
    assert size >= 1
    assert space.describe()
    assert len(space.digest) == 16
    json.dumps(space.limits(), allow_nan=False)
    if size >= 2**63:
        return
    index = np.arange(size) if size <= _COUNTED else space.sample(_DRAWN, 0)
    counts = space.counts(index)
    assert counts.shape == (len(index), d)
    assert (counts.sum(axis=1) == space.units).all()
    assert all(_within(space, row) for row in counts.tolist()), "a candidate outside the limits"
    assert (space.rank(counts) == index).all(), "an index that does not come back"
    block = np.empty((min(len(index), 7), d), np.float32)
    assert space.fill(int(index[0]), block) >= 1
    assert abs(block[0] - counts[0] / space.units).max() < 1e-6
    if math.comb(space.units + d - 1, d - 1) <= _COUNTED:
        assert counts.tolist() == _counted_up(space), "not the candidates that counting up finds"


def _within(space: CompositionSpace, row: list[int]) -> bool:
    """Say whether amounts meet every limit."""
    spans = zip(row, space.lower, space.upper, strict=True)
    sums = ((sum(row[i] for i in group.members), group) for group in space.groups)
    return (
        all(low <= amount <= high for amount, low, high in spans)
        and space.components[0] <= sum(amount > 0 for amount in row) <= space.components[1]
        and all(group.lower <= total <= group.upper for total, group in sums)
        and all(Fraction(amount) == amount for amount in row)
    )


def _counted_up(space: CompositionSpace) -> list[list[int]]:
    """List every composition within the limits, in order, by trying all amounts."""
    rows: list[list[int]] = [[]]
    for _ in space.elements[:-1]:
        rows = [[*row, amount] for row in rows for amount in range(space.units - sum(row) + 1)]
    return [row for row in ([*row, space.units - sum(row)] for row in rows) if _within(space, row)]
