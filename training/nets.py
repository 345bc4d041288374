"""Dense networks in torch: the paper's single-task net, the hard-sharing multi-task net, and plain students.

Sizes follow Kang 2025 (doi:10.48550/arXiv.2512.22740): a single-task net f → 128 → 64 → 1 with batch normalisation,
ReLU and dropout 0.3. All of them reduce to chains of dense layers for serving.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DROPOUT = 0.3
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def single_thread() -> None:
    """Keep torch on one thread: two threads stall for up to hundreds of times the work when a core is busy."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def trunk(n_in: int, widths: Sequence[int], *, norm: bool, dropout: float) -> nn.Sequential:
    """Make hidden layers: Linear, optional BatchNorm, ReLU, optional Dropout, repeated."""
    layers: list[nn.Module] = []
    for width in widths:
        layers.append(nn.Linear(n_in, width))
        if norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
        n_in = width
    return nn.Sequential(*layers)


class SharedNet(nn.Module):
    """A trunk shared by t linear or one-hidden-layer heads; t = 1 is the independent net.

    Shape:
        input (b, f), standardised; output (b, t), standardised targets and logits.

    Args:
        n_in: f.
        widths: hidden widths of the trunk.
        n_tasks: t.
        head_width: hidden width of each head, 0 for a linear head.
        norm: batch normalisation.
        dropout: dropout rate.
    """

    def __init__(
        self,
        n_in: int,
        widths: Sequence[int] = (128, 64),
        n_tasks: int = 1,
        *,
        head_width: int = 0,
        norm: bool = True,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.trunk = trunk(n_in, widths, norm=norm, dropout=dropout)
        self.heads = nn.ModuleList(_head(widths[-1], head_width) for _ in range(n_tasks))

    def forward(self, x: Tensor) -> Tensor:
        """Predict all tasks, shape (b, t)."""
        z = self.trunk(x)
        return torch.cat([head(z) for head in self.heads], dim=1)


def _head(n_in: int, width: int) -> nn.Sequential:
    """One task's head."""
    if not width:
        return nn.Sequential(nn.Linear(n_in, 1))
    return nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, 1))


def dense_layers(
    net: SharedNet,
    task: int,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    out_scale: float = 1.0,
    out_mean: float = 0.0,
) -> list[Layer]:
    """Reduce a trained net to dense layers on raw features, one task's head, the output in target units.

    Standardisation is folded into the first layer, batch normalisation into the layer before it, target scaling into
    the last; all in float64.

    Args:
        net: trained net.
        task: which head.
        mean: feature means, shape (f,).
        scale: feature standard deviations, shape (f,).
        out_scale: factor from the net's output to the target.
        out_mean: offset from the net's output to the target.

    Returns:
        Layers [(weight (in, out), bias (out,))], ReLU between them.
    """
    layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for module in (*net.trunk, *_modules(net.heads[task])):
        if isinstance(module, nn.Linear):
            layers.append((_array(module.weight).T, _array(module.bias)))
        elif isinstance(module, nn.BatchNorm1d):
            w, b = layers.pop()
            gain = _array(module.weight) / np.sqrt(_array(module.running_var) + module.eps)
            layers.append((w * gain, (b - _array(module.running_mean)) * gain + _array(module.bias)))
    w, b = layers[0]
    layers[0] = (w / scale[:, None], b - (mean / scale) @ w)
    w, b = layers[-1]
    layers[-1] = (w * out_scale, b * out_scale + out_mean)
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]


def _modules(head: nn.Module) -> list[nn.Module]:
    """The modules of a head in order."""
    return list(head.children())


def _array(tensor: Tensor | None) -> NDArray[np.float64]:
    """A parameter or buffer as float64."""
    assert tensor is not None
    return tensor.detach().cpu().numpy().astype(np.float64)


def run_layers(layers: Sequence[Layer], x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Evaluate dense layers in numpy, shape (b, f) → (b,)."""
    value = np.asarray(x, np.float64)
    for k, (w, b) in enumerate(layers):
        value = value @ w + b
        if k < len(layers) - 1:
            value = np.maximum(value, 0.0)
    return np.asarray(value[:, 0])
