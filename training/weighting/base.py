"""Loss weightings: from the losses of the tasks to the one number that is backpropagated."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.methods import require

LEAST_LOG_LOSS = -4.0
MOST_LOG_LOSS = 80.0


class LossWeighting(nn.Module, ABC):
    """Makes one loss of t losses.

    A task without a label in the batch is absent: its loss is dropped before anything is computed from it, it gets no
    gradient, and whatever the method has learned about it stays. Weights are not made up for the absent, so a task
    counts the same whoever else is in the batch.

    Attributes:
        tasks: t.
        reads_norms: the fit calls `observe` with the norms of the single gradients.
        reads_after: the fit computes the losses of the batch once more after its step and calls `after_step`.
        needs_positive: it takes logarithms or ratios of losses, which a loss below 0 turns round.
    """

    reads_norms: ClassVar[bool] = False
    reads_after: ClassVar[bool] = False
    needs_positive: ClassVar[bool] = True
    used: Tensor

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.register_buffer("used", torch.ones(tasks), persistent=False)

    @abstractmethod
    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses.

        Args:
            losses: mean loss of each task over its labels in the batch, shape (t,).
            present: which tasks have a label in the batch, shape (t,).
            epoch: how many epochs are complete.
            step: how many steps are complete.

        Returns:
            The loss to backpropagate, a scalar; zero where no task is present.
        """

    def observe(self, losses: Tensor, norms: Tensor, present: Tensor) -> None:
        """Take the norms of the tasks' gradients, shape (t,), unweighted, before the model's step."""

    def after_step(self, before: Tensor, after: Tensor, present: Tensor) -> None:
        """Take the losses of a batch before and after the model's step, shape (t,) each."""

    def end_epoch(self, means: Tensor, present: Tensor) -> None:
        """Take each task's mean loss over the labels of the epoch, shape (t,)."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything learned."""

    def weights(self) -> Tensor:
        """Return the factor last put on each loss, that is, the derivative of the total by it, shape (t,)."""
        return self.used.clone()

    def remember(self, weights: Tensor, present: Tensor) -> None:
        """Note the weights of the present tasks, shape (p,), for the log."""
        self.used[present] = weights.detach().to(self.used)


def bounded_log(losses: Tensor, least: float = LEAST_LOG_LOSS) -> Tensor:
    """Return log L, continued as a straight line below `least`, so that its slope 1 / L stays bounded.

    A small task that is learned by heart would otherwise take over: its weight 1 / L has no limit. The line is exactly
    what uncertainty weighting minimises when its log-variance may not fall below `least`.
    """
    floor = math.exp(least)
    return torch.where(losses > floor, losses.clamp(min=floor).log(), least - 1.0 + losses / floor)


def log_slope(losses: Tensor, least: float = LEAST_LOG_LOSS) -> Tensor:
    """Return the slope of `bounded_log`, a constant for the gradient."""
    return 1.0 / losses.detach().clamp(min=math.exp(least))


def require_least(least: float) -> float:
    """Return the log of a loss if float32 can hold the loss and its inverse.

    Raises:
        OptionError: it cannot.
    """
    require(abs(least) <= MOST_LOG_LOSS, "least", least, f"give a number from {-MOST_LOG_LOSS:g} to {MOST_LOG_LOSS:g}")
    return least


def per_task(given: Sequence[float], tasks: int, name: str, usual: float) -> tuple[float, ...]:
    """Return one number per task, the usual one where none are given.

    Raises:
        OptionError: not t finite numbers.
    """
    chosen = tuple(map(float, given)) or (usual,) * tasks
    require(len(chosen) == tasks, name, given, f"give {tasks} numbers, one per task")
    require(all(math.isfinite(each) for each in chosen), name, given, "give finite numbers")
    return chosen
