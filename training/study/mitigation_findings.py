"""What the paper says of remedies, judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.diagnostics.statistics import MARGIN
from training.study.base import Finding, StudyContext, Verdict
from training.study.comparing import Comparison
from training.study.measures import largest_gap
from training.study.runs import select
from training.study.splits import GROUPED, PAPER
from training.study.table import Difference, short
from training.study.verdicts import FAILS, best_finding, by_equality, by_sign, picks, sign_finding, told, told_by_seeds

SAME = 5e-4
"""Scores that differ by less are equal to three digits."""


def mitigation_findings(
    context: StudyContext, found: Comparison, against_sum: Sequence[Difference], against_alone: Sequence[Difference]
) -> list[Finding]:
    """Judge what the paper says of remedies; of other tasks than its own, whether the best of them pays."""
    if not context.rows.standard:
        return [_best_of_task(task, against_alone) for task in context.rows.tasks]
    resistivity, hardness, _ = context.rows.tasks
    return [
        _pcgrad(found, against_sum, hardness),
        sign_finding(
            "With PCGrad, hardness is predicted better than by a net of its own.",
            *picks(against_alone, "pcgrad", hardness, "r2"),
            positive=True,
            quoted="R² 0.855 against 0.832",
        ),
        sign_finding(
            "LDS with GradNorm restores R² of resistivity.",
            *picks(found.tested, "lds + gradnorm", resistivity, "r2"),
            positive=True,
            quoted="R² 0.874 → 0.894",
        ),
        _twins(found, "lds", "bmc", "LDS and Balanced MSE give the same scores to three digits."),
        _best(context, against_alone),
    ]


def _pcgrad(found: Comparison, against_sum: Sequence[Difference], hardness: str) -> Finding:
    """Judge PCGrad's gain: it counts against the plain sum on the same code path."""
    base, base_seeds = picks(found.tested, "pcgrad", hardness, "r2")
    control, control_seeds = picks(against_sum, "pcgrad", hardness, "r2")
    rates = [c.outcome.extras.get("projections", np.array([np.nan]))[-1] for c in select(found.cells, arm="pcgrad")]
    return Finding(
        "PCGrad raises R² of hardness by removing conflicts between gradients.",
        pcgrad_verdict(base, control),
        "holds where PCGrad beats the plain sum with the same weights on the same code path, q below 0.05; a gain over "
        "the base, q below 0.05, has another cause where the 95 % interval of the difference from that sum lies within "
        f"±{MARGIN:g}; else {FAILS}",
        f"against the base: {told(base)}{told_by_seeds(base_seeds)}; against the plain sum: {told(control)}"
        f"{told_by_seeds(control_seeds)}; share of projected pairs in the last epoch, mean over the fits of all "
        f"splits: {float(np.nanmean(rates)):.2f}",
        "R² 0.761 → 0.855 (+12.4 %), with gradient cosines of at most 0.03",
        "" if control_seeds is None else pcgrad_verdict(base_seeds, control_seeds),
    )


def pcgrad_verdict(base: Difference | None, control: Difference | None) -> Verdict:
    """Judge PCGrad's gain: one over the base that is none over the plain sum is the code path's.

    Args:
        base: PCGrad against the base.
        control: PCGrad against the plain sum with the same weights.
    """
    verdict = by_sign(control, positive=True)
    of_the_path = by_sign(base, positive=True) == "holds" and by_equality(control) == "holds"
    return "explained otherwise" if verdict != "holds" and of_the_path else verdict


def _twins(found: Comparison, one: str, other: str, claim: str) -> Finding:
    """Judge whether two remedies are the same thing."""
    gaps = [
        abs(a - b)
        for score in found.scores
        if score.arm == one and score.metric in ("r2", "f1") and score.split in (PAPER, GROUPED)
        for twin in found.scores
        if (twin.arm, twin.rows, twin.split) == (other, score.rows, score.split)
        and (twin.task, twin.metric) == (score.task, score.metric)
        for a, b in zip(score.values, twin.values, strict=True)
    ]
    return Finding(
        claim,
        "holds" if max(gaps) < SAME else "does not hold",
        f"holds where no R² or F1 of any seed or fold differs by {SAME:g}",
        f"largest difference {max(gaps):.3f}; of predictions as learned {largest_gap(found.cells, one, other):.3g}",
        "identical rows, alone and with PCGrad",
    )


def _best_of_task(task: str, tested: Sequence[Difference]) -> Finding:
    """Judge whether the best remedy makes learning a task together pay."""
    claim = f"With the right remedy, learning {short(task)} together beats learning it alone."
    over_folds, over_seeds = ([d for d in tested if (d.task, d.split) == (task, s)] for s in (GROUPED, PAPER))
    return best_finding(claim, over_folds, over_seeds)


def _best(context: StudyContext, tested: Sequence[Difference]) -> Finding:
    """Judge whether any remedy makes learning together pay."""
    over_folds = [d for d in tested if d.split == GROUPED]
    sure = [d for d in over_folds if by_sign(d, positive=True) == "holds"]
    worse = [d for d in over_folds if by_sign(d, positive=False) == "holds"]
    by_seeds = [d for d in tested if d.split == PAPER]
    sure_by_seeds = [d for d in by_seeds if by_sign(d, positive=True) == "holds"]
    several = {d.arm for d in sure if len({e.task for e in sure if e.arm == d.arm}) > 1}
    listed = "; ".join(f"{d.arm}: {told(d)}" for d in sure[:6]) or "none"
    return Finding(
        "With the right remedy, learning together beats learning alone.",
        "holds" if sure else "not decided",
        "holds where some remedy beats independent nets on some task over outer folds, q below 0.05 among all of them",
        f"{len(sure)} of {len(over_folds)} differences are surely above zero, {len(worse)} below; {len(several)} "
        f"remedies win on more than one of {len(context.rows.tasks)} tasks. Above zero: {listed}; one split, seeds "
        f"alone: {len(sure_by_seeds)} of {len(by_seeds)} above zero",
        by_seeds=("holds" if sure_by_seeds else "not decided") if by_seeds else "",
    )
