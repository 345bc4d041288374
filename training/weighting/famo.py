"""Fast adaptive multi-task optimisation."""

from __future__ import annotations

import torch
from torch import Tensor

from training.methods import require
from training.weighting.adam import MaskedAdam
from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, bounded_log, log_slope


class Famo(LossWeighting):
    """c·Σ zₜ·log Lₜ, z = softmax(ξ), c = 1/Σ(zₜ/Lₜ): all losses shall fall by the same share.

    Liu 2023 (doi:10.48550/arXiv.2306.03792). After the model's step, with δₜ = log Lₜ(before) − log Lₜ(after) on the
    same batch, ξ takes an Adam step along zₜ(δₜ − Σzδ) + decay·ξₜ: who fell least gains weight. One gradient per step;
    the price is a second forward pass.
    A batch of one task compares nothing and teaches nothing.

    Args:
        tasks: t.
        lr: step of ξ.
        decay: pull of ξ towards equal weights; 1e-5 in the authors' code.
        least: log of the loss below which the logarithm goes on as a line, which bounds the weight.
    """

    reads_after = True
    logits: Tensor

    def __init__(self, tasks: int, lr: float = 0.025, decay: float = 1e-3, least: float = LEAST_LOG_LOSS) -> None:
        super().__init__(tasks)
        require(lr > 0, "lr", lr, "give a number above 0")
        require(decay >= 0, "decay", decay, "give 0 or a number above 0")
        self.decay, self.least = decay, least
        self.adam = MaskedAdam(tasks, lr)
        self.register_buffer("logits", torch.zeros(tasks))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        known = losses[present]
        shares = torch.softmax(self.logits[present], dim=0).to(known)
        slopes = log_slope(known, self.least)
        scale = 1.0 / (shares * slopes).sum()
        self.remember(scale * shares * slopes, present)
        return (scale * shares * bounded_log(known, self.least)).sum()

    def after_step(self, before: Tensor, after: Tensor, present: Tensor) -> None:
        """Move weight to the losses that fell least."""
        if int(present.sum()) < 2:
            return
        fall = bounded_log(before[present], self.least) - bounded_log(after[present], self.least)
        fall = fall.detach().to(self.logits)
        shares = torch.softmax(self.logits[present], dim=0)
        gradient = shares * (fall - (shares * fall).sum()) + self.decay * self.logits[present]
        self.logits[present] += self.adam.step(gradient, present)

    def reset(self) -> None:
        """Return to equal weights."""
        self.logits.zero_()
        self.adam.reset()
