"""MGDA-UB: the Gramian of the gradients by the shared representation instead of the shared parameters."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from training.aggregators.mgda import MGDA


class MGDAUB(MGDA):
    """MGDA on ∂Lₜ/∂z, an upper bound that spares t passes through the trunk (doi:10.48550/arXiv.1810.04650).

    One last backward pass of Σ αₜLₜ then serves trunk and heads; the heads' gradients are scaled too.

    **Blind on disjoint labels.** z has one row per alloy. Where no alloy has two labels, ∂Lᵢ/∂z and ∂Lⱼ/∂z are nonzero
    in different rows, so the Gramian is exactly diagonal whatever the tasks do to each other in the trunk, and
    αₜ ∝ 1/‖∂Lₜ/∂z‖²: a rule on norms alone. To see conflict use the gradients of the parameters (MGDA).
    """

    of_representation = True


def representation_gramian(losses: Iterable[Tensor], z: Tensor) -> Tensor:
    """Return the Gramian of ∂Lₜ/∂z, flattened over rows and width.

    The graph is kept, so the same forward pass (and dropout mask) serves the backward pass that follows.

    Args:
        losses: scalar losses of the p present tasks, functions of z.
        z: shared representation, shape (b, h), in the graph.

    Returns:
        Shape (p, p).
    """
    rows = torch.stack([torch.autograd.grad(loss, z, retain_graph=True)[0].flatten() for loss in losses])
    return rows @ rows.T
