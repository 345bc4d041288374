"""Feature smoothing: does it do anything, and does it help where values are rare?"""

from __future__ import annotations

from dataclasses import replace

from training.multitask.config import EVERY
from training.multitask.config_parts import Balance
from training.study.arms import hard, method, mitigation_weights
from training.study.base import Finding, Study, StudyContext, StudyResult, training_note
from training.study.comparing import compare
from training.study.learners import Together
from training.study.measures import largest_gap
from training.study.runs import Arm
from training.study.verdicts import picks, sign_finding

BASE = "base"
LEAST_CHANGE = 1e-6
_TAILS = ("mae_top_tenth", "mae_bottom_tenth", "worst_tenth")


def run_fds(context: StudyContext) -> StudyResult:
    """Fit hard sharing with and without feature smoothing, which must change the predictions to mean anything."""
    training, weights = context.training(short=True), mitigation_weights(context.rows)
    variants = {
        "fds": Balance(fds=method("fds")),
        "fds, σ 1": Balance(fds=method("fds", sigma=1.0)),
        "fds, few buckets": Balance(fds=method("fds", buckets=10)),
        "fds, no momentum": Balance(fds=method("fds", momentum=0.0)),
        "lds": Balance(lds=method("lds")),
        "lds + fds": Balance(lds=method("lds"), fds=method("fds")),
    }
    plain = hard(training, weights)
    arms = [Arm(BASE, "weights (1, 10, 10)", Together(plain))]
    arms += [Arm(n, "on every regression", Together(replace(plain, balance={EVERY: b}))) for n, b in variants.items()]
    layered = method("hard", norm="ln")
    arms += [
        Arm("base, layer norm", "no statistics of batches", Together(replace(plain, architecture=layered))),
        Arm(
            "fds, layer norm",
            "on every regression",
            Together(replace(plain, architecture=layered, balance={EVERY: variants["fds"]})),
        ),
    ]
    found = compare(context, "fds", arms, BASE, regression=_TAILS, label=(), thinned=3)
    gap = largest_gap(found.cells, BASE, "fds")
    findings = [
        Finding(
            "FDS leaves every score as the base has it.",
            "does not hold" if gap > LEAST_CHANGE else "holds",
            f"holds where no prediction changes by more than {LEAST_CHANGE:g}",
            f"some prediction changes by {gap:.3g}, in the unit that its task is learned in ({learned_units(context)})",
            "FDS rows equal the baseline's exactly, which a module that runs cannot give",
        )
    ]
    findings += [
        sign_finding(f"FDS improves R² of {task}.", *picks(found.tested, "fds", task, "r2"), positive=True)
        for task, label in zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True)
        if not label
    ]
    return StudyResult(
        "fds",
        "Feature smoothing",
        tuple(found.sections),
        tuple(found.scores),
        tuple(found.tested),
        findings=tuple(findings),
        notes=(
            training_note(context),
            "Tail errors are in standard deviations of the training labels; lower is better.",
        ),
    )


def learned_units(context: StudyContext) -> str:
    """Name the units of predictions as learned, in the order of the tasks."""
    rows = context.rows
    return ", ".join(
        "logit" if label else f"{'ln ' if log else ''}{unit}"
        for label, log, unit in zip(rows.rows.is_label.tolist(), rows.log.tolist(), rows.units, strict=True)
    )


FDS = Study("fds", "does feature smoothing change anything, and help with rare values?", run_fds)
