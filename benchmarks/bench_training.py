"""Training in batches of 32: the loop, passes written out, and five seeds at once, beside a plain DataLoader loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.cases import QUICK, Size
from benchmarks.timing import Line, best_seconds
from training.architectures.layers import share_generator
from training.architectures.seeds import SeedNets
from training.multitask.config import MultiTaskConfig
from training.multitask.loop import Trainer, build_net
from training.multitask.rows import Fold, LabelledRows, RowTensors
from training.multitask.seed_loop import SeedRun
from training.multitask.streams import stream
from training.nets import single_thread

BATCH = 32
SEEDS = (42, 123, 456, 789, 1024)
FEATURES = 21
ROWS = 256
"""Rows of a quick run; a full one has as many times more as it has blocks."""
CONFIG = MultiTaskConfig.named("independent", training={"batch": BATCH})


def invented_fold(rows: int) -> Fold:
    """Invent rows of one task with the paper's 21 features."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, FEATURES))
    y = x[:, :1] - x[:, 1:2] ** 2
    table = LabelledRows(x, y, np.ones_like(y, dtype=bool), np.array([False]), ("hardness_gpa",))
    return Fold(table, table.take(np.arange(64)))


def plain_net() -> nn.Sequential:
    """Make the paper's single-task net, 21 → 128 → 64 → 1."""
    layers: list[nn.Module] = []
    for a, b in ((FEATURES, 128), (128, 64)):
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(64, 1))


def with_loader(rows: RowTensors) -> Callable[[], float]:
    """Return an epoch of the loop that everyone writes first; it gives the mean loss."""
    net = plain_net()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-5)
    loader = DataLoader(TensorDataset(rows.x, rows.y), batch_size=BATCH, shuffle=True)

    def epoch() -> float:
        net.train()
        total = 0.0
        for x, y in loader:
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            torch.autograd.backward(loss)
            optimiser.step()
            total += loss.item()
        return total / len(loader)

    return epoch


def by_index(fold: Fold) -> Callable[[], float]:
    """Return an epoch of the training loop; it gives the mean loss."""
    trainer = Trainer(build_net(CONFIG, FEATURES, 1, SEEDS[0]), fold, CONFIG, SEEDS[0])
    number = count()
    return lambda: float(torch.stack([log.losses for log in trainer.epoch(next(number))]).mean())


def at_once(rows: RowTensors, seeds: Sequence[int] = SEEDS) -> Callable[[], float]:
    """Return an epoch of nets in batched products and written-out passes; it gives their mean loss."""
    nets = SeedNets([build_net(CONFIG, FEATURES, 1, seed) for seed in seeds])
    share_generator(nets, stream(seeds[0], "dropout"))
    run = SeedRun(nets, rows, CONFIG, torch.ones(1), [stream(seed, "batches") for seed in seeds])
    return lambda: float(run.epoch().mean())


def lines(size: Size) -> Iterator[Line]:
    """Time an epoch of one net and of five; per epoch and net."""
    single_thread()
    torch.manual_seed(SEEDS[0])
    fold = invented_fold(ROWS * size.blocks)
    rows = RowTensors.of(fold.train, Trainer(build_net(CONFIG, FEATURES, 1, 0), fold, CONFIG, 0).scales)
    rounds = max(size.rounds, 2)
    plain = best_seconds(with_loader(rows), rounds)
    loop = best_seconds(by_index(fold), rounds)
    one = best_seconds(at_once(rows, SEEDS[:1]), rounds)
    five = best_seconds(at_once(rows), rounds)
    steps = -(-len(rows.x) // BATCH)
    beside, what = "a plain DataLoader loop", f"single-task net, batches of {BATCH}, one step"
    yield Line("training", f"{what} of the loop for any method", loop / steps, "s", beside, plain / loop)
    yield Line("training", f"{what} without further methods", one / steps, "s", beside, plain / one)
    of_five = f"five such nets at once, batches of {BATCH}, one step of all"
    yield Line("training", of_five, five / steps, "s", f"five runs of {beside}", len(SEEDS) * plain / five)


@pytest.mark.parametrize("kind", ["loader", "index", "one", "five"])
def test_training(benchmark: BenchmarkFixture, kind: str) -> None:
    fold = invented_fold(ROWS * QUICK.blocks)
    rows = RowTensors.of(fold.train, Trainer(build_net(CONFIG, FEATURES, 1, 0), fold, CONFIG, 0).scales)
    makers: dict[str, Callable[[], Callable[[], float]]] = {
        "loader": lambda: with_loader(rows),
        "index": lambda: by_index(fold),
        "one": lambda: at_once(rows, SEEDS[:1]),
        "five": lambda: at_once(rows),
    }
    epoch = makers[kind]()
    first = epoch()
    benchmark.extra_info["rows"] = len(rows.x)
    benchmark(epoch)
    for _ in range(15):
        last = epoch()
    assert last < first  # it learns
