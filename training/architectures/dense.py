"""Multi-task nets as plain dense layers, one list per task, so that they can be exported and bounded like any other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from screener.errors import InputError
from training.architectures.layers import Dropout
from training.architectures.multitask_net import MultiTaskNet
from training.architectures.structured import StructuredNet

Matrix = NDArray[np.float64]
DenseLayer = tuple[Matrix, Matrix]
"""Weight (in, out) and bias (out,)."""


def dense_layers_of(net: MultiTaskNet, task: int) -> list[DenseLayer]:
    """Return the layers behind one output of a trained net, ReLU between them.

    Batch normalisation is folded into the layers; the corrections of a structured net become one more hidden layer.

    Args:
        net: in the state to be exported; inputs and outputs are as in training, standardised.
        task: number of the output.

    Raises:
        InputError: the net normalises every row by itself, which no dense layer can.
    """
    trunk = _folded(net.backbones[task if len(net.backbones) > 1 else 0].children())
    towers = [_folded(tower.children()) for tower in net.towers]
    if not isinstance(net, StructuredNet):
        return [*trunk, *towers[task]]
    if len(net.backbones) > 1:
        raise InputError("structured nets with a backbone per task cannot be exported", 'choose norm = "bn" or "none"')
    hidden, primary = _side_by_side(towers)
    return [*trunk, *hidden, *_corrected(net, task, primary)]


def _folded(modules: Iterable[nn.Module]) -> list[DenseLayer]:
    """Fold the normalisations of a chain into its linear layers."""
    layers: list[DenseLayer] = []
    for module in modules:
        if isinstance(module, nn.Linear):
            layers.append((_array(module.weight).T, _array(module.bias)))
        elif isinstance(module, nn.BatchNorm1d):
            w, b = layers.pop()
            gain = _array(module.weight) / np.sqrt(_array(module.running_var) + module.eps)
            layers.append((w * gain, (b - _array(module.running_mean)) * gain + _array(module.bias)))
        elif not isinstance(module, nn.ReLU | Dropout):
            raise InputError(f"layers of `{type(module).__name__}` cannot be exported", 'choose norm = "bn" or "none"')
    return layers


def _side_by_side(towers: list[list[DenseLayer]]) -> tuple[list[DenseLayer], DenseLayer]:
    """Join the heads of all tasks: their hidden layer, if they have one, and the layer of all t primary outputs."""
    *hidden, last = ([head[depth] for head in towers] for depth in range(len(towers[0])))
    if not hidden:
        return [], (np.hstack([w for w, _ in last]), np.concatenate([b for _, b in last]))
    (first,) = hidden
    outputs = np.zeros((sum(len(w) for w, _ in last), len(towers)))
    start = 0
    for task, (w, _) in enumerate(last):
        outputs[start : start + len(w), task] = w[:, 0]
        start += len(w)
    joined = (np.hstack([w for w, _ in first]), np.concatenate([b for _, b in first]))
    return [joined], (outputs, np.concatenate([b for _, b in last]))


def _corrected(net: StructuredNet, task: int, primary: DenseLayer) -> list[DenseLayer]:
    """Write ŷ_i⁰ + α Σ_{j≠i} W_ij u_ij(ŷ_j⁰) as a hidden layer on what the primary outputs read, and an output.

    ŷ_i⁰ passes through as the difference of its positive and its negative part.
    """
    outputs, offsets = primary
    edges, functions = _array(net.relations())[task], net.functions
    slope, offset, weight, bias = (
        np.broadcast_to(_array(part)[task], (net.tasks, *part.shape[2:]))
        for part in (functions.slope, functions.offset, functions.out, functions.bias)
    )
    others = [other for other in range(net.tasks) if other != task]
    units = [np.outer(outputs[:, other], slope[other]) for other in others]
    starts = [offsets[other] * slope[other] + offset[other] for other in others]
    own, at = outputs[:, task : task + 1], offsets[task : task + 1]
    hidden = (np.hstack([own, -own, *units]), np.concatenate([at, -at, *starts]))
    gains = [net.alpha * edges[other] * weight[other] for other in others]
    last = np.concatenate([[1.0, -1.0], *gains])[:, None]
    return [hidden, (last, np.array([net.alpha * float(edges[others] @ bias[others])]))]


def _array(tensor: Tensor | None) -> Matrix:
    """A parameter or buffer as float64."""
    assert tensor is not None
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)
