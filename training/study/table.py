"""Scores of arms, their differences from a reference, and both as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.comparison import corrected_paired_test
from training.diagnostics.statistics import benjamini_hochberg, paired_t, two_sided
from training.report_tables import Section, Spread, Value
from training.study.measures import LOWER_IS_BETTER, cell_scores
from training.study.runs import Cell
from training.study.splits import GROUPED, PAPER, together


@dataclass(frozen=True, slots=True)
class Score:
    """One score of one arm.

    Attributes:
        rows: name of the rows.
        split: kind of the splits.
        arm: its name.
        task: the task, or `all`.
        metric: name of the score.
        values: one per seed of the paper's split, or one per outer split (mean over its seeds).
    """

    rows: str
    split: str
    arm: str
    task: str
    metric: str
    values: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation (n − 1); NaN where one value is not finite."""
        sd = float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0
        return Spread(float(np.mean(self.values)), sd, len(self.values))

    @property
    def mean(self) -> float:
        """Mean over seeds or outer splits."""
        return float(np.mean(self.values))


@dataclass(frozen=True, slots=True)
class Difference:
    """An arm's score less that of the reference, on the same seeds or outer splits; positive where the arm is better.

    Attributes:
        arm: the arm.
        task: the task.
        metric: name of the score.
        split: kind of the splits.
        rows: name of the rows.
        mean: mean difference.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided probability: corrected for shared training rows over outer splits, plain over seeds.
        q: the same, after Benjamini and Hochberg over all differences of the call.
    """

    arm: str
    task: str
    metric: str
    split: str
    rows: str
    mean: float
    low: float
    high: float
    p: float
    q: float


def scores_of(
    cells: Iterable[Cell],
    best: str = "joint",
    extra: Callable[[Cell], Mapping[str, Mapping[str, float]]] | None = None,
    suffix: str = "",
) -> list[Score]:
    """Score all cells of a study and gather them by arm.

    Args:
        cells: from `runs.run`.
        best: checkpoint, `joint` or `task`.
        extra: further scores of a cell, task → name → value.
        suffix: of the arms' names.
    """
    gathered: dict[tuple[str, str, str, str, str], dict[int, list[float]]] = {}
    for cell in cells:
        found = {task: dict(values) for task, values in cell_scores(cell, best).items()}
        for task, more in (extra(cell) if extra else {}).items():
            found.setdefault(task, {}).update(more)
        unit = cell.split.number if cell.split.kind == GROUPED else cell.seed
        for task, values in found.items():
            for metric, value in values.items():
                key = (cell.rows.name, cell.split.kind, cell.arm.name + suffix, task, metric)
                gathered.setdefault(key, {}).setdefault(unit, []).append(value)
    return [
        Score(*key, tuple(float(np.mean(values)) for _, values in sorted(units.items())))
        for key, units in gathered.items()
    ]


def find(
    scores: Iterable[Score], arm: str, task: str, metric: str, split: str, rows: str | None = None
) -> Score | None:
    """Return one score, None where there is none."""
    wanted = (arm, task, metric, split)
    for score in scores:
        if (score.arm, score.task, score.metric, score.split) == wanted and rows in (None, score.rows):
            return score
    return None


def differences(
    scores: Sequence[Score],
    reference: str,
    metrics: Mapping[str, Sequence[str]],
    *,
    split: str,
    ratio: float,
    rows: str | None = None,
) -> list[Difference]:
    """Compare every arm with a reference; one family of tests.

    Args:
        scores: of all arms.
        reference: name of the reference.
        metrics: scores to compare by task.
        split: `grouped`, or `paper` for a test over seeds, which says nothing of other rows.
        ratio: rows tested per row learned from, `ratio_of`; not used over seeds.
        rows: name of the rows, None for all.
    """
    found: list[tuple[Score, float, float, float, float]] = []
    for score in scores:
        wanted = score.split == split and rows in (None, score.rows) and score.metric in metrics.get(score.task, ())
        base = find(scores, reference, score.task, score.metric, split, score.rows)
        if not wanted or score.arm == reference or base is None or len(base.values) != len(score.values):
            continue
        sign = -1.0 if score.metric in LOWER_IS_BETTER else 1.0
        d = [sign * (a - b) for a, b in zip(score.values, base.values, strict=True)]
        if len(d) < 2 or not np.isfinite(d).all() or (d[0] and len(set(d)) == 1):
            continue  # one and the same difference everywhere has no scatter to test it by
        test = corrected_paired_test(d, ratio) if split == GROUPED else paired_t(d)
        found.append((score, test.mean, test.low, test.high, two_sided(test)))
    adjusted = benjamini_hochberg([p for *_, p in found]) if found else np.empty(0)
    return [
        Difference(s.arm, s.task, s.metric, s.split, s.rows, mean, low, high, p, float(q))
        for (s, mean, low, high, p), q in zip(found, adjusted, strict=True)
    ]


