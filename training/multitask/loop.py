"""The training loop of multi-task nets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from training.aggregators import GramianWeighting
from training.architectures.layers import share_generator
from training.architectures.multitask_net import MultiTaskNet
from training.imbalance.masked import masked_means, row_losses
from training.imbalance.samplers import Sampler
from training.multitask.checks import check_before_training, weighting_of
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Balance
from training.multitask.history import BestStates, FitResult, History
from training.multitask.kinds import make
from training.multitask.objective import Objective
from training.multitask.records import epoch_means, record
from training.multitask.rows import Fold, RowTensors, Scales
from training.multitask.stepping import StepLog, Stepper
from training.multitask.streams import stream, stream_seed
from training.nets import single_thread

Groups = Sequence[dict[str, object]]


def build_net(config: MultiTaskConfig, n_in: int, tasks: int, seed: int) -> MultiTaskNet:
    """Make an untrained net; its weights follow from the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "start"))
        net = make("architecture", config.architecture, n_in=n_in, tasks=tasks)
    assert isinstance(net, MultiTaskNet)
    return net


def fit(net: MultiTaskNet, fold: Fold, config: MultiTaskConfig, seed: int) -> FitResult:
    """Train a net on all tasks of a fold until the joint validation loss stops falling.

    Args:
        net: from `build_net`, or trained before; it is changed.
        fold: training and validation rows.
        config: methods and optimisation.
        seed: of batches, dropout, and of what methods draw.

    Raises:
        ScreenerError: rows or methods that cannot be trained, before anything is.
    """
    check_before_training(config, fold)
    return train(Trainer(net, fold, config, seed))


def fit_each(fold: Fold, config: MultiTaskConfig, seed: int, *, as_many_steps: bool = False) -> tuple[FitResult, ...]:
    """Train one independent net per task on the rows of that task alone: the yardstick, with no common batches.

    Args:
        fold: training and validation rows of all tasks.
        config: methods and optimisation; its weighting and aggregator are left out.
        seed: of everything.
        as_many_steps: let epochs and patience last for as many steps as those of a net of all tasks.
    """
    results = []
    for task, label in zip(fold.train.tasks, fold.train.is_label.tolist(), strict=True):
        own = config.balance_of(task, label)
        alone = replace(config, weighting=None, aggregator=None, balance={task: own} if own != Balance() else {})
        part = fold.only((task,))
        if as_many_steps:
            training = alone.training.as_many_steps(len(part.train.x), len(fold.train.x))
            alone = replace(alone, training=training)
        results.append(fit(build_net(alone, part.train.x.shape[1], 1, seed), part, alone, seed))
    return tuple(results)


