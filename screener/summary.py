"""What a run tells people: how far it is while it runs, what it did when it is done."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from screener.binding import known_conditions
from screener.domain import reads_distance
from screener.plan import Plan
from screener.run_models import RunModels
from screener.tier_models import AMORPHOUS, BORDERLINE_COLUMN, TierModels


class Watch(Protocol):
    """Someone who is told what happens during a run."""

    def progress(self, done: int, total: int | None) -> None:
        """Hear how many rows are done, of how many if that is known."""
        ...

    def warn(self, text: str) -> None:
        """Hear of something the user should know before trusting the result."""
        ...


@runtime_checkable
class BestWatch(Protocol):
    """Someone who also wants to know what the best candidate so far reaches."""

    def best(self, text: str) -> None:
        """Hear what is ranked by, and its best value so far."""
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


def model_lines(models: RunModels, plan: Plan, tier_text: str, columns: Collection[str] = ()) -> list[str]:
    """Say which models predicted, where they ran, and which conditions and thresholds held.

    Args:
        models: models of the run.
        plan: how alloys were filtered and ranked.
        tier_text: which tier did what, in words.
        columns: conditions that the rows of a list set themselves.
    """
    lines = [f"models: {tier_text}, `{models.folder}` (digest {models.digest}), device {models.device}"]
    given = models.conditions()
    conditions = [
        f"{each.name}={given.get(each.name, each.reference):g} {each.unit}".removesuffix(" 1")
        + ("" if each.name in given else " (reference)")
        + (" where the list has none" if each.name in columns else "")
        for each in known_conditions(models.models()).values()
    ]
    lines += setting_lines(models, plan)
    if conditions:
        lines.append(f"conditions: {', '.join(conditions)}")
    lines += [threshold_line(tier) for tier in reversed(models.tiers()) if AMORPHOUS in tier.flags]
    return [*lines, _domain_line(models)]


def setting_lines(models: RunModels, plan: Plan | None = None) -> list[str]:
    """Say which classifier screens, for which process, and for which share of positives.

    Args:
        models: models of the run.
        plan: how alloys were filtered and ranked; None where they were not.
    """
    lines, screening = [], models.search.models.get(AMORPHOUS)
    if screening is not None and screening.card.classifier:
        lines.append(f"classifier: {screening.card.classifier} (`{screening.name}`)")
    if models.process():
        lines.append(f"process: {models.process()}")
    shares = [
        f"{tier.models[AMORPHOUS].card.prior:.4g} ({tier.tier})"
        for tier in reversed(models.tiers())
        if AMORPHOUS in tier.shifts
    ]
    if shares:
        lines.append(
            f"prior: {AMORPHOUS} is rescaled to a share of positives of {models.prior:.4g} from "
            f"{', '.join(shares)}, at which out-of-fold precision was measured; {_stays(models.search, plan)}"
        )
    return lines


def _stays(tier: TierModels, plan: Plan | None) -> str:
    """Say what another share of positives leaves as it was: logits do not move, what reads probabilities does."""
    given = {name for flag in tier.flags.values() if flag.given for name in (flag.column, BORDERLINE_COLUMN)}
    moved = {AMORPHOUS, *given}
    stay: list[str] = []
    differ: list[str] = []
    if plan is not None:
        (stay if moved.isdisjoint(plan.scorer.columns) else differ).append("ranking")
    if plan is not None and plan.where is not None and not moved.isdisjoint(plan.where.columns):
        differ.append("what --where keeps")
    (differ if given else stay).append("flags")
    said = [f"{' and '.join(stay)} {'stays' if stay == ['ranking'] else 'stay'}"] if stay else []
    said += [f"{' and '.join(differ)} may differ, read off rescaled probabilities"] if differ else []
    return "; ".join(said)


def _domain_line(models: RunModels) -> str:
    """Say what in_domain and the intervals know of the distance to the training alloys."""
    if models.precise().index is None:
        return "in_domain: elements only, and intervals as near the training alloys, which are not looked up here"
    if not any(reads_distance(model.card) for model in models.reported().values()):
        return "in_domain: elements only, and intervals as near the training alloys: the models state no distance"
    return (
        "in_domain: elements, and distance to the training alloys of every target, with which intervals widen "
        "(--where sees elements only)"
    )


def threshold_line(tier: TierModels) -> str:
    """Say from which probability on an alloy is flagged amorphous, and how well that did out of fold."""
    flag = tier.flags[AMORPHOUS]
    text = f"is_amorphous ({tier.tier}): p ≥ {flag.reported:.4g}"
    if flag.point is None:
        return text
    point = flag.moved(flag.point.threshold)
    measured = "" if abs(point - flag.reported) < 1e-12 else f" (measured at p ≥ {point:.4g})"
    return (
        f"{text}, out-of-fold precision {flag.point.precision:.3f}, recall {flag.point.recall:.3f}, "
        f"specificity {flag.point.specificity:.3f}{measured}"
    )


def borderline_lines(marked: int, rows: int) -> list[str]:
    """Say how many of the alloys listed are flagged so near the threshold that rounding may decide."""
    if not marked:
        return []
    return [f"{BORDERLINE_COLUMN}: {marked:,} of {rows:,} listed lie within float32 rounding of the threshold"]


def note_lines(notes: Sequence[str]) -> list[str]:
    """Write notes on how something was read."""
    return [f"note: {note}" for note in notes]
