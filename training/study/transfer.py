"""Does a body that learned another property help? Learning curves of all strategies, and tests of equivalence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from training.diagnostics.statistics import LEVEL, MARGIN, Equivalence, equivalence
from training.diagnostics.synergy import transfer_utility
from training.multitask.config_parts import Training
from training.report_tables import Section, Value
from training.study.arms import hard
from training.study.base import FAITHFUL_BATCH, Finding, Plot, Study, StudyContext, StudyResult, Verdict
from training.study.data import StudyRows
from training.study.entries import Entry, gathered, predicted_entry
from training.study.plots import Line, lines_svg
from training.study.quoted import Figures, citation, quoted
from training.study.runs import Arm, Cell
from training.study.splits import GROUPED, PAPER, together
from training.study.table import Difference, Score, differences, find, short
from training.study.transfer_learners import ALL, LearningCurves
from training.study.verdicts import RULE, by_sign, told
from training.transfer.strategies import STRATEGIES

SIZES = (10, 50, 100, 200, 500)
QUICK_SIZES = (10, 50)
DRAWS = 2
"""Subsamples of each size per seed: ten on the paper's split."""
SCRATCH, FROZEN = "S0", "S1"
UTILITY = "transfer utility"
FAILED, LEAST_DRAWN = -1.0, -0.5
"""R² below which a net is called blown up, and the lowest that is drawn."""
QUICK_TUNING = 30
"""Epochs of a quick fine-tuning, which is short anyway."""


def run_transfer(context: StudyContext) -> StudyResult:
    """Fine-tune on more and more labels of the small regression task, after the other tasks or after nothing."""
    target = context.rows.tasks[target_of(context.rows)]
    sizes = sizes_of(context, target)
    draws, source = 1 if context.quick else DRAWS, source_of(context.rows, target)
    body = hard(context.training(short=True))
    learner = LearningCurves(target, body, tuning(context), source, tuple(STRATEGIES), sizes, draws)
    cells = context.run(context.asks([Arm("curves", "all strategies at all sizes", learner)]))
    scores = gathered(each for cell in cells for each in _entries(cell, learner))
    scores += list(_utilities(scores, target))
    ratio = together(context.grouped)
    tested = differences(scores, SCRATCH, {target: ["r2", "mae"]}, split=GROUPED, ratio=ratio)
    alike = {(d.rows, d.arm): _alike(scores, d, ratio) for d in tested if d.metric == "r2"}
    names = [size_name(context.rows.name, size) for size in sizes]
    return StudyResult(
        "transfer",
        "Transfer between properties",
        (
            *_curves(scores, target, names, quoted("transfer") if context.rows.standard else {}),
            _strategies(),
            _differences(tested, alike, names),
        ),
        tuple(scores),
        tuple(tested),
        quoted("transfer") if context.rows.standard else {},
        tuple(_plots(scores, target, names, sizes)),
        tuple(_findings(context, scores, tested, alike, names)),
        (
            f"The target is {short(target)}; S1 to S5 have learned {short(source)} before, S6 every other "
            "task, S7 these and the target's training rows. Every strategy trains the same net, scratch included.",
            "With n training labels a quarter as many, at least ten, are for early stopping. Subsamples are nested.",
            "What is tested on was never seen before: neither compositions nor, on outer folds, chemical systems.",
            f"What counts as a fit is one split with one seed: {len(STRATEGIES)} strategies × {len(sizes)} numbers of "
            f"labels × {draws} draw{'s' if draws > 1 else ''} are {len(STRATEGIES) * len(sizes) * draws} fine-tuned "
            "nets, beside their bodies.",
            *blown_up(scores, target),
        ),
    )


TRANSFER = Study("transfer", "does pre-training on another property help, and with how many labels?", run_transfer)


def target_of(rows: StudyRows) -> int:
    """Return the number of the regression task with the fewest labels.

    Raises:
        InputError: no regression task.
    """
    from screener.errors import InputError

    counts = rows.rows.known.sum(axis=0)
    numbers = np.flatnonzero(~rows.rows.is_label)
    if not len(numbers):
        raise InputError("there is no number to transfer to, only labels", "give a table with a regression task")
    return int(numbers[counts[numbers].argmin()])


def sizes_of(context: StudyContext, target: str) -> tuple[int, ...]:
    """Return the numbers of labels that all splits have, ascending, and `ALL`."""
    column = context.rows.tasks.index(target)
    known = context.rows.rows.known[:, column]
    fewest = min(int(known[split.train].sum()) for split in (context.paper, *context.grouped))
    return (*(size for size in (QUICK_SIZES if context.quick else SIZES) if size < fewest), ALL)


