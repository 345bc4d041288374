"""Random access to the candidates of a space: rows, amounts, indices, draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from screener._space_counts import Plan, count
from screener._space_kernels import fill_rows, rank_rows, unrank_rows
from screener._space_limits import Limits
from screener.errors import CompositionError


def searchable(limits: Limits) -> tuple[int, Plan]:
    """Return the size and the plan of a space that an int64 can number.

    Raises:
        CompositionError: if the space is empty or too large.
    """
    size, plan = count(limits)
    if plan is None:
        raise CompositionError(
            f"{size} candidates are too many to number", "coarsen `--step`, or narrow `--bounds` or `--components`"
        )
    return size, plan


def fill_block(limits: Limits, start: int, out: NDArray[np.float32]) -> int:
    """Write atomic fractions from candidate ``start`` on into ``out`` [b, d] and return the rows written."""
    _check_out(limits, out, out.dtype == np.float32, "float32")
    return _fill(limits, start, out, None)


def fill_units(limits: Limits, start: int, out: NDArray[np.uint8] | NDArray[np.uint16]) -> int:
    """Write amounts in grid units from candidate ``start`` on into ``out`` [b, d] and return the rows written."""
    holds = out.dtype in (np.uint8, np.uint16) and np.iinfo(out.dtype).max >= limits.units
    _check_out(limits, out, holds, f"uint8 or uint16 that holds {limits.units}")
    return _fill(limits, start, out, np.arange(limits.units + 1, dtype=out.dtype))


def _check_out(limits: Limits, out: NDArray[np.generic], holds: bool, kind: str) -> None:
    """Refuse an array of another type, shape or layout."""
    d = len(limits.lower)
    if not holds or out.ndim != 2 or out.shape[1] != d or not out.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous {kind} [b, {d}]")


def _fill(limits: Limits, start: int, out: NDArray[np.generic], written: NDArray[np.generic] | None) -> int:
    """Write what stands for each amount: fractions, or ``written`` [units + 1]."""
    size, plan = searchable(limits)
    d = len(limits.lower)
    if not 0 <= start <= size:
        raise IndexError(f"candidate {start} of {size}")
    rows, values = min(len(out), size - start), plan.fractions if written is None else written
    if d == 1:
        out[:rows] = values[-1]
    elif rows > 0:
        path = np.empty((2, d), np.int64)
        fill_rows(plan.table, plan.layout, start, plan.new_walk(), path, values, out[:rows])
    return rows


def counts_of(limits: Limits, index: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the amounts of candidates ``index`` [n] in grid units [n, d]."""
    size, plan = searchable(limits)
    index = np.ascontiguousarray(np.asarray(index).astype(np.int64, casting="safe"))
    if index.size and not 0 <= index.min() <= index.max() < size:
        raise IndexError(f"candidates {index.min()} to {index.max()} of {size}")
    out = np.empty((index.size, len(limits.lower)), np.int32)
    unrank_rows(plan.table, plan.layout, index, plan.new_walk(), out)
    return out


def ranks_of(limits: Limits, counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the index [n] of amounts [n, d] in grid units; -1 for a row outside the space."""
    _, plan = searchable(limits)
    if counts.ndim != 2 or counts.shape[1] != len(limits.lower):
        raise ValueError(f"counts must be [n, {len(limits.lower)}]")
    amounts = np.ascontiguousarray(counts.astype(np.int64, casting="safe"))
    out = np.empty(len(counts), np.int64)
    rank_rows(plan.table, plan.layout, amounts, plan.new_walk(), out)
    return out


def draw(size: int, n: int, seed: int) -> NDArray[np.int64]:
    """Draw ``n`` distinct numbers below ``size`` uniformly, ascending; all of them if there are no more.

    Repeats are drawn again: nothing tells one number from another, so every set of ``n`` is equally likely.
    """
    for name, value in (("sample size", n), ("seed", seed)):
        if value < 0:
            raise CompositionError(f"{name} `{value}` is negative", f"use a {name} of 0 or more")
    if n >= size:
        return np.arange(size, dtype=np.int64)
    if n > size // 2:
        kept = np.ones(size, bool)
        kept[draw(size, size - n, seed)] = False
        return np.flatnonzero(kept)
    source, spare = np.random.PCG64(seed), 64 - (size - 1).bit_length()
    drawn = np.empty(0, np.int64)
    while len(drawn) < n:
        # Raw words, because their stream is fixed for good while that of Generator may change between releases.
        words = source.random_raw(2 * (n - len(drawn))) >> np.uint64(spare)
        fresh = words[words < np.uint64(size)][: n - len(drawn)].astype(np.int64)
        drawn = np.sort(np.concatenate([drawn, fresh]))
        drawn = drawn[np.diff(drawn, prepend=-1) > 0]
    return drawn
