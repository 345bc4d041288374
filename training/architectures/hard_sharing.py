"""Hard sharing: one backbone for all tasks, one head each."""

from __future__ import annotations

from collections.abc import Sequence

from training.architectures.layers import NORMS, backbone, hidden_linears, tower
from training.architectures.multitask_net import MultiTaskNet
from training.imbalance.choices import require_choice
from training.nets import DROPOUT

TASK_NORM = "task_bn"
"""Batch normalisation with statistics and gains of each task's own rows, all other weights shared."""


class HardNet(MultiTaskNet):
    """A backbone f → 128 → 128 and heads 64 → 1, as in Kang 2025 (doi:10.48550/arXiv.2512.22740).

    With `bn` the statistics of union batches are those of the largest task; `ln` has none, `task_bn` one set per task,
    and then the representation is (b, t, d).

    Args:
        n_in: f.
        tasks: t.
        widths: hidden widths of the backbone.
        head_hidden: hidden width of each head, 0 for a linear head.
        norm: `bn`, `ln`, `none` or `task_bn`.
        dropout: dropout rate.
    """

    def __init__(
        self,
        n_in: int,
        tasks: int,
        *,
        widths: Sequence[int] = (128, 128),
        head_hidden: int = 64,
        norm: str = "bn",
        dropout: float = DROPOUT,
    ) -> None:
        require_choice("norm", norm, (*NORMS, TASK_NORM))
        linears = hidden_linears(n_in, widths)
        if norm == TASK_NORM:
            bodies = [backbone(linears, "bn", dropout) for _ in range(tasks)]
        else:
            bodies = [backbone(linears, norm, dropout)]
        super().__init__(bodies, [tower(widths[-1], head_hidden) for _ in range(tasks)])
