"""Rules by which a claim of the paper is said to hold on these rows or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from training.diagnostics.statistics import LEVEL, MARGIN
from training.study.base import Finding, Verdict
from training.study.splits import PAPER
from training.study.table import Difference, Score, short

RULE = (
    f"q below {LEVEL:g} over outer splits and the claimed sign; it does not hold where q is below {LEVEL:g} with the "
    f"other sign, or where the 95 % interval lies within ±{MARGIN:g}"
)


def by_sign(difference: Difference | None, *, positive: bool) -> Verdict:
    """Judge the claim that a difference is above zero, or below."""
    if difference is None:
        return "not decided"
    if difference.q < LEVEL:
        return "holds" if (difference.mean > 0.0) == positive else "does not hold"
    within = difference.low > -MARGIN and difference.high < MARGIN
    return "does not hold" if within else "not decided"


def by_equality(difference: Difference | None) -> Verdict:
    """Judge the claim that two arms do not differ."""
    if difference is None:
        return "not decided"
    if difference.low > -MARGIN and difference.high < MARGIN:
        return "holds"
    return "does not hold" if difference.q < LEVEL else "not decided"


def pick(tested: Sequence[Difference], arm: str, task: str, metric: str, split: str = "grouped") -> Difference | None:
    """Return one difference, None where it was not tested."""
    for d in tested:
        if (d.arm, d.task, d.metric, d.split) == (arm, task, metric, split):
            return d
    return None


def picks(
    tested: Sequence[Difference], arm: str, task: str, metric: str
) -> tuple[Difference | None, Difference | None]:
    """Return one difference over outer splits, and the same over seeds of the paper's split."""
    return pick(tested, arm, task, metric), pick(tested, arm, task, metric, PAPER)


def sign_finding(
    claim: str, difference: Difference | None, seeds: Difference | None, *, positive: bool, quoted: str = ""
) -> Finding:
    """Make the finding that an arm is better, or worse, than the reference.

    Args:
        claim: in one sentence.
        difference: over outer splits; it decides.
        seeds: over seeds of the paper's split.
        positive: whether the claim is that the arm is better.
        quoted: the paper's numbers.
    """
    verdict, measured = by_sign(difference, positive=positive), f"{told(difference)}{told_by_seeds(seeds)}"
    by_seeds: Verdict | Literal[""] = "" if seeds is None else by_sign(seeds, positive=positive)
    return Finding(claim, verdict, RULE, measured, quoted, by_seeds)


def told_by_seeds(seeds: Difference | None) -> str:
    """Write a difference over seeds behind that over outer splits; nothing for none."""
    if seeds is None:
        return ""
    return f"; one split, seeds alone: {seeds.mean:+.3f} ({seeds.low:+.3f} to {seeds.high:+.3f}, q = {seeds.q:.3f})"


def told(difference: Difference | None) -> str:
    """Write a difference with its interval."""
    if difference is None:
        return "not measured"
    d = difference
    return f"{short(d.task)} {d.metric}: {d.mean:+.3f} (95 % {d.low:+.3f} to {d.high:+.3f}, q = {d.q:.3f})"


def beside(scores: Sequence[Score | None]) -> str:
    """Write scores next to each other."""
    return ", ".join(f"{s.arm} {s.spread.mean:.3f} ± {s.spread.sd:.3f}" for s in scores if s is not None)