def tuning(context: StudyContext) -> Training:
    """Return the optimisation of a fine-tuning: batches of 32, for which the strategies' rates are made."""
    training = context.training(FAITHFUL_BATCH)
    return replace(training, epochs=QUICK_TUNING, patience=QUICK_TUNING) if context.quick else training


def blown_up(scores: Sequence[Score], target: str) -> Iterator[str]:
    """Name the means of R² that single failed nets decide, each with its median; nothing where there are none."""
    ruled = [s for s in scores if (s.task, s.metric) == (target, "r2") and min(s.values) < FAILED]
    if ruled:
        told = (
            f"{s.arm} with {s.rows.partition(', ')[2]} on split `{s.split}` (lowest {min(s.values):,.1f}, mean "
            f"{s.mean:,.3f}, median {float(np.median(s.values)):.3f})"
            for s in ruled
        )
        yield (
            f"Where a seed or an outer fold has R² below {FAILED:g}, it rules the mean and the spread; the median is "
            f"touched less: {'; '.join(told)}."
        )


def size_name(rows: str, size: int) -> str:
    """Name the rows with so many target labels."""
    return f"{rows}, all labels" if size == ALL else f"{rows}, {size} labels"


def _entries(cell: Cell, learner: LearningCurves) -> Iterator[Entry]:
    """Scores of every strategy, size and draw."""
    curves = cell.outcome.extras["curves"]
    for s, strategy in enumerate(learner.strategies):
        for k, size in enumerate(learner.sizes):
            for predicted in curves[s, k]:
                name = size_name(cell.rows.name, size)
                yield predicted_entry(cell, strategy, learner.target, predicted, rows=name)


def _utilities(scores: Sequence[Score], target: str) -> Iterator[Score]:
    """Share of the error from scratch that each strategy takes away, per seed or outer fold."""
    for score in scores:
        base = find(scores, SCRATCH, target, "mae", score.split, score.rows)
        if score.metric == "mae" and score.arm != SCRATCH and base is not None:
            pairs = zip(base.values, score.values, strict=True)
            yield replace(score, metric=UTILITY, values=tuple(transfer_utility(a, b) for a, b in pairs))


def _alike(scores: Sequence[Score], d: Difference, ratio: float) -> Equivalence | None:
    """Two one-sided tests of a difference."""
    one, base = (find(scores, arm, d.task, d.metric, GROUPED, d.rows) for arm in (d.arm, SCRATCH))
    if one is None or base is None:
        return None
    return equivalence([a - b for a, b in zip(one.values, base.values, strict=True)], ratio)


def source_of(rows: StudyRows, target: str) -> str:
    """Name what pair-wise strategies learn before: resistivity as in the paper, else the largest other task."""
    counts = rows.counts()
    return rows.tasks[0] if rows.standard else max((t for t in rows.tasks if t != target), key=lambda t: counts[t])


def _curves(scores: Sequence[Score], target: str, names: Sequence[str], told: Figures) -> Iterator[Section]:
    """R² and utility over the number of labels."""
    heads = (("arm", "strategy"), *((name, name.partition(", ")[2]) for name in names))
    for split in (PAPER, GROUPED):
        for metric, words in (("r2", "R²"), (UTILITY, "Transfer utility")):
            rows: list[dict[str, Value]] = []
            for arm in STRATEGIES:
                found = {name: find(scores, arm, target, metric, split, name) for name in names}
                if any(found.values()):
                    rows.append({"arm": arm, **{name: s.spread for name, s in found.items() if s is not None}})
            over = "seeds, and subsamples within them" if split == PAPER else "outer folds by chemical system"
            caption = f"{words} of {short(target)}, mean ± standard deviation over {over}."
            if metric == UTILITY:
                caption += " Share of the mean absolute error from scratch that is gone; below 0 it grew."
            elif split == PAPER:
                figures = {k: v for k, v in told.items() if f"{target}.r2" in v}
                said = ", ".join(f"{k} {v[f'{target}.r2']:.3f}" for k, v in figures.items())
                caption += f" Quoted, all labels: {said} ({citation()})." if said else ""
            key = f"transfer-{split}-{metric.replace(' ', '-')}"
            yield Section(key, f"{words}, split `{split}`", caption, heads, rows)


