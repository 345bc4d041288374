"""The candidates of a run by position: a whole space, or a draw from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.errors import CompositionError
from screener.jobs import ScreenJob
from screener.space import CompositionSpace

MOST_DRAWN = 100_000_000
"""Largest draw: its indices are held in memory, 8 bytes each."""
MOST_KEPT = 2_000_000
"""Most candidates kept: each costs one to two kilobytes once it is settled and described."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is evaluated.

    Attributes:
        space: where the candidates come from.
        drawn: indices of a draw, ascending; None for the whole space.
    """

    space: CompositionSpace
    drawn: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, job: ScreenJob, capped: bool = True) -> Candidates:
        """Take the whole space or draw from it.

        Args:
            job: the run.
            capped: whether every candidate will be evaluated, so that there must not be too many.

        Raises:
            CompositionError: there are more candidates than may be evaluated, or than can be numbered.
        """
        if capped:
            check_number(job)
        if min(job.question.top or 0, job.candidates) > MOST_KEPT:
            raise CompositionError(
                f"--top `{job.question.top}` is more than the {MOST_KEPT} that are kept in memory",
                f"keep at most `--top {MOST_KEPT}`, or narrow the space and search its parts",
            )
        if job.sample is not None and job.sample > MOST_DRAWN and job.candidates > MOST_DRAWN:
            raise CompositionError(
                f"--sample `{job.sample}` is more than the {MOST_DRAWN} that are held in memory",
                f"draw at most `--sample {MOST_DRAWN}`, or search the whole space",
            )
        if job.sample is not None:
            return cls(job.space, job.space.sample(job.sample, job.seed))
        job.space.ranges(job.block)  # refuses a space that cannot be numbered
        return cls(job.space)

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return self.space.size if self.drawn is None else len(self.drawn)

    def spans(self, block: int) -> Iterator[range]:
        """Cut the positions into ranges of ``block``, the last one shorter."""
        return (range(start, min(start + block, self.size)) for start in range(0, self.size, block))

    def fill(self, span: range, out: NDArray[np.float32]) -> NDArray[np.int64]:
        """Write the atomic fractions of a span into the first rows of ``out`` (b, d) and return its indices."""
        if self.drawn is None:
            self.space.fill(span.start, out[: len(span)])
            return np.arange(span.start, span.stop, dtype=np.int64)
        index = self.drawn[span.start : span.stop]
        np.divide(self.space.counts(index), self.space.units, out=out[: len(span)], casting="same_kind")
        return index

    def new_counts(self, rows: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Allocate amounts in grid units (rows, d) in the smallest integers that hold them."""
        shape = (rows, len(self.space.elements))
        return np.zeros(shape, np.uint8) if self.space.units < 256 else np.zeros(shape, np.uint16)

    def fill_counts(self, span: range, out: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.int64]:
        """Write the amounts of a span in grid units into the first rows of ``out`` (b, d) and return its indices."""
        if self.drawn is None:
            self.space.fill_counts(span.start, out[: len(span)])
            return np.arange(span.start, span.stop, dtype=np.int64)
        index = self.drawn[span.start : span.stop]
        out[: len(span)] = self.space.counts(index)
        return index

    def fractions(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the exact atomic fractions of candidates (n, d)."""
        return self.space.counts(index) / self.space.units


def check_number(job: ScreenJob) -> None:
    """Refuse a run that would evaluate more candidates than allowed.

    Raises:
        CompositionError: there are more.
    """
    if job.candidates > job.max_candidates:
        raise CompositionError(
            f"{job.candidates} candidates are more than the {job.max_candidates} of --max-candidates",
            "coarsen `--step`, narrow `--bounds`, draw some with `--sample 1000000`, or raise `--max-candidates`",
        )
