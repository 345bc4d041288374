"""The course of a run that survives: what is done is entered in a journal, and a later process goes on from there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from screener import __version__
from screener.candidates import MOST_KEPT, Candidates
from screener.elements import tables_digest
from screener.errors import InputError, OutputError
from screener.exact.hands import Hands
from screener.exact.problem import Problem
from screener.exact.standing import Standing
from screener.plan import Plan
from screener.run_models import RunModels
from screener.runs.journal import Entry, JournalFile, intervals_of
from screener.runs.kept_state import Kept, merge_state, name_of, state_of
from screener.runs.proof_state import stage_of, standing_as_json, standing_from_json
from screener.runs.recipe import Recipe, differences
from screener.runs.sealed import of_type
from screener.runs.shards import SHARD_BLOCKS, RowLayout, ShardWriter
from screener.runs.spans import Spans
from screener.runs.stopping import StopRequests
from screener.tier_models import Columns

FIRST = 0.5
"""Seconds after which a run gets a journal: shorter ones are done sooner than one could go on with them."""
EVERY = 2.0
"""Seconds between two entries, at least."""
SPAN_BLOCKS = (8, 128)
"""Blocks given to another process at once, at least and at most: 0.1 to 2 million candidates."""
_SPANS = 4096
"""Spans that a run is cut into, where that makes them neither small nor large."""
_SPARE = 20
"""Entries take at most this fraction of the time."""
Visit = Callable[[NDArray[np.int64], Columns], None]
Scan = Callable[[Visit, Iterable[range], int], None]
"""Shows the candidates of spans, in order, after so many that were seen before."""


class Told(Protocol):
    """Someone at the terminal."""

    def progress(self, done: int, total: int | None) -> None:
        """Hear how many candidates are done."""
        ...

    def warn(self, text: str) -> None:
        """Hear of something the user should know."""
        ...

    def note(self, text: str) -> None:
        """Hear of something worth knowing."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """What another process made of a span of candidates.

    Attributes:
        state: what is kept of it, as plain JSON values.
        rows: a Parquet file of what is written of it; empty where only the best are kept.
        count: how many rows that has.
    """

    state: Mapping[str, object]
    rows: bytes = b""
    count: int = 0


class Workers(Hands, Protocol):
    """Processes that evaluate spans of candidates, or settle cells of an exact search."""

    def results(
        self, recipe: Recipe, folder: Path, name: str, spans: Iterable[range], drawn: NDArray[np.int64] | None
    ) -> Iterator[tuple[range, Part]]:
        """Evaluate spans for one pass and yield what is kept of each, in any order."""
        ...


class Course:
    """One run with its journal.

    Args:
        journal: where it stands; None for a run that keeps none.
        entry: what is known so far.
        name: what is typed after `--resume`.
        told: hears of doubt and of requests to end.
        recipe: the question, as it is asked now.
        folder: where every candidate is written; None where only the best are kept.
    """

    def __init__(
        self,
        journal: JournalFile | None,
        entry: Entry,
        name: str,
        told: Told,
        recipe: Recipe,
        folder: Path | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._journal = journal
        self.entry = entry
        self.recipe = recipe
        self._name = name
        self._told = told
        self._folder = folder
        self.shards: ShardWriter | None = None
        self._workers = workers
        self._due = np.inf if journal is None else time.monotonic() + FIRST
        self._doubted = self._said = False
        self.stop = StopRequests(lambda: told.note("stopping after the work in hand; once more stops at once"))

    def bind(self, models: RunModels, candidates: Candidates, plan: Plan) -> None:
        """Enter which models answer how many candidates, or check that they are those of the journal.

        Raises:
            InputError: something differs.
            ExpressionError: the condition for what is written does not read.
        """
        entry = self.entry
        before = entry.asked
        entry.models, entry.tables, entry.version = models.digest, tables_digest(), __version__
        entry.size = candidates.size
        if before["models"] and (changed := differences(before, entry.asked)):
            raise differing(self._path, changed)
        self._models, self._drawn = models.folder, candidates.drawn
        if self._folder is not None:
            layout = RowLayout.of(self.recipe, plan)
            self.shards = ShardWriter(self._folder, layout, self.recipe.job.block, candidates.size)
            if self._journal is not None and not self._journal.written:
                self.write()  # before there is anything else in the folder

    @property
    def hands(self) -> Hands | None:
        """Who settles cells of an exact search; None for this process."""
        return self._workers

    @property
    def wanted(self) -> frozenset[str]:
        """Columns that are needed beyond those that rank."""
        return frozenset() if self.shards is None else self.shards.layout.wanted

    def cover(self, kept: Kept, visit: Visit, scan: Scan, block: int | None = None) -> None:
        """Show every candidate once to ``visit``, which offers it to ``kept``: what the journal holds, then the rest.

        Args:
            kept: what is kept.
            visit: offers it candidates.
            scan: shows them to ``visit``.
            block: candidates of a span; those of the run where None.

        Raises:
            InputError: the journal contradicts itself.
        """
        done, shards = self.restored(kept), self._shards_of(kept)
        if self._workers is not None:
            self._spread(self._workers, kept, done, shards)
            return
        block = block or self.recipe.job.block
        waiting: deque[range] = deque()

        def pulled() -> Iterator[range]:
            for span in done.left(self.entry.size, block):
                waiting.append(span)
                yield span

        def passed(index: NDArray[np.int64], columns: Columns) -> None:
            visit(index, columns)
            span = waiting.popleft()
            if shards is None:
                done.add(span)
            elif (shard := shards.take(span, index, columns)) is not None:
                self.entry.shards.append(shard)
                done.add(range(shard.start, shard.stop))
            else:
                self._between(None)
                return
            self.passed(kept, done, sure=shards is not None)

        with self.stop.heeded():
            scan(passed, pulled(), done.count)
        self._covered(kept, done)

    def _spread(self, workers: Workers, kept: Kept, done: Spans, shards: ShardWriter | None) -> None:
        """Let other processes evaluate what is left, and merge what they found."""
        block, (least, most) = self.recipe.job.block, SPAN_BLOCKS
        blocks = min(most, max(least, self.entry.size // (_SPANS * block)))
        length = (blocks if self.shards is None else SHARD_BLOCKS) * block
        recipe = self.recipe if shards is not None else replace(self.recipe, everything=False, all_where=None)
        spans = done.left(self.entry.size, length)
        with self.stop.heeded():
            # The spans left are listed before the first of them is done.
            for span, part in workers.results(recipe, self._models, name_of(kept), spans, self._drawn):
                merge_state(kept, part.state, self._largest())
                done.add(span)
                if shards is not None:
                    self.entry.shards.append(shards.write(span, part.rows, part.count))
                self._told.progress(done.count, self.entry.size)
                self.passed(kept, done)
        self._covered(kept, done)

    def _covered(self, kept: Kept, done: Spans) -> None:
        """Enter that all candidates were seen."""
        self._enter(kept, done)
        if self._journal is not None and self._journal.written:
            self.write()

    def restored(self, kept: Kept) -> Spans:
        """Give ``kept`` what the journal has of this pass, and return the positions it comes from.

        Raises:
            InputError: the journal contradicts itself.
        """
        for stage in self.entry.stages:
            if stage.get("name") == name_of(kept):
                try:
                    merge_state(kept, stage, self._largest())
                except ValueError as problem:
                    raise self._damaged(problem) from None
                return Spans(intervals_of(stage))
        return Spans()

    def passed(self, kept: Kept, done: Spans, sure: bool = False) -> None:
        """Hear that more is merged; enter it if it is time, and end if that was asked.

        Args:
            kept: what is kept of it.
            done: the positions it comes from.
            sure: whether to note it at once, to be written later: what follows may not be merged as a whole.
        """
        now = self.stop.asked or time.monotonic() >= self._due
        if now or sure:
            self._enter(kept, done)
        self._between(self.write if now else None)

    def standing(self, problem: Problem) -> Standing | None:
        """Tell where the journal says that an exact search stood.

        Raises:
            InputError: the journal contradicts itself.
        """
        stages = [] if self.entry.proof is None else self.entry.proof["stages"]
        try:
            for number, state in (of_type(each, list) for each in of_type(stages, list)):
                if number == stage_of(problem):
                    return standing_from_json(of_type(state, dict), problem, MOST_KEPT)
        except ValueError as wrong:
            raise self._damaged(wrong) from None
        return None

    def proved(self, problem: Problem, state: Callable[[], Standing], done: bool = False) -> None:
        """Hear that an exact search has settled more cells; enter it if it is time, and end if that was asked."""
        now = self.stop.asked or time.monotonic() >= self._due
        if not now and not done:
            return
        standing, number = state(), stage_of(problem)
        before = [] if self.entry.proof is None else of_type(self.entry.proof["stages"], list)
        stages = [*(each for each in before if each[0] != number), [number, standing_as_json(standing)]]
        self.entry.proof = {"settled": min(1.0, max(0.0, standing.tally.settled)), "stages": stages}
        if now:
            self.write()
        if self.stop.asked and not done:
            self.say_stopped()
            self.stop.grant()

    def write(self) -> None:
        """Replace the journal; what the system refuses is said once, and tried again later."""
        if self._journal is None:
            return
        started = time.monotonic()
        self.entry.updated = time.time()
        try:
            self._journal.write(self.entry)
        except OutputError as problem:
            if not self._journal.written and "another run" in problem.message:
                raise
            if not self._doubted:
                self._told.warn(f"{problem.message}: until that changes, this run cannot be resumed from here")
            self._doubted = True
        ended = time.monotonic()
        self._due = ended + max(EVERY, _SPARE * (ended - started))

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Hear that all results are written: the journal goes, a folder of shards gets its manifest."""
        if self.shards is not None:
            self.shards.finish(self.entry, metadata)
        if self._journal is not None:
            self._journal.remove()

    def _enter(self, kept: Kept, done: Spans) -> None:
        """Note what is kept of which positions."""
        stage = state_of(kept) | {"spans": [list(pair) for pair in done.intervals()]}
        others = [each for each in self.entry.stages if each.get("name") != stage["name"]]
        self.entry.stages = [*others, stage]

    def _between(self, write: Callable[[], None] | None) -> None:
        """Write if it is time; end if that was asked."""
        if write is not None:
            write()
        elif self.stop.asked:
            self.write()
        if self.stop.asked:
            self.say_stopped()
            self.stop.grant()

    def say_stopped(self) -> None:
        """Say, once, how to go on with what the journal holds."""
        if self._journal is not None and self._journal.written and not self._said:
            self._said = True
            share = f"{self.entry.share:.0%} of {self.entry.size:,} candidates"
            self._told.warn(f"stopped at {share}: go on with `screener enumerate --resume {self._name}`")

    def _shards_of(self, kept: Kept) -> ShardWriter | None:
        """Return the writer of shards in the first pass; a second one writes nothing."""
        later = self.entry.stages and self.entry.stages[0].get("name") != name_of(kept)
        return None if later or self.shards is None else self.shards

    def _largest(self) -> int:
        return self.recipe.job.space.size

    def _damaged(self, problem: ValueError) -> InputError:
        return InputError(f"`{self._path}` is damaged: it holds {problem}", f"remove `{self._path}` and start again")

    @property
    def _path(self) -> Path:
        return Path() if self._journal is None else self._journal.path


def differing(path: Path, changed: list[str]) -> InputError:
    """Say that a journal is of another run."""
    return InputError(
        f"`{path}` is of another run: it differs in {'; '.join(changed)}",
        f"ask as it was asked, or remove `{path}` to start anew",
    )
