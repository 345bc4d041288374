"""GradNorm: weights that bring the tasks' gradients to one norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from training.methods import require
from training.weighting.adam import MaskedAdam
from training.weighting.base import LossWeighting


class GradNorm(LossWeighting):
    """Σ wₜLₜ where w pulls every Gₜ = wₜ‖∂Lₜ/∂W‖ to mean(G)·rₜ^α (Chen 2018, doi:10.48550/arXiv.1711.02257).

    W is the weight of the last shared layer; rₜ = (Lₜ/Lₜ⁰)/mean(L/L⁰) is how far a task lags. The objective
    Σ|Gₜ − target| with a constant target has the slope sign(Gₜ − target)·‖∂Lₜ/∂W‖ in wₜ, so nothing is differentiated
    twice. The model steps with the old w; then w takes an Adam step, is kept above 1e-3, and its sum is restored. Only
    present tasks enter the means, and only their weights move: their own sum is restored, so Σw = T always.

    Losses are smoothed, L⁰ is the mean loss of the first epoch over all its labels, and through it w = 1. There are no
    base weights: Σw is fixed, and every task starts with 1.

    Args:
        tasks: t.
        alpha: α; 0 asks for equal norms, larger values speed up those that lag (and oscillate with noisy losses).
        lr: step of w.
        param: `paper` steps in w itself; `softmax` steps in log w, so that w stays positive by construction.
        decay: of the running mean of the losses, 0 for none.
        initial: L⁰ where it is known beforehand, such as log 2 for an even label; the first epoch then counts.
    """

    reads_norms = True
    values: Tensor
    smooth: Tensor
    initial: Tensor

    def __init__(
        self,
        tasks: int,
        alpha: float = 1.5,
        lr: float = 0.025,
        param: Literal["paper", "softmax"] = "paper",
        decay: float = 0.9,
        initial: Sequence[float] | None = None,
    ) -> None:
        super().__init__(tasks)
        require(alpha >= 0, "alpha", alpha, "give 0 or a number above 0")
        require(lr > 0, "lr", lr, "give a number above 0")
        require(0 <= decay < 1, "decay", decay, "give a number from 0 to below 1")
        fits = initial is None or (len(initial) == tasks and min(initial) > 0)
        require(fits, "initial", initial, f"give {tasks} numbers above 0, one per task")
        self.alpha, self.param, self.decay = alpha, param, decay
        self.known = None if initial is None else torch.tensor([float(each) for each in initial])
        self.adam = MaskedAdam(tasks, lr)
        for name in ("values", "smooth", "initial"):
            self.register_buffer(name, torch.empty(tasks))
        self.reset()

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        self.remember(self.values[present], present)
        return (self.values[present] * losses[present]).sum()

    def observe(self, losses: Tensor, norms: Tensor, present: Tensor) -> None:
        """Adapt the weights to the gradients of this batch."""
        seen = losses.detach().to(self.smooth)
        smoothed = torch.where(self.smooth.isnan(), seen, self.decay * self.smooth + (1 - self.decay) * seen)
        self.smooth[present] = smoothed[present]
        ready = present & self.initial.isfinite()
        if int(ready.sum()) < 2:
            return
        lag = self.smooth[ready] / self.initial[ready]
        weights = self.values[ready]
        slope = gradnorm_slope(weights, norms[ready].detach().to(weights), lag / lag.mean(), self.alpha)
        total = weights.sum()
        if self.param == "paper":
            moved = (weights + self.adam.step(slope, ready)).clamp(min=1e-3)
            self.values[ready] = moved * total / moved.sum()
        else:
            slope = weights * (slope - (weights * slope).sum() / total)
            self.values[ready] = total * torch.softmax(weights.log() + self.adam.step(slope, ready), dim=0)

    def end_epoch(self, means: Tensor, present: Tensor) -> None:
        """Take the initial losses from the first epoch that shows them."""
        new = present & self.initial.isnan()
        self.initial[new] = means[new].detach().clamp(min=1e-12).to(self.initial)

    def reset(self) -> None:
        """Return to equal weights and forget the losses."""
        self.values.fill_(1.0)
        self.smooth.fill_(torch.nan)
        self.initial.fill_(torch.nan)
        if self.known is not None:
            self.initial.copy_(self.known)
        self.adam.reset()


def gradnorm_slope(weights: Tensor, norms: Tensor, lag: Tensor, alpha: float) -> Tensor:
    """Return ∂/∂w of Σ|wₜnₜ − mean(wn)·rₜ^α| with the target held constant, shape (p,).

    Args:
        weights: w, shape (p,).
        norms: nₜ = ‖∂Lₜ/∂W‖, shape (p,).
        lag: r, shape (p,).
        alpha: α.
    """
    scaled = weights * norms
    return torch.sign(scaled - scaled.mean() * lag**alpha) * norms
