"""How much work goes into a fit: all of it, or little for a first look at a small table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from training.students import Schedule


@dataclass(frozen=True, slots=True)
class Effort:
    """Sizes that cost time.

    Attributes:
        trees: share of each recipe's trees and epochs, in (0, 1].
        lesson_rows: random alloys a student of cross-validation learns from.
        schedule: how long and how fast a student learns.
        served_rows: random alloys that the student that is served learns from.
        note: what a card must say of it; empty for the usual effort.
    """

    trees: float = 1.0
    lesson_rows: int = 80_000
    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=30))
    served_rows: int = 1_600_000
    note: str = ""

    def served(self) -> Effort:
        """Return the effort that goes into the student that is served.

        A longer lesson is read in batches of twice the size, at √2 times the rate: half the steps of an epoch.
        """
        schedule = self.schedule
        if self.served_rows > self.lesson_rows:
            schedule = replace(schedule, batch=2 * schedule.batch, rate=math.sqrt(2.0) * schedule.rate)
        return replace(self, lesson_rows=self.served_rows, schedule=schedule)


FULL = Effort()
QUICK = Effort(
    0.2,
    10_000,
    Schedule(epochs=10, batch=256),
    10_000,
    "a quick fit: a fifth of the trees and a short lesson; fit again to rely on it",
)
