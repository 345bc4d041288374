"""Do the tasks' gradients conflict? Cosines without the noise of their rows, beside what batches of 32 show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training.diagnostics.gradients import LEAST_RELIABILITY
from training.report_tables import Section, Value
from training.study.arms import hard, paper_weights
from training.study.base import Finding, Plot, Study, StudyContext, StudyResult, Verdict
from training.study.entries import entry_of, gathered, spread_of
from training.study.gradient_probes import SMALL_BATCH, GradientLearner
from training.study.plots import Line, lines_svg
from training.study.runs import Arm, Cell, select
from training.study.splits import GROUPED, PAPER
from training.study.table import Score, short

PLAIN, WEIGHTED, PER_TASK = "plain sum", "paper's weights", "rows per task"
CHECKPOINTS = (0, 1, 2, 5, 10, 20, 40)
QUICK_CHECKPOINTS = (0, 1, 3, 9)
NEAR_ZERO = 0.1
"""Cosines below this, the paper would call orthogonal; its own are within ±0.03."""
_PAIRED = {"raw": "gradient_raw", "corrected": "gradient_corrected", "full": "gradient_full"}
_SINGLE = {"similarity": "gradient_similarity", "condition": "gradient_condition", "projected": "gradient_projected"}


def run_gradients(context: StudyContext) -> StudyResult:
    """Measure gradients on the way through three fits that differ in weights and batches."""
    steps = QUICK_CHECKPOINTS if context.quick else CHECKPOINTS
    training = context.training()
    configs = {
        PLAIN: ("losses added, batches of the union", hard(training)),
        WEIGHTED: ("losses weighted as in the paper's main table", hard(training, paper_weights(context.rows))),
        PER_TASK: ("as many rows of every task in each batch", hard(training, sampler="per_task")),
    }
    few = {"most": 128, "splits": 2, "resamples": 8, "batches": 25} if context.quick else {}
    learners = {name: GradientLearner(config, steps, **few) for name, (_, config) in configs.items()}
    cells = context.run(context.asks([Arm(name, words, learners[name]) for name, (words, _) in configs.items()]))
    scores = _scores(cells)
    return StudyResult(
        "gradients",
        "Gradients of the tasks",
        (_noise(context, cells), *_by_pair(context, cells, learners[PLAIN].resamples), _sizes(cells)),
        tuple(scores),
        plots=tuple(_plots(context, cells, steps)),
        findings=tuple(_findings(context, cells)),
        notes=(
            "Gradients are of the mean loss on training rows with respect to the shared parameters, without dropout "
            "and with running statistics.",
            "The corrected cosine is the raw one over the root of both reliabilities; it is left out where one of them "
            f"is {LEAST_RELIABILITY:g} or less.",
            "Conflicts describe a fit; whether a remedy helps is asked in `mitigation`, with the plain sum as control.",
        ),
    )


GRADIENTS = Study("gradients", "do task gradients conflict, or are small batches merely noise?", run_gradients)


def pair_values(cells: Sequence[Cell], name: str, one: int, other: int) -> NDArray[np.float64]:
    """Return a pair's measurement of every cell and checkpoint after the first, flat; the untrained net is left out."""
    return np.concatenate([cell.outcome.extras[name][1:, one, other] for cell in cells])


