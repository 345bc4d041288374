"""What the paper says of its main table, judged; of other tasks than its own, what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from training.study.base import Finding, StudyContext, Verdict
from training.study.comparing import headline_metrics
from training.study.measures import MATCHED
from training.study.splits import GROUPED, PAPER, THINNED, ratios
from training.study.table import Difference, Score, differences, find, short
from training.study.verdicts import FAILS, beside, by_sign, pick, sign_finding, told_by_seeds

REFERENCE, HARD, STRUCTURED = "independent", "hard", "structured"
LARGE = ", large batch"
"""Ends the names of arms that go over outer folds; without it batches are the paper's, on its split alone."""


def main_findings(
    context: StudyContext, scores: Sequence[Score], tested: Sequence[Difference], ratio: float
) -> Iterator[Finding]:
    """Judge the main table.

    Args:
        context: rows and means.
        scores: all scores.
        tested: differences from the independent nets.
        ratio: rows tested per row learned from, over outer folds.
    """
    if not context.rows.standard:
        yield from _asked_of_others(context, scores, tested, ratio)
        return
    resistivity, hardness, amorphous = context.rows.tasks
    for task, figures in ((resistivity, "0.897 → 0.842"), (hardness, "0.832 → 0.724")):
        claim = f"Hard sharing with weights (1, 65, 62) lowers R² of {short(task)}."
        pair = pick(tested, HARD + LARGE, task, "r2"), pick(tested, HARD, task, "r2", PAPER)
        finding = sign_finding(claim, *pair, positive=False, quoted=figures, arms=_arms(HARD, REFERENCE))
        yield replace(finding, measured=f"{finding.measured}; {_as_in_the_paper(context, scores, task)}")
    for arm in (HARD, STRUCTURED):
        yield _recall_finding(scores, tested, arm, amorphous)


def _arms(name: str, reference: str) -> tuple[str, str]:
    """Which arms are compared over outer folds, and which over seeds of one split."""
    return f"`{name}{LARGE}` less `{reference}{LARGE}`", f"`{name}` less `{reference}`"


def _asked_of_others(
    context: StudyContext, scores: Sequence[Score], tested: Sequence[Difference], ratio: float
) -> Iterator[Finding]:
    """Judge whether sharing beats learning alone, and whether a graph of tasks adds to it."""
    metrics = headline_metrics(context)
    pairs = {ending: [s for s in scores if s.arm in (HARD + ending, STRUCTURED + ending)] for ending in (LARGE, "")}
    graph = differences(pairs[LARGE], HARD + LARGE, metrics, split=GROUPED, ratio=ratio)
    graph += differences(pairs[""], HARD, metrics, split=PAPER, ratio=0.0)
    asked = (
        (HARD, REFERENCE, tested, "Hard sharing predicts {} better than a net of its own."),
        (STRUCTURED, REFERENCE, tested, "A graph of tasks predicts {} better than a net of its own."),
        (STRUCTURED, HARD, graph, "A graph of tasks predicts {} better than hard sharing."),
    )
    for task, (metric,) in metrics.items():
        for arm, reference, found, claim in asked:
            pair = pick(found, arm + LARGE, task, metric), pick(found, arm, task, metric, PAPER)
            yield sign_finding(claim.format(short(task)), *pair, positive=True, arms=_arms(arm, reference))


def _as_in_the_paper(context: StudyContext, scores: Sequence[Score], task: str) -> str:
    """Write R² of the paper's own protocol, which decides nothing: seeds of one split share their test rows."""
    told, reached = [], ratios(context.rows, context.thinned)[0]
    for split, words in ((PAPER, ""), (THINNED, f" thinned to {reached:.0f} : 1")):
        shown = [find(scores, arm, task, "r2", split) for arm in (REFERENCE, HARD)]
        told.append(f"on its split{words}, seeds alone: {beside(shown)}")
    return "; ".join(told)


def _recall_finding(scores: Sequence[Score], tested: Sequence[Difference], name: str, task: str) -> Finding:
    """Judge the gain in recall: real only if it is there at equal precision."""
    arm, quoted_recall = name + LARGE, {HARD: "0.617 → 0.670", STRUCTURED: "0.617 → 0.722"}[name]
    at_half, matched = pick(tested, arm, task, "recall"), pick(tested, arm, task, MATCHED)
    seeds = [pick(tested, name, task, metric, PAPER) for metric in ("recall", MATCHED)]
    shown = [find(scores, a, task, m, GROUPED) for m in ("recall", MATCHED) for a in (REFERENCE + LARGE, arm)]
    by_seeds = told_by_seeds(seeds[1], f"at matched precision, {_arms(name, REFERENCE)[1]}")
    return Finding(
        f"{name.capitalize()} sharing finds more of the amorphous alloys.",
        _real_gain(at_half, matched),
        "holds where recall at the independent nets' precision is higher, q below 0.05; a gain at probability ½ alone, "
        f"q below 0.05, is a moved threshold; else {FAILS}",
        f"outer folds, recall at ½: {beside(shown[:2])}; at matched precision: {beside(shown[2:])}{by_seeds}",
        f"recall {quoted_recall}, while ROC-AUC falls from 0.923",
        "" if seeds[1] is None else _real_gain(*seeds),
    )


def _real_gain(at_half: Difference | None, matched: Difference | None) -> Verdict:
    """Judge a gain in recall: one at probability ½ that is none at equal precision is a moved threshold."""
    verdict = by_sign(matched, positive=True)
    moved = verdict != "holds" and by_sign(at_half, positive=True) == "holds"
    return "explained otherwise" if moved else verdict
