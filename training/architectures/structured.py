"""Structured prediction: hard sharing, and every task corrected by the predictions of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from training.architectures.hard_sharing import HardNet
from training.architectures.layers import WIDEST
from training.architectures.relations import PairFunctions, RelationGraph
from training.methods import require
from training.nets import DROPOUT


class StructuredNet(HardNet):
    """ŷ_i = ŷ_i⁰ + α Σ_{j≠i} W_ij u_ij(ŷ_j⁰), with W learned on a graph of tasks.

    After Kang 2025 (doi:10.48550/arXiv.2512.22740). The loss gains λ1 Σ_{i≠j} |W_ij|, and λ2 (1 − tr W) in the
    published form only, where nothing else reads the diagonal.

    Args:
        n_in: f.
        tasks: t.
        gcn: `fixed`, or `paper` for the published graph, on which all relations are equal.
        alpha: α.
        lambda1: λ1.
        lambda2: λ2.
        detach: corrections do not train the predictions that they read.
        per: one u per `pair` or per `target`.
        embedding: size of a task's embedding.
        widths: hidden widths of the backbone.
        head_hidden: hidden width of each head, 0 for a linear head.
        norm: `bn`, `ln`, `none` or `task_bn`.
        dropout: dropout rate.
    """

    needs_tasks: ClassVar[int] = 2

    def __init__(
        self,
        n_in: int,
        tasks: int,
        *,
        gcn: str = "fixed",
        alpha: float = 0.1,
        lambda1: float = 0.01,
        lambda2: float = 0.1,
        detach: bool = True,
        per: str = "pair",
        embedding: int = 64,
        widths: Sequence[int] = (128, 128),
        head_hidden: int = 64,
        norm: str = "bn",
        dropout: float = DROPOUT,
    ) -> None:
        for name, value in (("alpha", alpha), ("lambda1", lambda1), ("lambda2", lambda2)):
            require(value >= 0, name, value, "give 0 or a number above 0")
        require(1 <= embedding <= WIDEST, "embedding", embedding, f"give a whole number from 1 to {WIDEST}")
        super().__init__(n_in, tasks, widths=widths, head_hidden=head_hidden, norm=norm, dropout=dropout)
        self.graph = RelationGraph(tasks, embedding, gcn)
        self.functions = PairFunctions(tasks, per=per)
        self.alpha, self.lambda1, self.lambda2, self.detach = alpha, lambda1, lambda2, detach
        self.register_buffer("others", 1.0 - torch.eye(tasks), persistent=False)

    @property
    def separate_heads(self) -> bool:
        """Whether all tasks read one representation, and corrections leave the predictions that they read alone."""
        return self.detach and super().separate_heads

    def heads(self, z: Tensor) -> Tensor:
        """Predict from a representation, corrections included, shape (b, d) or (b, t, d) → (b, t)."""
        primary = super().heads(z)
        read = primary.detach() if self.detach else primary
        added: Tensor = self.functions(read) * self._edges()
        return primary + self.alpha * added.sum(dim=2)

    def penalty(self) -> Tensor:
        """Return λ1 Σ_{i≠j} |W_ij|, and λ2 (1 − tr W) beside it in the published form."""
        total = self.lambda1 * self._edges().sum()
        if self.graph.gcn == "paper":
            total = total + self.lambda2 * (1.0 - self.graph.forward().trace())
        return total

    def relations(self) -> Tensor:
        """Return the learned W with a zero diagonal, shape (t, t): what row task i takes from column task j."""
        return self._edges().detach()

    def _edges(self) -> Tensor:
        """W without its diagonal."""
        return self.graph.forward() * self.get_buffer("others")
