"""Balanced mean squared error: learn the predictor of evenly spread labels from unevenly spread ones.

Ren, Zhang, Yu, Liu 2022, doi:10.48550/arXiv.2203.16427. A normal N(y; f, σ²) about the prediction f is what even labels
would give; the training labels have it multiplied by their density and normalised again, so that

    ℓ = (f − y)²/2σ² + log E_{y'} exp(−(f − y')²/2σ²),  times 2σ², which is not differentiated.

The expectation over training labels is taken over a sample (`BatchMonteCarlo`) or in closed form for a mixture of
normals (`GaussianMixtureMse`). Targets must be standardised; the prediction needs no correction.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from screener.errors import InputError

LEAST_VARIANCE = 1e-4
NOISE_RATE = 1e-2
BANK, MOST_BANK = 256, 2**20
MOST_COMPONENTS = 100


class _NoiseScale(nn.Module):
    """The σ of a balanced loss, learned or fixed.

    Attributes:
        signed: the loss can be below 0.
    """

    signed: ClassVar[bool] = False

    def __init__(self, sigma: float, learn_sigma: bool) -> None:
        super().__init__()
        if not sigma > 0.0:
            raise InputError(f"sigma `{sigma}` is not positive", "give a width of standardised targets, such as 1")
        self.sigma = nn.Parameter(torch.tensor(float(sigma)), requires_grad=learn_sigma)

    def variance(self) -> Tensor:
        """σ², at least 1e-4."""
        return (self.sigma**2).clamp(min=LEAST_VARIANCE)

    def parameter_group(self, rate: float = NOISE_RATE) -> dict[str, list[nn.Parameter] | float]:
        """Options of an optimiser for σ: its own rate and no weight decay; no parameters if σ is fixed."""
        return {"params": [p for p in self.parameters() if p.requires_grad], "lr": rate, "weight_decay": 0.0}


class BatchMonteCarlo(_NoiseScale):
    """Expectation over a sample of labels: a bank of training labels, or the other rows of the batch.

    Without a bank this is the published loss, which is 0 with zero gradient for a batch of one row; a rare task needs
    the bank. The cost is b × (sample + 1).

    Shape:
        predicted (b,), y (b,) → loss per row (b,).

    Args:
        labels: training labels to draw from, standardised, shape (n,); None for the batch itself.
        bank: labels drawn for each batch.
        sigma: first σ.
        learn_sigma: whether σ is learned.
        seed: of the draws.

    Raises:
        InputError: an option out of its range.
    """

    labels: Tensor

    def __init__(
        self,
        labels: Tensor | NDArray[np.floating] | None = None,
        *,
        bank: int = BANK,
        sigma: float = 1.0,
        learn_sigma: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(sigma, learn_sigma)
        if not 1 <= bank <= MOST_BANK:
            raise InputError(f"a bank of `{bank}` labels cannot be drawn", f"give 1 to {MOST_BANK}, such as {BANK}")
        values = torch.zeros(0) if labels is None else torch.as_tensor(np.asarray(labels), dtype=torch.float32)
        if labels is not None and (not len(values) or not torch.isfinite(values).all()):
            raise InputError("labels of the bank are missing or not finite", "give the training labels of one task")
        self.register_buffer("labels", values, persistent=False)
        self.bank, self.seed = bank, seed
        self.reset()

    def reset(self) -> None:
        """Start the draws again."""
        self.generator = torch.Generator().manual_seed(self.seed)

    def forward(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Loss of every row."""
        return monte_carlo_losses(predicted, y, self._others(y), self.variance())

    def _others(self, y: Tensor) -> Tensor:
        """Labels that every row's own is measured against, shape (b or 1, m)."""
        if len(self.labels):
            drawn = torch.randint(len(self.labels), (self.bank,), generator=self.generator)
            return self.labels[drawn][None]
        b = len(y)
        return y.expand(b, b)[~torch.eye(b, dtype=torch.bool)].reshape(b, b - 1)


def monte_carlo_losses(predicted: Tensor, y: Tensor, others: Tensor, variance: Tensor) -> Tensor:
    """2σ²·(−log softmax) of each row's own label among itself and others, by −(f − y')²/2σ².

    Args:
        predicted: shape (b,).
        y: own labels, shape (b,).
        others: labels to tell it from, shape (b, m) or (1, m).
        variance: σ², a scalar.
    """
    own = (predicted - y) ** 2
    away = (predicted[:, None] - others) ** 2
    # Differences to the own label first: float32 keeps small losses that way.
    gap = torch.cat([torch.zeros_like(own)[:, None], (own[:, None] - away) / (2.0 * variance)], dim=1)
    return torch.logsumexp(gap, dim=1) * (2.0 * variance).detach()


class GaussianMixtureMse(_NoiseScale):
    """Expectation over a mixture of normals fitted to the training labels: no sampling, no effect of the batch.

    A label among many like it has a loss below 0.

    Shape:
        predicted (b,), y (b,) → loss per row (b,).

    Args:
        labels: training labels, standardised, shape (n,).
        components: normals in the mixture, no more than there are different labels.
        sigma: first σ.
        learn_sigma: whether σ is learned.
        seed: of the fit.

    Raises:
        InputError: an option out of its range, or labels that are missing or not finite.
    """

    signed = True
    log_share: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        labels: Tensor | NDArray[np.floating],
        *,
        components: int = 8,
        sigma: float = 1.0,
        learn_sigma: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(sigma, learn_sigma)
        values = np.asarray(labels, np.float64)
        if not len(values) or not np.isfinite(values).all():
            raise InputError("labels of the mixture are missing or not finite", "give the training labels of one task")
        if not 1 <= components <= MOST_COMPONENTS:
            hint = f"give 1 to {MOST_COMPONENTS}, such as 8"
            raise InputError(f"a mixture of `{components}` components cannot be fitted", hint)
        for name, value in zip(("log_share", "centre", "spread"), mixture(values, components, seed), strict=True):
            self.register_buffer(name, torch.from_numpy(value).float())

    def forward(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Loss of every row."""
        return mixture_losses(predicted, y, self.log_share, self.centre, self.spread, self.variance())


def mixture(labels: NDArray[np.float64], components: int, seed: int) -> tuple[NDArray[np.float64], ...]:
    """Fit normals to labels: logarithms of shares, means and variances, shape (components,) each."""
    from sklearn.mixture import GaussianMixture

    distinct = len(np.unique(labels))
    if distinct == 1:
        return np.zeros(1), labels[:1].copy(), np.zeros(1)
    fitted = GaussianMixture(min(components, distinct), random_state=seed, max_iter=1000).fit(labels[:, None])
    return np.log(fitted.weights_), fitted.means_[:, 0], fitted.covariances_[:, 0, 0]


def mixture_losses(
    predicted: Tensor, y: Tensor, log_share: Tensor, centre: Tensor, spread: Tensor, variance: Tensor
) -> Tensor:
    """2σ²·(−log N(y; f, σ²) + log Σ_k π_k N(f; μ_k, s_k² + σ²)), shape (b,); variances 0 make it a histogram.

    Args:
        predicted: shape (b,).
        y: shape (b,).
        log_share: log π, shape (k,).
        centre: μ, shape (k,).
        spread: s², shape (k,).
        variance: σ², a scalar.
    """
    total = spread + variance
    plain = (predicted - y) ** 2 / (2.0 * variance) + 0.5 * variance.log()
    terms = log_share - 0.5 * total.log() - 0.5 * (predicted[:, None] - centre) ** 2 / total
    return (plain + torch.logsumexp(terms, dim=1)) * (2.0 * variance).detach()
