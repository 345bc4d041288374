"""One list being scored: readers, models and layout together, and what became of every row."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from screener.card import Condition
from screener.elements import element_symbols
from screener.in_order import in_order
from screener.jobs import ScoreJob
from screener.list_blocks import BlockReader, ReadBlock, joined_blocks
from screener.list_predict import predictor
from screener.list_results import RowLayout
from screener.list_search import (
    BEYOND,
    UNBEATEN,
    UNSCORED,
    Held,
    ListRows,
    Predict,
    choose,
    evaluate,
    predicted,
    scored,
)
from screener.plan import Plan, check_domain
from screener.reject_files import RejectSink
from screener.result_files import RowSink
from screener.run_models import RunModels
from screener.search import Batching, passing
from screener.sinks import writing
from screener.sorted_rows import SortedRows
from screener.summary import Watch
from screener.survivors import shown_descriptors
from screener.text_blocks import TextBlock
from screener.tier_models import BORDERLINE_COLUMN

if TYPE_CHECKING:
    import polars


@dataclass(slots=True)
class Tally:
    """What became of the rows of a list.

    Attributes:
        read: records that were read.
        rejected: records that could not be.
        filtered: rows that did not meet the filter.
        left_out: why other rows are not reported, and how many.
        written: rows that were handed on.
        marked: rows of these whose flag rounding may decide.
        met: elements that occur.
        outside: rows with a condition outside its range, by name.
        columns: columns that were written.
    """

    read: int = 0
    rejected: int = 0
    filtered: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    written: int = 0
    marked: int = 0
    met: set[str] = field(default_factory=set)
    outside: Counter[str] = field(default_factory=Counter)
    columns: Sequence[str] = ()

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Account for every row: what happened to rows, and to how many.

        Raises:
            RuntimeError: a row is missing.
        """
        left_out = ((why, self.left_out[why]) for why in (UNSCORED, UNBEATEN, BEYOND))
        parts = [("written", self.written), ("filtered by --where", self.filtered), *left_out]
        parts.append(("rejected", self.rejected))
        if sum(count for _, count in parts) != self.read:
            raise RuntimeError(f"{self.read} rows read, but {parts}")
        return (("rows read", self.read), *((what, n) for what, n in parts if n or what in ("written", "rejected")))


