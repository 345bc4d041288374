"""Is it imbalance that hurts the small task? Its score against how many times larger the other task is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.comparison import PairedTest
from training.diagnostics.statistics import LEVEL, MARGIN, two_sided
from training.diagnostics.subsample import epochs_for_steps, nested_subsamples, ratio_slope
from training.multitask.config import MultiTaskConfig
from training.multitask.kinds import make
from training.report_tables import Section, Value
from training.study.arms import hard, method, mitigation_weights
from training.study.base import Finding, Plot, Study, StudyContext, StudyResult, Verdict, training_note
from training.study.data import StudyRows
from training.study.entries import Entry, gathered, task_entry
from training.study.learners import Together
from training.study.measures import HEADLINE
from training.study.plots import Line, lines_svg
from training.study.quoted import citation, quoted
from training.study.runs import Arm, Ask, Cell
from training.study.splits import GROUPED, PAPER, Split, thinned_as_in_paper, together
from training.study.table import Score, find, short

RATIOS = (1.8, 9.0, 18.0, 45.0, 94.0)
"""Training labels of resistivity to those of hardness in the paper's ablation: 1,000 to 52,388 over 560."""
QUICK_RATIOS = (1.8, 18.0, 94.0)
SIZE = "labels of the large task"
STEPS, EPOCHS = "equal steps", "equal epochs"
FIXED, INVERSE, PER_TASK = "weights of 10", "inverse size", "rows per task"


def run_imbalance(context: StudyContext) -> StudyResult:
    """Learn beside nested subsamples of the large task, at equal numbers of steps and at equal epochs."""
    rows, (large, small), note = context.rows, chosen_tasks(context.rows), training_note(context)
    asks, placed = [], []
    for unit, split, seed in _units(context):
        ladder = ladder_of(rows, split, (large, small), QUICK_RATIOS if context.quick else RATIOS, seed)
        for pace in (STEPS, EPOCHS) if split.kind == PAPER else (STEPS,):
            for name, config in _configs(context).items():
                for position, (ratio, part) in enumerate(ladder):
                    paced = at_equal_steps(config, rows, part, ladder[-1][1]) if pace == STEPS else config
                    arm = Arm(f"{name}, {pace}, rung {position + 1}", f"{ratio:.3g} : 1", Together(paced))
                    asks.append(Ask(rows, part, arm, (seed,)))
                    placed.append((unit, f"{name}, {pace}", ratio))
    entries = [
        _entry(cell, large, small, unit, ratio)
        for cell, (unit, _, ratio) in zip(context.run(asks), placed, strict=True)
    ]
    scores = gathered(entries)
    slopes = _slopes(context, entries, small)
    no_slope = why_no_slope(entries, rows.tasks[large], rows.tasks[small])
    return StudyResult(
        "imbalance",
        "Imbalance of the tasks",
        tuple(_sections(context, scores, slopes, small, no_slope)),
        tuple(scores),
        quoted=quoted("imbalance") if rows.standard else {},
        plots=() if no_slope else (_plot(scores, rows.tasks[small], HEADLINE[bool(rows.rows.is_label[small])]),),
        findings=tuple(_findings(slopes, rows.tasks[small])),
        notes=(
            f"Labels of {short(rows.tasks[large])} are hidden in nested subsamples of the training rows; validation "
            "and test rows keep theirs. The small tasks are thinned as in the paper where the tasks are its own.",
            "At equal epochs a larger table also means more steps; at equal steps nothing but the ratio changes, and "
            "no fit stops early.",
            f"At equal epochs: {note[0].lower()}{note[1:]}",
            "Every seed, and every outer fold, has a subsample of its own.",
        ),
    )


IMBALANCE = Study("imbalance", "does a larger neighbour hurt a small task, at equal steps?", run_imbalance)


def chosen_tasks(rows: StudyRows) -> tuple[int, int]:
    """Return the numbers of the large and the small task: the paper's two, else those with most and fewest labels."""
    counts = rows.rows.known.sum(axis=0)
    return (0, 1) if rows.standard else (int(counts.argmax()), int(counts.argmin()))


def ladder_of(
    rows: StudyRows, split: Split, tasks: tuple[int, int], ratios: Sequence[float], seed: int
) -> list[tuple[float, Split]]:
    """Hide labels of the large task until it has some multiples of those of the small one.

    Args:
        rows: all rows.
        split: what is learned from; labels that it hides stay hidden.
        tasks: numbers of the large and the small task.
        ratios: wanted, ascending; those that there are too few rows for are replaced by the largest possible one.
        seed: of the nested subsamples.

    Returns:
        Ratio and split of every rung, ascending.
    """
    hidden = np.zeros(rows.rows.known.shape, bool) if split.hidden is None else split.hidden
    known = rows.rows.known & ~hidden
    large, small = tasks
    every = split.train[known[split.train, large]]
    unit = int(known[split.train, small].sum())
    sizes = sorted({min(len(every), max(1, round(ratio * unit))) for ratio in ratios})
    rungs = []
    for size, kept in nested_subsamples(every, sizes, seed).items():
        dropped = hidden.copy()
        dropped[np.setdiff1d(every, kept), large] = True
        rungs.append((size / unit, replace(split, hidden=dropped)))
    return rungs


