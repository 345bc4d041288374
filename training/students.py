"""Students: small nets that learn a teacher's answers on unlabelled compositions, so that screening is fast.

One function trains nets of one or several outputs; the loop is plain and visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.nets import Layer, SharedNet, dense_layers, single_thread
from training.tightness import Boxes, GapPenalty

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a net learns.

    Attributes:
        epochs: passes over the rows.
        batch: rows per step.
        rate: peak learning rate of a one-cycle schedule.
        decay: decoupled weight decay.
        widths: hidden widths of the trunk.
        seed: seed of initialisation and order.
        gap: weight of the relaxation gap, in squares of the standardised target, where boxes are given.
    """

    epochs: int = 40
    batch: int = 1024
    rate: float = 4e-3
    decay: float = 1e-6
    widths: tuple[int, ...] = (128, 64)
    seed: int = 0
    gap: float = 0.003


def fit_layers(
    x: Array, y: Array, schedule: Schedule, weight: Array | None = None, boxes: Boxes | None = None
) -> list[list[Layer]]:
    """Train a shared net on standardised targets and return dense layers per task.

    Args:
        x: features, shape (b, f).
        y: targets, shape (b, t); NaN where a task has none.
        schedule: training settings.
        weight: weight of each row and task, shape (b, t), ones if absent.
        boxes: where bounds of the first task are to be tight; None for nowhere.

    Returns:
        For every task layers [(weight, bias)] from raw features to the target.
    """
    single_thread()
    torch.manual_seed(schedule.seed)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    out_mean, out_scale = np.nanmean(y, axis=0), np.maximum(np.nanstd(y, axis=0), 1e-9)
    inputs = torch.from_numpy(((x - mean) / scale).astype(np.float32))
    known = np.isfinite(y)
    target = torch.from_numpy(np.where(known, (y - out_mean) / out_scale, 0.0).astype(np.float32))
    importance = torch.from_numpy((known * (1.0 if weight is None else weight)).astype(np.float32))
    net = SharedNet(x.shape[1], schedule.widths, y.shape[1], norm=False, dropout=0.0)
    penalty = None if boxes is None or not schedule.gap else GapPenalty(boxes.scaled(mean, scale), schedule.seed)
    _learn(net, inputs, target, importance, schedule, penalty)
    return [
        dense_layers(net, t, mean.astype(np.float64), scale.astype(np.float64), float(out_scale[t]), float(out_mean[t]))
        for t in range(y.shape[1])
    ]


def _learn(
    net: SharedNet,
    x: torch.Tensor,
    y: torch.Tensor,
    w: torch.Tensor,
    schedule: Schedule,
    penalty: GapPenalty | None,
) -> None:
    """Run the training loop in place."""
    steps = -(-len(x) // schedule.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.rate, total_steps=steps * schedule.epochs, pct_start=0.1, cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(schedule.seed)
    for _ in range(schedule.epochs):
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x), schedule.batch):
            rows = order[start : start + schedule.batch]
            optimiser.zero_grad(set_to_none=True)
            out = net(x[rows])
            share = w[rows]
            loss = (share * (out - y[rows]).square()).sum() / share.sum().clamp_min(1e-9) * out.shape[1]
            if penalty is not None:
                loss = loss + schedule.gap * penalty.of(net)
            loss.backward()
            optimiser.step()
            cycle.step()
