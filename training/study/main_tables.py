"""Further tables of the main study: outcomes at one precision, and the paper's single number of synergy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.diagnostics.bootstrap import DRAWS, recall_difference
from training.diagnostics.screening import confusion_at_precision
from training.diagnostics.synergy import relative_gains
from training.report_tables import Section, Value
from training.study.measures import HEADLINE, known_test, precision_at_half
from training.study.runs import Cell, select
from training.study.splits import GROUPED
from training.study.table import Score, find, short

LEAST_REFERENCE = 0.1
"""Score of an independent net below which a relative gain is not told."""


def confusion_table(cells: Sequence[Cell], reference: str, arms: Sequence[str]) -> Section:
    """Count hits and errors of labels over all outer folds, at the precision that the reference has at probability ½.

    Args:
        cells: of the study.
        reference: arm whose precision is matched, fold by fold.
        arms: what is shown.
    """
    rows: list[dict[str, Value]] = []
    base = {(c.split.number, c.seed): c for c in select(cells, kind=GROUPED, arm=reference)}
    for arm in arms:
        chosen = list(select(cells, kind=GROUPED, arm=arm))
        for task in np.flatnonzero(chosen[0].rows.rows.is_label).tolist() if chosen else ():
            counts = np.zeros(4, np.int64)
            for cell in chosen:
                level = precision_at_half(base[cell.split.number, cell.seed], task)
                if np.isfinite(level):
                    at = confusion_at_precision(*known_test(cell, task), level)
                    counts += (at.hits, at.false_alarms, at.missed, at.passed)
            named = dict(zip(("hits", "false", "missed", "passed"), counts.tolist(), strict=True))
            rows.append({"arm": arm, "task": short(cell.rows.tasks[task]), **named})
    caption = (
        "Test rows of all outer folds and groupings, every arm at the threshold with most hits at the precision that "
        f"`{reference}` has at probability ½ in the same fold."
    )
    columns = (
        *(("arm", "arm"), ("task", "labels")),
        *(("hits", "hits"), ("false", "false alarms"), ("missed", "missed"), ("passed", "passed")),
    )
    return Section("main-confusion", "Outcomes at matched precision", caption, columns, rows)


def bootstrap_table(cells: Sequence[Cell], reference: str, arms: Sequence[str]) -> Section:
    """Tell how sure a gain in recall is: chemical systems of all outer folds drawn again, at the reference's precision.

    Args:
        cells: of the study.
        reference: arm that the others are compared with, fold by fold.
        arms: what is shown.
    """
    rows: list[dict[str, Value]] = []
    base = {(c.split.number, c.seed): c for c in select(cells, kind=GROUPED, arm=reference)}
    for arm in arms:
        chosen = list(select(cells, kind=GROUPED, arm=arm))
        for task in np.flatnonzero(chosen[0].rows.rows.is_label).tolist() if chosen else ():
            flagged = (_flagged(cell, base[cell.split.number, cell.seed], task) for cell in chosen)
            parts = [part for part in flagged if part is not None]
            if parts and any(part[0].any() for part in parts):
                positive, ours, theirs = (np.concatenate([part[k] for part in parts]) for k in range(3))
                found = recall_difference(positive > 0, ours > 0, theirs > 0, np.concatenate([p[3] for p in parts]))
                named = {"difference": found.difference, "low": found.low, "high": found.high}
                rows.append({"arm": arm, "task": short(chosen[0].rows.tasks[task]), **named})
    caption = (
        f"Recall less that of `{reference}`, every arm at the precision that this has at probability ½ in the same "
        f"fold; 95 % of {DRAWS:,} paired resamples of the chemical systems of all outer folds and groupings. The nets "
        "stay as they are: an interval that leaves 0 out speaks of these nets on other tested alloys. The findings ask "
        "for more, a difference that outlasts learning from other rows, and judge it by its scatter over outer folds."
    )
    columns = (("arm", "arm"), ("task", "labels"), ("difference", "recall gained"), ("low", "low"), ("high", "high"))
    return Section("main-bootstrap", "Recall gained, systems drawn again", caption, columns, rows)


def _flagged(
    cell: Cell, reference: Cell, task: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]] | None:
    """Positive rows, rows flagged by the cell and by its reference at one precision, systems; None without a flag."""
    (label, ours), (_, theirs) = known_test(cell, task), known_test(reference, task)
    level = precision_at_half(reference, task)
    if not np.isfinite(level):
        return None
    at = [confusion_at_precision(label, score, level).threshold for score in (ours, theirs)]
    known = cell.rows.rows.known[cell.split.test, task]
    return label > 0.5, ours >= at[0], theirs >= at[1], cell.rows.system[cell.split.test][known]


def synergy_table(
    scores: Sequence[Score],
    labels: Mapping[str, bool],
    references: Mapping[str, str],
    splits: Sequence[str],
    *,
    as_many_steps: bool = False,
) -> Section:
    """Give the relative gain of every task over learning alone, and their mean, by kind of split.

    A gain over a score near 0 says nothing; such tasks have none and are left out of the mean.

    Args:
        scores: of the study.
        labels: task → whether it is a label.
        references: arm → the arm that learned alone, with the same batches.
        splits: kinds of splits.
        as_many_steps: nets that learned alone took as many steps as the others.
    """
    rows: list[dict[str, Value]] = []
    for split in splits:
        for arm, alone in references.items():
            pairs = {
                task: [find(scores, each, task, HEADLINE[label], split) for each in (arm, alone)]
                for task, label in labels.items()
            }
            means = {task: [s.mean for s in pair if s is not None] for task, pair in pairs.items()}
            if arm == alone or any(len(pair) < 2 for pair in means.values()):
                continue
            fair = {task: pair for task, pair in means.items() if pair[1] >= LEAST_REFERENCE}
            gains = (
                relative_gains({t: m[0] for t, m in fair.items()}, {t: m[1] for t, m in fair.items()}) if fair else {}
            )
            row: dict[str, Value] = {"split": split, "arm": arm}
            rows.append({**row, **gains, "mean": float(np.mean(list(gains.values()))) if gains else None})
    columns = (("split", "split"), ("arm", "arm"), *((task, short(task)) for task in labels), ("mean", "mean"))
    fewer = "" if as_many_steps else ", whose epochs have the rows of one task alone and so fewer steps"
    caption = (
        f"Relative gain of R² or average precision over independent nets with the same batches and rate{fewer}; "
        f"above 0, sharing helped. Where these nets score below {LEAST_REFERENCE:g} there is a dash, "
        "and the mean is over the other tasks: a gain over nearly nothing is no measure."
    )
    return Section("main-synergy", "Synergy", caption, columns, rows)
