"""The training loop for several seeds at once; same batches, same stopping, same results as one by one.

Only what all seeds share is batched. Each has its own order of rows, its own plateaus and its own end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from screener.errors import InputError
from training.architectures.layers import share_generator
from training.architectures.passes import SeedPasses
from training.architectures.seeds import SeedNets
from training.imbalance.masked import row_losses
from training.multitask.checks import check_before_training, weighting_of
from training.multitask.config import MultiTaskConfig
from training.multitask.flat_adam import FlatAdam
from training.multitask.history import BestStates, FitResult, History
from training.multitask.loop import build_net, mean_predictor_losses
from training.multitask.rows import Fold, RowTensors, Scales
from training.multitask.streams import stream
from training.nets import single_thread


def fit_seeds(fold: Fold, config: MultiTaskConfig, seeds: Sequence[int]) -> list[FitResult]:
    """Train one net per seed, all at once.

    Without dropout the results are those of `fit` for every seed; with dropout only the draws differ. All nets take one
    step together, so the head of a task that one batch lacks cannot rest: several tasks need ``absent = "zero"``.

    Args:
        fold: training and validation rows.
        config: `hard`, `structured`, or `independent` for one task; the sampler `union`, fixed weights or none.
        seeds: K of them.

    Raises:
        ScreenerError: as `fit`, or methods that do not run for several seeds at once.
    """
    check_before_training(config, fold)
    check_at_once(config, len(fold.train.tasks))
    single_thread()
    scales = Scales.of(fold.train)
    rows, valid = RowTensors.of(fold.train, scales), RowTensors.of(fold.valid, scales)
    nets = SeedNets([build_net(config, rows.x.shape[1], len(fold.train.tasks), seed) for seed in seeds])
    share_generator(nets, stream(seeds[0], "dropout"))
    weighting = weighting_of(config, fold.train)
    weights = torch.ones(len(fold.train.tasks)) if weighting is None else weighting.weights()
    run = SeedRun(nets, rows, config, weights, [stream(seed, "batches") for seed in seeds])
    baseline = mean_predictor_losses(rows, valid)
    watchers = [_Watcher(config, BestStates.of(net)) for net in nets.nets]
    for epoch in range(config.training.epochs):
        means = run.epoch()
        losses = _valid_losses(nets, valid)
        nets.unstacked()
        for k, watcher in enumerate(watchers):
            if not watcher.done:
                watcher.see(run, k, epoch, means[k], losses[k], float((losses[k] / baseline).mean()))
                run.rate[k] = 0.0 if watcher.done else watcher.rate
        run.optimiser.set_rates(run.rate)
        if all(watcher.done for watcher in watchers):
            break
    return [watcher.result(nets, k, scales, fold.train.tasks) for k, watcher in enumerate(watchers)]


def check_at_once(config: MultiTaskConfig, tasks: int) -> None:
    """Check that several seeds can be trained at once: no method has a state of its own, and no head rests.

    Raises:
        InputError: they cannot.
    """
    for kind, method in (("weighting", config.weighting), ("aggregator", config.aggregator)):
        if method is not None and (kind, method.name) != ("weighting", "fixed"):
            raise InputError(f"{kind} `{method.name}` does not run for several seeds at once", _HINT)
    if config.balance or config.sampler.name != "union":
        raise InputError("remedies and samplers do not run for several seeds at once", _HINT)
    if tasks > 1 and config.absent != "zero":
        raise InputError("heads without labels in a batch cannot rest for several seeds at once", 'set absent = "zero"')


_HINT = "fit the seeds one by one"


class SeedRun:
    """K nets and the optimiser of all, one epoch at a time; ``rate`` scales the steps of each net."""

    def __init__(
        self,
        nets: SeedNets,
        rows: RowTensors,
        config: MultiTaskConfig,
        weights: Tensor,
        batches: Sequence[torch.Generator],
    ) -> None:
        training = config.training
        self.nets, self.rows, self.weights, self.batches, self.batch = nets, rows, weights, batches, training.batch
        self.optimiser = FlatAdam(list(nets.parameters()), training.lr, training.weight_decay)
        self.rate = torch.ones(len(batches))
        self.steps = 0
        self.passes = SeedPasses(nets)
        self.labels = rows.is_label.nonzero()[:, 0].tolist()
        self.plain = len(weights) == 1 and bool(rows.known.all()) and not bool(rows.is_label.any())

    def epoch(self) -> Tensor:
        """Take one epoch of steps; return each net's mean training losses over all labels, shape (K, t)."""
        self.nets.train()
        order = torch.stack([torch.randperm(len(self.rows.x), generator=g) for g in self.batches])
        steps = max(1, (len(self.rows.x) + self.batch - 2) // self.batch)  # a single row joins the batch before it
        total = torch.zeros(len(self.batches), len(self.weights))
        labels = torch.zeros_like(total)
        for step in range(steps):
            chosen = order[:, step * self.batch : None if step == steps - 1 else (step + 1) * self.batch]
            losses, count = self._step(chosen)
            total += losses
            labels += count
        return total / labels.clamp_min(1)

    def _step(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Learn from one batch per net, shape (K, b); return sums of losses and counts of labels, (K, t) each."""
        losses, count, slope = self._losses(self.passes.forward(_taken(self.rows.x, chosen)), chosen)
        self.passes.backward(slope)
        self.optimiser.step()
        self.steps += 1
        return losses, count

    def _losses(self, out: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of losses, counts of labels, (K, t) each, and the slope of the means on the outputs, (K, t, b)."""
        y = _taken(self.rows.y, chosen).transpose(1, 2)
        error = out - y
        if self.plain:
            losses, count = error.square().sum(dim=2), torch.full((len(y), 1), float(y.shape[2]))
            return losses, count, error.mul_(self.weights * (2.0 / y.shape[2]))
        mask = _taken(self.rows.known, chosen).transpose(1, 2)
        count = mask.sum(dim=2)
        share = mask / count.clamp_min(1)[:, :, None]
        loss, slope = error.square(), 2.0 * error
        for task in self.labels:
            loss[:, task] = nn.functional.binary_cross_entropy_with_logits(out[:, task], y[:, task], reduction="none")
            slope[:, task] = torch.sigmoid(out[:, task]) - y[:, task]
        return (loss * mask).sum(dim=2), count, slope.mul_(share).mul_(self.weights[:, None])


def _taken(values: Tensor, chosen: Tensor) -> Tensor:
    """Take rows, shapes (n, c) and (K, b) → (K, b, c); quicker than an index of two dimensions."""
    return values.index_select(0, chosen.flatten()).view(*chosen.shape, values.shape[1])


@dataclass(slots=True)
class _Watcher:
    """Plateaus, end and best states of one net."""

    config: MultiTaskConfig
    best: BestStates
    history: History = field(default_factory=History)
    rate: float = 1.0
    done: bool = False
    least: float = float("inf")
    bad: int = 0

    def see(self, run: SeedRun, k: int, epoch: int, train: Tensor, valid: Tensor, joint: float) -> None:
        """Take one epoch, as `ReduceLROnPlateau` and early stopping do."""
        training, history = self.config.training, self.history
        history.train.append(train.double().numpy().copy())
        history.valid.append(valid.double().numpy().copy())
        history.joint.append(joint)
        history.weights.append(run.weights.double().numpy().copy())
        history.lr.append(training.lr * self.rate)
        history.steps.append(run.steps)
        history.rows_seen.append(run.rows.known.sum(dim=0).numpy() * (epoch + 1))
        self.best.offer(run.nets.nets[k], epoch, joint, valid)
        if joint < self.least * (1.0 - 1e-4):
            self.least, self.bad = joint, 0
        else:
            self.bad += 1
        if self.bad > training.plateau_patience:
            self.rate, self.bad = self.rate * training.plateau_factor, 0
        self.done = epoch - self.best.joint_epoch >= training.patience

    def result(self, nets: SeedNets, k: int, scales: Scales, tasks: tuple[str, ...]) -> FitResult:
        """The net in its best joint state."""
        net, best = nets.nets[k], self.best
        net.load_state_dict(dict(best.joint))
        net.eval()
        return FitResult(
            net,
            self.history,
            best.joint,
            tuple(best.tasks),
            best.joint_epoch,
            tuple(best.task_epochs),
            scales,
            tasks,
        )


def _valid_losses(nets: SeedNets, valid: RowTensors) -> Tensor:
    """Validation losses of every net, shape (K, t)."""
    nets.eval()
    with torch.no_grad():
        out = nets(valid.x.expand(len(nets.nets), -1, -1))
    loss = row_losses(out, valid.y.expand_as(out), valid.known, valid.is_label)
    return torch.where(valid.known, loss, 0.0).sum(dim=1) / valid.known.sum(dim=0)
