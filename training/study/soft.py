"""Soft sharing: how strongly backbones should be pulled together, and how alike they become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.multitask.config import MultiTaskConfig
from training.report_tables import Section, Value, spread
from training.study.arms import alone, hard, method
from training.study.base import Finding, Study, StudyContext, StudyResult, Verdict, alone_note, training_note
from training.study.comparing import compare, per_task
from training.study.learners import Together
from training.study.runs import Arm, Cell, select
from training.study.splits import GROUPED, PAPER
from training.study.table import Difference
from training.study.verdicts import RULE, by_sign, pick, told, told_by_seeds

ALONE = "independent"
STRENGTHS = (1e-3, 1e-2, 1e-1)
"""λ of the paper."""


def run_soft(context: StudyContext) -> StudyResult:
    """Fit soft sharing at every strength, beside no pull at all and beside one backbone."""
    training = context.training(short=True)

    def soft(strength: float, *, same_start: bool = True) -> Together:
        architecture = method("soft", strength=strength, same_start=same_start)
        return Together(MultiTaskConfig(architecture=architecture, training=training))

    arms = [
        Arm(ALONE, "one net per task, each with its own end", alone(training, quick=context.quick)),
        Arm("soft 0", "backbones that nothing pulls, one joint end", soft(0.0)),
        *(Arm(f"soft {strength:g}", f"λ = {strength:g}", soft(strength)) for strength in STRENGTHS),
        Arm("soft 0.01, other starts", "backbones begin apart", soft(1e-2, same_start=False)),
        Arm("hard", "one backbone", Together(hard(training))),
    ]
    found = compare(context, "soft", arms, ALONE)
    findings = []
    for task, words, metric in per_task(context):
        best, seeds = (
            [pick(found.tested, f"soft {strength:g}", task, metric, split) for strength in STRENGTHS]
            for split in (GROUPED, PAPER)
        )
        findings.append(
            Finding(
                f"Soft sharing at some λ predicts {words} better than a net of its own.",
                _of_any(best),
                f"for one λ: {RULE}",
                "; ".join(
                    f"λ = {strength:g}: {told(each)}{told_by_seeds(alike)}"
                    for strength, each, alike in zip(STRENGTHS, best, seeds, strict=True)
                ),
                by_seeds=_of_any(seeds),
            )
        )
    return StudyResult(
        "soft",
        "Soft sharing",
        (*found.sections, _similarity(found.cells)),
        tuple(found.scores),
        tuple(found.tested),
        findings=tuple(findings),
        notes=(
            training_note(context),
            alone_note(context),
            "Losses are added without weights; `soft 0` differs from independent nets by its batches, which hold rows "
            "of all tasks, so by its steps, and by its single joint end.",
        ),
    )


SOFT = Study("soft", "how strongly should backbones be pulled together?", run_soft)


def _of_any(differences: Sequence[Difference | None]) -> Verdict:
    """Judge the claim that at least one difference is above zero."""
    verdicts = {by_sign(each, positive=True) for each in differences}
    if "holds" in verdicts:
        return "holds"
    return "not decided" if "not decided" in verdicts else "does not hold"


def _similarity(cells: Sequence[Cell]) -> Section:
    """Mean cosine of backbones on the paper's split."""
    rows: list[dict[str, Value]] = []
    for arm in dict.fromkeys(cell.arm.name for cell in cells):
        told_by = [
            c.outcome.extras["similarity"]
            for c in select(cells, arm=arm, kind=PAPER)
            if "similarity" in c.outcome.extras
        ]
        if told_by:
            rows.append({"arm": arm, "similarity": spread([float(np.mean(each)) for each in told_by])})
    caption = "Mean cosine of the flattened backbones over pairs of tasks, mean ± standard deviation over seeds."
    return Section(
        "soft-similarity", "How alike backbones are", caption, (("arm", "arm"), ("similarity", "cosine")), rows
    )
