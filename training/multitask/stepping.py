"""One step of training: losses, their weights, task gradients and their aggregate, the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.aggregators import GramianWeighting, representation_gramian
from training.architectures.layers import Dropout, Pool
from training.architectures.multitask_net import MultiTaskNet
from training.diagnostics.gramians import departure
from training.imbalance.balanced_mse import BatchMonteCarlo
from training.multitask.gradients import (
    conflict_rate,
    gradient_norms,
    gramian,
    set_gradient,
    split_gradients,
    task_gradients,
)
from training.multitask.objective import Objective
from training.weighting import LossWeighting


@dataclass(frozen=True, slots=True)
class StepLog:
    """What one step saw.

    Attributes:
        losses: shape (t,).
        labels: how many labels each loss is the mean of, shape (t,).
        aggregated: weights of the task gradients, shape (t,), 0 for absent tasks; None without an aggregator.
        conflicts: share of conflicting pairs, None without an aggregator.
        departure: distance of the aggregate from the plain sum, None without an aggregator.
    """

    losses: Tensor
    labels: Tensor
    aggregated: Tensor | None = None
    conflicts: float | None = None
    departure: float | None = None

    @property
    def present(self) -> Tensor:
        """Which tasks have a label, shape (t,)."""
        return self.labels > 0


class Stepper:
    """Takes steps; knows how losses become gradients.

    Args:
        net: what is trained.
        objective: its losses.
        weighting: of the losses, None for the plain sum.
        aggregator: of the task gradients, None for one backward pass.
        optimiser: over the net, the weighting and the objective.
        drop: leave the parameters of absent tasks alone.
        anchor: what else the loss gains, such as a pull towards pre-trained weights.
    """

    def __init__(
        self,
        net: MultiTaskNet,
        objective: Objective,
        weighting: LossWeighting | None,
        aggregator: GramianWeighting | None,
        optimiser: torch.optim.Optimizer,
        *,
        drop: bool = True,
        anchor: Callable[[], Tensor] | None = None,
    ) -> None:
        self.net, self.objective, self.weighting, self.aggregator = net, objective, weighting, aggregator
        self.optimiser, self.anchor = optimiser, anchor
        self.shared, self.others = net.shared_parameters(), net.heads_parameters()
        self.split = aggregator is not None and not aggregator.of_representation and net.separate_heads
        reads = weighting is not None and weighting.reads_norms
        self.split = self.split and not reads  # norms are read through the whole graph
        self.own = [net.task_parameters(task) for task in range(net.tasks)] if drop else None
        self.parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        self.steps = 0

    def step(self, chosen: Tensor, epoch: int) -> StepLog:
        """Learn from one batch of row numbers, shape (b,)."""
        replay = Replay(self.net, self.objective) if self.weighting is not None and self.weighting.reads_after else None
        for parameter in self.parameters:
            parameter.grad = None  # quicker than `zero_grad`
        losses, labels, z, read = self.objective(self.net, chosen, epoch, split=self.split)
        present = labels > 0
        total = losses.sum() if self.weighting is None else self.weighting(losses, present, epoch, self.steps)
        norms = None
        if self.weighting is not None and self.weighting.reads_norms:
            norms = gradient_norms(losses, present, self.net.last_shared().weight)
        if self.aggregator is None:
            log = StepLog(losses.detach(), labels)
            self._backward(total)
        elif self.aggregator.of_representation:
            log = self._along_representation(losses, labels, z, total)
        else:
            log = self._along_aggregate(losses, labels, z, read, total)
        if self.own is not None and len(self.own) > 1 and not bool(present.all()):
            for task in (~present).nonzero()[:, 0].tolist():
                for parameter in self.own[task]:
                    parameter.grad = None
        if self.weighting is not None and norms is not None:
            self.weighting.observe(log.losses, norms, present)
        self.optimiser.step()
        self.steps += 1
        if self.weighting is not None and replay is not None:
            self.weighting.after_step(log.losses, replay.losses(chosen, epoch), present)
        return log

    def _extra(self) -> Tensor | None:
        """Penalty of the architecture and the anchor, None for neither."""
        parts = [self.net.penalty(), None if self.anchor is None else self.anchor()]
        kept = [part for part in parts if part is not None]
        return torch.stack(kept).sum() if kept else None

    def _backward(self, total: Tensor) -> None:
        """Differentiate one loss."""
        extra = self._extra()
        torch.autograd.backward(total if extra is None else total + extra)  # typed, unlike `Tensor.backward`

    def _along_aggregate(self, losses: Tensor, labels: Tensor, z: Tensor, read: Tensor, total: Tensor) -> StepLog:
        """Give the shared parameters the aggregate, every head its own unscaled loss, the weighting its total."""
        assert self.aggregator is not None
        present = labels > 0
        if self.split:
            jacobian, sums = split_gradients(losses, present, z, read, self.shared, self.others)
        else:
            jacobian, sums = task_gradients(losses, present, self.shared, self.others)
        told = losses.detach()[present]
        if self.weighting is not None:
            scale = self.weighting.weights()[present].to(jacobian)
            jacobian, told = jacobian * scale[:, None], told * scale
            learned = [p for p in self.weighting.parameters() if p.requires_grad]
            if learned:
                found = torch.autograd.grad(total, learned, retain_graph=True, allow_unused=True)
                for number, slope in zip(learned, found, strict=True):
                    number.grad = slope
        gram = gramian(jacobian)
        weights = self.aggregator(gram, told, present)
        self._extra_alone(losses)
        set_gradient(self.shared, weights @ jacobian + _flat_grad(self.shared))
        for parameter, gradient in zip(self.others, sums, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        return _log(losses, labels, gram, weights)

    def _extra_alone(self, losses: Tensor) -> None:
        """Differentiate the penalty, and the learned parts of the losses that no task gradient covers."""
        extra = self._extra()
        if extra is not None:
            torch.autograd.backward(extra)
        noise = [p for p in self.objective.parameters() if p.requires_grad]
        if noise:
            found = torch.autograd.grad(losses.sum(), noise, retain_graph=True, allow_unused=True)
            for sigma, slope in zip(noise, found, strict=True):
                sigma.grad = slope

    def _along_representation(self, losses: Tensor, labels: Tensor, z: Tensor, total: Tensor) -> StepLog:
        """Weigh by the gradients on the representation, then differentiate once; heads are scaled too."""
        assert self.aggregator is not None
        present = labels > 0
        scaled = (losses if self.weighting is None else losses * self.weighting.weights().to(losses))[present]
        gram = representation_gramian(scaled, z)
        weights = self.aggregator(gram, scaled.detach(), present)
        combined = (weights * scaled).sum()
        if self.weighting is not None:
            # Less its slope in the losses, the total reaches what the weighting learns and nothing else.
            combined = combined + total - _through(losses, total)
        self._backward(combined)
        return _log(losses, labels, gram, weights)


def _through(losses: Tensor, total: Tensor) -> Tensor:
    """A number with the gradient that a total has through its losses."""
    (slope,) = torch.autograd.grad(total, losses, retain_graph=True)
    return (slope * losses).sum()


def _flat_grad(parameters: list[nn.Parameter]) -> Tensor:
    """Gradients so far in one vector, zeros for none."""
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])


def _log(losses: Tensor, labels: Tensor, gram: Tensor, weights: Tensor) -> StepLog:
    """Note what an aggregation did."""
    aggregated = torch.zeros_like(losses.detach())
    aggregated[labels > 0] = weights.to(aggregated)
    away = departure(gram.double().numpy(), weights.double().numpy())
    return StepLog(losses.detach(), labels, aggregated, conflict_rate(gram), away)


class Replay:
    """Computes the losses of a batch once more, with the same dropout and labels and without moving statistics.

    Args:
        net: before the step whose losses shall be seen again.
        objective: its losses.
    """

    def __init__(self, net: MultiTaskNet, objective: Objective) -> None:
        self.net, self.objective = net, objective
        self.banks = [module for module in objective.modules_of_terms if isinstance(module, BatchMonteCarlo)]
        self.drawn = [bank.generator.get_state() for bank in self.banks]
        self.dropouts = [module for module in net.modules() if isinstance(module, Dropout)]
        self.marks = self._marks()

    def losses(self, chosen: Tensor, epoch: int) -> Tensor:
        """Return the losses that the net has now, shape (t,)."""
        kept, later = [buffer.clone() for buffer in self.net.buffers()], self._marks()
        self._rewind(self.marks)
        for bank, state in zip(self.banks, self.drawn, strict=True):
            bank.generator.set_state(state)  # the step drew as often: afterwards it stands where it stood
        with torch.no_grad():
            losses = torch.as_tensor(self.objective(self.net, chosen, epoch)[0])
            for buffer, value in zip(self.net.buffers(), kept, strict=True):
                buffer.copy_(value)
        self._rewind(later)
        return losses

    def _marks(self) -> list[tuple[Pool, Tensor | None]]:
        """Where every dropout stands in its stream."""
        return [(each.pool, None if each.generator is None else each.generator.get_state()) for each in self.dropouts]

    def _rewind(self, marks: list[tuple[Pool, Tensor | None]]) -> None:
        """Go to other places of the streams."""
        for each, (pool, state) in zip(self.dropouts, marks, strict=True):
            each.pool = pool
            if each.generator is not None and state is not None:
                each.generator.set_state(state)
