"""An exact search in other processes: what they get, and how many cells for how long."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from screener import __version__
from screener.elements import tables_digest
from screener.exact.cells import Cells
from screener.exact.hands import Known, More
from screener.exact.kept import Kept
from screener.exact.problem import Problem
from screener.exact.settling import Settled, settle
from screener.remote_work import Shipment, check_here

FIRST_BLOCKS = 16
"""Blocks that the driver settles before it gives any away, and as many more as there are workers: many a proof takes
no longer, and then there are cells for all."""
_SECONDS = (0.5, 10.0)
"""Time of one task, at least and at most: a tenth of the time the search has taken."""
_CELLS = (1, 4096)
"""Cells of one task, at least and at most."""
_MOST_SURE = 10_000
"""Most sure scores that go with every task; where more candidates are wanted, the threshold alone does."""


@dataclass(slots=True)
class Pace:
    """How much is given to a worker at once: as much as it settles in its time.

    Attributes:
        deadline: `time.monotonic` at which the search ends.
        started: when it began.
        size: cells of a task.
    """

    deadline: float = np.inf
    started: float = field(default_factory=time.monotonic)
    size: int = 64

    def seconds(self) -> float:
        """Return the time of a task that is given out now; near the deadline, so little that it is back before."""
        now = time.monotonic()
        least, most = _SECONDS
        return max(0.02, min(max(least, (now - self.started) / 10), most, (self.deadline - now) / 4))

    def heed(self, found: Settled) -> None:
        """Give more where a worker got through, less where cells are left."""
        least, most = _CELLS
        self.size = max(least, self.size // 2) if found.opened else min(most, self.size * 2)


def proof_shipment(problem: Problem) -> Shipment:
    """Pack a problem for workers; it is opened only where code and tables are the same."""
    return Shipment({}, {"problem": pickle.dumps(problem)}, tables_digest(), __version__, "cpu")


def problem_in(shipment: Shipment) -> Problem:
    """Unpack a problem.

    Raises:
        ModelError: code and tables are others than where the question was asked.
    """
    check_here(shipment)
    problem = pickle.loads(shipment.files["problem"])
    assert isinstance(problem, Problem)
    return problem


def known_of(kept: Kept) -> Known:
    """Say what must be beaten now."""
    return Known(kept.wanted, kept.threshold, kept.sure if kept.wanted <= _MOST_SURE else np.empty(0))


def begun(problem: Problem, kept: Kept, more: More, blocks: int) -> Iterator[tuple[Cells, Settled]]:
    """Settle the first so many blocks here, one by one."""
    for _ in range(blocks):
        cells = next(more(1), None)
        if cells is None:
            return
        yield cells, settle(problem, cells, kept)
