"""Rules by which a claim of the paper is said to hold on these rows or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from training.diagnostics.statistics import LEVEL, MARGIN
from training.study.base import Finding, Verdict
from training.study.splits import PAPER
from training.study.table import Difference, Score, short

FAILS = (
    f"it does not hold where q is below {LEVEL:g} with the other sign, or where the 95 % interval lies within "
    f"±{MARGIN:g}"
)
"""When a claim of a sign is said not to hold."""
RULE = f"q below {LEVEL:g} over outer splits and the claimed sign; {FAILS}"


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
    claim: str,
    difference: Difference | None,
    seeds: Difference | None,
    *,
    positive: bool,
    quoted: str = "",
    arms: tuple[str, str] = ("", ""),
) -> Finding:
    """Make the finding that an arm is better, or worse, than the reference.

    Args:
        claim: in one sentence.
        difference: over outer splits; it decides.
        seeds: over seeds of the paper's split.
        positive: whether the claim is that the arm is better.
        quoted: the paper's numbers.
        arms: which arms are compared over outer splits, and which over seeds, where these are not the same.
    """
    verdict = by_sign(difference, positive=positive)
    over_folds = f"{arms[0]}, outer folds: " if arms[0] else ""
    measured = f"{over_folds}{told(difference)}{told_by_seeds(seeds, arms[1])}"
    by_seeds: Verdict | Literal[""] = "" if seeds is None else by_sign(seeds, positive=positive)
    return Finding(claim, verdict, RULE, measured, quoted, by_seeds)


def best_finding(claim: str, over_folds: Sequence[Difference], over_seeds: Sequence[Difference]) -> Finding:
    """Make the finding that some arm is better than the reference.

    Args:
        claim: in one sentence.
        over_folds: of all arms over outer splits; they decide.
        over_seeds: of all arms over seeds of the paper's split.
    """
    measured = f"best of {len(over_folds)} over outer folds: {_told_best(over_folds)}"
    if over_seeds:
        measured += f"; best of {len(over_seeds)} on one split, seeds alone: {_told_best(over_seeds)}"
    return Finding(
        claim,
        some_above(over_folds),
        f"holds where some arm is above the reference over outer splits, q below {LEVEL:g} over all arms and tasks; "
        f"does not hold where every arm is below it, q below {LEVEL:g}, or its 95 % interval lies within ±{MARGIN:g}",
        measured,
        by_seeds=some_above(over_seeds) if over_seeds else "",
    )


def some_above(differences: Sequence[Difference]) -> Verdict:
    """Judge the claim that some of several differences is above zero."""
    verdicts = {by_sign(each, positive=True) for each in differences}
    if "holds" in verdicts:
        return "holds"
    return "does not hold" if verdicts == {"does not hold"} else "not decided"


def best(differences: Sequence[Difference]) -> Difference | None:
    """Return the largest of the differences that are surely above zero, or of all without one."""
    sure = [d for d in differences if by_sign(d, positive=True) == "holds"]
    return max(sure or differences, key=lambda d: d.mean, default=None)


def _told_best(differences: Sequence[Difference]) -> str:
    """Name the arm that is best, with its difference."""
    found = best(differences)
    return "not measured" if found is None else f"`{found.arm}`, {told(found)}"


def told_by_seeds(seeds: Difference | None, arms: str = "") -> str:
    """Write a difference over seeds behind that over outer splits; nothing for none.

    Args:
        seeds: the difference.
        arms: which are compared, where others than over outer splits.
    """
    if seeds is None:
        return ""
    numbers = f"{seeds.mean:+.3f} ({seeds.low:+.3f} to {seeds.high:+.3f}, q = {seeds.q:.3f})"
    return f"; {f'{arms}, ' if arms else ''}one split, seeds alone: {numbers}"


def told(difference: Difference | None) -> str:
    """Write a difference with its interval."""
    if difference is None:
        return "not measured"
    d = difference
    return f"{short(d.task)} {d.metric}: {d.mean:+.3f} (95 % {d.low:+.3f} to {d.high:+.3f}, q = {d.q:.3f})"


def beside(scores: Sequence[Score | None]) -> str:
    """Write scores next to each other."""
    return ", ".join(f"{s.arm} {s.spread.mean:.3f} ± {s.spread.sd:.3f}" for s in scores if s is not None)
