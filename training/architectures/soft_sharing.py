"""Soft sharing: one backbone per task, pulled towards each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from copy import deepcopy
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.architectures.layers import backbone, hidden_linears, tower
from training.architectures.multitask_net import MultiTaskNet
from training.methods import require
from training.nets import DROPOUT


class SoftNet(MultiTaskNet):
    """t backbones f → 128 → 128 with heads 64 → 1 and a penalty λ Σ_{i≠j} ‖θ_i − θ_j‖² over ordered pairs.

    Weights, biases and gains of the backbones are penalised, running statistics are not
    (Kang 2025, doi:10.48550/arXiv.2512.22740).

    Args:
        n_in: f.
        tasks: t.
        strength: λ.
        same_start: all backbones start from the same weights; otherwise hidden units have no common order and the
            penalty is destructive.
        widths: hidden widths of each backbone.
        head_hidden: hidden width of each head, 0 for a linear head.
        norm: `bn`, `ln` or `none`.
        dropout: dropout rate.
    """

    needs_tasks: ClassVar[int] = 2

    def __init__(
        self,
        n_in: int,
        tasks: int,
        *,
        strength: float = 1e-2,
        same_start: bool = True,
        widths: Sequence[int] = (128, 128),
        head_hidden: int = 64,
        norm: str = "bn",
        dropout: float = DROPOUT,
    ) -> None:
        require(strength >= 0, "strength", strength, "give 0 or a number above 0")
        first = backbone(hidden_linears(n_in, widths), norm, dropout)
        others: list[nn.Sequential] = [
            deepcopy(first) if same_start else backbone(hidden_linears(n_in, widths), norm, dropout)
            for _ in range(tasks - 1)
        ]
        super().__init__([first, *others], [tower(widths[-1], head_hidden) for _ in range(tasks)])
        self.strength = strength

    def penalty(self) -> Tensor:
        """Return λ Σ_{i≠j} ‖θ_i − θ_j‖² = 2 λ t Σ_i ‖θ_i − θ̄‖²."""
        total = torch.zeros(())
        for group in zip(*(body.parameters() for body in self.backbones), strict=True):
            stacked = torch.stack(group)
            total = total + (stacked - stacked.mean(dim=0)).square().sum()
        return 2.0 * self.strength * self.tasks * total

    def similarity(self) -> float:
        """Return the mean cosine of the flattened backbones over pairs of tasks."""
        flat = [nn.utils.parameters_to_vector(body.parameters()).detach() for body in self.backbones]
        pairs = itertools.combinations(flat, 2)
        cosines = [float(nn.functional.cosine_similarity(a, b, dim=0)) for a, b in pairs]
        return sum(cosines) / len(cosines)