def at_equal_steps(config: MultiTaskConfig, rows: StudyRows, split: Split, largest: Split) -> MultiTaskConfig:
    """Give a fit as many steps as one on the largest subsample has, without early stopping."""
    training = config.training
    steps = training.epochs * _batches(config, rows, largest)
    each = _batches(config, rows, split)
    epochs = epochs_for_steps(steps, each, 1)
    plateau = max(1, round(training.plateau_patience * epochs / training.epochs))
    return replace(config, training=replace(training, epochs=epochs, patience=epochs, plateau_patience=plateau))


def _batches(config: MultiTaskConfig, rows: StudyRows, split: Split) -> int:
    """Steps in an epoch."""
    known = torch.from_numpy(split.fold(rows).train.known)
    return int(make("sampler", config.sampler, known=known, batch=config.training.batch).batches())


def _units(context: StudyContext) -> Iterator[tuple[int, Split, int]]:
    """Unit, split and seed of every ladder: seeds on the paper's split, then outer folds."""
    for seed in context.seeds:
        yield seed, _thin(context.rows, context.paper), seed
    for split in context.grouped:
        yield split.number, _thin(context.rows, split), context.seeds[0]


def _thin(rows: StudyRows, split: Split) -> Split:
    """Thin the small tasks where they are the paper's, and keep the kind of the split."""
    return replace(thinned_as_in_paper(rows, split), kind=split.kind) if rows.standard else split


def _configs(context: StudyContext) -> Mapping[str, MultiTaskConfig]:
    """The contenders."""
    training = context.training(short=True)
    return {
        FIXED: hard(training, mitigation_weights(context.rows) if context.rows.standard else None),
        INVERSE: hard(training, method("fixed", weights="inverse_size")),
        PER_TASK: hard(training, sampler="per_task"),
    }


def _entry(cell: Cell, large: int, small: int, unit: int, ratio: float) -> Entry:
    """Score the small task; the ratio goes along as a score."""
    found = replace(task_entry(cell, cell.rows.tasks[small]), unit=unit)
    size = int(cell.split.fold(cell.rows).train.known[:, large].sum())
    return replace(found, scores={**found.scores, "ratio": ratio, SIZE: size})


def _slopes(context: StudyContext, entries: Sequence[Entry], small: int) -> dict[tuple[str, str], PairedTest]:
    """Slope of the small task's score per tenfold imbalance, by kind of split and by arm without its rung."""
    metric = HEADLINE[bool(context.rows.rows.is_label[small])]
    ratio = {PAPER: 0.0, GROUPED: together(context.grouped)}
    found = {}
    for kind, arm in dict.fromkeys((e.split, e.arm.rpartition(", ")[0]) for e in entries):
        chosen = [e for e in entries if e.split == kind and e.arm.startswith(f"{arm}, ")]
        x, y, of = ([e.scores["ratio"] for e in chosen], [e.scores[metric] for e in chosen], [e.unit for e in chosen])
        several = len(set(of)) > 1 and all(len({v for v, u in zip(x, of, strict=True) if u == one}) > 1 for one in of)
        if several and np.isfinite(y).all():
            found[kind, arm] = ratio_slope(x, y, of, ratio[kind])
    return found


def why_no_slope(entries: Sequence[Entry], large: str, small: str) -> str:
    """Say why there is neither slope nor figure; empty where some seed or outer fold has several ratios."""
    ratios: dict[tuple[str, int], set[float]] = {}
    for entry in entries:
        ratios.setdefault((entry.split, entry.unit), set()).add(entry.scores["ratio"])
    if any(len(found) > 1 for found in ratios.values()):
        return ""
    most = max(max(found) for found in ratios.values())
    return (
        f"There are no slopes and there is no figure: with at most {most:.3g} times as many training labels of "
        f"{short(large)} as of {short(small)} there is a single ratio."
    )


