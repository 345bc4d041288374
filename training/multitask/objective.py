"""Losses of the tasks in a batch, with the remedies for unevenly spread targets of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from training.architectures.multitask_net import MultiTaskNet
from training.imbalance.fds import FeatureSmoothing, smoothing_for, statistics_pass
from training.imbalance.lds import class_weights
from training.imbalance.masked import masked_means, row_losses
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Balance, Method
from training.multitask.kinds import make, registry
from training.multitask.rows import RowTensors

RowLoss = Callable[[Tensor, Tensor], Tensor]


class Objective(nn.Module):
    """The losses that a net is trained on.

    Args:
        config: what is used.
        rows: training rows.
        tasks: their names.
        features: width of the representation.
        seed: of the banks of labels.
    """

    def __init__(
        self, config: MultiTaskConfig, rows: RowTensors, tasks: tuple[str, ...], features: int, seed: int
    ) -> None:
        super().__init__()
        self.rows = rows
        balances = [
            config.balance_of(task, bool(label)) for task, label in zip(tasks, rows.is_label.tolist(), strict=True)
        ]
        self.weight = _row_weights(balances, rows)
        self.terms: dict[int, RowLoss] = {}
        self.modules_of_terms = nn.ModuleList()
        self.smoothing = nn.ModuleDict()
        for task, balance in enumerate(balances):
            labels = rows.labels_of(task)
            if balance.loss is not None and len(labels):
                self._add_term(task, balance.loss, labels, seed)
            if balance.fds is not None and len(labels):
                layer = smoothing_for(labels, features, **balance.fds.options)  # type: ignore[arg-type]
                self.smoothing[str(task)] = layer

        labelled = rows.y.shape[1] == 1 and bool(rows.known.all()) and not bool(rows.is_label.any())
        self.plain = labelled and self.weight is None and not self.terms and not self.smoothing
        """One regression task: the loss needs no mask."""

    def forward(
        self, net: MultiTaskNet, chosen: Tensor, epoch: int, *, split: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute the losses of a batch.

        Args:
            net: the net, in training mode.
            chosen: row numbers, shape (b,).
            epoch: from 0.
            split: give every task a copy of the representation that is a leaf of the graph.

        Returns:
            Losses (t,), how many labels of each task they are the mean of (t,), the representation, and what the heads
            read of it.
        """
        x, y = self.rows.x[chosen], self.rows.y[chosen]
        known = self.rows.known if self.plain else self.rows.known[chosen]
        z = net.trunk(x, known)
        read = z
        if split:
            read = z.detach()[:, None].expand(-1, net.tasks, -1).requires_grad_()
        out = net.heads(self._smoothed(read, y, known, epoch) if self.smoothing else read)
        if self.plain:
            return nn.functional.mse_loss(out, y)[None], torch.tensor([len(y)]), z, read
        loss = row_losses(out, y, known, self.rows.is_label)
        if self.terms:
            loss = self._replaced(loss, out, y, known)
        losses, labels = masked_means(loss, known, None if self.weight is None else self.weight[chosen])
        return losses, labels, z, read

    def end_epoch(self, net: MultiTaskNet, epoch: int) -> None:
        """Refresh the statistics of smoothed features."""
        if not self.smoothing:
            return
        y = torch.where(self.rows.known, self.rows.y, torch.nan)
        layers = [self._layer(task) for task in range(net.tasks)]
        if len(net.backbones) == 1:
            statistics_pass(net.trunk, net, layers, self.rows.x, y)
        else:
            for task, layer in enumerate(layers):
                mine = self.rows.known[:, task]
                body = net.backbones[task]
                if layer is not None:
                    statistics_pass(body, net, [layer], self.rows.x[mine], y[mine, task : task + 1])
        for layer in layers:
            if layer is not None:
                layer.end_epoch(epoch)

    def groups(self) -> list[dict[str, object]]:
        """Parameter groups of learned noise: own rate, no weight decay."""
        groups = [module.parameter_group() for module in self.modules_of_terms]  # type: ignore[operator]
        return [group for group in groups if group["params"]]

    def _add_term(self, task: int, method: Method, labels: np.ndarray, seed: int) -> None:
        """Make the loss of one task."""
        if method.name in ("bmc", "gai"):
            module: nn.Module = make("loss", method, labels=labels, seed=seed)
            self.modules_of_terms.append(module)
            self.terms[task] = module
        else:
            self.terms[task] = partial(registry("loss")[method.name], **method.options)  # type: ignore[assignment]

    def _layer(self, task: int) -> FeatureSmoothing | None:
        """The smoothing of one task."""
        layer = dict(self.smoothing.items()).get(str(task))
        assert layer is None or isinstance(layer, FeatureSmoothing)
        return layer

    def _smoothed(self, z: Tensor, y: Tensor, known: Tensor, epoch: int) -> Tensor:
        """Give every task its own calibrated representation, (b, d) or (b, t, d) → (b, t, d)."""
        labels = torch.where(known, y, torch.nan)
        parts = []
        for task in range(y.shape[1]):
            own, layer = z if z.dim() == 2 else z[:, task], self._layer(task)
            parts.append(own if layer is None else layer(own, labels[:, task], epoch))
        return torch.stack(parts, dim=1)

    def _replaced(self, loss: Tensor, out: Tensor, y: Tensor, known: Tensor) -> Tensor:
        """Put the tasks' own losses in the place of squared errors."""
        columns = list(loss.unbind(dim=1))
        for task, term in self.terms.items():
            rows = known[:, task].nonzero()[:, 0]
            if len(rows):
                columns[task] = torch.zeros_like(columns[task]).index_copy(
                    0, rows, term(out[rows, task], y[rows, task])
                )
        return torch.stack(columns, dim=1)


def _row_weights(balances: list[Balance], rows: RowTensors) -> Tensor | None:
    """Weights of all labels, shape (n, t), mean 1 over each task's labels; None where all are 1."""
    if not any(balance.lds is not None or balance.class_weights for balance in balances):
        return None
    weight = torch.ones_like(rows.y)
    for task, balance in enumerate(balances):
        labels = rows.labels_of(task)
        if not len(labels) or not (balance.lds is not None or balance.class_weights):
            continue
        found = class_weights(labels) if balance.lds is None else make("lds", balance.lds, y=labels)
        weight[rows.known[:, task], task] = torch.from_numpy(np.asarray(found)).float()
    return weight
