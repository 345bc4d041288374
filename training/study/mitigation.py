"""Every weighting, aggregator and remedy for rare values on hard sharing, with arms that tell their causes apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.multitask.config import EVERY
from training.multitask.config_parts import Balance, Method
from training.report_tables import Section
from training.study.arms import alone, hard, method, mitigation_weights, paper_weights
from training.study.base import Study, StudyContext, StudyResult, alone_note, training_note
from training.study.comparing import compare, headline_metrics, per_task
from training.study.data import StudyRows
from training.study.learners import Together
from training.study.mitigation_findings import mitigation_findings
from training.study.quoted import quoted
from training.study.runs import Arm, Cell, select
from training.study.splits import PAPER
from training.study.table import Difference
from training.study.verdicts import pick

ALONE, BASE, SUM = "independent", "base", "sum, same weights"
THINNED_SEEDS = 2
"""Seeds on the thinned labels: forty arms have to be paid for."""
_WEIGHTINGS = ("uncertainty", "dwa", "rlw", "imtl_l", "famo", "stch", "gls", "gradnorm")
_AGGREGATORS = ("pcgrad", "gradvac", "mgda_ub", "cagrad", "imtl_g", "nash_mtl", "aligned_mtl", "upgrad")
_NORMALISERS = ("none", "l2", "loss", "loss+")


def run_mitigation(context: StudyContext) -> StudyResult:
    """Fit all remedies and judge the paper's claims of them."""
    arms, seeds = mitigation_arms(context), 0 if context.quick else THINNED_SEEDS
    found = compare(context, "mitigation", arms, BASE, thinned=seeds, quoted=quoted("mitigation"), matched=ALONE)
    against_sum = found.against(SUM, headline_metrics(context))
    against_alone = found.against(ALONE, headline_metrics(context))
    sections = [*found.sections, _log_table(found.cells), _against_alone(context, arms, against_alone)]
    findings = mitigation_findings(context, found, against_sum, against_alone)
    notes = (
        training_note(context),
        alone_note(context),
        f"`{BASE}` adds the losses with {_base_words(context)}.",
        f"`{SUM}` goes the way of the aggregators, but its aggregate is the weighted sum: what an aggregator adds is "
        "its difference from this arm, not from a base that scales heads otherwise.",
    )
    return StudyResult(
        "mitigation",
        "Remedies for negative transfer",
        tuple(sections),
        tuple(found.scores),
        tuple(found.tested),
        quoted("mitigation"),
        findings=tuple(findings),
        notes=notes,
    )


MITIGATION = Study("mitigation", "which weighting, aggregator or remedy for rare values helps?", run_mitigation)


def mitigation_arms(context: StudyContext) -> list[Arm]:
    """Make all contenders, trained alike."""
    training, ten = context.training(short=True), mitigation_weights(context.rows)
    arms = [
        Arm(ALONE, "one net per task", alone(training, quick=context.quick)),
        Arm(BASE, _base_words(context), Together(hard(training, ten))),
        Arm("equal weights", "losses added", Together(hard(training))),
        Arm("paper weights", "weights (1, 65, 62)", Together(hard(training, paper_weights(context.rows)))),
        Arm("inverse size", "weights by labels", Together(hard(training, method("fixed", weights="inverse_size")))),
    ]
    arms += [Arm(name, "weighting", Together(hard(training, method(name)))) for name in _WEIGHTINGS]
    arms += [
        Arm(SUM, "aggregator of the plain sum, base weights", Together(hard(training, ten, method("sum")))),
        Arm("sum, no weights", "aggregator of the plain sum", Together(hard(training, None, method("sum")))),
        Arm("pcgrad, no weights", "aggregator", Together(hard(training, None, method("pcgrad")))),
    ]
    arms += [
        Arm(name, "aggregator, base weights", Together(hard(training, ten, method(name)))) for name in _AGGREGATORS
    ]
    for how in _NORMALISERS:
        mgda = method("mgda", normalise=how)
        arms.append(Arm(f"mgda {how}", "aggregator, no weights", Together(hard(training, None, mgda))))
    arms += [_remedied(context, name, balance) for name, balance in remedies().items()]
    arms += [
        _remedied(context, "lds + gradnorm", remedies()["lds"], method("gradnorm")),
        _remedied(context, "lds + pcgrad", remedies()["lds"], ten, method("pcgrad")),
    ]
    for sampler in ("stratified", "per_task"):
        arms.append(Arm(f"{sampler} batches", "base weights", Together(hard(training, ten, sampler=sampler))))
    return [arm for arm in arms if arm.name not in _doubles(context.rows)]


