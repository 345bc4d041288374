"""Curriculum: does learning the large task first, and the small ones after it, beat learning all at once?"""

from __future__ import annotations

from dataclasses import replace

from training.study.arms import alone, hard
from training.study.base import Finding, Study, StudyContext, StudyResult, alone_note, training_note
from training.study.comparing import compare, headline_metrics, per_task
from training.study.curriculum_learners import InStages
from training.study.learners import Together
from training.study.runs import Arm
from training.study.table import short
from training.study.verdicts import picks, sign_finding
from training.transfer.curriculum import by_size

ALONE, AT_ONCE, LARGE_FIRST = "independent", "all at once", "large first"
SMALL_FIRST, NO_REPLAY, BRIEF = "small first", "large first, no replay", "large first, same epochs"


def run_curriculum(context: StudyContext) -> StudyResult:
    """Fit stages in both orders, with and without the earlier tasks, beside one stage of all tasks."""
    training = context.training(short=True)
    config = hard(training)
    third = max(1, training.epochs // len(context.rows.tasks))
    brief = hard(replace(training, epochs=third, patience=min(training.patience, third)))
    arms = [
        Arm(AT_ONCE, "hard sharing", Together(config)),
        Arm(ALONE, "one net per task", alone(training, quick=context.quick)),
        Arm(LARGE_FIRST, "one more task in each stage, by falling size", InStages(config)),
        Arm(SMALL_FIRST, "by rising size", InStages(config, large_first=False)),
        Arm(NO_REPLAY, "earlier tasks are learned no more", InStages(config, replay=False)),
        Arm(BRIEF, "no more epochs in all than at once", InStages(brief)),
    ]
    found = compare(context, "curriculum", arms, AT_ONCE, thinned=0 if context.quick else 3)
    against_small = found.against(SMALL_FIRST, headline_metrics(context))
    largest = by_size(context.rows.rows)[0]
    findings: list[Finding] = []
    for task, words, metric in per_task(context):
        if task != largest:
            findings += [
                sign_finding(
                    f"Learning {short(largest)} first improves {words} beyond learning all at once.",
                    *picks(found.tested, LARGE_FIRST, task, metric),
                    positive=True,
                ),
                sign_finding(
                    f"It is the order that matters for {words}: large first beats small first.",
                    *picks(against_small, LARGE_FIRST, task, metric),
                    positive=True,
                ),
            ]
        else:
            findings.append(
                sign_finding(
                    f"Without replay, {words} is forgotten.",
                    *picks(found.tested, NO_REPLAY, task, metric),
                    positive=False,
                )
            )
    return StudyResult(
        "curriculum",
        "Order of learning",
        tuple(found.sections),
        tuple(found.scores),
        (*found.tested,),
        findings=tuple(findings),
        notes=(
            training_note(context),
            alone_note(context),
            "Every stage goes on from the best state of the one before with the whole budget of epochs; "
            f"`{BRIEF}` shares one budget among the stages.",
            f"`{NO_REPLAY}` stops by its last task alone.",
        ),
    )


CURRICULUM = Study("curriculum", "does learning the large task first help the small ones?", run_curriculum)
