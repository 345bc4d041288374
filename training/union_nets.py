"""The paper's nets on the union of all tasks: independent, and hard sharing with masked losses.

Both follow Kang 2025 (doi:10.48550/arXiv.2512.22740): ReLU, batch normalisation, dropout 0.3, Adam with weight decay
1e-5; a single-task net f → 128 → 64 → 1, and a shared trunk f → 128 → 128 with heads 64 → 1. Departures, for speed:
batches of 256 and 60 epochs of a one-cycle schedule at peak rate 3e-3. A task's loss is the mean over the rows of the
batch that have its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.nets import SharedNet, single_thread

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class UnionRows:
    """Rows of several tasks side by side.

    Attributes:
        x: features, shape (n, f).
        y: targets as learned (logarithms taken), NaN where absent, shape (n, t).
        is_label: which tasks are labels, shape (t,).
    """

    x: Array
    y: Array
    is_label: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnionNet:
    """A fitted net with its scalers."""

    net: SharedNet
    x_mean: Array
    x_scale: Array
    y_mean: Array
    y_scale: Array

    def predict(self, x: Array) -> Array:
        """Predict all tasks, labels as logits, shape (b, f) → (b, t)."""
        single_thread()
        self.net.eval()
        with torch.no_grad():
            out = self.net(torch.from_numpy(((x - self.x_mean) / self.x_scale).astype(np.float32)))
        return np.asarray(out.numpy().astype(np.float64) * self.y_scale + self.y_mean)


def fit_union_net(rows: UnionRows, *, shared: bool, seed: int, epochs: int = 60, batch: int = 256) -> UnionNet:
    """Fit one net to all tasks of ``rows`` (one task: the independent net)."""
    single_thread()
    torch.manual_seed(seed)
    x_mean, x_scale = rows.x.mean(axis=0), rows.x.std(axis=0)
    x_scale = np.where(x_scale > 1e-6, x_scale, 1.0)  # an element new to the net must not arrive as a huge number
    y_mean = np.where(rows.is_label, 0.0, np.nanmean(rows.y, axis=0))
    y_scale = np.where(rows.is_label, 1.0, np.maximum(np.nanstd(rows.y, axis=0), 1e-9))
    x = torch.from_numpy(((rows.x - x_mean) / x_scale).astype(np.float32))
    known = torch.from_numpy(np.isfinite(rows.y))
    y = torch.from_numpy(np.nan_to_num((rows.y - y_mean) / y_scale).astype(np.float32))
    widths, head = ((128, 128), 64) if shared else ((128, 64), 0)
    net = SharedNet(rows.x.shape[1], widths, rows.y.shape[1], head_width=head)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-5, fused=True)
    steps = len(x) // batch
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 3e-3, total_steps=max(1, steps) * epochs, cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, max(1, steps) * batch, batch):
            chosen = order[start : start + batch]
            optimiser.zero_grad(set_to_none=True)
            losses = masked_losses(net(x[chosen]), y[chosen], known[chosen], rows.is_label)
            torch.autograd.backward(losses.sum())
            optimiser.step()
            cycle.step()
    return UnionNet(net, x_mean, x_scale, y_mean, y_scale)


def masked_losses(out: Tensor, y: Tensor, known: Tensor, is_label: NDArray[np.bool_]) -> Tensor:
    """Mean loss of every task over the rows that have its label; 0 for a task without any.

    Args:
        out: standardised predictions and logits, shape (b, t).
        y: standardised targets and labels, anything where absent, shape (b, t).
        known: where a target is present, shape (b, t).
        is_label: which tasks are labels, shape (t,).

    Returns:
        Losses, shape (t,).
    """
    labels = torch.from_numpy(is_label)
    y = torch.where(known, y, 0.0)  # NaN times zero would still be NaN
    error = torch.where(
        labels,
        nn.functional.binary_cross_entropy_with_logits(out, y.clamp(0.0, 1.0), reduction="none"),
        (out - y).square(),
    )
    return (error * known).sum(dim=0) / known.sum(dim=0).clamp_min(1)
