"""Label distribution smoothing: weigh rows by the inverse of their label's smoothed density.

Yang, Zha, Chen, Wang, Katabi 2021, doi:10.48550/arXiv.2102.09554. Bins by Freedman & Diaconis 1981,
doi:10.1007/BF01025868. The method is not defined for classes; `class_weights` is the nearest thing for them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.imbalance.choices import require_choice
from training.imbalance.kernels import FINEST, require_clip, smoothing_kernel, smoothing_matrix

REWEIGHTINGS = ("sqrt_inv", "inverse")
TRIM = 0.001
"""Share of labels at each end that is pooled into the edge bins."""
MOST_BINS, FEWEST_BINS = 100, 10
INVERSE_RANGE = (5.0, 1000.0)
"""Counts are clipped to this range before they are inverted, those of empty bins too."""
CLIP = (0.1, 10.0)

Array = NDArray[np.float64]


def lds_weights(
    y: NDArray[np.floating],
    *,
    kernel: str = "official",
    size: int = 5,
    sigma: float = 2.0,
    reweight: str = "sqrt_inv",
    n_bins: int | None = None,
    padding: str = "zero",
    clip: tuple[float, float] = CLIP,
) -> Array:
    """Weigh the training labels of one task, shape (n,) → (n,), mean 1; all 1 for a constant label.

    Args:
        y: labels of the training rows alone, shape (n,), any unit.
        kernel: `official`, `analytic`, `triangular` or `laplace`.
        size: bins of the kernel, odd.
        sigma: width of the kernel in bins.
        reweight: `sqrt_inv` or `inverse`.
        n_bins: bins between the 0.1 % and 99.9 % quantiles; by Freedman and Diaconis, 10 to 100, where None.
        padding: `zero`, which raises the weights at both ends, or `reflect`.
        clip: smallest and largest weight before the last normalisation.

    Raises:
        InputError: no labels, labels that are not finite, or an option out of its range.
    """
    require_choice("reweight", reweight, REWEIGHTINGS)
    values = _finite(y)
    if n_bins is not None and not 1 <= n_bins <= FINEST:
        raise InputError(f"`{n_bins}` bins cannot hold labels", f"give 1 to {FINEST}, or leave `n_bins` out")
    low, high = require_clip(clip)
    smooth = smoothing_kernel(kernel, size, sigma)
    edges = label_edges(values, n_bins)
    if edges is None:
        return np.ones(len(values))
    bins = bin_of(values, edges)
    counts = np.bincount(bins, minlength=len(edges) - 1).astype(np.float64)
    _, per_bin = bin_weights(counts, smooth, reweight, padding)
    weight = np.clip(per_bin[bins], low, high)
    return np.asarray(weight / weight.mean())


def bin_weights(counts: Array, kernel: Array, reweight: str = "sqrt_inv", padding: str = "zero") -> tuple[Array, Array]:
    """Smooth a histogram and invert it.

    Args:
        counts: labels in each bin, shape (bins,), some above 0.
        kernel: smoothing weights, peak 1, shape (size,).
        reweight: `sqrt_inv` or `inverse`.
        padding: `zero` or `reflect`.

    Returns:
        Smoothed density and weight of each bin, shape (bins,) each, weights with mean 1 over the labels; 0 in bins too
        far from any label to have a density.
    """
    density = np.sqrt(counts) if reweight == "sqrt_inv" else np.clip(counts, *INVERSE_RANGE)
    smoothed = smoothing_matrix(len(counts), kernel, padding) @ density
    raw = np.divide(1.0, smoothed, out=np.zeros(len(counts)), where=smoothed > 0.0)
    return smoothed, raw * counts.sum() / (counts @ raw)


def label_edges(y: Array, n_bins: int | None = None) -> Array | None:
    """Cut the range of labels without their outermost 0.1 % into equal bins, shape (bins + 1,); None if it is empty."""
    low, high = np.quantile(y, [TRIM, 1.0 - TRIM])
    if not high > low or (high - low) <= 1e-12 * max(abs(low), abs(high)):
        return None
    return np.linspace(low, high, (n_bins or _freedman_diaconis(y, float(high - low))) + 1)


def _freedman_diaconis(y: Array, span: float) -> int:
    """Count the bins of width 2·IQR·n^(−1/3) in a span, between the fewest and the most."""
    width = 2.0 * float(np.subtract(*np.quantile(y, [0.75, 0.25]))) * len(y) ** (-1.0 / 3.0)
    if width <= span / MOST_BINS:
        return MOST_BINS
    return int(max(FEWEST_BINS, math.ceil(span / width)))


def bin_of(y: Array, edges: Array) -> NDArray[np.int64]:
    """Number of the bin of every label, those outside in the edge bins, shape (n,)."""
    return np.clip(np.searchsorted(edges, y, side="right") - 1, 0, len(edges) - 2).astype(np.int64)


def class_weights(label: NDArray[np.floating]) -> Array:
    """Weigh 0/1 labels so that both classes count alike, shape (n,), mean 1; all 1 where there is one class only."""
    positive = _finite(label) > 0.5
    share = np.array([1.0 - positive.mean(), positive.mean()])
    return np.ones(len(positive)) if share.min() == 0.0 else np.asarray(0.5 / share[positive.astype(int)])


def _finite(y: NDArray[np.floating]) -> Array:
    """Labels as float64, refused where there are none or some are not finite."""
    values = np.asarray(y, np.float64)
    if not len(values):
        raise InputError("there are no labels to weigh", "give the training labels of one task")
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise InputError(f"{broken} labels to weigh are not finite", "give the labelled rows of one task only")
    return values
