"""What a study is: a name, a question, and a function from rows to tables, plots and findings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Training
from training.report_tables import Section
from training.study.data import StudyRows
from training.study.runs import Arm, Ask, Cell, Say, run
from training.study.splits import Split, grouped_splits, paper_split, thinned_as_in_paper
from training.study.store import OutcomeStore
from training.study.table import Difference, Score, short

SEEDS = (42, 123, 456, 789, 1024)
"""Seeds of the paper, doi:10.48550/arXiv.2512.22740."""
QUICK_SEEDS = 2
FOLDS, QUICK_FOLDS = 5, 2
QUICK_EPOCHS = 10
FEW_FITS = 60
"""Quick fits that are done before two processes have loaded their libraries."""
FAITHFUL_BATCH, BATCH, QUICK_BATCH = 32, 256, 64
Verdict = Literal["holds", "does not hold", "not decided", "explained otherwise"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim of the paper beside what was measured here.

    Attributes:
        claim: what the paper says, in one sentence.
        verdict: by a rule in code.
        rule: the rule in words.
        measured: the numbers that decided.
        quoted: the paper's numbers, if it prints any.
        by_seeds: verdict of the same rule where only seeds of one split vary, as the paper tests; empty for none.
    """

    claim: str
    verdict: Verdict
    rule: str
    measured: str
    quoted: str = ""
    by_seeds: Verdict | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure: its name and its SVG."""

    name: str
    svg: str


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found.

    Attributes:
        name: of the study.
        title: heading of its report.
        sections: tables, as printed.
        scores: all scores, for the CSV file.
        tested: differences from the reference.
        quoted: published figures by arm.
        plots: figures.
        findings: claims of the paper that it decides.
        notes: what to know of the numbers.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    scores: tuple[Score, ...] = ()
    tested: tuple[Difference, ...] = ()
    quoted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    plots: tuple[Plot, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Effort:
    """Processor time behind the outcomes that were used, learned now or looked up.

    Attributes:
        fits: outcomes.
        seconds: of one processor.
    """

    fits: int = 0
    seconds: float = 0.0

    def add(self, cells: Sequence[Cell]) -> None:
        """Add cells; an outcome that several of them share counts once."""
        outcomes = {id(cell.outcome): cell.outcome for cell in cells}
        self.fits += len(outcomes)
        self.seconds += sum(outcome.seconds for outcome in outcomes.values())


@dataclass(frozen=True)
class StudyContext:
    """Rows, seeds and the means to run cells.

    Attributes:
        rows: what is studied; already thinned where ``quick``.
        seeds: of the paper's split.
        quick: few rows, epochs, seeds and folds.
        workers: processes.
        store: of outcomes, None to learn everything.
        say: told of progress.
        config: a user's own methods, for the study `custom`.
        config_name: file that they are from, empty without one.
        effort: what the fits took; grows with every run.
    """

    rows: StudyRows
    seeds: tuple[int, ...] = SEEDS
    quick: bool = False
    workers: int = 2
    store: OutcomeStore | None = None
    say: Say = print
    config: MultiTaskConfig | None = None
    config_name: str = ""
    effort: Effort = field(default_factory=Effort)

    def training(self, batch: int = BATCH, *, short: bool = False) -> Training:
        """Return the optimisation: as the paper's but for larger batches, whose rate grows with the root of their size.

        A quick run has few epochs, and 64 rows where 256 are asked for.

        Args:
            batch: rows of a step.
            short: at most 100 epochs and half the patience, for studies of many arms.
        """
        size = min(batch, QUICK_BATCH) if self.quick else batch
        rate = 1e-3 * (size / FAITHFUL_BATCH) ** 0.5
        if self.quick:
            return Training(batch=size, epochs=QUICK_EPOCHS, lr=rate, patience=QUICK_EPOCHS, plateau_patience=4)
        if short:
            return Training(batch=size, lr=rate, epochs=100, patience=15, plateau_patience=5)
        return Training(batch=size, lr=rate)

    @cached_property
    def paper(self) -> Split:
        """The paper's split of all rows."""
        return paper_split(self.rows)

    @cached_property
    def thinned(self) -> Split:
        """The paper's split with small tasks thinned to the paper's ratios of labels; for its tasks only."""
        return thinned_as_in_paper(self.rows, self.paper)

    @cached_property
    def grouped(self) -> tuple[Split, ...]:
        """Outer folds by chemical system."""
        return grouped_splits(self.rows, QUICK_FOLDS if self.quick else FOLDS)

    def regrouped(self, repeats: int) -> tuple[Split, ...]:
        """Outer folds of several groupings, the first one being `grouped`."""
        folds = len(self.grouped)
        more = (grouped_splits(self.rows, folds, each, each * folds) for each in range(1, repeats))
        return (*self.grouped, *(split for splits in more for split in splits))

    def asks(
        self,
        arms: Sequence[Arm],
        *,
        paper: bool = True,
        grouped: bool = True,
        repeats: int = 1,
        rows: StudyRows | None = None,
    ) -> list[Ask]:
        """Ask for arms on the paper's split with all seeds, and on every outer fold with the first one.

        Args:
            arms: what to run.
            paper: on the paper's split.
            grouped: on the outer folds.
            repeats: groupings of the outer folds; one where ``quick``.
            rows: other rows of the same compositions in the same order; the context's where None.
        """
        table = self.rows if rows is None else rows
        asked = [Ask(table, self.paper, arm, self.seeds) for arm in arms] if paper else []
        splits = self.regrouped(1 if self.quick else repeats) if grouped else ()
        return asked + [Ask(table, split, arm, self.seeds[:1]) for arm in arms for split in splits]

    def run(self, asks: Iterable[Ask]) -> list[Cell]:
        """Run asks; what was learned before is looked up. A short quick run starts no processes: they take longer.

        Raises:
            ScreenerError: as `runs.run`.
        """
        asked = list(asks)
        short = self.quick and sum(len(ask.seeds) for ask in asked) <= FEW_FITS
        cells = run(asked, 1 if short else self.workers, self.store, self.say)
        self.effort.add(cells)
        return cells


def training_note(context: StudyContext) -> str:
    """Say how the nets of a study of many arms are trained."""
    training = context.training(short=True)
    stop = f"early stopping after {training.patience} without a better joint loss"
    if training.patience >= training.epochs:
        stop = "no early stopping"
    return f"Batches of {training.batch}, at most {training.epochs} epochs, {stop}; all arms alike."


def alone_note(context: StudyContext) -> str:
    """Say how many steps a net of one task takes beside one of all tasks, whose epochs have more rows."""
    said = "An epoch of a net of one task has that task's rows alone"
    if context.quick:
        return f"{said}; such nets have as many more epochs in a quick look, for as many steps as the others take."
    training, known = context.training(short=True), context.rows.rows.known[context.paper.train]
    counts = known.sum(axis=0)
    least, most = (
        training.epochs * math.ceil(int(rows) / training.batch) for rows in (counts.min(), known.any(axis=1).sum())
    )
    return (
        f"{said}, so that it takes fewer steps than one of all tasks: on the split `paper` at most {least:,} for "
        f"{short(context.rows.tasks[counts.argmin()])} alone, and {most:,} for all together."
    )


@dataclass(frozen=True, slots=True)
class Study:
    """A study by name.

    Attributes:
        name: as typed on the command line.
        words: its question, in one line.
        run: what it does.
        standard_only: whether it needs the paper's three tasks.
    """

    name: str
    words: str
    run: Callable[[StudyContext], StudyResult]
    standard_only: bool = False
