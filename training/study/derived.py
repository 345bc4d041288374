"""The pitfall of a derived property: is a computed second target more than resistivity weighted twice?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.diagnostics.derived import CONDUCTIVITY, COPY, arms, refuse_parents_as_inputs
from training.multitask.config import MultiTaskConfig
from training.multitask.rows import LabelledRows
from training.report_tables import Section
from training.sources.table import AMORPHOUS, RESISTIVITY
from training.study.arms import hard, method
from training.study.base import Finding, Study, StudyContext, StudyResult, Verdict, training_note
from training.study.data import StudyRows
from training.study.entries import gathered, task_entry
from training.study.learners import Together
from training.study.measures import HEADLINE
from training.study.runs import Arm
from training.study.splits import GROUPED, PAPER, together
from training.study.table import Difference, Score, arms_table, both_tests, short
from training.study.verdicts import RULE, by_sign, picks, told, told_by_seeds

WITHOUT, DERIVED, COPIED, MEASURED = "without", "derived", "copy", "measured"
LOGGED, DOUBLE = "derived, logarithm", "double weight"
_WORDS = {
    WITHOUT: "resistivity and glass formation",
    DERIVED: "with thermal conductivity computed from resistivity",
    LOGGED: "with its logarithm, which is resistivity's but for sign and scale",
    COPIED: "with a copy of resistivity",
    DOUBLE: "no third task, resistivity weighted twice",
    MEASURED: "with measured hardness",
}
TASKS = (RESISTIVITY, AMORPHOUS)
"""Scored in every arm."""


def run_derived(context: StudyContext) -> StudyResult:
    """Learn resistivity and glass formation beside a derived, a copied, a measured and no third target."""
    tables = derived_tables(context.rows)
    asks = []
    for name, words in _WORDS.items():
        arm = Arm(name, words, Together(_config(context, name)))
        asks += context.asks([arm], rows=tables[WITHOUT if name == DOUBLE else name])
    rows = context.rows.name
    scores = gathered(task_entry(cell, task, rows) for cell in context.run(asks) for task in TASKS)
    metrics = {RESISTIVITY: [HEADLINE[False]], AMORPHOUS: [HEADLINE[True]]}
    ratio = together(context.grouped)
    tested = both_tests(scores, WITHOUT, metrics, ratio)
    against_copy = both_tests(scores, COPIED, metrics, ratio)
    return StudyResult(
        "derived",
        "Derived properties",
        tuple(_tables(scores, tested, rows)),
        tuple(scores),
        tuple(tested),
        findings=tuple(_findings(tested, against_copy)),
        notes=(
            training_note(context),
            "The electrons' thermal conductivity is L₀T/ρ at 300 K (Wiedemann and Franz): no measurement is in it.",
            f"`{COPIED}` and `{DOUBLE}` say what weighing resistivity twice does, with and without a second head.",
            "Features hold no property of the alloy, so that no target is given away by one.",
        ),
    )


DERIVED_STUDY = Study(
    "derived", "is a computed second target more than the first one weighted twice?", run_derived, standard_only=True
)


def derived_tables(rows: StudyRows) -> dict[str, StudyRows]:
    """Lay out the targets of every arm on the same compositions.

    Raises:
        InputError: a measured task is missing, or a feature gives a target away.
    """
    physical = np.where(rows.rows.known, rows.rows.y, np.nan)
    place = {task: column for column, task in enumerate(rows.tasks)}
    for task in np.flatnonzero(rows.log).tolist():
        physical[:, task] = np.exp(physical[:, task])
    refuse_parents_as_inputs(_features(), (*rows.tasks, CONDUCTIVITY, COPY))
    log = {task: bool(rows.log[place[task]]) for task in rows.tasks}
    log |= {COPY: log.get(RESISTIVITY, False), CONDUCTIVITY: False}
    found = {name: _table(rows, arm.tasks, arm.y, log, name) for name, arm in arms(rows.tasks, physical).items()}
    derived = arms(rows.tasks, physical)[DERIVED]
    return found | {LOGGED: _table(rows, derived.tasks, derived.y, log | {CONDUCTIVITY: True}, LOGGED)}


def _features() -> Sequence[str]:
    """Names of the nets' inputs."""
    from screener.descriptors.specs import feature_spec
    from training.study.data import FEATURES

    return tuple(feature_spec(FEATURES).names)


def _table(
    rows: StudyRows, tasks: tuple[str, ...], y: NDArray[np.float64], log: dict[str, bool], name: str
) -> StudyRows:
    """Rows of one arm, targets as learned."""
    logged = np.array([log[task] for task in tasks])
    learned = np.where(logged, np.log(np.where(logged & (y > 0.0), y, np.nan)), y)
    is_label = np.array([task == AMORPHOUS for task in tasks])
    labelled = LabelledRows(rows.rows.x, learned, ~np.isnan(learned), is_label, tasks)
    units = dict(zip(rows.tasks, rows.units, strict=True))
    units |= {COPY: units[RESISTIVITY], CONDUCTIVITY: "W/(m·K)"}
    return rows.with_rows(labelled, f"{rows.name}, {name}", logged.tolist(), [units[task] for task in tasks])


def _config(context: StudyContext, name: str) -> MultiTaskConfig:
    """Hard sharing, losses added; resistivity twice in one arm."""
    weighting = method("fixed", weights=(2.0, 1.0)) if name == DOUBLE else None
    return hard(context.training(short=True), weighting)


def _tables(scores: Sequence[Score], tested: Sequence[Difference], rows: str) -> Iterator[Section]:
    """Scores on both kinds of splits."""
    columns = [(RESISTIVITY, "r2"), (RESISTIVITY, "mae"), (AMORPHOUS, "pr_auc"), (AMORPHOUS, "f1")]
    for split, words in ((PAPER, "One split, over seeds"), (GROUPED, "Outer folds by chemical system")):
        caption = f"{words}, mean ± standard deviation; q against `{WITHOUT}`."
        args = (f"derived-{split}", f"Split `{split}`", caption, scores, columns)
        yield arms_table(*args, split=split, rows=rows, tested=tested)


def derived_verdict(gain: Difference | None, beyond_copy: Difference | None) -> Verdict:
    """Judge the claim that a derived target helps.

    Args:
        gain: against no third target.
        beyond_copy: against a copy of the first.
    """
    if by_sign(gain, positive=True) != "holds":
        return by_sign(gain, positive=True)
    return "holds" if by_sign(beyond_copy, positive=True) == "holds" else "explained otherwise"


def _findings(tested: Sequence[Difference], against_copy: Sequence[Difference]) -> Iterator[Finding]:
    """Judge whether a derived target brings anything."""
    for task, metric in ((RESISTIVITY, "r2"), (AMORPHOUS, "pr_auc")):
        gain, seeds = picks(tested, DERIVED, task, metric)
        beyond, beyond_seeds = picks(against_copy, DERIVED, task, metric)
        yield Finding(
            f"Thermal conductivity as a further task improves {short(task)}.",
            derived_verdict(gain, beyond),
            "explained otherwise, by resistivity counting twice, where there is a gain and none beyond the copy; "
            f"{RULE}",
            f"against no third task: {told(gain)}{told_by_seeds(seeds)}; against the copy: {told(beyond)}"
            f"{told_by_seeds(beyond_seeds)}",
            by_seeds="" if seeds is None else derived_verdict(seeds, beyond_seeds),
        )
