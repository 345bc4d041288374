"""What a training run saw, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.architectures.multitask_net import MultiTaskNet
from training.multitask.rows import Array, Scales

State = Mapping[str, Tensor]


@dataclass(slots=True)
class History:
    """One entry per epoch; e epochs, t tasks.

    Attributes:
        train: mean training loss of every task over the steps that had it, e of shape (t,).
        valid: validation losses, e of shape (t,).
        joint: mean over tasks of validation loss by that of the mean predictor, e.
        weights: loss weights as used last in an epoch, e of shape (t,).
        aggregated: mean weights of the task gradients, e of shape (t,); ones without an aggregator.
        rows_seen: labels seen so far of each task, e of shape (t,).
        conflicts: mean share of conflicting pairs of task gradients, e; NaN without an aggregator.
        projections: share of ordered pairs that PCGrad has projected so far, e; NaN for the others.
        departures: mean distance of the aggregate from the plain sum, e; NaN without an aggregator.
        lr: learning rate of the first group, e.
        steps: optimiser steps so far, e.
    """

    train: list[NDArray[np.float64]] = field(default_factory=list)
    valid: list[NDArray[np.float64]] = field(default_factory=list)
    joint: list[float] = field(default_factory=list)
    weights: list[NDArray[np.float64]] = field(default_factory=list)
    aggregated: list[NDArray[np.float64]] = field(default_factory=list)
    rows_seen: list[NDArray[np.int64]] = field(default_factory=list)
    conflicts: list[float] = field(default_factory=list)
    projections: list[float] = field(default_factory=list)
    departures: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.joint)


@dataclass(slots=True)
class BestStates:
    """The states of a net that were best on validation: for all tasks together, and for each alone.

    Attributes:
        joint: state of the epoch with the best joint loss.
        tasks: state of the epoch with the best loss of each task, t.
        joint_epoch: that epoch, from 0; -1 before the first.
        task_epochs: those epochs, t.
    """

    joint: State
    tasks: list[State]
    joint_epoch: int
    task_epochs: list[int]
    joint_loss: float
    task_losses: list[float]

    @classmethod
    def of(cls, net: MultiTaskNet) -> BestStates:
        """Begin with the state that a net has now."""
        state, tasks = copied(net), net.tasks
        return cls(state, [state] * tasks, -1, [-1] * tasks, float("inf"), [float("inf")] * tasks)

    def offer(self, net: MultiTaskNet, epoch: int, joint: float, valid: Tensor) -> None:
        """Keep the state of an epoch where it is the best so far; NaN is never better."""
        better = [task for task, loss in enumerate(valid.tolist()) if loss < self.task_losses[task]]
        if not better and not joint < self.joint_loss:
            return
        state = copied(net)
        for task in better:
            self.tasks[task], self.task_epochs[task] = state, epoch
            self.task_losses[task] = float(valid[task])
        if joint < self.joint_loss:
            self.joint, self.joint_epoch, self.joint_loss = state, epoch, joint


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fitted net.

    Attributes:
        net: the net, in evaluation mode and in its best joint state.
        history: what happened.
        best_joint: state of the best epoch for all tasks.
        best_task: state of the best epoch for each task.
        joint_epoch: best epoch for all tasks, from 0.
        task_epochs: best epoch for each task.
        scales: of features and targets.
        tasks: names.
    """

    net: MultiTaskNet
    history: History
    best_joint: State
    best_task: tuple[State, ...]
    joint_epoch: int
    task_epochs: tuple[int, ...]
    scales: Scales
    tasks: tuple[str, ...]

    def predict(self, x: Array, *, best: str = "joint") -> Array:
        """Predict targets as learned and logits, shape (b, f) → (b, t).

        Args:
            x: raw features.
            best: `joint`, or `task` for every task from its own best epoch.
        """
        assert best in ("joint", "task")
        inputs = self.scales.inputs(x)
        if best == "joint":
            out = self._outputs(self.best_joint, inputs)
        else:
            columns = [self._outputs(state, inputs)[:, task] for task, state in enumerate(self.best_task)]
            out = torch.stack(columns, dim=1)
            self.net.load_state_dict(dict(self.best_joint))
        return np.asarray(out.numpy().astype(np.float64) * self.scales.y_scale + self.scales.y_mean)

    def _outputs(self, state: State, inputs: Tensor) -> Tensor:
        """Outputs of the net in one of its states."""
        self.net.load_state_dict(dict(state))
        self.net.eval()
        with torch.no_grad():
            return torch.as_tensor(self.net(inputs))


def copied(net: MultiTaskNet) -> dict[str, Tensor]:
    """Copy a net's parameters and buffers."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
