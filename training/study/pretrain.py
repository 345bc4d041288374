"""Multi-property pre-training: does a body that has learned every other property help a small task?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from training.multitask.config import MultiTaskConfig
from training.report_tables import Section, Value
from training.study.arms import hard, method
from training.study.base import Finding, Study, StudyContext, StudyResult, training_note
from training.study.data import StudyRows
from training.study.entries import gathered, task_entry
from training.study.extended import extended_rows, extended_splits, only
from training.study.extras import where_from
from training.study.learners import Together
from training.study.measures import HEADLINE
from training.study.runs import Arm, Ask
from training.study.splits import GROUPED, PAPER, Split, together
from training.study.table import Difference, Score, arms_table, both_tests, short
from training.study.transfer import source_of, target_of, tuning
from training.study.transfer_learners import Transferred, learnable
from training.study.verdicts import picks, sign_finding

SCRATCH, PAIR, THREE, EVERY = "scratch", "one other", "the other tasks", "every property"
PULLED, WITH_TARGET, AT_ONCE = "every property, pulled", "every property, target too", "all at once"
_DEVI = "Devi 2024, doi:10.48550/arXiv.2406.13142"


def run_pretrain(context: StudyContext) -> StudyResult:
    """Pre-train on one property, on the other tasks, and on all that the data hold, then fine-tune on each target."""
    rows, note = extended_rows(context), training_note(context)
    splits = extended_splits(context, rows)
    targets = targets_of(context)
    asks = [
        Ask(rows, split, arm, seeds)
        for task in targets
        for arm in pretrain_arms(context, rows, task)
        for split, seeds in splits
    ]
    joint = Arm(AT_ONCE, "every property and the target in one net, no fine-tuning", Together(_body(context)))
    asks += [Ask(whole, split, joint, seeds) for whole, split, seeds in _joint(rows, splits)]
    cells = context.run(asks)
    entries = [
        task_entry(cell, task, rows.name)
        for cell in cells
        for task in targets
        if cell.arm.name == AT_ONCE or getattr(cell.arm.learner, "target", "") == task
    ]
    scores = gathered(entries)
    metrics = {task: [_metric(rows, task)] for task in targets}
    ratio = together(context.grouped)
    tested = both_tests(scores, SCRATCH, metrics, ratio)
    by_pair = both_tests(scores, PAIR, metrics, ratio)
    return StudyResult(
        "pretrain",
        "Pre-training on many properties",
        (
            *_tables(scores, tested, targets, rows),
            _properties(context, rows, splits),
            _words(context, rows, targets[0]),
        ),
        tuple(scores),
        tuple(tested),
        findings=tuple(_findings(tested, by_pair, targets, rows)),
        notes=(
            f"Bodies: {note[0].lower()}{note[1:]}",
            where_from(rows.tasks),
            "A composition that is tested on is in no data that a body has seen; on outer folds its chemical system is "
            "in none.",
            "Further properties of training and validation alloys are seen: they are further measurements, not copies "
            "of the target, except that electrical conductivity is the reciprocal of resistivity.",
            f"`{AT_ONCE}` stops at its best joint epoch.",
        ),
    )


PRETRAIN = Study(
    "pretrain", "does pre-training on every other property help a small task?", run_pretrain, standard_only=True
)


def targets_of(context: StudyContext) -> tuple[str, ...]:
    """Return the tasks that are fine-tuned on: the smallest regression, and the label task unless quick."""
    rows = context.rows
    labels = (
        [] if context.quick else [task for task, label in zip(rows.tasks, rows.rows.is_label, strict=True) if label]
    )
    return (rows.tasks[target_of(rows)], *labels[:1])


def pretrain_arms(context: StudyContext, rows: StudyRows, target: str) -> list[Arm]:
    """Make the contenders for one target."""
    others = tuple(task for task in context.rows.tasks if task != target)
    every = tuple(task for task in rows.tasks if task != target)
    one = source_of(context.rows, target)
    one = one if one != target else max(others, key=lambda task: context.rows.counts()[task])

    def arm(name: str, words: str, strategy: str, sources: tuple[str, ...]) -> Arm:
        return Arm(name, words, Transferred(target, _body(context), tuning(context), strategy, sources))

    return [
        arm(SCRATCH, "the same net, nothing learned before", "S0", ()),
        arm(PAIR, f"after {short(one)} alone", "S2", (one,)),
        arm(THREE, f"after {', '.join(map(short, others))}", "S6", others),
        arm(EVERY, f"after {len(every)} properties", "S6", every),
        arm(PULLED, f"after {len(every)} properties, pulled towards what was learned", "S5", every),
        arm(WITH_TARGET, "after every property and the target's training rows", "S7", (*every, target)),
    ]


def _body(context: StudyContext) -> MultiTaskConfig:
    """Pre-training: hard sharing, losses added."""
    return hard(context.training(short=True), method("fixed", weights="equal"))


def _metric(rows: StudyRows, task: str) -> str:
    """Headline score of a task."""
    return HEADLINE[bool(rows.rows.is_label[rows.tasks.index(task)])]


def _joint(
    rows: StudyRows, splits: Sequence[tuple[Split, tuple[int, ...]]]
) -> Iterator[tuple[StudyRows, Split, tuple[int, ...]]]:
    """Rows for one net of all properties, those with too few labels hidden by leaving their columns out."""
    usable = set(rows.tasks)
    for split, _ in splits:
        usable &= set(learnable(split.fold(rows)))
    whole = only(rows, tuple(task for task in rows.tasks if task in usable), f"{rows.name}, at once")
    for split, seeds in splits:
        yield whole, split, seeds


def _tables(
    scores: Sequence[Score], tested: Sequence[Difference], targets: Sequence[str], rows: StudyRows
) -> Iterator[Section]:
    """Scores on both kinds of splits."""
    columns = [(task, metric) for task in targets for metric in (_metric(rows, task), *_also(rows, task))]
    for split, words in ((PAPER, "One split, over seeds"), (GROUPED, "Outer folds by chemical system")):
        caption = f"{words}, mean ± standard deviation; q against `{SCRATCH}`."
        key, title = f"pretrain-{split}", f"Split `{split}`"
        yield arms_table(key, title, caption, scores, columns, split=split, rows=rows.name, tested=tested)


def _also(rows: StudyRows, task: str) -> tuple[str, ...]:
    """Further scores that are shown."""
    return ("f1",) if rows.rows.is_label[rows.tasks.index(task)] else ("mae",)


def _properties(context: StudyContext, rows: StudyRows, splits: Sequence[tuple[Split, tuple[int, ...]]]) -> Section:
    """Labels of every property, and how many alloys it shares with the targets."""
    known = rows.rows.known
    first = splits[0][0]
    target = known[:, target_of(context.rows)]
    lines: list[dict[str, Value]] = []
    for column, task in enumerate(rows.tasks):
        mine = known[:, column]
        lines.append(
            {
                "task": short(task),
                "unit": rows.units[column],
                "labels": int(mine.sum()),
                "train": int(mine[first.train].sum()),
                "shared": int((mine & target).sum()),
            }
        )
    heads: tuple[tuple[str, str], ...] = (
        ("task", "property"),
        ("unit", "unit"),
        ("labels", "labels"),
        ("train", "in training rows"),
    )
    heads += (("shared", f"alloys with {short(rows.tasks[target_of(context.rows)])}, too"),)
    caption = "One value per composition, the median of what was measured; the paper's split."
    return Section("pretrain-properties", "Properties", caption, heads, lines)


def _words(context: StudyContext, rows: StudyRows, target: str) -> Section:
    """What the arms are."""
    lines: list[dict[str, Value]] = [
        {"arm": arm.name, "words": arm.words} for arm in pretrain_arms(context, rows, target)
    ]
    heads: tuple[tuple[str, str], ...] = (("arm", "arm"), ("words", "what it does"))
    return Section("pretrain-arms", "Arms", f"As for {short(target)}.", heads, lines)


def _findings(
    tested: Sequence[Difference], by_pair: Sequence[Difference], targets: Sequence[str], rows: StudyRows
) -> Iterator[Finding]:
    """Judge what is said of pre-training on crystals, here on alloys by composition."""
    for task in targets:
        metric = _metric(rows, task)
        for claim, found in (
            (f"Pre-training on every property beats scratch on {short(task)}.", tested),
            (f"Many properties make a better body for {short(task)} than one.", by_pair),
        ):
            pair = picks(found, EVERY, task, metric)
            yield sign_finding(claim, *pair, positive=True, quoted=f"found for crystals by {_DEVI}")