def _sections(
    context: StudyContext,
    scores: Sequence[Score],
    slopes: Mapping[tuple[str, str], PairedTest],
    small: int,
    no_slope: str,
) -> Iterator[Section]:
    """Scores on every rung, and the slopes, or why there are none."""
    task, metric = context.rows.tasks[small], HEADLINE[bool(context.rows.rows.is_label[small])]
    figures = list(quoted("imbalance").values()) if context.rows.standard else []
    for kind in (PAPER, GROUPED):
        rows: list[dict[str, Value]] = []
        for score in scores:
            if score.split == kind and score.metric == metric:
                ratio = find(scores, score.arm, task, "ratio", kind)
                size = find(scores, score.arm, task, SIZE, kind)
                line: dict[str, Value] = {"arm": score.arm, "score": score.spread}
                line |= {"ratio": ratio.mean if ratio else None, "size": round(size.mean) if size else None}
                rung = int(score.arm.rpartition(" ")[2]) - 1
                if score.arm.startswith(f"{FIXED}, {EPOCHS}") and len(figures) > rung and not context.quick:
                    line["quoted"] = figures[rung].get(f"{task}.{metric}")
                rows.append(line)
        heads: tuple[tuple[str, str], ...] = (("arm", "arm"), ("size", SIZE), ("ratio", "ratio"))
        heads += (("score", f"{short(task)} {metric}"), ("quoted", "quoted"))
        caption = f"Mean ± standard deviation over {'seeds' if kind == PAPER else 'outer folds'}."
        caption += f" Quoted: {citation()}, at ratios of 1.8, 9, 18, 45 and 94." if figures else ""
        yield Section(f"imbalance-{kind}", f"Split `{kind}`", caption, heads if figures else heads[:-1], rows)
    heads = (
        ("split", "split"),
        ("arm", "arm"),
        ("slope", f"{metric} per tenfold"),
        ("low", "95 % from"),
        ("high", "to"),
    )
    lines: list[dict[str, Value]] = [
        {"split": kind, "arm": arm, "slope": s.mean, "low": s.low, "high": s.high, "p": two_sided(s)}
        for (kind, arm), s in slopes.items()
    ]
    caption = (
        "Slope over the decimal logarithm of the ratio, each seed or outer fold with a level and slope of its own."
        f"{f' {no_slope}' if no_slope else ''}"
    )
    yield Section("imbalance-slopes", "Slopes", caption, (*heads, ("p", "p")), lines)


def _plot(scores: Sequence[Score], task: str, metric: str) -> Plot:
    """Draw scores of the outer folds over the ratio."""
    lines: dict[str, Line] = {}
    for name in (FIXED, INVERSE, PER_TASK):
        chosen = [s for s in scores if s.split == GROUPED and s.metric == metric and s.arm.startswith(f"{name},")]
        ratios = [find(scores, s.arm, task, "ratio", GROUPED) for s in chosen]
        at: NDArray[np.float64] = np.array([r.mean if r else np.nan for r in ratios])
        lines[name] = (at, np.array([s.mean for s in chosen]))
    title = f"{short(task)} beside a larger task, equal steps, outer folds"
    return Plot(
        "ratio", lines_svg(title, lines, "labels of the large task per label of the small one", metric, log_x=True)
    )


def slope_verdict(fair: PairedTest | None, confounded: PairedTest | None) -> Verdict:
    """Judge the claim that scores fall with imbalance: at equal steps, and at equal epochs where only these show it."""
    if fair is None:
        return "not decided"
    if two_sided(fair) < LEVEL:
        return "holds" if fair.mean < 0.0 else "does not hold"
    if confounded is not None and confounded.mean < 0.0 and two_sided(confounded) < LEVEL:
        return "explained otherwise"
    return "does not hold" if fair.low > -MARGIN and fair.high < MARGIN else "not decided"


def _findings(slopes: Mapping[tuple[str, str], PairedTest], task: str) -> Iterator[Finding]:
    """Judge the paper's curve, and whether two remedies flatten it."""
    for name in (FIXED, INVERSE, PER_TASK):
        fair, other = slopes.get((GROUPED, f"{name}, {STEPS}")), slopes.get((PAPER, f"{name}, {EPOCHS}"))
        told = "not measured" if fair is None else f"{fair.mean:+.3f} per tenfold ({fair.low:+.3f} to {fair.high:+.3f})"
        told += "" if other is None else f"; at equal epochs on one split {other.mean:+.3f}"
        yield Finding(
            f"The more the other task outnumbers it, the worse {short(task)} is predicted ({name}).",
            slope_verdict(fair, other),
            f"holds where the slope over outer folds at equal steps is below 0, p below {LEVEL:g}; explained "
            "otherwise, by the number of steps, where only the slope at equal epochs is; does not hold above 0, p "
            f"below {LEVEL:g}, or within ±{MARGIN:g}",
            told,
            "R² of hardness 0.830, 0.866, 0.845, 0.756, 0.668 from 1,000 to 52,388 rows" if name == FIXED else "",
        )
