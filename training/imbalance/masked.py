"""Losses of tasks whose labels are mostly missing.

L_t = Σ_i m_it q_it ℓ_it / max(Σ_i m_it, 1): a task's loss is the mean over the rows that have its label. The divisor is
the number of labels and not Σq, so weights of mean 1 keep the scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from screener.errors import InputError


def masked_means(loss: Tensor, known: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Average the loss of every task over its labelled rows.

    Args:
        loss: loss of every row and task, shape (b, t); whatever stands where there is no label is not read.
        known: which labels exist, bool, shape (b, t).
        weight: weight of every label, mean 1 over a task's training rows, shape (b, t).

    Returns:
        Losses, shape (t,), 0 for a task without a label in the batch, and how many labels each has, shape (t,).
    """
    kept = torch.where(known, loss, 0.0)
    if weight is not None:
        kept = kept * torch.where(known, weight, 0.0)
    count = known.sum(0)
    return kept.sum(0) / count.clamp(min=1), count


def row_losses(predicted: Tensor, y: Tensor, known: Tensor, is_label: Tensor) -> Tensor:
    """Squared error of standardised targets and cross-entropy of labels, shape (b, t).

    Absent values are filled before the loss is taken: a NaN that is masked afterwards still has a NaN gradient.

    Args:
        predicted: standardised targets and logits, shape (b, t).
        y: standardised targets and labels 0 or 1; anything, NaN included, where there is none, shape (b, t).
        known: which labels exist, bool, shape (b, t).
        is_label: which tasks are labels, bool, shape (t,).
    """
    target = torch.where(known, y, 0.0)
    entropy = functional.binary_cross_entropy_with_logits(predicted, target, reduction="none")
    return torch.where(is_label, entropy, (predicted - target) ** 2)


def require_labels(y: Tensor, known: Tensor, tasks: Sequence[str]) -> None:
    """Check that every task can be learned from these rows, shape (n, t) each.

    Raises:
        InputError: a task has no label, or a label that is NaN or infinite.
    """
    for task, values in zip(tasks, (y[:, t][known[:, t]] for t in range(len(tasks))), strict=True):
        if not len(values):
            raise InputError(f"task `{task}` has no label in these rows", "leave it out, or split the rows otherwise")
        broken = int((~torch.isfinite(values)).sum())
        if broken:
            raise InputError(
                f"task `{task}` has {broken} labels that are not finite", "remove these rows, or mark them as unknown"
            )


def absent_probability(labels: int, rows: int, batch: int) -> float:
    """Probability that a batch drawn from all rows holds no label of a task: (1 − n_t/n)^b."""
    return float((1.0 - labels / rows) ** batch)
