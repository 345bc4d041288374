"""Cheap relatives of balanced losses: focal regression and Huber's loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.methods import require


def focal_regression(predicted: Tensor, y: Tensor, beta: float = 0.2, gamma: float = 1.0) -> Tensor:
    """Squared error times (2σ(β|e|) − 1)^γ, per row, shape (b,): small errors count less.

    Yang 2021, doi:10.48550/arXiv.2102.09554.

    Raises:
        OptionError: β is not positive, or γ is negative.
    """
    require(beta > 0, "beta", beta, "give a number above 0")
    require(gamma >= 0, "gamma", gamma, "give a number of at least 0")
    error = predicted - y
    return error**2 * (2.0 * torch.sigmoid(beta * error.abs()) - 1.0) ** gamma


def huber(predicted: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Half the squared error up to δ, linear beyond, per row, shape (b,). Huber 1964, doi:10.1214/aoms/1177703732.

    Raises:
        OptionError: δ is not positive.
    """
    require(delta > 0, "delta", delta, "give a number above 0")
    return functional.huber_loss(predicted, y, reduction="none", delta=delta)
