"""Tile kernels of the float32 featurizer: float64 sums, two-pass spreads, nothing allocated inside.

Rows are worked on in tiles, elements first and rows last in memory, so that every sum runs over many rows at once.
A row's result has the same bits in whichever tile and beside whichever rows it stands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel

KERNEL_VERSION = 1
"""Raised whenever a change can move a descriptor by more than its float32 rounding."""


class Plan(NamedTuple):
    """A feature set compiled for one list of elements.

    Attributes:
        fraction_column: output column of each element's fraction, −1 for none, shape (d,).
        columns: element columns to average, shape (m, d).
        pairs: pair properties, shape (q, d, d).
        ops: one row (kind, first, second, output column) per remaining descriptor, shape (o, 4).
        scales: factor per operation, shape (o,).
        pair_floor: smallest fraction that takes part in pair extremes, shape (1,).
    """

    fraction_column: NDArray[np.int64]
    columns: NDArray[np.float64]
    pairs: NDArray[np.float64]
    ops: NDArray[np.int64]
    scales: NDArray[np.float64]
    pair_floor: NDArray[np.float64]


class Scratch(NamedTuple):
    """Working memory of one thread for tiles of T rows.

    Attributes:
        amount: fractions of the tile, shape (d, T).
        present: elements that occur in the tile, shape (d,).
        means: averaged element columns, shape (m, T).
        value: result of one operation, shape (T,).
        row: a second vector for sums of sums, shape (T,).
    """

    amount: NDArray[np.float64]
    present: NDArray[np.int64]
    means: NDArray[np.float64]
    value: NDArray[np.float64]
    row: NDArray[np.float64]


@kernel
def load_tile(fractions: NDArray[np.float32], start: int, rows: int, work: Scratch) -> int:
    """Copy a tile, normalise it in float64, and return how many elements occur in it."""
    n = 0
    total = work.value
    total[:rows] = 0.0
    for i in range(fractions.shape[1]):
        amount, column = work.amount[i], fractions[start : start + rows, i]
        for t in range(rows):
            amount[t] = column[t]
        # counted in whole numbers: several rows at once, which a largest or a sum of floats is not
        occurs = 0
        for t in range(rows):
            total[t] += amount[t]
            occurs += amount[t] > 0.0
        if occurs > 0:
            work.present[n] = i
            n += 1
    for t in range(rows):
        total[t] = 1.0 / total[t]
    for k in range(n):
        amount = work.amount[work.present[k]]
        for t in range(rows):
            amount[t] *= total[t]
    return n


@kernel
def load_means(columns: NDArray[np.float64], rows: int, n: int, work: Scratch) -> None:
    """Average every element column over each row of the tile."""
    for m in range(columns.shape[0]):
        mean = work.means[m]
        mean[:rows] = 0.0
        for k in range(n):
            i = work.present[k]
            weight, amount = columns[m, i], work.amount[i]
            for t in range(rows):
                mean[t] += amount[t] * weight


@kernel
def covariance(columns: NDArray[np.float64], a: int, b: int, rows: int, n: int, work: Scratch) -> None:
    """Σ c_i (a_i − ⟨a⟩)(b_i − ⟨b⟩) of each row."""
    value, mean_a, mean_b = work.value, work.means[a], work.means[b]
    value[:rows] = 0.0
    for k in range(n):
        i = work.present[k]
        p, q, amount = columns[a, i], columns[b, i], work.amount[i]
        for t in range(rows):
            value[t] += amount[t] * (p - mean_a[t]) * (q - mean_b[t])


@kernel
def pair_sum(phi: NDArray[np.float64], rows: int, n: int, work: Scratch) -> None:
    """Σ_{i≠j} c_i c_j φ_ij of each row."""
    value, inner = work.value, work.row
    value[:rows] = 0.0
    for k in range(n):
        i = work.present[k]
        inner[:rows] = 0.0
        for m in range(k + 1, n):
            j = work.present[m]
            weight, other = 2.0 * phi[i, j], work.amount[j]
            for t in range(rows):
                inner[t] += other[t] * weight
        amount = work.amount[i]
        for t in range(rows):
            value[t] += amount[t] * inner[t]


@kernel
def pair_extreme(phi: NDArray[np.float64], sign: float, floor: float, rows: int, n: int, work: Scratch) -> None:
    """Largest (sign 1) or smallest (sign −1) φ_ij of each row over pairs above ``floor``; 0 where there is no pair."""
    value = work.value
    value[:rows] = -np.inf
    for k in range(n):
        first = work.amount[work.present[k]]
        for m in range(k + 1, n):
            second = work.amount[work.present[m]]
            weight = sign * phi[work.present[k], work.present[m]]
            for t in range(rows):
                if first[t] > floor and second[t] > floor:
                    value[t] = max(value[t], weight)
    for t in range(rows):
        value[t] = sign * value[t] if value[t] > -np.inf else 0.0


@kernel
def of_amounts(kind: int, rows: int, n: int, work: Scratch) -> None:
    """Entropy (7), number of elements (8) or largest fraction (9) of each row."""
    value = work.value
    value[:rows] = 0.0
    for k in range(n):
        amount = work.amount[work.present[k]]
        for t in range(rows):
            if amount[t] > 0.0:
                if kind == 7:
                    value[t] -= amount[t] * np.log(amount[t])
                elif kind == 8:
                    value[t] += 1.0
                else:
                    value[t] = max(value[t], amount[t])


@kernel
def of_means(kind: int, a: int, b: int, rows: int, work: Scratch) -> None:
    """A mean (1), ratio (10) or product (11) of means of each row."""
    value, first, second = work.value, work.means[a], work.means[b]
    for t in range(rows):
        if kind == 10:
            value[t] = first[t] / second[t] if second[t] != 0.0 else 0.0
        else:
            value[t] = first[t] * second[t] if kind == 11 else first[t]


@kernel
def operate(op: NDArray[np.int64], plan: Plan, rows: int, n: int, work: Scratch) -> None:
    """Evaluate one operation of the plan for the tile, without its scale, into ``work.value``."""
    kind, a, b = op[0], op[1], op[2]
    if kind == 2 or kind == 3 or kind == 12:
        covariance(plan.columns, a, b, rows, n, work)
        if kind != 12:
            value, mean = work.value, work.means[a]
            for t in range(rows):
                value[t] = np.sqrt(value[t]) / mean[t] if kind == 3 else np.sqrt(value[t])
    elif kind == 4:
        pair_sum(plan.pairs[a], rows, n, work)
    elif kind == 5 or kind == 6:
        pair_extreme(plan.pairs[a], 1.0 if kind == 6 else -1.0, plan.pair_floor[0], rows, n, work)
    elif kind == 7 or kind == 8 or kind == 9:
        of_amounts(kind, rows, n, work)
    else:
        of_means(kind, a, b, rows, work)


@kernel
def featurize_rows(fractions: NDArray[np.float32], plan: Plan, work: Scratch, out: NDArray[np.float32]) -> None:
    """Write the descriptors of every row of ``fractions`` (b, d) into ``out`` (b, f).

    Columns of elements outside the plan are left as they are; the caller hands in zeros.
    """
    tile = work.value.shape[0]
    for start in range(0, fractions.shape[0], tile):
        rows = min(tile, fractions.shape[0] - start)
        n = load_tile(fractions, start, rows, work)
        load_means(plan.columns, rows, n, work)
        for i in range(fractions.shape[1]):
            column = plan.fraction_column[i]
            if column >= 0:
                source, target = fractions[start : start + rows, i], out[start : start + rows, column]
                for t in range(rows):
                    target[t] = source[t]
        for o in range(plan.ops.shape[0]):
            operate(plan.ops[o], plan, rows, n, work)
            target, scale, value = out[start : start + rows, plan.ops[o, 3]], plan.scales[o], work.value
            for t in range(rows):
                target[t] = scale * value[t]
