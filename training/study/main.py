"""The paper's main table: one net per task, hard sharing, structured sharing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Training
from training.report_tables import Section
from training.study.arms import alone, hard, independent, method, paper_weights
from training.study.base import BATCH, FAITHFUL_BATCH, Plot, Study, StudyContext, StudyResult
from training.study.learners import Learner, SeedsTogether, Together
from training.study.main_findings import LARGE, REFERENCE, main_findings
from training.study.main_tables import bootstrap_table, confusion_table, synergy_table
from training.study.measures import HEADLINE, MATCHED, known_test, matched_recall
from training.study.plots import Line, histogram_svg, lines_svg, mean_curve
from training.study.quoted import citation, quoted
from training.study.runs import Arm, Ask, Cell, select
from training.study.splits import GROUPED, PAPER, THINNED, thinned_words
from training.study.table import Difference, Score, arms_table, differences, ratio_of, scores_of, short

OWN = ", own epochs"
REPEATS = 3
"""Groupings of the outer folds."""
_REGRESSION = ("r2",)
_LABEL = ("f1", "recall", "precision", "roc_auc", "pr_auc", MATCHED)


def run_main(context: StudyContext) -> StudyResult:
    """Fit the three architectures on the paper's split, as it is and thinned to its ratios, and on outer folds."""
    faithful = _arms(context, context.training(FAITHFUL_BATCH), "", at_once=True)
    large = _arms(context, context.training(BATCH), LARGE, at_once=False)
    asks = context.asks([*faithful, *large], grouped=False) + context.asks(large, paper=False, repeats=REPEATS)
    if context.rows.standard:
        asks += [Ask(context.rows, context.thinned, arm, context.seeds) for arm in [*faithful, *large]]
    cells = context.run(asks)
    references = {arm.name: REFERENCE + arm.name.removeprefix(_base(arm)) for arm in [*faithful, *large]}
    matched = matched_recall(cells, references)
    scores = scores_of(cells, extra=matched)
    own = scores_of((cell for cell in cells if _base(cell.arm) != REFERENCE), "task", suffix=OWN)
    ratio = ratio_of(cells, GROUPED)
    tested = differences(scores, REFERENCE + LARGE, _compared(context), split=GROUPED, ratio=ratio) + differences(
        scores, REFERENCE, _compared(context), split=PAPER, ratio=0.0
    )
    labels = dict(zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True))
    return StudyResult(
        "main",
        "Independent, hard and structured sharing",
        (
            *_sections(context, [*scores, *own], tested),
            confusion_table(cells, REFERENCE + LARGE, [arm.name for arm in large]),
            bootstrap_table(cells, REFERENCE + LARGE, [arm.name for arm in large if _base(arm) != REFERENCE]),
            synergy_table(scores, labels, references, (PAPER, THINNED, GROUPED), as_many_steps=context.quick),
        ),
        (*scores, *own),
        tuple(tested),
        quoted("main"),
        tuple(_plots(context, cells)),
        tuple(main_findings(context, scores, tested, ratio)),
        _notes(context),
    )


MAIN = Study("main", "does learning together beat learning alone, and does a graph of tasks add to it?", run_main)


def main_columns(context: StudyContext) -> list[tuple[str, str]]:
    """Return the scores of the paper's table: R², or F1, recall, precision and areas."""
    return [
        (task, metric)
        for task, label in zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True)
        for metric in (_LABEL if label else _REGRESSION)
    ]


def loss_curves(title: str, cells: Sequence[Cell], task: int, arms: Sequence[str]) -> str:
    """Draw training and validation losses of one task, averaged over seeds."""
    lines: dict[str, Line] = {}
    for arm in arms:
        chosen = list(select(cells, arm=arm))
        if chosen:
            lines[f"{arm}, train"] = mean_curve([cell.outcome.train[:, task] for cell in chosen])
            lines[f"{arm}, valid"] = mean_curve([cell.outcome.valid[:, task] for cell in chosen])
    return lines_svg(title, lines, "epoch", "loss", log_y=True)


def error_plot(title: str, cells: Sequence[Cell], task: int, arms: Sequence[str], unit: str) -> str:
    """Draw distributions of errors of a regression, all seeds together."""
    samples = {}
    for arm in arms:
        pairs = [known_test(cell, task) for cell in select(cells, arm=arm)]
        if pairs:
            samples[arm] = np.concatenate([predicted - y for y, predicted in pairs])
    return histogram_svg(title, samples, unit)


