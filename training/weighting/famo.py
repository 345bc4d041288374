"""Fast adaptive multi-task optimisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.methods import require
from training.weighting.adam import MaskedAdam
from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, bounded_log, log_slope, per_task, require_least


class Famo(LossWeighting):
    """c·Σ zₜ·log(Lₜ − bₜ), z = softmax(ξ), c = 1/Σ(zₜ/(Lₜ − bₜ)): all losses shall fall by the same share.

    Liu 2023 (doi:10.48550/arXiv.2306.03792). After the model's step, with δₜ = log(Lₜ − bₜ) before − after on the same
    batch, ξ takes an Adam step along zₜ(δₜ − Σzδ) + decay·ξₜ: who fell least gains weight. One gradient per step;
    the price is a second forward pass.
    A batch of one task compares nothing and teaches nothing.

    Args:
        tasks: t.
        lr: step of ξ.
        decay: pull of ξ towards equal weights; 1e-5 in the authors' code.
        lowest: b, the loss that each task can reach at best, one number per task; none are zeros.
        least: log of the loss (above its lowest) below which the logarithm goes on as a line, which bounds the weight.
    """

    reads_after = True
    logits: Tensor
    lowest: Tensor

    def __init__(
        self,
        tasks: int,
        lr: float = 0.025,
        decay: float = 1e-3,
        lowest: Sequence[float] = (),
        least: float = LEAST_LOG_LOSS,
    ) -> None:
        super().__init__(tasks)
        require(lr > 0, "lr", lr, "give a number above 0")
        require(decay >= 0, "decay", decay, "give 0 or a number above 0")
        self.decay, self.least = decay, require_least(least)
        self.adam = MaskedAdam(tasks, lr)
        self.register_buffer("logits", torch.zeros(tasks))
        self.register_buffer("lowest", torch.tensor(per_task(lowest, tasks, "lowest", 0.0)))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        known = self._above(losses, present)
        shares = torch.softmax(self.logits[present], dim=0).to(known)
        slopes = log_slope(known, self.least)
        scale = 1.0 / (shares * slopes).sum()
        self.remember(scale * shares * slopes, present)
        return (scale * shares * bounded_log(known, self.least)).sum()

    def after_step(self, before: Tensor, after: Tensor, present: Tensor) -> None:
        """Move weight to the losses that fell least."""
        if int(present.sum()) < 2:
            return
        logs = (bounded_log(self._above(losses, present), self.least) for losses in (before, after))
        fall = (next(logs) - next(logs)).detach().to(self.logits)
        shares = torch.softmax(self.logits[present], dim=0)
        gradient = shares * (fall - (shares * fall).sum()) + self.decay * self.logits[present]
        self.logits[present] += self.adam.step(gradient, present)

    def _above(self, losses: Tensor, present: Tensor) -> Tensor:
        """Losses of the present tasks above the lowest they can reach, shape (p,)."""
        return losses[present] - self.lowest[present].to(losses)

    def reset(self) -> None:
        """Return to equal weights."""
        self.logits.zero_()
        self.adam.reset()
