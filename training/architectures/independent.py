"""One net per task that shares nothing: the yardstick of multi-task learning."""

from __future__ import annotations

from collections.abc import Sequence

from training.architectures.layers import backbone, hidden_linears, tower
from training.architectures.multitask_net import MultiTaskNet
from training.nets import DROPOUT


class IndependentNet(MultiTaskNet):
    """t single-task nets f → 128 → 64 → 1, as in Kang 2025 (doi:10.48550/arXiv.2512.22740).

    Args:
        n_in: f.
        tasks: t.
        widths: hidden widths of each backbone.
        head_hidden: hidden width of each head, 0 for a linear head.
        norm: `bn`, `ln` or `none`.
        dropout: dropout rate.
    """

    def __init__(
        self,
        n_in: int,
        tasks: int,
        *,
        widths: Sequence[int] = (128, 64),
        head_hidden: int = 0,
        norm: str = "bn",
        dropout: float = DROPOUT,
    ) -> None:
        bodies = [backbone(hidden_linears(n_in, widths), norm, dropout) for _ in range(tasks)]
        super().__init__(bodies, [tower(widths[-1], head_hidden) for _ in range(tasks)])
