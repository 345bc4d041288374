"""Forward and backward passes of stacked nets, written out.

At a batch of 32 rows recording and walking a graph takes several times longer than the arithmetic, and so does calling
modules. These passes do the arithmetic alone; the tests compare every gradient with autograd's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.architectures.layers import Dropout
from training.architectures.seeds import SeedNets, StackedLinear, StackedNorm

Backward = Callable[[Tensor], Tensor]
"""Gradient on a layer's output to that on its input; parameters get theirs on the way, in place."""


class SeedPasses:
    """Training passes of K stacked nets.

    Args:
        nets: their parameters are read, and get gradients: into the tensors that are there, or into new ones.
    """

    def __init__(self, nets: SeedNets) -> None:
        self.nets = nets
        for parameter in nets.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.backbone = list(nets.backbone.children())
        self.towers = [list(tower.children()) for tower in nets.towers]
        self._backwards: list[Backward] = []
        self._tower_backwards: list[list[Backward]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Predict in training mode, shape (K, b, f) → (K, t, b)."""
        with torch.no_grad():
            z, self._backwards = _forward(self.backbone, x.transpose(1, 2).contiguous(), data=True)
            passed = [_forward(tower, z) for tower in self.towers]
            self._tower_backwards = [backwards for _, backwards in passed]
            primary = passed[0][0] if len(passed) == 1 else torch.cat([out for out, _ in passed], dim=1)
        return primary if self.nets.corrections is None else self.nets.corrections.begin(primary)

    def backward(self, slope: Tensor) -> None:
        """Set the gradients of all parameters from that on the outputs, shape (K, t, b), and those of the penalty."""
        if self.nets.corrections is not None:
            self.nets.corrections.backward(slope)
        with torch.no_grad():
            parts = [
                _backward(backwards, slope[:, task : task + 1]) for task, backwards in enumerate(self._tower_backwards)
            ]
            total = parts[0]
            for part in parts[1:]:
                total += part
            _backward(self._backwards, total)


def _forward(layers: list[nn.Module], x: Tensor, *, data: bool = False) -> tuple[Tensor, list[Backward]]:
    """Pass through a chain; return also the way back. Of ``data`` nobody asks the gradient."""
    backwards: list[Backward] = []
    for place, layer in enumerate(layers):
        x, backward = _pass(layer, x, data=data and place == 0)
        backwards.append(backward)
    return x, backwards


def _backward(backwards: list[Backward], slope: Tensor) -> Tensor:
    """Go back through a chain."""
    for backward in reversed(backwards):
        slope = backward(slope)
    return slope


def _pass(layer: nn.Module, x: Tensor, *, data: bool) -> tuple[Tensor, Backward]:
    """Pass through one layer."""
    if isinstance(layer, StackedLinear):
        return _linear(layer, x, data=data)
    if isinstance(layer, StackedNorm):
        return _norm(layer, x)
    if isinstance(layer, Dropout):
        factors = layer.factors(x)
        return x * factors, lambda slope: slope.mul_(factors)
    assert isinstance(layer, nn.ReLU)
    out = torch.relu(x)
    return out, lambda slope: torch.ops.aten.threshold_backward(slope, out, 0)


def _linear(layer: StackedLinear, x: Tensor, *, data: bool) -> tuple[Tensor, Backward]:
    """Multiply and add."""

    def backward(slope: Tensor) -> Tensor:
        torch.sum(slope, dim=2, keepdim=True, out=layer.bias.grad)
        torch.bmm(slope, x.transpose(1, 2), out=layer.weight.grad)
        return slope if data else torch.bmm(layer.weight.transpose(1, 2), slope)

    return torch.baddbmm(layer.bias, layer.weight, x), backward


def _norm(layer: StackedNorm, x: Tensor) -> tuple[Tensor, Backward]:
    """Normalise by the batch, and move the running statistics."""
    running = (layer.get_buffer("running_mean"), layer.get_buffer("running_var"))
    gain, flat = layer.weight.flatten(), x.reshape(1, -1, x.shape[2])
    learning = x.shape[2] > 1
    out, mean, inverse = torch.native_batch_norm(
        flat, gain, layer.bias.flatten(), *running, learning, layer.momentum, layer.eps
    )

    def backward(slope: Tensor) -> Tensor:
        back, *own = torch.ops.aten.native_batch_norm_backward(
            slope.reshape(flat.shape), flat, gain, *running, mean, inverse, learning, layer.eps, [True, True, True]
        )
        for parameter, found in zip((layer.weight, layer.bias), own, strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(found.view(parameter.shape))
        return torch.as_tensor(back).view(x.shape)

    return out.view(x.shape), backward
