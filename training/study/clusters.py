"""Which properties go together? Hardness with strength, of one mechanism, against hardness with resistivity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from training.diagnostics.tails import rank_correlation
from training.multitask.config_parts import Training
from training.report_tables import Section, Value
from training.sources.table import HARDNESS, RESISTIVITY
from training.study.arms import hard, independent
from training.study.base import Finding, Study, StudyContext, StudyResult, Verdict, alone_note, training_note
from training.study.data import StudyRows
from training.study.entries import gathered, task_entry
from training.study.extended import extended_rows, extended_splits, only
from training.study.extra_tables import GLASS, TENSILE, YIELD
from training.study.extras import where_from
from training.study.learners import Alone, Together
from training.study.runs import Arm, Ask
from training.study.splits import GROUPED, PAPER, Split, together
from training.study.table import Difference, Score, arms_table, both_tests, short
from training.study.verdicts import RULE, by_sign, picks, sign_finding, told, told_by_seeds

ALONE, EQUAL = "hardness alone", "resistivity, as few labels"
PARTNERS = {
    "yield strength": (YIELD,),
    "tensile strength": (TENSILE,),
    "both strengths": (YIELD, TENSILE),
    "resistivity": (RESISTIVITY,),
    EQUAL: (RESISTIVITY,),
    "glass temperature": (GLASS,),
}
"""What hardness is learned with; the first three resist the motion of dislocations as hardness does."""
WITHIN, ACROSS = "yield strength", "resistivity"
COLUMNS = ("r2", "mae", "spearman")
LEAST_COMMON = 3
"""Alloys with both properties from which on their ranks are correlated."""


def run_clusters(context: StudyContext) -> StudyResult:
    """Learn hardness with partners of its own mechanism and of others, and score hardness alone."""
    rows = extended_rows(context)
    splits = extended_splits(context, rows)
    training = context.training(short=True)
    alone = only(rows, (HARDNESS,), f"{rows.name}, hardness")
    own = Arm(ALONE, "a net of its own", Alone(independent(_training_alone(context, rows, splits[0][0]))))
    asks = [Ask(alone, split, own, seeds) for split, seeds in splits]
    for name, partners in PARTNERS.items():
        table = only(rows, (HARDNESS, *partners), f"{rows.name}, {name}")
        arm = Arm(name, f"hard sharing with {', '.join(map(short, partners))}", Together(hard(training)))
        asks += [Ask(table, _as_few(split, rows) if name == EQUAL else split, arm, seeds) for split, seeds in splits]
    scores = gathered(task_entry(cell, HARDNESS, rows.name) for cell in context.run(asks))
    ratio = together(context.grouped)
    tested = both_tests(scores, ALONE, {HARDNESS: ["r2"]}, ratio)
    against = both_tests(scores, EQUAL, {HARDNESS: ["r2"]}, ratio)
    overlaps = {task: overlap(rows, HARDNESS, task) for task in (YIELD, TENSILE, RESISTIVITY, GLASS)}
    return StudyResult(
        "clusters",
        "Clusters of properties",
        (*_tables(scores, tested, rows), _overlap_table(overlaps)),
        tuple(scores),
        tuple(tested),
        findings=tuple(_findings(tested, against, overlaps)),
        notes=(
            training_note(context),
            alone_note(context),
            where_from({task for partners in PARTNERS.values() for task in partners}),
            "Partners are learned from training rows only; no property of a tested composition, or on outer folds of a "
            "tested chemical system, is seen.",
            f"`{EQUAL}` has as many labels of resistivity as there are of {short(WITHIN)}: their number is then no "
            "difference.",
            "Strength and hardness of one alloy are nearly one measurement (Tabor's rule); what a partner adds where "
            "alloys have both is a second reading of the target, not only a mechanism shared.",
        ),
    )


CLUSTERS = Study(
    "clusters", "do properties of one mechanism help each other, and others not?", run_clusters, standard_only=True
)


def _training_alone(context: StudyContext, rows: StudyRows, split: Split) -> Training:
    """Optimisation of the net of its own; in a quick look as many steps as with the partner of most labels."""
    training = context.training(short=True)
    if not context.quick:
        return training
    known = {task: rows.rows.known[split.train, rows.tasks.index(task)] for task in rows.tasks}
    joint = [np.logical_or.reduce([known[task] for task in (HARDNESS, *partners)]) for partners in PARTNERS.values()]
    return training.as_many_steps(int(known[HARDNESS].sum()), max(int(each.sum()) for each in joint))


def overlap(rows: StudyRows, one: str, other: str) -> tuple[int, float]:
    """Count alloys with both properties, and correlate the ranks; NaN for fewer than three."""
    a, b = (rows.tasks.index(task) for task in (one, other))
    both = rows.rows.known[:, a] & rows.rows.known[:, b]
    if both.sum() < LEAST_COMMON:
        return int(both.sum()), float("nan")
    return int(both.sum()), rank_correlation(rows.rows.y[both, a], rows.rows.y[both, b])


def common_words(count: int, rank: float) -> str:
    """Write how many alloys have both properties, and how their ranks correlate where there are enough."""
    if not count:
        return "no common alloys"
    alloys = f"{count:,} common alloy{'' if count == 1 else 's'}"
    if np.isfinite(rank):
        return f"{alloys}, ρ = {rank:.2f}"
    return f"{alloys}, {'all of one value' if count >= LEAST_COMMON else 'too few to correlate'}"


def _as_few(split: Split, rows: StudyRows, seed: int = 0) -> Split:
    """Hide labels of resistivity, in rows of hardness and resistivity alone, until there are as many as of strength."""
    known = rows.rows.known
    mine, model = (rows.tasks.index(task) for task in (RESISTIVITY, YIELD))
    rng, hidden = np.random.default_rng(seed), np.zeros((len(rows), 2), bool)
    for part in (split.train, split.valid):
        labelled, count = part[known[part, mine]], int(known[part, model].sum())
        hidden[rng.permutation(labelled)[count:], 1] = True
    return replace(split, hidden=hidden)


def _tables(scores: Sequence[Score], tested: Sequence[Difference], rows: StudyRows) -> Iterator[Section]:
    """Scores of hardness on both kinds of splits."""
    columns = [(HARDNESS, metric) for metric in COLUMNS]
    for split, words in ((PAPER, "One split, over seeds"), (GROUPED, "Outer folds by chemical system")):
        caption = f"{words}, mean ± standard deviation; errors in standard deviations of the training labels. "
        caption += f"q against `{ALONE}`."
        args = (f"clusters-{split}", f"Hardness, split `{split}`", caption, scores, columns)
        yield arms_table(*args, split=split, rows=rows.name, tested=tested)


def _overlap_table(overlaps: dict[str, tuple[int, float]]) -> Section:
    """Alloys in common."""
    lines: list[dict[str, Value]] = [
        {"task": short(task), "both": count, "rank": rank if np.isfinite(rank) else None}
        for task, (count, rank) in overlaps.items()
    ]
    heads = (("task", "partner"), ("both", "alloys with hardness, too"), ("rank", "Spearman's ρ with hardness"))
    return Section(
        "clusters-overlap", "What partners know of hardness", "On alloys that have both values.", heads, lines
    )


def cluster_verdict(alone: Difference | None, fair: Difference | None, rank: float) -> Verdict:
    """Judge the claim that a partner of the same mechanism helps, and more than one of another does.

    Args:
        alone: the partner against hardness alone.
        fair: the partner against as many labels of resistivity.
        rank: correlation with hardness on common alloys; above 0.8 it is a second reading of the target.
    """
    verdicts = (by_sign(alone, positive=True), by_sign(fair, positive=True))
    if verdicts == ("holds", "holds"):
        return "explained otherwise" if rank > 0.8 else "holds"
    return "does not hold" if "does not hold" in verdicts else "not decided"


def _findings(
    tested: Sequence[Difference], against: Sequence[Difference], overlaps: dict[str, tuple[int, float]]
) -> Iterator[Finding]:
    """Judge partners within the mechanism and across."""
    for name in ("yield strength", "tensile strength"):
        one, seeds = picks(tested, name, HARDNESS, "r2")
        fair, fair_seeds = picks(against, name, HARDNESS, "r2")
        count, rank = overlaps[PARTNERS[name][0]]
        yield Finding(
            f"Hardness gains from {name}, of its own mechanism, more than from resistivity.",
            cluster_verdict(one, fair, rank),
            f"holds where both differences are above 0, q below 0.05; explained otherwise where ranks also correlate "
            f"above 0.8 on common alloys; else: {RULE}",
            f"against alone: {told(one)}{told_by_seeds(seeds)}; against as many labels of resistivity: {told(fair)}"
            f"{told_by_seeds(fair_seeds)}; {common_words(count, rank)}",
            by_seeds="" if seeds is None else cluster_verdict(seeds, fair_seeds, rank),
        )
    yield sign_finding(
        "Hardness loses by being learned with resistivity, of another mechanism.",
        *picks(tested, ACROSS, HARDNESS, "r2"),
        positive=False,
    )
