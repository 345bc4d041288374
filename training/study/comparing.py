"""The usual shape of a study: arms against a reference on the paper's split, whole and thinned, and on outer folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from training.report_tables import Section
from training.study.base import StudyContext
from training.study.measures import HEADLINE, MATCHED, matched_recall
from training.study.quoted import Figures, citation
from training.study.runs import Arm, Ask, Cell
from training.study.splits import GROUPED, PAPER, THINNED, thinned_words
from training.study.table import Difference, Score, arms_table, both_tests, find, ratio_of, scores_of, short

Extra = Callable[[Cell], Mapping[str, Mapping[str, float]]]
WORDS: Mapping[str, str] = {
    PAPER: "One split, 70/15/15, mean ± standard deviation over seeds",
    THINNED: "The same split and test rows, the small tasks {}, over seeds",
    GROUPED: "Outer folds by chemical system, mean ± standard deviation over folds",
}
_TESTS: Mapping[str, str] = {
    PAPER: "; q against `{}` over seeds, which knows of the optimiser's noise alone",
    THINNED: "",
    GROUPED: "; q against `{}`, corrected for shared training rows",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms with their scores.

    Attributes:
        cells: all fits.
        scores: all scores.
        tested: differences from the reference over outer folds, and over seeds of the paper's split.
        sections: a table for every kind of split.
    """

    cells: list[Cell]
    scores: list[Score]
    tested: list[Difference]
    sections: list[Section]

    def against(self, reference: str, metrics: Mapping[str, Sequence[str]]) -> list[Difference]:
        """Compare all arms with another reference, likewise."""
        return both_tests(self.scores, reference, metrics, ratio_of(self.cells, GROUPED))

    def score(self, arm: str, task: str, metric: str, split: str = GROUPED) -> Score | None:
        """Return one score."""
        return find(self.scores, arm, task, metric, split)


def compare(
    context: StudyContext,
    name: str,
    arms: Sequence[Arm],
    reference: str,
    *,
    regression: Sequence[str] = (),
    label: Sequence[str] = ("f1",),
    thinned: int = 0,
    repeats: int = 1,
    quoted: Figures | None = None,
    matched: str | None = None,
    extra: Extra | None = None,
) -> Comparison:
    """Run arms and lay them out.

    Args:
        context: rows and means.
        name: of the study.
        arms: contenders, the reference among them.
        reference: name of the arm that the others are tested against.
        regression: scores shown of regressions beside R².
        label: scores shown of labels beside the average precision.
        thinned: seeds on the thinned labels, where the tasks are the paper's.
        repeats: groupings of the outer folds.
        quoted: published figures.
        matched: arm at whose precision recall is compared.
        extra: further scores of a cell, instead of that recall.
    """
    asks = context.asks(arms, repeats=repeats)
    if thinned and context.rows.standard:
        asks += [Ask(context.rows, context.thinned, arm, context.seeds[:thinned]) for arm in arms]
    cells = context.run(asks)
    if matched is not None:
        extra = matched_recall(cells, {arm.name: matched for arm in arms})
        label = (*label, MATCHED)
    scores = scores_of(cells, extra=extra)
    metrics = headline_metrics(context)
    tested = both_tests(scores, reference, metrics, ratio_of(cells, GROUPED))
    columns = [
        (task, metric)
        for task, is_label in zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True)
        for metric in (HEADLINE[is_label], *(label if is_label else regression))
    ]
    sections = []
    for split in WORDS:
        figures = quoted if context.rows.standard and split != GROUPED else None
        section = _section(context, name, split, reference, scores, columns, tested, figures)
        sections.append(section if matched is None else replace(section, caption=f"{section.caption} {_said(matched)}"))
    return Comparison(cells, scores, tested, [section for section in sections if section.rows])


def headline_metrics(context: StudyContext) -> dict[str, list[str]]:
    """Return the headline score of every task."""
    labels = context.rows.rows.is_label.tolist()
    return {task: [HEADLINE[label]] for task, label in zip(context.rows.tasks, labels, strict=True)}


def per_task(context: StudyContext) -> list[tuple[str, str, str]]:
    """Return task, its short name and its headline score."""
    return [(task, short(task), metrics[0]) for task, metrics in headline_metrics(context).items()]


def _said(matched: str) -> str:
    """Say what a recall at matched precision is."""
    at = f"the precision that `{matched}` of the same split and seed has at probability ½"
    return f"`{MATCHED}`: the highest recall at {at}."


def _section(
    context: StudyContext,
    name: str,
    split: str,
    reference: str,
    scores: Sequence[Score],
    columns: Sequence[tuple[str, str]],
    tested: Sequence[Difference],
    figures: Figures | None,
) -> Section:
    """One kind of split as a table."""
    thinned = thinned_words(context.rows, context.thinned) if context.rows.standard else ""
    caption = f"{WORDS[split].format(thinned)}{_TESTS[split].format(reference)}."
    caption += f" Quoted: {citation()}, other rows than these." if figures else ""
    key = f"{name}-{split.replace(' ', '-').replace(':', '-')}"
    args = (key, f"Split `{split}`", caption, scores, columns)
    return arms_table(*args, split=split, rows=context.rows.name, tested=tested, quoted=figures)
