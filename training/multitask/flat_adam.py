"""Adam over all parameters of stacked nets in one vector, each net at its own rate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FlatAdam:
    """Adam (doi:10.48550/arXiv.1412.6980) with the decay added to the gradient, as `torch.optim.Adam` does it.

    The parameters become views of one vector and their gradients views of another, so that a step is one operation
    however many there are.

    Args:
        parameters: each of shape (K, …); their gradients must be written in place, all of them at every step.
        lr: learning rate.
        weight_decay: factor of the parameters in the gradient.
    """

    def __init__(self, parameters: Sequence[Parameter], lr: float, weight_decay: float) -> None:
        self.parameters, self.lr, self.weight_decay = list(parameters), lr, weight_decay
        self.flat = torch.cat([parameter.detach().flatten() for parameter in self.parameters])
        self.gradient = torch.zeros_like(self.flat)
        sizes = [parameter.numel() for parameter in self.parameters]
        parts = zip(torch.split(self.flat, sizes), torch.split(self.gradient, sizes), strict=True)
        for parameter, (part, slope) in zip(self.parameters, parts, strict=True):
            parameter.data, parameter.grad = part.view(parameter.shape), slope.view(parameter.shape)
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
            before = None if self._rates is None else self.flat.clone()
            self.steps.add_(1.0)
            torch.ops.aten._fused_adam_(  # the kernel of `torch.optim.Adam(fused=True)`, without its sorting of tensors
                [self.flat],
                [self.gradient],
                [self.mean],
                [self.square],
                [],
                [self.steps],
                lr=self.lr,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=self.weight_decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
            if before is not None and self._rates is not None:
                # A step is linear in the learning rate, so it can be scaled after it was taken.
                self.flat.sub_(before).mul_(self._rates).add_(before)
