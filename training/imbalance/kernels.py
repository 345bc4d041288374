"""Smoothing kernels along a histogram of labels.

The official Gaussian of Yang 2021 (doi:10.48550/arXiv.2102.09554) is what filtering a short delta with reflecting
borders leaves, nearly flat; the analytic one is exp(−x²/2σ²). They differ by a third at the ends for 5 bins and σ = 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.imbalance.choices import require_choice

KERNELS = ("official", "analytic", "triangular", "laplace")
FINEST = 1001
"""Bins of the widest kernel, and of the finest histogram: more than measured alloys can fill."""


def smoothing_kernel(kind: str = "official", size: int = 5, sigma: float = 2.0) -> NDArray[np.float64]:
    """Make a symmetric kernel whose peak is 1, shape (size,).

    Args:
        kind: one of `KERNELS`.
        size: number of bins, odd.
        sigma: width in bins; not used by the triangular kernel.

    Raises:
        InputError: an unknown kind, an even or too large size, or a width that is not positive.
    """
    require_choice("kernel", kind, KERNELS)
    if size < 1 or size % 2 == 0:
        raise InputError(f"a kernel of `{size}` bins has no middle", "give an odd size, such as 5")
    if size > FINEST:
        raise InputError(f"a kernel of `{size}` bins is wider than any histogram", f"give an odd size up to {FINEST}")
    if not sigma > 0.0:
        raise InputError(f"kernel width `{sigma}` is not positive", "give a width in bins, such as 2")
    x = np.arange(size) - size // 2
    if kind == "triangular":
        return np.asarray(1.0 - np.abs(x) / (size // 2 + 1.0))
    if kind == "laplace":
        return np.asarray(np.exp(-np.abs(x) / sigma))
    if kind == "analytic":
        return np.asarray(np.exp(-(x**2) / (2.0 * sigma**2)))
    kernel = _filtered_delta(size, sigma)
    return np.asarray(kernel / kernel.max())


def _filtered_delta(size: int, sigma: float) -> NDArray[np.float64]:
    """Filter a delta in the middle of ``size`` bins by a Gaussian cut at 4 σ, with reflecting borders."""
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(np.eye(size)[size // 2], sigma=sigma), np.float64)


def require_clip(clip: Sequence[float]) -> tuple[float, float]:
    """Return a smallest and a largest factor that hold 1.

    Raises:
        InputError: they do not, or they are not two.
    """
    if len(clip) != 2 or not 0.0 < clip[0] <= 1.0 <= clip[1]:
        raise InputError(
            f"clip `{', '.join(f'{each:g}' for each in clip)}` does not hold 1", "give a range such as 0.1, 10"
        )
    return clip[0], clip[1]


def smoothing_matrix(bins: int, kernel: NDArray[np.float64], padding: str = "zero") -> NDArray[np.float64]:
    """Write convolution with a kernel over some bins as a matrix, shape (bins, bins).

    Args:
        bins: number of bins.
        kernel: weights, shape (size,), size odd.
        padding: `zero`, bins beyond the ends are empty, or `reflect`, they mirror those inside.

    Raises:
        InputError: an unknown padding.
    """
    require_choice("padding", padding, ("zero", "reflect"))
    half = len(kernel) // 2
    if padding == "reflect":
        source = np.pad(np.arange(bins), half, mode="reflect" if bins > 1 else "edge")
    else:
        source = np.pad(np.arange(bins), half, constant_values=-1)
    matrix = np.zeros((bins, bins))
    for k, weight in enumerate(kernel):
        column = source[k : k + bins]
        inside = column >= 0
        np.add.at(matrix, (np.flatnonzero(inside), column[inside]), weight)
    return matrix
