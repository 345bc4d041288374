"""Gradients of each task's loss on the shared parameters, their Gramian, and how much they conflict."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter


def task_gradients(
    losses: Tensor, present: Tensor, shared: Sequence[Parameter], others: Sequence[Parameter] = ()
) -> tuple[Tensor, list[Tensor | None]]:
    """Differentiate the losses of the present tasks one by one; the graph is kept.

    Args:
        losses: shape (t,).
        present: which tasks have a label in the batch, shape (t,).
        shared: parameters of the backbone, P numbers in all.
        others: parameters of heads and relations.

    Returns:
        Jacobian of the present tasks, shape (p, P), and the gradient of the losses' sum on each of ``others``, None
        where no loss reaches it.
    """
    rows: list[Tensor] = []
    sums: list[Tensor | None] = [None] * len(others)
    for task in present.nonzero()[:, 0].tolist():
        found = torch.autograd.grad(losses[task], [*shared, *others], retain_graph=True, allow_unused=True)
        rows.append(torch.cat([_flat(g, p) for g, p in zip(found, shared, strict=False)]))
        for k, gradient in enumerate(found[len(shared) :]):
            if gradient is not None:
                so_far = sums[k]
                sums[k] = gradient if so_far is None else so_far + gradient
    return torch.stack(rows), sums


def split_gradients(
    losses: Tensor, present: Tensor, z: Tensor, parts: Tensor, shared: Sequence[Parameter], others: Sequence[Parameter]
) -> tuple[Tensor, list[Tensor | None]]:
    """Do the same where every loss reads a copy of the representation: heads are passed through once, not t times.

    Args:
        losses: shape (t,), functions of ``parts``.
        present: which tasks have a label in the batch, shape (t,).
        z: representation, a function of ``shared``, shape (b, d).
        parts: a copy for each task, a leaf of the graph, shape (b, t, d).
        shared: parameters of the backbone, P numbers in all.
        others: parameters of heads and relations.

    Returns:
        As `task_gradients`.
    """
    found = torch.autograd.grad(losses.sum(), [parts, *others], retain_graph=True, allow_unused=True)
    rows: list[Tensor] = []
    for task in present.nonzero()[:, 0].tolist():
        gradients = torch.autograd.grad(z, list(shared), found[0][:, task], retain_graph=True, allow_unused=True)
        rows.append(torch.cat([_flat(g, p) for g, p in zip(gradients, shared, strict=True)]))
    return torch.stack(rows), list(found[1:])


def _flat(gradient: Tensor | None, parameter: Parameter) -> Tensor:
    """A gradient as a vector, zeros for none."""
    return parameter.new_zeros(parameter.numel()) if gradient is None else gradient.flatten()


def gramian(jacobian: Tensor) -> Tensor:
    """Multiply all pairs of task gradients, shape (p, P) → (p, p)."""
    return jacobian @ jacobian.T


def set_gradient(parameters: Sequence[Parameter], flat: Tensor) -> None:
    """Give parameters a gradient that is laid out in one vector, shape (P,)."""
    parts = torch.split(flat, [parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def gradient_norms(losses: Tensor, present: Tensor, weight: Tensor) -> Tensor:
    """Norms of the task gradients on one weight, shape (t,), 0 for absent tasks; the graph is kept."""
    norms = losses.new_zeros(len(losses))
    for task in present.nonzero()[:, 0].tolist():
        (found,) = torch.autograd.grad(losses[task], [weight], retain_graph=True)
        norms[task] = found.norm()
    return norms


def conflict_rate(gram: Tensor) -> float:
    """Share of the pairs of tasks whose gradients point against each other, 0 for a single task."""
    tasks = len(gram)
    if tasks < 2:
        return 0.0
    return float((gram < 0).sum()) / (tasks * (tasks - 1))
