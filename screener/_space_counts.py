"""Exact counts of composition spaces of any size, and the tables behind their random access."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from screener._space_kernels import (
    CELLS,
    DELTA,
    FIELDS,
    HEAD,
    LOW,
    LOWER,
    MEMBER,
    MODULUS,
    START,
    STRIDE,
    TOP,
    UPPER,
    Integers,
    completions,
    count_layer,
)
from screener._space_limits import Limits
from screener.errors import CompositionError

TABLE_BYTES = 256 * 2**20
INDEX_LIMIT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A space laid out for the kernels.

    Attributes:
        table: running sums of counts, exact where the size is below ``INDEX_LIMIT`` [cells].
        layout: one row an element, see the kernels [d, HEAD + FIELDS · g].
        fractions: atomic fraction of each number of grid units [units + 1].
    """

    table: Integers
    layout: Integers
    fractions: NDArray[np.float32]

    def new_walk(self) -> Integers:
        """Return scratch for the states on the way to one candidate [d + 1, g], nothing placed in the first."""
        elements, width = self.layout.shape
        return np.zeros((elements + 1, (width - HEAD) // FIELDS), np.int64)


@lru_cache(maxsize=2)
def count(limits: Limits) -> tuple[int, Plan | None]:
    """Return the exact number of candidates and, where an int64 can number them, the plan to reach each.

    Counts are taken modulo as many coprime numbers below 2⁶³ as the size may need and put together by the Chinese
    remainder theorem, so every pass is plain 64-bit work.

    Raises:
        CompositionError: if the table of counts would not fit in memory.
    """
    layout = _lay_out(limits)
    if layout is None:
        return 0, None
    fractions = (np.arange(limits.units + 1) / limits.units).astype(np.float32)
    plan = Plan(np.zeros(layout[-1, START] + 1, np.int64), layout, fractions)
    free = limits.units - sum(limits.lower)
    moduli = _moduli(math.comb(free + len(limits.lower) - 1, len(limits.lower) - 1))
    size, product = 0, 1
    # The widest modulus comes last: its counts are exact for any space that can be searched, and stay in the table.
    for modulus in reversed(moduli):
        residue = _count_modulo(plan, modulus)
        size += product * ((residue - size) * pow(product, -1, modulus) % modulus)
        product *= modulus
    return size, plan if 0 < size < INDEX_LIMIT else None


def _moduli(bound: int) -> list[int]:
    """Return pairwise coprime numbers from 2⁶³ - 1 downwards whose product exceeds ``bound``."""
    chosen = [INDEX_LIMIT]
    candidate = INDEX_LIMIT
    while math.prod(chosen) <= bound:
        candidate -= 1
        if all(math.gcd(candidate, other) == 1 for other in chosen):
            chosen.append(candidate)
    return chosen


def _count_modulo(plan: Plan, modulus: int) -> int:
    """Fill the table from the last layer to the first and return the count where nothing is placed."""
    plan.layout[:, MODULUS] = modulus
    plan.table[-1] = 1  # all placed: one way to place nothing more
    for i in range(len(plan.layout) - 2, -1, -1):
        count_layer(plan.table, plan.layout, i, plan.new_walk())
    return int(completions(plan.table, plan.layout, 0, plan.new_walk()))


def _lay_out(limits: Limits) -> Integers | None:
    """Return the layout of a space, or None where an axis has no value left."""
    axes = _axes(limits)
    if (axes[..., LOW] > axes[..., TOP]).any():
        return None
    head = np.zeros((len(axes), HEAD), np.int64)
    head[:, LOWER], head[:, UPPER] = limits.lower, limits.upper
    start = 1  # place 0 stays 0, for counts of nothing
    for i, layer in enumerate(axes):
        cells = 1
        for axis in layer:
            if axis[STRIDE]:
                axis[STRIDE] = cells
                cells *= int(axis[TOP] - axis[LOW]) + 1
        head[i, START], head[i, CELLS] = start, cells
        start += cells
        _check_table(start)
    head[:, DELTA] = (axes[:, :-1, STRIDE] * axes[:, :-1, MEMBER]).sum(axis=1)
    return np.hstack([head, axes.reshape(len(axes), -1)])


def _check_table(cells: int) -> None:
    if cells * 8 > TABLE_BYTES:
        raise CompositionError(
            f"counting under these sums needs a table above {TABLE_BYTES >> 20} MB",
            "put the elements of each `--sum` next to each other in `--elements`, or coarsen `--step`",
        )


def _axes(limits: Limits) -> Integers:
    """Return the axes of each layer [d, g, FIELDS]: the total, each group, then the components.

    Strides are still 1 where an axis takes room and 0 elsewhere.
    """
    everything = tuple(range(len(limits.lower)))
    sums = [(everything, limits.units, limits.units), *((g.members, g.lower, g.upper) for g in limits.groups)]
    axes = np.zeros((len(everything), len(sums) + 1, FIELDS), np.int64)
    amounts = np.array([limits.lower, limits.upper])
    for axis, (members, least, most) in enumerate(sums):
        _span(axes[:, axis], members, amounts, (least, most))
    axes[-1, 0, STRIDE] = 1  # the total takes room to the end, so that every element moves along a line
    present = np.minimum(amounts, 1)
    forced, possible = present.sum(axis=1)
    if limits.components[0] > max(1, forced) or limits.components[1] < possible:
        _span(axes[:, -1], everything, present, limits.components)
    return axes


def _span(axis: Integers, members: tuple[int, ...], amounts: Integers, limits: tuple[int, int]) -> None:
    """Write the values [d, FIELDS] that a running total can take and still end inside ``limits``.

    From its first member to its last the total takes room in the table; after the last it is only checked.
    ``amounts`` [2, d] are the least and greatest that each element adds.
    """
    axis[list(members), MEMBER] = 1
    least, most = np.cumsum(amounts * axis[:, MEMBER], axis=1)
    first, last = members[0], members[-1]
    kept = slice(first, last + 1)
    axis[kept, LOW] = np.maximum(least, limits[0] - (most[-1] - most))[kept]
    axis[kept, TOP] = np.minimum(most, limits[1] - (least[-1] - least))[kept]
    axis[first:last, STRIDE] = 1
