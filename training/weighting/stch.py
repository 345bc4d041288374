"""Smooth Tchebycheff scalarisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from training.methods import require
from training.weighting.base import LEAST_LOG_LOSS, LossWeighting, bounded_log, log_slope, per_task, require_least


class SmoothTchebycheff(LossWeighting):
    """A smooth maximum of the losses (Lin 2024, doi:10.48550/arXiv.2402.19078).

    Warm-up: Σ log Lₜ. Its last epoch's mean losses are the reference Nₜ, and from then on the loss is
    p·μ·log Σ exp(log(Lₜ/Nₜ)/μ) over the p present tasks, with weights p·softmax(log(L/N)/μ)/L. As μ → 0 only the task
    that lags most counts. A task that the warm-up never saw goes on with log L until an epoch has shown its mean.

    Args:
        tasks: t.
        smooth: μ.
        warm_up: epochs of warm-up; with 0 the plain form μ·log Σ exp(λₜ(Lₜ − z*ₜ)/μ) without logarithm and reference.
        ideal: z* of the plain form, the loss that each task can reach at best, one number per task; none are zeros.
        preference: λ of the plain form, one number per task; none are 1/p of the p present tasks.
        least: log of the loss (over its reference) below which the logarithm goes on as a line.
    """

    reference: Tensor
    epochs: Tensor
    ideal: Tensor
    preference: Tensor

    def __init__(
        self,
        tasks: int,
        smooth: float = 1.0,
        warm_up: int = 4,
        ideal: Sequence[float] = (),
        preference: Sequence[float] = (),
        least: float = LEAST_LOG_LOSS,
    ) -> None:
        super().__init__(tasks)
        require(smooth > 0, "smooth", smooth, "give a number above 0")
        require(warm_up >= 0, "warm_up", warm_up, "give 0 or a number of epochs")
        for name, given in (("ideal", ideal), ("preference", preference)):
            require(not (given and warm_up), name, given, "it is for the plain form: set `warm_up` to 0")
        wanted = per_task(preference, tasks, "preference", 1.0)
        require(min(wanted) > 0, "preference", preference, "give numbers above 0")
        self.smooth, self.warm_up, self.equal = smooth, warm_up, not preference
        self.least = require_least(least)
        self.register_buffer("ideal", torch.tensor(per_task(ideal, tasks, "ideal", 0.0)))
        self.register_buffer("preference", torch.tensor(wanted))
        self.register_buffer("reference", torch.full((tasks,), torch.nan))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.long))

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        if not self.warm_up:
            return self._plain(losses, present)
        late = present & self.reference.isfinite()
        early = present & ~late
        self.remember(log_slope(losses[early], self.least), early)
        total = bounded_log(losses[early], self.least).sum()
        if not late.any():
            return total
        ratios = losses[late] / self.reference[late].to(losses)
        logs = bounded_log(ratios, self.least) / self.smooth
        count = len(ratios)
        slopes = log_slope(ratios, self.least) / self.reference[late].to(losses)
        self.remember(count * torch.softmax(logs.detach(), dim=0) * slopes, late)
        return total + count * self.smooth * torch.logsumexp(logs, dim=0)

    def _plain(self, losses: Tensor, present: Tensor) -> Tensor:
        """The form of the paper's theory."""
        known = losses[present] - self.ideal[present].to(losses)
        if not len(known):
            return known.sum()
        preference = self.preference[present].to(losses) / (len(known) if self.equal else 1.0)
        scaled = preference * known / self.smooth
        self.remember(torch.softmax(scaled.detach(), dim=0) * preference, present)
        return self.smooth * torch.logsumexp(scaled, dim=0)

    def end_epoch(self, means: Tensor, present: Tensor) -> None:
        """Take the reference when the warm-up ends."""
        self.epochs += 1
        if int(self.epochs) < self.warm_up:
            return
        new = present & self.reference.isnan()
        self.reference[new] = means[new].detach().clamp(min=math.exp(self.least)).to(self.reference)

    def reset(self) -> None:
        """Return to the warm-up."""
        self.reference.fill_(torch.nan)
        self.epochs.zero_()
