"""Both phases, and the arms that they must beat: random weights, unit weights, the last weights of GradNorm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.autoscale.costs import COSTS
from training.autoscale.optimum import best_weights
from training.autoscale.sequence import RULES, fixed_weights
from training.autoscale.windows import Windows, explore
from training.imbalance.choices import require_choice
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Method
from training.multitask.history import FitResult
from training.multitask.loop import Trainer, build_net, fit, train
from training.multitask.rows import Fold

Array = NDArray[np.float64]
RANDOM_ARMS = 20
SPREAD = (1e-2, 1e2)
"""Range of the random weights before they are scaled to a sum of t."""


@dataclass(frozen=True, slots=True)
class AutoScale:
    """How weights are found.

    Attributes:
        measure: `condition`, `similarity` or `loss_scale`.
        share: of the epochs that the first phase takes.
        least_epochs: it takes at least so many.
        every: steps between probes.
        rows: rows of each task in a probe.
        rule: how the windows' weights become one.
        explorer: weighting of the first phase: `equal` or `gradnorm`.
        restart: the second phase starts from scratch; otherwise it goes on with the net of the first.
        normalise: `sum` for Σw = t, `first` for w = 1 of the first task.

    Raises:
        InputError: a name that does not exist, a number out of its range.
    """

    measure: str = "condition"
    share: float = 0.1
    least_epochs: int = 3
    every: int = 10
    rows: int = 256
    rule: str = "last_half"
    explorer: str = "equal"
    restart: bool = True
    normalise: str = "sum"

    def __post_init__(self) -> None:
        require_choice("measure", self.measure, tuple(COSTS))
        require_choice("rule", self.rule, tuple(RULES))
        require_choice("explorer", self.explorer, ("equal", "gradnorm"))
        require_choice("normalise", self.normalise, ("sum", "first"))
        if not 0.0 < self.share < 1.0:
            raise InputError(f"share of `{self.share}` leaves no two phases", "choose a number between 0 and 1")
        for name in ("least_epochs", "every", "rows"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of `{getattr(self, name)}` probes nothing", "give a whole number above 0")


@dataclass(frozen=True, slots=True)
class AutoScaleResult:
    """Weights, what they were found from, and the fit with them.

    Attributes:
        weights: shape (t,).
        sequence: best weights of each window, shape (k, t).
        windows: what was measured.
        fit: the second phase.
    """

    weights: Array
    sequence: Array
    windows: Windows
    fit: FitResult


def autoscale_like(fold: Fold, config: MultiTaskConfig, seed: int, options: AutoScale | None = None) -> AutoScaleResult:
    """Find fixed weights in a short run, then train with them.

    Args:
        fold: training and validation rows.
        config: architecture and optimisation; its weighting is replaced.
        seed: of everything.
        options: how weights are found.

    Raises:
        ScreenerError: as `fit`, or tasks that share no parameters.
    """
    how = AutoScale() if options is None else options
    first = with_weighting(config, None if how.explorer == "equal" else Method("gradnorm"))
    check_before_training(first, fold)
    net = build_net(first, fold.train.x.shape[1], len(fold.train.tasks), seed)
    net.last_shared()
    trainer = Trainer(net, fold, first, seed)
    epochs = max(how.least_epochs, round(how.share * config.training.epochs))
    windows = explore(trainer, epochs, every=how.every, rows=how.rows, seed=seed)
    pairs = zip(windows.gramians, windows.losses, strict=True)
    sequence = np.stack([best_weights(how.measure, gramian, losses, seed=seed) for gramian, losses in pairs])
    weights = fixed_weights(sequence, how.rule, how.normalise)
    if how.restart:
        result = fit_fixed(fold, config, weights, seed)
    else:
        result = train(Trainer(net, fold, with_weighting(config, _fixed(weights)), seed))
    return AutoScaleResult(weights, sequence, windows, result)


def fit_fixed(fold: Fold, config: MultiTaskConfig, weights: Array, seed: int) -> FitResult:
    """Train from scratch with fixed weights, shape (t,)."""
    chosen = with_weighting(config, _fixed(weights))
    return fit(build_net(chosen, fold.train.x.shape[1], len(fold.train.tasks), seed), fold, chosen, seed)


def with_weighting(config: MultiTaskConfig, weighting: Method | None) -> MultiTaskConfig:
    """Replace the weighting, and leave out an aggregator."""
    return replace(config, weighting=weighting, aggregator=None)


def random_weights(tasks: int, count: int = RANDOM_ARMS, seed: int = 0) -> Array:
    """Draw weights, uniform in their logarithm, Σw = t, shape (count, t)."""
    low, high = np.log(SPREAD)
    drawn = np.exp(np.random.default_rng(seed).uniform(low, high, size=(count, tasks)))
    return np.asarray(drawn * tasks / drawn.sum(axis=1, keepdims=True))


def control_weights(fold: Fold, config: MultiTaskConfig, seed: int, count: int = RANDOM_ARMS) -> Mapping[str, Array]:
    """Return the weights of the control arms by name: `unit`, `gradnorm_frozen`, `random_00` and so on."""
    tasks = len(fold.train.tasks)
    watched = with_weighting(config, Method("gradnorm"))
    net = build_net(watched, fold.train.x.shape[1], tasks, seed)
    last = fit(net, fold, watched, seed).history.weights[-1]
    arms = {"unit": np.ones(tasks), "gradnorm_frozen": np.asarray(last * tasks / last.sum())}
    return arms | {f"random_{k:02d}": weights for k, weights in enumerate(random_weights(tasks, count, seed))}


def _fixed(weights: Array) -> Method:
    """Fixed weights as a method."""
    return Method("fixed", {"weights": tuple(float(weight) for weight in weights)})