class Trainer:
    """A net with all that trains it.

    Args:
        net: changed by training.
        fold: training and validation rows.
        config: methods and optimisation.
        seed: of every random stream.
        scales: of features and targets; of the training rows where None.
        groups: parameter groups of the optimiser; all parameters where None. Parameters in no group stay as they are.
        anchor: what the loss gains beside the architecture's penalty.
        resting: modules that stay in evaluation mode.
    """

    def __init__(
        self,
        net: MultiTaskNet,
        fold: Fold,
        config: MultiTaskConfig,
        seed: int,
        *,
        scales: Scales | None = None,
        groups: Groups | None = None,
        anchor: Callable[[], Tensor] | None = None,
        resting: Sequence[nn.Module] = (),
    ) -> None:
        single_thread()
        self.net, self.config, self.tasks, self.resting = net, config, fold.train.tasks, resting
        self.scales = Scales.of(fold.train) if scales is None else scales
        self.rows, self.valid = (RowTensors.of(rows, self.scales) for rows in (fold.train, fold.valid))
        self.batches, dropout = stream(seed, "batches"), stream(seed, "dropout")
        share_generator(net, dropout)
        methods = stream_seed(seed, "methods")
        self.weighting = weighting_of(config, fold.train, methods)
        self.aggregator = self._aggregator(methods)
        features = net.towers[0][0].in_features  # type: ignore[index]
        self.objective = Objective(config, self.rows, self.tasks, int(features), methods)
        self.optimiser = self._optimiser(groups)
        self.stepper = Stepper(
            net,
            self.objective,
            self.weighting,
            self.aggregator,
            self.optimiser,
            drop=config.absent == "drop",
            anchor=anchor,
        )
        self.sampler = self._sampler()
        self.baseline = mean_predictor_losses(self.rows, self.valid)

    def _aggregator(self, seed: int) -> GramianWeighting | None:
        """Make the aggregator."""
        if self.config.aggregator is None:
            return None
        made = make("aggregator", self.config.aggregator, tasks=len(self.tasks), seed=seed)
        assert isinstance(made, GramianWeighting)
        return made

    def _sampler(self) -> Sampler:
        """Make the sampler over the tasks that have labels."""
        known = self.rows.known[:, self.rows.known.any(dim=0)]
        made = make("sampler", self.config.sampler, known=known, batch=self.config.training.batch)
        assert isinstance(made, Sampler)
        return made

    def _optimiser(self, groups: Groups | None) -> torch.optim.Optimizer:
        """Adam on the net, and on what methods learn: that without weight decay."""
        training = self.config.training
        parts: list[dict[str, object]] = [{"params": list(self.net.parameters())}] if groups is None else list(groups)
        learned = [] if self.weighting is None else list(self.weighting.parameters())
        parts += [{"params": learned, "weight_decay": 0.0}] if learned else []
        parts += self.objective.groups()
        return torch.optim.Adam(parts, lr=training.lr, weight_decay=training.weight_decay, fused=True)

    def epoch(self, epoch: int) -> list[StepLog]:
        """Take one epoch of steps."""
        logs = list(self.steps(epoch))
        self.end_epoch(epoch, logs)
        return logs

    @property
    def seen(self) -> Tensor:
        """Labels of each task that steps have read so far, shape (t,)."""
        counts = torch.zeros(len(self.tasks), dtype=torch.int64)
        counts[self.rows.known.any(dim=0)] = self.sampler.seen
        return counts

    def steps(self, epoch: int) -> Iterator[StepLog]:
        """Take the steps of one epoch one by one."""
        for chosen in self.sampler.epoch(self.batches):
            self._train_mode()
            yield self.stepper.step(chosen, epoch)

    def end_epoch(self, epoch: int, logs: Sequence[StepLog]) -> None:
        """Tell the methods that an epoch is over."""
        self.objective.end_epoch(self.net, epoch)
        if self.weighting is not None:
            means, present = epoch_means(logs)
            self.weighting.end_epoch(means, present)

    def _train_mode(self) -> None:
        """Training mode, but for the modules at rest."""
        if self.net.training and not self.resting:
            return
        self.net.train()
        self.objective.train()
        for module in self.resting:
            module.eval()

    def validate(self) -> tuple[Tensor, float]:
        """Return the validation losses, shape (t,), NaN where there is no label, and the joint loss."""
        self.net.eval()
        with torch.no_grad():
            losses, present = masked_losses(self.net(self.valid.x), self.valid)
        joint = float((losses / self.baseline)[present].mean())
        return torch.where(present, losses, torch.nan), joint


def train(trainer: Trainer) -> FitResult:
    """Run epochs until the joint validation loss has not fallen for as many as the patience."""
    training = trainer.config.training
    history, best = History(), BestStates.of(trainer.net)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        trainer.optimiser, factor=training.plateau_factor, patience=training.plateau_patience
    )
    for epoch in range(training.epochs):
        logs = trainer.epoch(epoch)
        valid, joint = trainer.validate()
        record(history, trainer, logs, valid, joint)
        best.offer(trainer.net, epoch, joint, valid)
        plateau.step(joint)
        if epoch - best.joint_epoch >= training.patience:
            break
    return finished(trainer, history, best)


def finished(trainer: Trainer, history: History, best: BestStates) -> FitResult:
    """Put the net into its best joint state."""
    trainer.net.load_state_dict(dict(best.joint))
    trainer.net.eval()
    return FitResult(
        trainer.net,
        history,
        best.joint,
        tuple(best.tasks),
        best.joint_epoch,
        tuple(best.task_epochs),
        trainer.scales,
        trainer.tasks,
    )


def masked_losses(out: Tensor, rows: RowTensors) -> tuple[Tensor, Tensor]:
    """Mean loss of every task over all rows, shape (t,), and which tasks have labels, shape (t,)."""
    losses, count = masked_means(row_losses(out, rows.y, rows.known, rows.is_label), rows.known)
    return losses, count > 0


def mean_predictor_losses(train: RowTensors, valid: RowTensors) -> Tensor:
    """Validation losses of the best constant of the training rows, shape (t,)."""
    count = train.known.sum(dim=0).clamp_min(1)
    mean = train.y.sum(dim=0) / count
    least = 1.0 / (2.0 * count)
    constant = torch.where(train.is_label, torch.logit(torch.minimum(torch.maximum(mean, least), 1 - least)), mean)
    losses, _ = masked_losses(constant.expand(len(valid.x), -1), valid)
    return losses.clamp_min(1e-12)
