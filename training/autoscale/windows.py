"""First phase: a short run that logs task gradients and losses, one window per epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.imbalance.masked import masked_means, row_losses
from training.multitask.gradients import gramian, task_gradients
from training.multitask.loop import Trainer

Array = NDArray[np.float64]
SMOOTHING = 0.9
"""Share of the earlier probes that stays within a window."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Smoothed measurements of k windows.

    Attributes:
        gramians: of the task gradients on the shared parameters, shape (k, t, t).
        losses: shape (k, t).
    """

    gramians: Array
    losses: Array


def explore(trainer: Trainer, epochs: int, *, every: int = 10, rows: int = 256, seed: int = 0) -> Windows:
    """Train for a few epochs and probe the tasks on the way.

    Probes use rows of each task of their own, without dropout and with running statistics: the gradients of a training
    batch of the union are noise for rare tasks.

    Args:
        trainer: is trained.
        epochs: windows.
        every: steps between probes; one at the end of a window that would have none.
        rows: rows of each task in a probe, fewer where there are fewer.
        seed: of the rows.
    """
    generator = torch.Generator().manual_seed(seed)
    gramians, losses = [], []
    for epoch in range(epochs):
        mean, logs = _Mean(), []
        for log in trainer.steps(epoch):
            logs.append(log)
            if trainer.stepper.steps % every == 0:
                mean.add(*probe(trainer, rows, generator))
        if not mean.count:
            mean.add(*probe(trainer, rows, generator))
        trainer.end_epoch(epoch, logs)
        gramians.append(mean.value(0))
        losses.append(mean.value(1))
    return Windows(np.stack(gramians), np.stack(losses))


def probe(trainer: Trainer, rows: int, generator: torch.Generator) -> tuple[Array, Array]:
    """Return the Gramian (t, t) and the losses (t,) of the tasks on rows of each."""
    known, net = trainer.rows.known, trainer.net
    chosen = []
    for task in range(net.tasks):
        mine = known[:, task].nonzero()[:, 0]
        chosen.append(mine[torch.randperm(len(mine), generator=generator)[:rows]])
    picked = torch.cat(chosen)
    of_task = torch.repeat_interleave(torch.arange(net.tasks), torch.tensor([len(part) for part in chosen]))
    alone = of_task[:, None] == torch.arange(net.tasks)
    net.eval()
    out = net(trainer.rows.x[picked])
    loss = row_losses(out, trainer.rows.y[picked], known[picked], trainer.rows.is_label)
    means, count = masked_means(loss, alone)
    jacobian, _ = task_gradients(means, count > 0, net.shared_parameters())
    net.train()
    return _array(gramian(jacobian.double())), _array(means)


class _Mean:
    """Exponential mean of probes, the beginning corrected for."""

    def __init__(self) -> None:
        self.count, self.totals = 0.0, [np.zeros(()), np.zeros(())]

    def add(self, *found: Array) -> None:
        """Take one probe."""
        self.totals = [SMOOTHING * total + value for total, value in zip(self.totals, found, strict=True)]
        self.count = SMOOTHING * self.count + 1.0

    def value(self, place: int) -> Array:
        """The mean of one of the measurements."""
        return np.asarray(self.totals[place] / self.count)


def _array(tensor: Tensor) -> Array:
    """A tensor as float64 numbers."""
    return np.asarray(tensor.detach().numpy(), np.float64)
