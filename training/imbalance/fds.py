"""Feature distribution smoothing: features of neighbouring labels should have neighbouring means and variances.

Yang, Zha, Chen, Wang, Katabi 2021, doi:10.48550/arXiv.2102.09554. A layer between trunk and head that calibrates
features in training and does nothing in evaluation. Statistics are kept per bucket of the label and refreshed once per
epoch from unsmoothed features of the trunk in evaluation mode (`statistics_pass`). Whitening and recolouring use
statistics of the same epoch. Buckets that no row was seen in neither give nor take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from screener.errors import InputError
from training.imbalance.kernels import FINEST, require_clip, smoothing_kernel, smoothing_matrix

MOST_BUCKETS = 100
ROWS_PER_BUCKET = 20
FLAT = 1e-10
"""Rows of a bucket whose variances sum to less than this are left as they are."""
BLOCK = 8192


class FeatureSmoothing(nn.Module):
    """Calibration of the features of one regression task.

    Shape:
        z (b, d), y (b,) → (b, d); rows whose label is NaN are returned as they are.

    Args:
        features: d.
        low: lower end of the labels; labels below are pooled into the first bucket.
        high: upper end of the labels.
        buckets: number of equal buckets between them.
        start_update: epoch whose statistics are the first.
        start_smooth: epoch that is the first to calibrate.
        momentum: share of the old statistics that stays at each update.
        kernel: kernel along the buckets, see `kernels`.
        size: its buckets, odd.
        sigma: its width in buckets.
        clip: smallest and largest ratio of variances.

    Raises:
        InputError: an option out of its range.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor
    last_mean: Tensor
    last_variance: Tensor
    smooth_mean: Tensor
    smooth_variance: Tensor
    ready: Tensor

    def __init__(
        self,
        features: int,
        low: float,
        high: float,
        buckets: int = MOST_BUCKETS,
        *,
        start_update: int = 0,
        start_smooth: int = 1,
        momentum: float = 0.9,
        kernel: str = "official",
        size: int = 5,
        sigma: float = 2.0,
        clip: tuple[float, float] = (0.1, 10.0),
    ) -> None:
        super().__init__()
        if not 0.0 <= momentum < 1.0:
            raise InputError(f"momentum `{momentum}` is not in 0 ≤ momentum < 1", "give a share such as 0.9")
        if not 1 <= buckets <= FINEST or not high > low:
            raise InputError(f"`{buckets}` buckets from {low:g} to {high:g} hold no labels", "give a range of labels")
        self.low, self.high, self.buckets = low, high, buckets
        self.start_update, self.start_smooth, self.momentum = start_update, start_smooth, momentum
        self.clip = require_clip(clip)
        weights = smoothing_kernel(kernel, size, sigma)
        matrix = smoothing_matrix(buckets, weights / weights.sum(), "reflect")
        self.register_buffer("matrix", torch.from_numpy(matrix).float(), persistent=False)
        for name, value in (("mean", 0.0), ("variance", 1.0), ("last_mean", 0.0), ("last_variance", 1.0)):
            self.register_buffer(name, torch.full((buckets, features), value))
        self.register_buffer("smooth_mean", torch.zeros(buckets, features))
        self.register_buffer("smooth_variance", torch.ones(buckets, features))
        self.register_buffer("seen", torch.zeros(buckets, dtype=torch.bool))
        self.register_buffer("ready", torch.zeros(buckets, dtype=torch.bool))
        self._collected: list[tuple[Tensor, Tensor]] = []

    def bucket(self, y: Tensor) -> Tensor:
        """Number of the bucket of every label, those outside in the first or last, shape (b,)."""
        position = (y.nan_to_num() - self.low) / (self.high - self.low) * self.buckets
        return position.floor().clamp(0, self.buckets - 1).long()

    def forward(self, z: Tensor, y: Tensor, epoch: int) -> Tensor:
        """Calibrate features in training from epoch ``start_smooth`` on; gradients flow through ``z`` alone."""
        if not self.training or epoch < self.start_smooth:
            return z
        b = self.bucket(y)
        moved = calibrate(
            z, self.last_mean[b], self.last_variance[b], self.smooth_mean[b], self.smooth_variance[b], self.clip
        )
        return torch.where((self.ready[b] & ~y.isnan())[:, None], moved, z)

    def collect(self, z: Tensor, y: Tensor) -> None:
        """Take unsmoothed features (b, d) of labels (b,) into the statistics of this epoch; NaN labels are left out."""
        known = ~y.isnan()
        self._collected.append((z.detach()[known].clone(), y.detach()[known].clone()))

    def end_epoch(self, epoch: int) -> None:
        """Smooth what the epochs before gave, and only then take in what was collected in this one."""
        if self.seen.any():
            self._refresh()
        if epoch >= self.start_update and self._collected:
            self._update()
        self._collected.clear()

    def reset(self) -> None:
        """Forget all statistics."""
        for tensor, value in ((self.mean, 0.0), (self.last_mean, 0.0), (self.smooth_mean, 0.0)):
            tensor.fill_(value)
        for tensor in (self.variance, self.last_variance, self.smooth_variance):
            tensor.fill_(1.0)
        self.seen.fill_(False)
        self.ready.fill_(False)
        self._collected.clear()

    def _refresh(self) -> None:
        """Copy the running statistics and smooth the copies over the buckets that were seen."""
        self.last_mean, self.last_variance = self.mean.clone(), self.variance.clone()
        share = self.seen.float()
        weight = (self.get_buffer("matrix") @ share).clamp(min=1e-12)[:, None]
        mix = self.get_buffer("matrix") * share
        self.smooth_mean, self.smooth_variance = mix @ self.last_mean / weight, mix @ self.last_variance / weight
        self.ready = self.seen.clone()

    def _update(self) -> None:
        """Move the running statistics of the buckets seen in this epoch; a first sight replaces them."""
        z, y = (torch.cat(parts) for parts in zip(*self._collected, strict=True))
        count, mean, variance = bucket_statistics(z, self.bucket(y), self.buckets)
        now = count > 0
        keep = torch.where(now & self.seen, self.momentum, torch.where(now, 0.0, 1.0))[:, None]
        self.mean = keep * self.mean + (1.0 - keep) * mean
        self.variance = keep * self.variance + (1.0 - keep) * variance
        self.seen = self.seen | now


