"""Notes on each epoch of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.aggregators.pcgrad import PCGrad
from training.multitask.history import History
from training.multitask.stepping import StepLog

if TYPE_CHECKING:
    from training.multitask.loop import Trainer


def epoch_means(logs: Sequence[StepLog]) -> tuple[Tensor, Tensor]:
    """Mean loss of every task over the labels that the steps read, and which had any, shape (t,) each."""
    losses, labels = torch.stack([log.losses for log in logs]), torch.stack([log.labels for log in logs])
    count = labels.sum(dim=0)
    return (losses * labels).sum(dim=0) / count.clamp_min(1), count > 0


def record(history: History, trainer: Trainer, logs: Sequence[StepLog], valid: Tensor, joint: float) -> None:
    """Note one epoch."""
    means, present = epoch_means(logs)
    history.train.append(_floats(torch.where(present, means, torch.nan)))
    history.valid.append(_floats(valid))
    history.joint.append(joint)
    ones = torch.ones(len(trainer.tasks))
    history.weights.append(_floats(ones if trainer.weighting is None else trainer.weighting.weights()))
    given = [log.aggregated for log in logs if log.aggregated is not None]
    if given:
        counts = torch.stack([log.present for log in logs]).sum(dim=0).clamp_min(1)
        ones = torch.stack(given).sum(dim=0) / counts
    history.aggregated.append(_floats(ones))
    history.rows_seen.append(trainer.seen.numpy().copy())
    history.conflicts.append(_mean([log.conflicts for log in logs]))
    history.departures.append(_mean([log.departure for log in logs]))
    projected = trainer.aggregator
    history.projections.append(projected.projection_rate if isinstance(projected, PCGrad) else float("nan"))
    history.lr.append(float(trainer.optimiser.param_groups[0]["lr"]))
    history.steps.append(trainer.stepper.steps)


def _floats(values: Tensor) -> NDArray[np.float64]:
    """A tensor as float64 numbers."""
    return values.detach().double().numpy().copy()


def _mean(values: Sequence[float | None]) -> float:
    """Mean of what there is, NaN for nothing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")
