"""Imbalance as the only thing that changes: nested subsamples of the large task, at equal numbers of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.comparison import PairedTest, corrected_paired_test

PAPER_SIZES = (1_000, 5_000, 10_000, 25_000, 52_388)
Rows = NDArray[np.int64]


def nested_subsamples(rows: Rows, sizes: Sequence[int], seed: int) -> dict[int, Rows]:
    """Draw subsamples of training rows (n,), each within the next larger one, ascending row numbers.

    Raises:
        InputError: a size below 1, or above the number of rows.
    """
    for size in sizes:
        if not 1 <= size <= len(rows):
            raise InputError(f"no `{size}` rows among {len(rows)}", f"give sizes from 1 to {len(rows)}")
    order = np.random.default_rng(seed).permutation(rows)
    return {size: np.sort(order[:size]) for size in sorted(set(sizes))}


def paper_ladder(rows: int) -> tuple[int, ...]:
    """Sizes of the paper below a number of rows, and that number."""
    return (*(size for size in PAPER_SIZES if size < rows), rows)


def keep_labels(known: NDArray[np.bool_], task: int, rows: Rows) -> NDArray[np.bool_]:
    """Hide the labels of one task in all rows but some; other tasks keep theirs, shape (n, t)."""
    kept = known.copy()
    kept[:, task] = False
    kept[rows, task] = known[rows, task]
    return kept


def epochs_for_steps(steps: int, rows: int, batch: int) -> int:
    """Epochs that take at least a number of optimiser steps, so that sizes are compared at equal steps."""
    return math.ceil(steps / math.ceil(rows / batch))


def ratio_slope(
    ratio: Sequence[float], score: Sequence[float], split: Sequence[int], test_share_ratio: float
) -> PairedTest:
    """Test how a score changes per tenfold imbalance, each split with its own level and slope.

    Args:
        ratio: large over small task, above 0, shape (k,).
        score: of the small task, shape (k,).
        split: outer split of each score, shape (k,).
        test_share_ratio: n_test / n_train of the splits.

    Returns:
        The corrected test of the splits' slopes, per factor 10; ``p`` is that of a slope above zero.

    Raises:
        ValueError: fewer than two splits, or one with a single ratio.
    """
    x, y, of = np.log10(ratio), np.asarray(score, np.float64), np.asarray(split)
    slopes = []
    for one in np.unique(of):
        dx = x[of == one] - x[of == one].mean()
        if not (dx @ dx) > 0.0:
            raise ValueError("a slope needs two ratios in every split")
        slopes.append(float(dx @ y[of == one] / (dx @ dx)))
    return corrected_paired_test(slopes, test_share_ratio)