def both_tests(
    scores: Sequence[Score], reference: str, metrics: Mapping[str, Sequence[str]], ratio: float
) -> list[Difference]:
    """Compare every arm with a reference over outer splits, and over seeds of the paper's; a family of tests each."""
    over_folds, over_seeds = (
        differences(scores, reference, metrics, split=split, ratio=ratio) for split in (GROUPED, PAPER)
    )
    return [*over_folds, *over_seeds]


def ratio_of(cells: Iterable[Cell], kind: str) -> float:
    """Mean rows tested per row learned from over the splits of a kind."""
    splits = [cell.split for cell in cells if cell.split.kind == kind]
    return together(splits) if splits else 0.0


Columns = Sequence[tuple[str, str]]
"""Task and score of every column."""


def arms_table(
    name: str,
    title: str,
    caption: str,
    scores: Sequence[Score],
    columns: Columns,
    *,
    split: str,
    rows: str,
    tested: Sequence[Difference] = (),
    quoted: Mapping[str, Mapping[str, float]] | None = None,
) -> Section:
    """Lay out arms as rows: mean ± deviation, q against the reference where tested, quoted figures in own columns.

    Args:
        name: key of the table.
        title: heading.
        caption: what is shown.
        scores: of all arms.
        columns: what to show.
        split: of which split.
        rows: of which rows.
        tested: differences from the reference.
        quoted: published figures by arm, then by ``task.metric``.
    """
    arms = list(dict.fromkeys(score.arm for score in scores if score.split == split and score.rows == rows))
    told = quoted or {}
    heads: list[tuple[str, str]] = [("arm", "arm")]
    for task, metric in columns:
        heads.append((f"{task}.{metric}", f"{short(task)} {metric}"))
        if any(d.task == task and d.metric == metric and d.split == split and d.rows == rows for d in tested):
            heads.append((f"{task}.{metric}.q", "q"))
        if any(f"{task}.{metric}" in told.get(arm, {}) for arm in arms):
            heads.append((f"{task}.{metric}.quoted", "quoted"))
    lines = [_line(arm, scores, columns, split, rows, tested, told.get(arm, {})) for arm in arms]
    return Section(name, title, caption, tuple(heads), lines)


def _line(
    arm: str,
    scores: Sequence[Score],
    columns: Columns,
    split: str,
    rows: str,
    tested: Sequence[Difference],
    quoted: Mapping[str, float],
) -> dict[str, Value]:
    """One arm's row."""
    line: dict[str, Value] = {"arm": arm}
    for task, metric in columns:
        score = find(scores, arm, task, metric, split, rows)
        if score is not None:
            line[f"{task}.{metric}"] = score.spread
        for d in tested:
            if (d.arm, d.task, d.metric, d.split, d.rows) == (arm, task, metric, split, rows):
                line[f"{task}.{metric}.q"] = d.q
        if f"{task}.{metric}" in quoted:
            line[f"{task}.{metric}.quoted"] = quoted[f"{task}.{metric}"]
    return line


def short(task: str) -> str:
    """Name a task in a heading."""
    names = {"resistivity_uohm_cm": "resistivity", "hardness_gpa": "hardness", "is_amorphous": "amorphous"}
    return names.get(task, task)