def _pairs(tasks: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Numbers and name of every pair of tasks."""
    for one, other in combinations(range(len(tasks)), 2):
        yield one, other, f"{short(tasks[one])} – {short(tasks[other])}"


def _scores(cells: Sequence[Cell]) -> list[Score]:
    """Means over checkpoints after the first, for the file of all numbers."""
    entries = []
    for cell in cells:
        extras, arm = cell.outcome.extras, cell.arm.name
        for one, other, name in _pairs(cell.rows.tasks):
            values = {metric: extras[key][1:, one, other] for metric, key in _PAIRED.items()}
            values["small batch"] = extras["gradient_small_cosine"][1:, one, other]
            entries.append(entry_of(cell, arm, name, {f"{k} cosine": _mean(v) for k, v in values.items()}))
        for task, name in enumerate(cell.rows.tasks):
            told = {
                "reliability": _mean(extras["gradient_reliability"][1:, task]),
                "small batch reliability": _mean(extras["gradient_small_cosine"][1:, task, task]),
                "absent from small batches": _mean(extras["gradient_small_absent"][:, task]),
            }
            entries.append(entry_of(cell, arm, name, told))
        entries.append(entry_of(cell, arm, "all", {k: _mean(extras[key][1:, 0]) for k, key in _SINGLE.items()}))
    return gathered(entries)


def _noise(context: StudyContext, cells: Sequence[Cell]) -> Section:
    """The floor: how well a task's gradient agrees with itself."""
    rows: list[dict[str, Value]] = []
    chosen = list(select(cells, kind=PAPER, arm=PLAIN))
    for number, task in enumerate(context.rows.tasks):
        rows.append(
            {
                "task": short(task),
                "large": spread_of([_mean(c.outcome.extras["gradient_reliability"][1:, number]) for c in chosen]),
                "small": spread_of(
                    [_mean(c.outcome.extras["gradient_small_cosine"][1:, number, number]) for c in chosen]
                ),
                "scatter": spread_of(
                    [_mean(c.outcome.extras["gradient_small_sd"][1:, number, number]) for c in chosen]
                ),
                "absent": spread_of([_mean(c.outcome.extras["gradient_small_absent"][:, number]) for c in chosen]),
            }
        )
    columns = (
        ("task", "task"),
        ("large", "cosine with itself, large halves"),
        ("small", f"cosine with itself, batches of {SMALL_BATCH}"),
        ("scatter", "its scatter"),
        ("absent", f"batches of {SMALL_BATCH} without it"),
    )
    caption = (
        "The same task on two disjoint sets of rows: without noise every cosine would be 1. Mean over checkpoints "
        "after the first, ± standard deviation over seeds; plain sum, one split."
    )
    return Section("gradients-noise", "The noise floor", caption, columns, rows)


def _by_pair(context: StudyContext, cells: Sequence[Cell], resamples: int) -> Iterator[Section]:
    """Cosines between tasks, for both kinds of splits; ``resamples`` made each interval."""
    heads: tuple[tuple[str, str], ...] = (
        ("arm", "arm"),
        ("pair", "tasks"),
        ("raw", "raw, large halves"),
        ("corrected", "corrected"),
    )
    heads += (("low", "95 % from"), ("high", "to"), ("full", "all rows"), ("conflict", "conflicts"))
    heads += (("small", f"batches of {SMALL_BATCH}"), ("scatter", "their scatter"))
    names = {"low": "gradient_low", "high": "gradient_high", "conflict": "gradient_conflict", **_PAIRED}
    names |= {"small": "gradient_small_cosine", "scatter": "gradient_small_sd"}
    for kind in (PAPER, GROUPED):
        rows: list[dict[str, Value]] = []
        for arm in dict.fromkeys(cell.arm.name for cell in cells):
            chosen = list(select(cells, kind=kind, arm=arm))
            for one, other, name in _pairs(context.rows.tasks) if chosen else ():
                line: dict[str, Value] = {"arm": arm, "pair": name}
                for column, key in names.items():
                    line[column] = spread_of([_mean(c.outcome.extras[key][1:, one, other]) for c in chosen])
                rows.append(line)
        caption = (
            "Cosines between tasks, means over checkpoints after the first; `95 %` are the mean ends of each "
            f"checkpoint's interval, quantiles of only {resamples} resamples of the rows and so rough themselves; "
            "`conflicts` is the share of resamples with a negative cosine."
        )
        yield Section(f"gradients-{kind}", f"Cosines between tasks, split `{kind}`", caption, heads, rows)


def _sizes(cells: Sequence[Cell]) -> Section:
    """Lengths and projections."""
    rows: list[dict[str, Value]] = []
    names = {**_SINGLE, "small": "gradient_small_projected"}
    for arm in dict.fromkeys(cell.arm.name for cell in cells):
        chosen = list(select(cells, kind=PAPER, arm=arm))
        line: dict[str, Value] = {"arm": arm}
        rows.append(
            line | {k: spread_of([_mean(c.outcome.extras[n][1:, 0]) for c in chosen]) for k, n in names.items()}
        )
    heads: tuple[tuple[str, str], ...] = (
        ("arm", "arm"),
        ("similarity", "magnitude similarity"),
        ("condition", "condition number"),
    )
    heads += (("projected", "pairs projected, all rows"), ("small", f"pairs projected, batches of {SMALL_BATCH}"))
    caption = (
        "Lengths of unweighted task gradients, and the share of ordered pairs that gradient surgery would project."
    )
    return Section("gradients-sizes", "Lengths and projections", caption, heads, rows)


def _plots(context: StudyContext, cells: Sequence[Cell], steps: Sequence[int]) -> Iterator[Plot]:
    """Corrected and small-batch cosines on the way."""
    chosen = list(select(cells, kind=PAPER, arm=PLAIN))
    for key, name, words in (
        ("gradient_corrected", "corrected", "Cosines without the noise of rows"),
        ("gradient_small_cosine", "small-batches", f"Cosines in batches of {SMALL_BATCH}"),
    ):
        lines: dict[str, Line] = {}
        for one, other, pair in _pairs(context.rows.tasks):
            at = np.array([c.outcome.extras[key][:, one, other] for c in chosen])
            lines[pair] = (np.array(steps, float), np.array([_mean(column) for column in at.T]))
        yield Plot(name, lines_svg(words, lines, "epochs trained", "cosine"))


def _findings(context: StudyContext, cells: Sequence[Cell]) -> list[Finding]:
    """Judge whether near-zero cosines of small batches mean what they are said to mean."""
    chosen, tasks = list(select(cells, kind=PAPER, arm=PLAIN)), context.rows.tasks
    found = []
    for one, other, name in _pairs(tasks):
        small, corrected, low, high = (
            _mean(pair_values(chosen, key, one, other))
            for key in ("gradient_small_cosine", "gradient_corrected", "gradient_low", "gradient_high")
        )
        floor = min(_mean(pair_values(chosen, "gradient_small_cosine", k, k)) for k in (one, other))
        found.append(
            Finding(
                f"The gradients of {name} are orthogonal: their cosine is near 0.",
                orthogonality(small, floor, low, high),
                f"holds where the corrected cosine's interval is within ±{NEAR_ZERO:g}; explained otherwise where "
                f"batches of {SMALL_BATCH} show less than {NEAR_ZERO:g} and either the interval is beyond "
                f"±{NEAR_ZERO:g}, or it reaches over that and a task agrees with itself no better than "
                f"{2 * NEAR_ZERO:g} in such batches, where noise shows cosines near 0 whatever the true one is, 0 or "
                f"not; does not hold where both are beyond ±{NEAR_ZERO:g}; else not decided",
                f"batches of {SMALL_BATCH}: {small:+.3f}, a task with itself there: {floor:+.3f}; "
                f"corrected: {corrected:+.3f} ({low:+.3f} to {high:+.3f})",
                "cosines within ±0.03",
            )
        )
    return found


def orthogonality(small: float, floor: float, low: float, high: float) -> Verdict:
    """Judge the claim that two gradients are orthogonal.

    Args:
        small: cosine that small batches show.
        floor: cosine of a task with itself in such batches, the lower one of both tasks; NaN where it is unknown.
        low: lower end of the corrected cosine's interval.
        high: upper end.
    """
    if low > -NEAR_ZERO and high < NEAR_ZERO:
        return "holds"
    if low > NEAR_ZERO or high < -NEAR_ZERO:
        return "explained otherwise" if abs(small) < NEAR_ZERO else "does not hold"
    return "explained otherwise" if abs(small) < NEAR_ZERO and not floor > 2 * NEAR_ZERO else "not decided"


def _mean(values: Sequence[float] | NDArray[np.floating]) -> float:
    """Mean of what is finite, NaN without any."""
    finite = np.asarray(values)[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
