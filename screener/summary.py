"""What a run tells people: how far it is while it runs, what it did when it is done."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from screener.plan import known_conditions
from screener.run_models import RunModels
from screener.tier_models import AMORPHOUS, TierModels


class Watch(Protocol):
    """Someone who is told what happens during a run."""

    def progress(self, done: int, total: int | None) -> None:
        """Hear how many rows are done, of how many if that is known."""
        ...

    def warn(self, text: str) -> None:
        """Hear of something the user should know before trusting the result."""
        ...


class PythonWatch:
    """Passes warnings on to Python's own."""

    def progress(self, done: int, total: int | None) -> None:
        """Stay silent."""

    def warn(self, text: str) -> None:
        """Issue a Python warning at the caller of the library."""
        warnings.warn(text, stacklevel=4)


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts of a finished run.

    Attributes:
        counts: what was read, kept and left out, in words and numbers, in order.
        seconds: duration.
        evaluated: how many rows were predicted.
        lines: everything else worth a line.
    """

    counts: tuple[tuple[str, int], ...]
    seconds: float
    evaluated: int
    lines: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """Write the summary for the terminal."""
        numbers = ", ".join(f"{count:,} {what}" for what, count in self.counts)
        rate = f"{self.evaluated / max(self.seconds, 1e-9):,.0f} rows/s"
        return "\n".join((f"{numbers}; {self.seconds:.1f} s, {rate}", *self.lines))

    def as_json(self) -> dict[str, int]:
        """Return the counts; durations stay out so that equal runs leave equal files."""
        return {what.replace(" ", "_"): count for what, count in self.counts}


def model_lines(models: RunModels, tier_text: str, columns: Collection[str] = ()) -> list[str]:
    """Say which models predicted, where they ran, and which conditions and thresholds held.

    Args:
        models: models of the run.
        tier_text: which tier did what, in words.
        columns: conditions that the rows of a list set themselves.
    """
    lines = [f"models: {tier_text}, `{models.folder}` (digest {models.digest}), device {models.device}"]
    given = models.search.conditions
    conditions = [
        f"{each.name}={given.get(each.name, each.reference):g} {each.unit}".removesuffix(" 1")
        + ("" if each.name in given else " (reference)")
        + (" where the list has none" if each.name in columns else "")
        for each in known_conditions(models.models()).values()
    ]
    if conditions:
        lines.append(f"conditions: {', '.join(conditions)}")
    tiers = (models.search, models.precise().models)
    return [*lines, *(threshold_line(tier) for tier in tiers if tier and AMORPHOUS in tier.flags)]


def threshold_line(tier: TierModels) -> str:
    """Say from which probability on an alloy is flagged amorphous, and how well that did out of fold."""
    flag = tier.flags[AMORPHOUS]
    text = f"is_amorphous ({tier.tier}): p ≥ {flag.threshold:.4g}"
    if flag.point is None:
        return text
    measured = "" if flag.point.threshold == flag.threshold else f" (measured at p ≥ {flag.point.threshold:.4g})"
    return (
        f"{text}, out-of-fold precision {flag.point.precision:.3f}, recall {flag.point.recall:.3f}, "
        f"specificity {flag.point.specificity:.3f}{measured}"
    )


def note_lines(notes: Sequence[str]) -> list[str]:
    """Write notes on how something was read."""
    return [f"note: {note}" for note in notes]
