"""Curriculum: tasks one after the other, the largest first."""

from __future__ import annotations

from collections.abc import Sequence

from screener.errors import InputError
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig
from training.multitask.history import FitResult
from training.multitask.loop import Trainer, build_net, train
from training.multitask.rows import Fold, LabelledRows, Scales


def by_size(rows: LabelledRows) -> tuple[str, ...]:
    """Order tasks by their number of labels, the largest first."""
    counts = rows.known.sum(axis=0)
    return tuple(sorted(rows.tasks, key=lambda task: -int(counts[rows.tasks.index(task)])))


def fit_curriculum(
    fold: Fold,
    config: MultiTaskConfig,
    seed: int,
    *,
    order: Sequence[str] | None = None,
    replay: bool = True,
) -> tuple[FitResult, ...]:
    """Train one net on more and more tasks.

    Each stage goes on from the best state of the one before, with a new optimiser and the whole budget of epochs;
    scalers are those of all rows. The last result is the net; the others say what it was on the way.

    Args:
        fold: training and validation rows.
        config: methods and optimisation of each stage.
        seed: of everything.
        order: tasks, first to last; by number of labels, the largest first, where None.
        replay: stages keep the tasks before; otherwise they are learned no more, and may be forgotten.

    Raises:
        ScreenerError: as `fit`, or an order that does not name every task once.
    """
    check_before_training(config, fold)
    tasks = fold.train.tasks
    stages = by_size(fold.train) if order is None else tuple(order)
    if sorted(stages) != sorted(tasks):
        raise InputError(
            f"the order `{', '.join(stages)}` does not name every task once", f"the tasks are {', '.join(tasks)}"
        )
    net = build_net(config, fold.train.x.shape[1], len(tasks), seed)
    scales = Scales.of(fold.train)
    results = []
    for stage in range(len(stages)):
        shown = stages[: stage + 1] if replay else stages[stage : stage + 1]
        part = fold.hiding([task for task in tasks if task not in shown])
        results.append(train(Trainer(net, part, config, seed + stage, scales=scales)))
    return tuple(results)
