"""K nets of one shape at once: the same training for K seeds in batched matrix products.

Small batches spend their time between kernels, not in them; K nets in one product cost little more than one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from screener.errors import InputError
from training.architectures.layers import Dropout, RowsNorm
from training.architectures.multitask_net import MultiTaskNet
from training.architectures.seed_corrections import StackedCorrections
from training.architectures.structured import StructuredNet


class StackedLinear(nn.Module):
    """K linear layers, shape (K, in, b) → (K, out, b): rows last, so that normalisation needs no copies."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])[:, :, None])

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add."""
        return torch.baddbmm(self.bias, self.weight, x)

    def copy_to(self, layers: Sequence[nn.Linear]) -> None:
        """Give the layers their values."""
        for k, layer in enumerate(layers):
            layer.weight.copy_(self.weight[k])
            layer.bias.copy_(self.bias[k, :, 0])


class StackedNorm(nn.Module):
    """K batch normalisations, shape (K, d, b) → (K, d, b), as one of K·d channels."""

    def __init__(self, layers: Sequence[RowsNorm]) -> None:
        super().__init__()
        first = layers[0]
        assert first.momentum is not None
        self.shape, self.eps, self.momentum = (len(layers), first.num_features), first.eps, first.momentum
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers])[:, :, None])
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])[:, :, None])
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, torch.cat([layer.get_buffer(name) for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every net's rows by that net's statistics."""
        normal = nn.functional.batch_norm(
            x.reshape(1, -1, x.shape[2]),
            self.get_buffer("running_mean"),
            self.get_buffer("running_var"),
            self.weight.flatten(),
            self.bias.flatten(),
            self.training and x.shape[2] > 1,
            self.momentum,
            self.eps,
        )
        return normal.view(x.shape)

    def copy_to(self, layers: Sequence[RowsNorm]) -> None:
        """Give the layers their values."""
        for k, layer in enumerate(layers):
            layer.weight.copy_(self.weight[k, :, 0])
            layer.bias.copy_(self.bias[k, :, 0])
            for name in ("running_mean", "running_var"):
                layer.get_buffer(name).copy_(self.get_buffer(name).reshape(self.shape)[k])


class SeedNets(nn.Module):
    """K nets with one shared backbone each, structured ones among them, or K single-task nets.

    Shape:
        input (K, b, f), every net its own rows; output (K, b, t).

    Args:
        nets: K nets of one shape, made with seeds of their own; their values are copied.

    Raises:
        InputError: nets with a backbone per task, or with parts that cannot be stacked.
    """

    def __init__(self, nets: Sequence[MultiTaskNet]) -> None:
        super().__init__()
        name = type(nets[0]).__name__
        if name not in ("HardNet", "StructuredNet", "IndependentNet") or len(nets[0].backbones) != 1:
            raise InputError(
                f"several `{name}` cannot be trained at once", "use `hard`, `structured`, or one task of `independent`"
            )
        self.nets = list(nets)  # a plain list: their parameters are not trained
        self.tasks = nets[0].tasks
        self.backbone = _stacked([net.backbones[0] for net in nets])
        self.towers = nn.ModuleList(_stacked([net.towers[task] for net in nets]) for task in range(self.tasks))
        structured = [net for net in nets if isinstance(net, StructuredNet)]
        self.corrections = StackedCorrections(structured) if structured else None

    def forward(self, x: Tensor) -> Tensor:
        """Predict with every net."""
        z = self.backbone(x.transpose(1, 2))
        out = torch.cat([tower(z) for tower in self.towers], dim=1)
        return (out if self.corrections is None else self.corrections(out)).transpose(1, 2)

    def unstacked(self) -> list[MultiTaskNet]:
        """Return the nets with the values that they have now."""
        with torch.no_grad():
            _copy_back(self.backbone, [net.backbones[0] for net in self.nets])
            for task, tower in enumerate(self.towers):
                _copy_back(tower, [net.towers[task] for net in self.nets])
            if self.corrections is not None:
                self.corrections.copy_to([net for net in self.nets if isinstance(net, StructuredNet)])
        return self.nets


def _stacked(chains: Sequence[nn.Module]) -> nn.Sequential:
    """Stack chains of layers, layer by layer."""
    layers: list[nn.Module] = []
    for group in zip(*(chain.children() for chain in chains), strict=True):
        first = group[0]
        if isinstance(first, nn.Linear):
            layers.append(StackedLinear(group))
        elif isinstance(first, RowsNorm):
            layers.append(StackedNorm(group))
        elif isinstance(first, nn.ReLU):
            layers.append(nn.ReLU())
        elif isinstance(first, Dropout):
            layers.append(Dropout(first.rate))
        else:
            raise InputError(f"layers of `{type(first).__name__}` cannot be stacked", 'choose norm = "bn" or "none"')
    return nn.Sequential(*layers)


def _copy_back(stacked: nn.Module, chains: Sequence[nn.Module]) -> None:
    """Give chains of layers the values of the stack."""
    for layer, *group in zip(stacked.children(), *(chain.children() for chain in chains), strict=True):
        if isinstance(layer, StackedLinear | StackedNorm):
            layer.copy_to(group)