def _doubles(rows: StudyRows) -> set[str]:
    """Name the arms that learn exactly as others do, where the tasks are not the paper's."""
    if rows.standard:
        return set()
    found = {"paper weights", "inverse size"}  # the base's own
    if rows.rows.known.all():  # tasks of one size
        found |= {"equal weights", "sum, no weights", "pcgrad, no weights"}
    if rows.rows.is_label.all():  # no regression to remedy
        found |= {*remedies(), "lds + gradnorm", "lds + pcgrad"}
    return found


def _base_words(context: StudyContext) -> str:
    """How the base adds losses."""
    if context.rows.standard:
        return "the weights (1, 10, 10) of the paper's remedies"
    return "weights by inverse size: one with a tenth of the labels counts ten times"


def remedies() -> dict[str, Balance]:
    """Return the remedies for rare values of regressions, by name."""
    return {
        "lds": Balance(lds=method("lds")),
        "lds, analytic kernel": Balance(lds=method("lds", kernel="analytic")),
        "fds": Balance(fds=method("fds")),
        "bmc": Balance(loss=method("bmc")),
        "gai": Balance(loss=method("gai")),
        "focal": Balance(loss=method("focal")),
        "huber": Balance(loss=method("huber")),
    }


def _remedied(
    context: StudyContext,
    name: str,
    balance: Balance,
    weighting: Method | None = None,
    aggregator: Method | None = None,
) -> Arm:
    """Make an arm with a remedy on every regression, base weights unless told."""
    weights = mitigation_weights(context.rows) if weighting is None else weighting
    config = hard(context.training(short=True), weights, aggregator, balance={EVERY: balance})
    return Arm(name, "remedy for rare values of every regression, base weights", Together(config))


def _log_table(cells: Sequence[Cell]) -> Section:
    """What the aggregators saw and did on the paper's split."""
    rows: list[dict[str, str | int | float | None]] = []
    for arm in dict.fromkeys(cell.arm.name for cell in cells):
        chosen = [cell.outcome.extras for cell in select(cells, arm=arm, kind=PAPER)]
        row: dict[str, str | int | float | None] = {"arm": arm}
        for name in ("conflicts", "projections", "departures"):
            values = [extras[name] for extras in chosen if name in extras]
            if values:
                row[name] = float(np.nanmean(np.concatenate(values)))
        if len(row) > 1:
            rows.append(row)
    columns = (
        ("arm", "arm"),
        ("conflicts", "conflicting pairs"),
        ("projections", "projected pairs"),
        ("departures", "distance from the plain sum"),
    )
    caption = "Means over epochs and seeds of the paper's split; the distance is relative to the length of the sum."
    return Section("mitigation-log", "What the aggregators did", caption, columns, rows)


def _against_alone(context: StudyContext, arms: Sequence[Arm], tested: Sequence[Difference]) -> Section:
    """Differences from learning alone."""
    columns = [("arm", "arm")]
    rows: list[dict[str, str | int | float | None]] = [{"arm": arm.name} for arm in arms if arm.name != ALONE]
    for task, words, metric in per_task(context):
        columns += [(task, f"{words} {metric}"), (f"{task}.q", "q")]
        for row in rows:
            found = pick(tested, str(row["arm"]), task, metric)
            if found is not None:
                row[task], row[f"{task}.q"] = found.mean, found.q
    caption = "Mean difference over outer folds by chemical system; q after Benjamini and Hochberg over the table."
    return Section("mitigation-alone", "Against learning alone", caption, tuple(columns), rows)