def _arms(context: StudyContext, training: Training, suffix: str, *, at_once: bool) -> list[Arm]:
    """Make the three architectures with one optimisation."""
    weights = paper_weights(context.rows)
    absent = "zero" if at_once else "drop"
    shared = replace(hard(training, weights), absent=absent)
    graph = method("structured", gcn="paper")
    structured = MultiTaskConfig(architecture=graph, weighting=weights, absent=absent, training=training)
    own: Learner = alone(training, quick=context.quick)
    if at_once:
        own = SeedsTogether(independent(training), each=True, as_many_steps=context.quick)
    batch = f"batches of {training.batch}"
    return [
        Arm(REFERENCE + suffix, f"one net per task, {batch}", own),
        Arm("hard" + suffix, f"one backbone, {batch}", SeedsTogether(shared) if at_once else Together(shared)),
        Arm(
            "structured" + suffix,
            f"one backbone and the published graph, {batch}",
            SeedsTogether(structured) if at_once else Together(structured),
        ),
    ]


def _base(arm: Arm) -> str:
    """Name of an arm without what its batches are."""
    return arm.name.removesuffix(LARGE)


def _compared(context: StudyContext) -> dict[str, list[str]]:
    """Scores that are tested against the independent nets."""
    labels = context.rows.rows.is_label.tolist()
    more = ("recall", "roc_auc", MATCHED)
    return {
        task: [HEADLINE[label], *(more if label else ())]
        for task, label in zip(context.rows.tasks, labels, strict=True)
    }


def _sections(context: StudyContext, scores: Sequence[Score], tested: Sequence[Difference]) -> list[Section]:
    """Tables of all three kinds of splits."""
    columns, name = main_columns(context), context.rows.name
    figures = quoted("main") if context.rows.standard else {}
    told = {PAPER: "One split, 70/15/15, mean ± standard deviation over seeds", THINNED: "The same split and test rows"}
    if context.rows.standard:
        told[THINNED] += f", hardness and glass formation {thinned_words(context.rows, context.thinned)}"
    told[GROUPED] = "Outer folds by chemical system, mean ± standard deviation over folds"
    sections = []
    for split, words in told.items():
        if any(score.split == split for score in scores):
            shown = {} if split == GROUPED else figures
            caption = f"{words}; q against the independent nets."
            caption += f" Quoted: {citation()}, other rows than these." if shown else ""
            key = f"main-{split.replace(' ', '-').replace(':', '-')}"
            heading = f"Main table, split `{split}`"
            args = (key, heading, caption, scores, columns)
            sections.append(arms_table(*args, split=split, rows=name, tested=tested, quoted=shown))
    return sections


def _plots(context: StudyContext, cells: Sequence[Cell]) -> list[Plot]:
    """Loss curves of every task and error distributions of every regression, on the paper's split."""
    chosen, arms = list(select(cells, kind=PAPER)), (REFERENCE, "hard", "structured")
    plots = []
    for task, (name, label) in enumerate(zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True)):
        plots.append(Plot(f"loss-{short(name)}", loss_curves(f"Loss of {short(name)}", chosen, task, arms)))
        if not label:
            unit = f"error, {'ln ' if context.rows.log[task] else ''}{context.rows.units[task]}"
            plots.append(
                Plot(f"errors-{short(name)}", error_plot(f"Errors of {short(name)}", chosen, task, arms, unit))
            )
    return plots


def _notes(context: StudyContext) -> tuple[str, ...]:
    """What to know of the numbers."""
    sizes = [context.training(batch) for batch in (FAITHFUL_BATCH, BATCH)]
    inverse = "`hard` and `structured` weigh losses by inverse size: one with a tenth of the labels counts ten times."
    return (
        *(() if context.rows.standard else (inverse,)),
        f"Arms without a suffix have batches of {sizes[0].batch} and rate {sizes[0].lr:g}; `{LARGE[2:]}` means batches "
        f"of {sizes[1].batch} and rate {sizes[1].lr:.2g}.",
        f"Where a batch has no label of a task, its head moves on by momentum and weight decay in batches of "
        f"{sizes[0].batch}, as in a plain loop over masked losses, and rests in batches of {sizes[1].batch}.",
        "Independent nets stop each at its own best epoch; the others at the best joint one, or with "
        f"`{OWN[2:]}` every task at its own.",
        "Seeds on one split measure the optimiser's noise only; the test is that over outer folds.",
        f"`{MATCHED}`: recall at the precision that the independent net of the same seed has at probability ½.",
    )
