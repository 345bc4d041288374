"""Adam over all parameters of stacked nets in one vector, each net at its own rate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FlatAdam:
    """Adam (doi:10.48550/arXiv.1412.6980) with the decay added to the gradient, as `torch.optim.Adam` does it.

    The parameters become views of one vector, so that a step is one operation however many there are.

    Args:
        parameters: each of shape (K, …); all must have a gradient at every step.
        lr: learning rate.
        weight_decay: factor of the parameters in the gradient.
    """

    def __init__(self, parameters: Sequence[Parameter], lr: float, weight_decay: float) -> None:
        self.parameters, self.lr, self.weight_decay = list(parameters), lr, weight_decay
        self.flat = torch.cat([parameter.detach().flatten() for parameter in self.parameters])
        sizes = [parameter.numel() for parameter in self.parameters]
        for parameter, part in zip(self.parameters, torch.split(self.flat, sizes), strict=True):
            parameter.data = part.view(parameter.shape)
        self.mean, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.steps = torch.zeros(())
        self.nets = len(self.parameters[0])
        self._rates: Tensor | None = None

    def set_rates(self, rates: Tensor) -> None:
        """Scale the steps of each net, shape (K,); 0 leaves it as it is."""
        parts = [rates.repeat_interleave(parameter.numel() // self.nets) for parameter in self.parameters]
        self._rates = None if bool((rates == 1.0).all()) else torch.cat(parts)

    def step(self) -> None:
        """Take a step along the parameters' gradients."""
        with torch.no_grad():
            gradient = torch.cat([_gradient(parameter) for parameter in self.parameters])
            before = None if self._rates is None else self.flat.clone()
            adam(
                [self.flat],
                [gradient],
                [self.mean],
                [self.square],
                [],
                [self.steps],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=self.lr,
                weight_decay=self.weight_decay,
                eps=EPSILON,
                maximize=False,
            )
            if before is not None and self._rates is not None:
                # A step is linear in the learning rate, so it can be scaled after it was taken.
                self.flat.sub_(before).mul_(self._rates).add_(before)


def _gradient(parameter: Parameter) -> Tensor:
    """A parameter's gradient as a vector."""
    assert parameter.grad is not None
    return parameter.grad.flatten()
