"""Cells in whole grid units: boxes cut by the sum of all amounts, tightened, counted, split and listed.

A cell is a row of `members` (positions of elements in the space), `lower` and `upper`, all int16 [s]; elements that are
not members are absent. It holds the amounts n with lower ≤ n ≤ upper and Σ n = units that meet the limits of the space.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

Small: TypeAlias = NDArray[np.int16]


class CellLimits(NamedTuple):
    """What every cell of a space must meet.

    Attributes:
        units: grid units of a whole alloy.
        fewest: least number of elements present.
        most: greatest number of elements present.
        grouped: which elements each sum limit counts, shape (g, d).
        group_low: least total of each, shape (g,).
        group_high: greatest total of each, shape (g,).
    """

    units: int
    fewest: int
    most: int
    grouped: NDArray[np.bool_]
    group_low: NDArray[np.int64]
    group_high: NDArray[np.int64]


@kernel
def tighten_all(members: Small, lower: Small, upper: Small, limits: CellLimits, alive: NDArray[np.bool_]) -> None:
    """Shrink every cell (n, s) to what its limits leave and say in ``alive`` [n] which may hold a candidate."""
    for row in range(lower.shape[0]):
        alive[row] = tighten(members[row], lower[row], upper[row], limits)


@kernel
def tighten(members: Small, lower: Small, upper: Small, limits: CellLimits) -> bool:
    """Shrink one cell until nothing moves; False if it holds no candidate."""
    moved = 1
    while moved > 0:
        moved = tighten_sum(lower, upper, limits.units)
        if moved >= 0:
            more = tighten_presence(lower, upper, limits.fewest, limits.most)
            moved = moved + more if more >= 0 else -1
        for g in range(limits.group_low.size):
            if moved >= 0:
                more = tighten_group(members, lower, upper, limits, g)
                moved = moved + more if more >= 0 else -1
    return moved == 0


@kernel
def tighten_sum(lower: Small, upper: Small, units: int) -> int:
    """Apply Σ n = units: how many limits moved, or -1 if it cannot hold."""
    least, most, moved = 0, 0, 0
    for i in range(lower.size):
        if lower[i] > upper[i]:
            return -1
        least += lower[i]
        most += upper[i]
    if least > units or most < units:
        return -1
    for i in range(lower.size):
        low = units - (most - upper[i])
        if low > lower[i]:
            least += low - lower[i]
            lower[i] = low
            moved += 1
        high = units - (least - lower[i])
        if high < upper[i]:
            most -= upper[i] - high
            upper[i] = high
            moved += 1
    return moved


@kernel
def tighten_presence(lower: Small, upper: Small, fewest: int, most: int) -> int:
    """Apply the limits on how many elements are present: how many limits moved, or -1 if they cannot hold."""
    present, possible, moved = 0, 0, 0
    for i in range(lower.size):
        present += 1 if lower[i] > 0 else 0
        possible += 1 if upper[i] > 0 else 0
    if present > most or possible < fewest:
        return -1
    for i in range(lower.size):
        if lower[i] == 0 and upper[i] > 0:
            if present == most:
                upper[i] = 0
                moved += 1
            elif possible == fewest:
                lower[i] = 1
                moved += 1
    return moved


@kernel
def tighten_group(members: Small, lower: Small, upper: Small, limits: CellLimits, g: int) -> int:
    """Apply the limits on one sum: how many limits moved, or -1 if they cannot hold."""
    least, most, moved = 0, 0, 0
    for i in range(lower.size):
        if limits.grouped[g, members[i]]:
            least += lower[i]
            most += upper[i]
    if least > limits.group_high[g] or most < limits.group_low[g]:
        return -1
    for i in range(lower.size):
        if limits.grouped[g, members[i]]:
            low = limits.group_low[g] - (most - upper[i])
            if low > lower[i]:
                least += low - lower[i]
                lower[i] = low
                moved += 1
            high = limits.group_high[g] - (least - lower[i])
            if high < upper[i]:
                most -= upper[i] - high
                upper[i] = high
                moved += 1
            if lower[i] > upper[i]:
                return -1
    return moved


@kernel
def count_all(lower: Small, upper: Small, units: int, work: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write how many points of the box meet Σ n = units into ``out`` [n]; ``work`` [2, units + 1] is scratch."""
    for row in range(lower.shape[0]):
        rest = units
        for i in range(lower.shape[1]):
            rest -= lower[row, i]
        # Counting what is given or what is held back is the same; the smaller of the two is quicker.
        room = -rest
        for i in range(lower.shape[1]):
            room += upper[row, i] - lower[row, i]
        rest = min(rest, room)
        out[row] = count_box(lower[row], upper[row], rest, work) if rest >= 0 else 0.0


@kernel
def count_box(lower: Small, upper: Small, rest: int, work: NDArray[np.float64]) -> float:
    """Count the ways to spread ``rest`` units over the widths of one box."""
    ways, sums = work[0], work[1]
    ways[: rest + 1] = 0.0
    ways[0] = 1.0
    for i in range(lower.size):
        width = upper[i] - lower[i]
        if width > 0:
            total = 0.0
            for r in range(rest + 1):
                total += ways[r]
                sums[r] = total
            for r in range(rest + 1):
                ways[r] = sums[r] - (sums[r - width - 1] if r > width else 0.0)
    return float(ways[rest])


@kernel
def list_points(
    members: Small, lower: Small, upper: Small, limits: CellLimits, owner: NDArray[np.int64], out: Small
) -> int:
    """Write the candidates of every cell (n, s) as rows of ``out`` (b, d) and their cells into ``owner`` [b].

    There must be room for every point of every box. Returns the rows written.
    """
    found, s = 0, lower.shape[1]
    amounts = np.zeros(s, np.int64)
    least, most = np.zeros(s + 1, np.int64), np.zeros(s + 1, np.int64)
    for row in range(lower.shape[0]):
        for i in range(s - 1, -1, -1):
            least[i] = least[i + 1] + lower[row, i]
            most[i] = most[i + 1] + upper[row, i]
        rest, i = limits.units, 0
        amounts[0] = max(lower[row, 0], rest - most[1])
        while i >= 0:
            if amounts[i] > min(upper[row, i], rest - least[i + 1]):
                i -= 1
                if i >= 0:
                    rest += amounts[i]
                    amounts[i] += 1
            elif i < s - 1:
                rest -= amounts[i]
                i += 1
                amounts[i] = max(lower[row, i], rest - most[i + 1])
            else:
                # Σ n = units leaves the last element one amount only.
                amounts[i] = rest
                if allowed(members[row], amounts, limits):
                    out[found] = 0
                    for j in range(s):
                        if amounts[j] > 0:
                            out[found, members[row, j]] = amounts[j]
                    owner[found] = row
                    found += 1
                amounts[i] = rest + 1
    return found


@kernel
def allowed(members: Small, amounts: NDArray[np.int64], limits: CellLimits) -> bool:
    """Say whether amounts [s] meet the limits on present elements and on sums."""
    present = 0
    for i in range(amounts.size):
        present += 1 if amounts[i] > 0 else 0
    if present < limits.fewest or present > limits.most:
        return False
    for g in range(limits.group_low.size):
        total = 0
        for i in range(amounts.size):
            if limits.grouped[g, members[i]]:
                total += amounts[i]
        if total < limits.group_low[g] or total > limits.group_high[g]:
            return False
    return True
