"""What the multi-task nets have in common: one backbone for all tasks or one each, and one head per task."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from screener.errors import InputError


class MultiTaskNet(nn.Module, ABC):
    """A net with t outputs: standardised regression targets and logits of labels.

    Shape:
        input (b, f), standardised; output (b, t). The representation z between backbones and heads is (b, d) where
        all tasks share one backbone, (b, t, d) where every task has its own.

    Args:
        backbones: one, or one per task.
        towers: one head per task.
    """

    needs_tasks: ClassVar[int] = 1
    """Fewest tasks that the architecture is meant for."""

    def __init__(self, backbones: Sequence[nn.Module], towers: Sequence[nn.Sequential]) -> None:
        super().__init__()
        assert len(backbones) in (1, len(towers))
        self.backbones = nn.ModuleList(backbones)
        self.towers = nn.ModuleList(towers)

    @property
    def tasks(self) -> int:
        """Number of tasks, t."""
        return len(self.towers)

    @property
    def separate_heads(self) -> bool:
        """Whether all tasks read one representation, each through its own head alone."""
        return len(self.backbones) == 1

    def forward(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Predict all tasks, shape (b, f) → (b, t).

        Args:
            x: features.
            known: which tasks of a row have a label, shape (b, t). Where every task has its own backbone, a row then
                goes only through those of its labels; the outputs of the others mean nothing.
        """
        return self.heads(self.trunk(x, known))

    def trunk(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Represent rows, shape (b, f) → (b, d) or (b, t, d)."""
        if len(self.backbones) == 1:
            return torch.as_tensor(self.backbones[0](x))
        if known is None:
            return torch.stack([body(x) for body in self.backbones], dim=1)
        return torch.stack([_routed(body, x, known[:, t]) for t, body in enumerate(self.backbones)], dim=1)

    def heads(self, z: Tensor) -> Tensor:
        """Predict from a representation, shape (b, d) or (b, t, d) → (b, t)."""
        own = z.dim() == 3
        if len(self.towers) == 1 and not own:
            return torch.as_tensor(self.towers[0](z))
        return torch.cat([tower(z[:, t] if own else z) for t, tower in enumerate(self.towers)], dim=1)

    def shared_parameters(self) -> list[Parameter]:
        """Return the parameters that the losses of all tasks reach."""
        if len(self.backbones) == 1:
            return list(self.backbones.parameters())
        counts: dict[Parameter, int] = {}
        for body in self.backbones:
            for parameter in body.parameters():
                counts[parameter] = counts.get(parameter, 0) + 1
        return [parameter for parameter, count in counts.items() if count == self.tasks]

    def heads_parameters(self) -> list[Parameter]:
        """Return all other parameters."""
        shared = {id(parameter) for parameter in self.shared_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in shared]

    def task_parameters(self, task: int) -> list[Parameter]:
        """Return the parameters that belong to one task alone: its head, and its own part of the backbones."""
        if len(self.backbones) == 1:
            return list(self.towers[task].parameters())
        shared = {id(parameter) for parameter in self.shared_parameters()}
        own = [*self.backbones[task].parameters(), *self.towers[task].parameters()]
        return [parameter for parameter in own if id(parameter) not in shared]

    def penalty(self) -> Tensor | None:
        """Return what the architecture adds to the loss, None for nothing."""
        return None

    def last_shared(self) -> nn.Linear:
        """Return the last linear layer that all tasks share.

        Raises:
            InputError: the tasks share none.
        """
        if not self.shared_parameters():
            raise InputError(f"the tasks of `{type(self).__name__}` share no layer", "choose the architecture `hard`")
        return [module for module in self.backbones[0].modules() if isinstance(module, nn.Linear)][-1]

    def last_block(self) -> list[Parameter]:
        """Return the parameters of the last shared linear layer and of its normalisation."""
        last = self.last_shared()
        modules = list(self.backbones[0].children())
        return [parameter for module in modules[modules.index(last) :] for parameter in module.parameters()]


def _routed(body: nn.Module, x: Tensor, known: Tensor) -> Tensor:
    """Send the labelled rows through a backbone; the other rows become zeros."""
    rows = known.nonzero()[:, 0]
    if len(rows) == len(x):
        return torch.as_tensor(body(x))
    z = body(x[rows]) if len(rows) else x.new_zeros(0, _width(body))
    return z.new_zeros(len(x), z.shape[1]).index_copy(0, rows, z)


def _width(body: nn.Module) -> int:
    """Width of a backbone's output."""
    return [module for module in body.modules() if isinstance(module, nn.Linear)][-1].out_features