def _strategies() -> Section:
    """What the names stand for."""
    rows: list[dict[str, Value]] = [{"arm": name, "words": each.summary} for name, each in STRATEGIES.items()]
    return Section("transfer-strategies", "Strategies", "What is learned, and what before it.", _STRATEGY_HEADS, rows)


_STRATEGY_HEADS = (("arm", "strategy"), ("words", "what it does"))


def _differences(
    tested: Sequence[Difference], alike: dict[tuple[str, str], Equivalence | None], names: Sequence[str]
) -> Section:
    """Differences from scratch over outer folds, with both kinds of tests."""
    rows: list[dict[str, Value]] = []
    for d in sorted((d for d in tested if d.metric == "r2"), key=lambda d: (names.index(d.rows), d.arm)):
        test = alike.get((d.rows, d.arm))
        line: dict[str, Value] = {"size": d.rows.partition(", ")[2], "arm": d.arm, "mean": d.mean, "low": d.low}
        rows.append({**line, "high": d.high, "q": d.q, "p": test.p if test else None})
    heads = (("size", "labels"), ("arm", "strategy"), ("mean", "ΔR²"), ("low", "95 % from"), ("high", "to"), ("q", "q"))
    caption = (
        "Against scratch over outer folds, corrected for shared training rows. `equivalence p` is the larger p of two "
        f"one-sided tests of the hypotheses that the true difference is {MARGIN:g} or more, and -{MARGIN:g} or less: a "
        "small one speaks for equivalence, a large one for nothing."
    )
    return Section("transfer-tests", "Differences and equivalence", caption, (*heads, ("p", "equivalence p")), rows)


def _plots(scores: Sequence[Score], target: str, names: Sequence[str], sizes: Sequence[int]) -> Iterator[Plot]:
    """Learning curves; every label stands at the right end."""
    x = np.array([size if size != ALL else 2 * max(10, *sizes) for size in sizes], float)
    ticks = {float(at): "all" if size == ALL else f"{size:,}" for at, size in zip(x, sizes, strict=True)}
    for split in (PAPER, GROUPED):
        lines: dict[str, Line] = {}
        for arm in STRATEGIES:
            found = [find(scores, arm, target, "r2", split, name) for name in names]
            lines[arm] = (x, np.array([s.mean if s else np.nan for s in found]))
        title = f"R² of {short(target)}, split {split}"
        drawn = lines_svg(title, lines, "training labels", "R²", log_x=True, x_ticks=ticks, floor=LEAST_DRAWN)
        yield Plot(f"curves-{split}", drawn)


def alike_verdict(difference: Difference | None, test: Equivalence | None) -> Verdict:
    """Judge the claim that transfer changes nothing: only a test of equivalence can show that."""
    if difference is None or test is None:
        return "not decided"
    return "holds" if test.equivalent else "does not hold" if difference.q < LEVEL else "not decided"


def _findings(
    context: StudyContext,
    scores: Sequence[Score],
    tested: Sequence[Difference],
    alike: dict[tuple[str, str], Equivalence | None],
    names: Sequence[str],
) -> Iterator[Finding]:
    """Judge the paper's claim of no benefit, and the usual expectation where labels are few."""
    target = context.rows.tasks[target_of(context.rows)]

    def of(arm: str, name: str) -> Difference | None:
        return next((d for d in tested if (d.arm, d.rows, d.metric) == (arm, name, "r2")), None)

    test = alike.get((names[-1], FROZEN))
    yield Finding(
        f"A frozen body that learned another property predicts {short(target)} as well as a net from scratch.",
        alike_verdict(of(FROZEN, names[-1]), test),
        f"holds where two one-sided tests place the difference of R² within ±{MARGIN:g}, p below {LEVEL:g}; does not "
        f"hold where it differs from 0, q below {LEVEL:g}; a large p of an ordinary test decides nothing",
        told(of(FROZEN, names[-1])) + (f"; equivalence p = {test.p:.3f}" if test else ""),
        "0.860 ± 0.011 frozen, 0.868 ± 0.007 from scratch, p = .127",
    )
    few = names[min(1, len(names) - 1)]
    for arm in ("S2", "S6"):
        yield Finding(
            f"With {few.partition(', ')[2]}, {STRATEGIES[arm].summary} ({arm}) beats scratch on {short(target)}.",
            by_sign(of(arm, few), positive=True),
            RULE,
            told(of(arm, few)),
        )