def calibrate(
    z: Tensor,
    mean: Tensor,
    variance: Tensor,
    smooth_mean: Tensor,
    smooth_variance: Tensor,
    clip: tuple[float, float] = (0.1, 10.0),
) -> Tensor:
    """(z − μ)·√clip(ṽ/v) + μ̃ for rows (b, d); channels without variance, and rows without any, are left as they are."""
    varies = (variance > 0.0) & (variance.sum(-1, keepdim=True) >= FLAT)
    ratio = torch.where(varies, smooth_variance / torch.where(varies, variance, 1.0), 1.0).clamp(*clip)
    return torch.where(varies, (z - mean) * ratio.sqrt() + smooth_mean, z)


def bucket_statistics(z: Tensor, bucket: Tensor, buckets: int) -> tuple[Tensor, Tensor, Tensor]:
    """Count (k,), mean (k, d) and unbiased variance (k, d) of the rows in each of k buckets; 0 where there are none."""
    count = torch.bincount(bucket, minlength=buckets)
    empty = z.new_zeros(buckets, z.shape[1])
    mean = empty.index_add(0, bucket, z) / count.clamp(min=1)[:, None]
    squares = empty.index_add(0, bucket, (z - mean[bucket]) ** 2)
    return count, mean, squares / (count - 1).clamp(min=1)[:, None]


def bucket_count(labels: int) -> int:
    """Take at most 100 buckets, and no more than one for every 20 labels."""
    return max(1, min(MOST_BUCKETS, labels // ROWS_PER_BUCKET))


def smoothing_for(y: NDArray[np.floating], features: int, **options: float | int | str) -> FeatureSmoothing:
    """Make the layer of one task from its training labels, shape (n,), NaN where absent.

    Raises:
        InputError: fewer than two different labels, or an option out of its range.
    """
    known = np.asarray(y, np.float64)[~np.isnan(y)]
    if not len(known) or known.min() == known.max():
        raise InputError("labels to smooth along do not vary", "leave the task out of feature smoothing")
    count = int(options.pop("buckets", bucket_count(len(known))))
    return FeatureSmoothing(features, float(known.min()), float(known.max()), count, **options)  # type: ignore[arg-type]


def statistics_pass(
    trunk: Callable[[Tensor], Tensor], net: nn.Module, layers: Sequence[FeatureSmoothing | None], x: Tensor, y: Tensor
) -> None:
    """Collect the features of all training rows, without dropout and without moving normalisation statistics.

    Args:
        trunk: features of rows, (b, f) → (b, d); a part of ``net``.
        net: put in evaluation mode meanwhile.
        layers: smoothing of each task, None for tasks without, length t.
        x: inputs, shape (n, f).
        y: standardised labels, NaN where absent, shape (n, t).
    """
    modes = {module: module.training for module in net.modules()}
    net.eval()
    with torch.no_grad():
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            z = trunk(x[rows])
            for task, layer in enumerate(layers):
                if layer is not None:
                    layer.collect(z, y[rows, task])
    for module, mode in modes.items():
        module.training = mode
