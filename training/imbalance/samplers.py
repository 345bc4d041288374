"""Which rows make a batch when some tasks have a hundred times the labels of others.

A sampler gives row numbers; a row's labels of all tasks count, whichever task it was drawn for. Each epoch's draws come
from the generator it is given and from no other; the streams of tasks do not depend on each other.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from screener.errors import InputError
from training.imbalance.choices import require_choice

EPOCHS = ("largest", "mean")
LEAST_BATCH = 2
"""Batch normalisation needs two rows."""


class Sampler(ABC):
    """Batches of rows, and a log of the labels they held.

    Args:
        known: which labels exist, bool, shape (n, t); rows without any are never drawn.
        batch: rows in a batch, about.

    Attributes:
        seen: labels drawn so far of each task, int64, shape (t,).
        steps: batches drawn so far.

    Raises:
        InputError: a batch of fewer than two rows, or a task without labels.
    """

    def __init__(self, known: Tensor, batch: int) -> None:
        if batch < LEAST_BATCH:
            raise InputError(f"batches of `{batch}` rows are too small", f"give at least {LEAST_BATCH}")
        self.known, self.batch = known, batch
        self.counts = [int(n) for n in known.sum(0)]
        if not all(self.counts):
            raise InputError(f"task number `{self.counts.index(0)}` has no labels to draw", "leave the task out")
        self.rows = torch.nonzero(known.any(1))[:, 0]
        self.seen, self.steps = torch.zeros(known.shape[1], dtype=torch.int64), 0

    def epoch(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Draw the batches of one epoch, row numbers (b,) each, and log them as they are taken."""
        for rows in self._draw(generator):
            self.seen += self.known[rows].sum(0)
            self.steps += 1
            yield rows

    @abstractmethod
    def batches(self) -> int:
        """Steps in an epoch."""

    @abstractmethod
    def _draw(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the row numbers of each batch."""


class UnionSampler(Sampler):
    """Every row once an epoch, in random order; the last batch is what is left. Rare tasks miss most small batches."""

    def batches(self) -> int:
        """⌈n / batch⌉, or one less where a single row would be left."""
        whole, left = divmod(len(self.rows), self.batch)
        return max(1, whole + (left >= LEAST_BATCH))

    def _draw(self, generator: torch.Generator) -> Iterator[Tensor]:
        order = self.rows[torch.randperm(len(self.rows), generator=generator)]
        steps = self.batches()
        for step in range(steps):
            # A single row left over joins the batch before it.
            yield order[step * self.batch : (step + 1) * self.batch if step < steps - 1 else None]


class _StreamSampler(Sampler):
    """Batches put together from one shuffled stream of labelled rows for each task."""

    @abstractmethod
    def shares(self) -> list[int]:
        """Rows drawn for each task in a batch."""

    def _draw(self, generator: torch.Generator) -> Iterator[Tensor]:
        shares = self.shares()
        seeds = torch.randint(2**62, (len(shares),), generator=generator).tolist()
        streams = [
            _stream(torch.nonzero(self.known[:, t])[:, 0], share, torch.Generator().manual_seed(seed))
            for t, (share, seed) in enumerate(zip(shares, seeds, strict=True))
        ]
        for _ in range(self.batches()):
            yield torch.unique(torch.cat([next(stream) for stream in streams]))


class StratifiedSampler(_StreamSampler):
    """In each batch ⌈batch · n_t / n⌉ rows of each task: proportions of the union, no task ever missing."""

    def shares(self) -> list[int]:
        """⌈batch · n_t / n⌉, at least 1 and at most n_t."""
        return [min(n, math.ceil(self.batch * n / len(self.rows))) for n in self.counts]

    def batches(self) -> int:
        """Steps until the task with most labels has been seen once."""
        return max(math.ceil(n / share) for n, share in zip(self.counts, self.shares(), strict=True))


class PerTaskSampler(_StreamSampler):
    """As many rows of each task in every batch: ⌊batch / t⌋.

    A task with few labels is seen many times in an epoch; stop and regularise tasks separately.

    Args:
        known: which labels exist, bool, shape (n, t).
        batch: rows in a batch, about.
        epoch: whether an epoch is one pass over the `largest` stream or over one of `mean` length.

    Raises:
        InputError: as `Sampler`, fewer rows than tasks in a batch, or an unknown epoch.
    """

    def __init__(self, known: Tensor, batch: int, *, epoch: str = "largest") -> None:
        super().__init__(known, batch)
        self.pass_over = require_choice("epoch", epoch, EPOCHS)
        if batch < len(self.counts):
            raise InputError(
                f"batches of `{batch}` rows are too small for {len(self.counts)} tasks",
                f"give at least {len(self.counts)}",
            )

    def shares(self) -> list[int]:
        """⌊batch / t⌋, at most n_t."""
        return [min(n, self.batch // len(self.counts)) for n in self.counts]

    def batches(self) -> int:
        """Steps in an epoch, by the largest or the mean number of labels."""
        n = max(self.counts) if self.pass_over == "largest" else sum(self.counts) / len(self.counts)
        return math.ceil(n / (self.batch // len(self.counts)))


def _stream(rows: Tensor, share: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield ``share`` rows at a time for ever: shuffled passes one after another."""
    held = rows[:0]
    while True:
        while len(held) < share:
            held = torch.cat([held, rows[torch.randperm(len(rows), generator=generator)]])
        yield held[:share]
        held = held[share:]


SAMPLERS: Mapping[str, type[Sampler]] = MappingProxyType(
    {"union": UnionSampler, "stratified": StratifiedSampler, "per_task": PerTaskSampler}
)