@dataclass(frozen=True, slots=True)
class _Worked:
    """A block that was read and predicted: what was read, what was kept and how many were not, how it is written."""

    read: ReadBlock
    kept: ListRows
    filtered: int
    unscored: int
    frame: polars.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class ListRun:
    """A list being scored.

    Attributes:
        job: what was asked.
        header: input columns.
        reader: reads compositions and conditions.
        plan: filter, score and front.
        models: models of the run.
        known: conditions the models take, by name.
        rows: takes the result.
        rejects: takes what cannot be read.
        watch: hears of progress.
        tally: what became of every row so far.
    """

    job: ScoreJob
    header: tuple[str, ...]
    reader: BlockReader
    plan: Plan
    models: RunModels
    known: Mapping[str, Condition]
    rows: RowSink
    rejects: RejectSink
    watch: Watch
    tally: Tally = field(default_factory=Tally)

    def short(self, blocks: Sequence[TextBlock]) -> None:
        """Score a list that fits in memory: in float64, every row ranked.

        Raises:
            ScreenerError: with `strict`, a row cannot be read or holds an element outside the training.
        """
        reads = [self.reader.read(block) for block in blocks]
        for read in reads:
            self._take_in(read)
        block = joined_blocks([read.block for read in reads])
        kept, filtered = evaluate(block, self.plan, self._predict(exact=True))
        kept, unscored = scored(kept)
        self._leave_out(kept, filtered, unscored)
        self.watch.progress(self.tally.read, self.tally.read)
        self._report(kept, settled=True)

    def long(self, blocks: Iterable[TextBlock], scratch: Path | None) -> None:
        """Score a list of any length, a few blocks in memory.

        Args:
            blocks: its records.
            scratch: folder where rows wait that are sorted; None for the system's.

        Raises:
            ScreenerError: with `strict`, a row cannot be read or holds an element outside the training.
        """
        question = self.job.question
        if self.plan.front or question.top is not None:
            held = Held(self.plan, question.top)
            for worked in self._worked(blocks, None):
                held.add(worked.kept)
            self.tally.left_out += held.left_out
            self._report(held.rows(), settled=False)
        elif question.ranks:
            with tempfile.TemporaryDirectory(prefix=".sorting-", dir=scratch) as folder, writing(Path(folder).parent):
                waiting = SortedRows(Path(folder))
                for worked in self._worked(blocks, self._layout()):
                    waiting.add(_laid_out(worked))
                for frame in waiting.frames():
                    self._write(frame)
        else:
            for worked in self._worked(blocks, self._layout()):
                self._write(_laid_out(worked))

    def _worked(self, blocks: Iterable[TextBlock], layout: RowLayout | None) -> Iterator[_Worked]:
        """Read and predict blocks in several threads; yield them in order, counted."""
        predict, exact = self._predict(exact=False), self._predict(exact=True)

        def work(text: TextBlock) -> _Worked:
            read = self.reader.read(text)
            kept, filtered = evaluate(read.block, self.plan, predict, exact)
            kept, unscored = scored(kept)
            return _Worked(read, kept, filtered, unscored, None if layout is None else layout.frame(kept, None))

        workers = Batching.on(self.models.device, self.job.block).workers
        for worked in in_order(work, blocks, workers):
            self._take_in(worked.read)
            self._leave_out(worked.kept, worked.filtered, worked.unscored)
            self.watch.progress(self.tally.read, None)
            yield worked

    def _report(self, rows: ListRows, *, settled: bool) -> None:
        """Choose among rows in memory, characterize them and hand them on."""
        question = self.job.question
        chosen = choose(rows, self.plan, question.top, question.ranks, _as_it_is if settled else self._settle)
        self.tally.left_out += chosen.left_out
        layout = self._layout(chosen.rows.block.symbols)
        for frame in layout.frames(chosen.rows, chosen.rank):
            self._write(frame)

    def _settle(self, rows: ListRows) -> ListRows:
        """Give the best of a long list their final values."""
        columns = predicted(rows.block, self._predict(exact=True))
        kept, columns = passing(self.plan, np.arange(len(rows.score)), columns)
        return ListRows(rows.block.take(kept), columns, self.plan.score(columns))

    def _predict(self, *, exact: bool) -> Predict:
        return predictor(self.models, self.plan, self.job.block, exact=exact)

    def _layout(self, symbols: Sequence[str] | None = None) -> RowLayout:
        """Settle the columns: of these elements, or of all where a list is not known to its end."""
        domain = self.models.search.domain
        described = symbols or [symbol for symbol in element_symbols() if symbol in domain]
        names = shown_descriptors(described, self.plan.referenced, self.job.question.with_descriptors)
        elements = tuple(symbols or self.reader.usable) if self.job.with_elements else ()
        return RowLayout(self.header, self.plan, self.models, names, symbols is not None, elements)

    def _take_in(self, read: ReadBlock) -> None:
        """Count what was read and set rejects aside.

        Raises:
            ScreenerError: with `strict`, a row cannot be read or holds an element outside the training.
        """
        strict = self.job.question.strict
        if strict:
            read.refuse_rejects()
        self.rejects.write(read.rejects)
        self.tally.read += read.records
        self.tally.rejected += len(read.rejects)
        if len(read.block.rows):
            self.tally.met.update(read.block.symbols)
        if strict:
            check_domain(self.met(), self.models.models(), strict)

    def _leave_out(self, kept: ListRows, filtered: int, unscored: int) -> None:
        """Count rows that are not reported, and those kept whose conditions are out of range."""
        self.tally.filtered += filtered
        self.tally.left_out[UNSCORED] += unscored
        for name, values in kept.block.conditions.items():
            condition = self.known[name]
            self.tally.outside[name] += int(np.count_nonzero((values < condition.low) | (values > condition.high)))

    def _write(self, frame: polars.DataFrame) -> None:
        self.rows.write(frame)
        self.tally.written += frame.height
        if BORDERLINE_COLUMN in frame.columns:
            self.tally.marked += int(frame[BORDERLINE_COLUMN].sum())
        self.tally.columns = frame.columns

    def met(self) -> tuple[str, ...]:
        """Name the elements that occur, by atomic number."""
        return tuple(symbol for symbol in element_symbols() if symbol in self.tally.met)

    def warnings(self) -> list[str]:
        """Warn of conditions and elements outside the training."""
        said = []
        for name, rows in self.tally.outside.items():
            condition = self.known[name]
            if rows:
                said.append(
                    f"{rows} rows have {name} outside the {condition.low:g} to {condition.high:g} {condition.unit} "
                    "the models were trained on"
                )
        return [*said, *check_domain(self.met(), self.models.models(), False)]


def _as_it_is(rows: ListRows) -> ListRows:
    return rows


def _laid_out(worked: _Worked) -> polars.DataFrame:
    """Return the frame of a block that was laid out."""
    if worked.frame is None:
        raise RuntimeError("block without a layout")
    return worked.frame
