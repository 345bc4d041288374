"""The loop over candidates: describe a block while the one before is predicted, keep the best, settle them exactly."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screener.candidates import Candidates
from screener.device import Device
from screener.device_search import ON_DEVICE, device_screen, offer_best, scan_on_device
from screener.engine import BATCH, Block, BlockEngine
from screener.judge import Judge
from screener.pareto import ParetoFront
from screener.plan import Plan
from screener.ranking import Ranking
from screener.settled_filter import SpaceFilter, taken
from screener.summary import BestWatch, Watch
from screener.tier_models import Columns

if TYPE_CHECKING:
    from screener.fused.on_device import BlockWinners, DeviceScreen

SLACK = 1024
"""Candidates kept beyond those asked for, so that float32 rounding cannot hide a winner."""
FUSE_FROM = 100_000
"""Candidates from which on a session made for the run repays the making."""
_MORE = 4
"""Factor on the slack for a second pass, where the first could not exclude a hidden winner."""
Exact: TypeAlias = Callable[[NDArray[np.int64]], Columns]
"""Gives the columns of candidates (k,) as they are reported."""
Keep: TypeAlias = Callable[[NDArray[np.int64], Columns], tuple[NDArray[np.int64], Columns]]
"""Keeps the candidates that meet the filter, decided as in float64."""
Tell: TypeAlias = Callable[[NDArray[np.float64]], None]
Visit: TypeAlias = Callable[[NDArray[np.int64], Columns], None]
Visited: TypeAlias = Callable[[Ranking | ParetoFront, Visit], None]
"""Shows every candidate to one who offers it to what is kept."""


class Course(Protocol):
    """The way of a run that survives through its candidates."""

    @property
    def wanted(self) -> frozenset[str]:
        """Columns that are needed beyond those that rank."""
        ...

    def cover(
        self,
        kept: Ranking | ParetoFront,
        visit: Visit,
        scan: Callable[[Visit, Iterable[range], int], None],
        block: int | None = None,
    ) -> None:
        """Offer every candidate to ``kept`` once, by showing spans to ``visit`` through ``scan``, or in another way.

        Spans hold ``block`` candidates; those of the run where None.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batching:
    """How blocks are worked on.

    Attributes:
        block: rows of a block, the unit of work.
        batch: rows a model is given at once.
        workers: threads, each with a block of its own.
    """

    block: int
    batch: int
    workers: int

    @classmethod
    def on(cls, device: Device, block: int) -> Batching:
        """Choose for a device: as many workers as cores, small batches on the CPU, whole blocks on a GPU."""
        return cls(block, BATCH if device.kind == "cpu" else block, device.threads + 1 if device.kind == "cpu" else 2)


@dataclass(frozen=True, slots=True)
class Found:
    """The best candidates of a search, best first.

    Attributes:
        index: their indices (k,).
        score: what they are ranked by (k,).
        columns: their values from the searching tier, by name (k,).
        met: how many candidates met the filter.
        nan_count: how many of those had no score.
        front_size: how many stand on the Pareto front, where one was asked for.
    """

    index: NDArray[np.int64]
    score: NDArray[np.float64]
    columns: Columns
    met: int
    nan_count: int
    front_size: int | None = None


def search(
    candidates: Candidates,
    plan: Plan,
    k: int,
    batching: Batching,
    judge: Callable[[], Judge | None],
    shown: Collection[str],
    watch: Watch,
    course: Course | None = None,
) -> Found:
    """Find the k best candidates.

    Args:
        candidates: what is evaluated.
        plan: filter and order.
        k: how many to keep.
        batching: how blocks are worked on.
        judge: gives who settles order and values in float64, once the search is done; None for models that have no
            float64 twin.
        shown: columns to report.
        watch: hears of progress and doubt.
        course: shows the candidates in its own way, for runs that survive; None for this process and once.

    Raises:
        ExpressionError: the Pareto front does not fit in memory.
    """
    symbols = candidates.space.elements
    wanted = plan.wanted if course is None else plan.wanted | course.wanted
    engine = BlockEngine(plan.models, symbols, wanted, batching.batch, fused=candidates.size >= FUSE_FROM)

    def exact(index: NDArray[np.int64]) -> Columns:
        fractions = candidates.fractions(index)
        # Tree ensembles are step functions of float32 features: they have no float64 twin, and ties go by index.
        settling = judge()
        return (settling or BlockEngine(plan.models, symbols, shown)).columns_of(fractions)

    def shown_to(visit: Visit, spans: Iterable[range] | None = None, done: int = 0) -> None:
        scan(candidates, engine, batching, visit, watch, spans, done)

    def visited(kept: Ranking | ParetoFront, visit: Visit) -> None:
        if course is None:
            shown_to(visit)
        else:
            course.cover(kept, visit, shown_to)

    # Whoever wants columns of every candidate gets them by way of the host.
    whole = None if course is not None and course.wanted else device_screen(candidates, plan)
    if whole is not None:
        visited = partial(_visit_on_device, candidates, whole, watch, course)
    keep = SpaceFilter(plan.where, plan.models, candidates.space).passing
    if plan.front:
        return _best_of_front(plan, k, visited, keep, exact)
    slack = SLACK
    told = _best_teller(plan, watch)
    found, doubtful = _best(plan, k, slack, visited, keep, exact, told)
    if doubtful:
        found, doubtful = _best(plan, k, slack * _MORE, visited, keep, exact, told)
    if doubtful:
        watch.warn(
            f"{slack * _MORE} candidates beyond the {k} asked for are within float32 rounding of the last place: "
            "which of them come last is not certain"
        )
    return found


def scan(
    candidates: Candidates,
    engine: BlockEngine,
    batching: Batching,
    visit: Visit,
    watch: Watch,
    only: Iterable[range] | None = None,
    done: int = 0,
) -> None:
    """Show every candidate once, with the columns the engine gives, in order; or only those of some spans.

    Worker threads each describe and predict a block of their own while this thread filters and ranks finished ones;
    kernels and models release the interpreter lock. Buffers are as many as workers, and one more for the block in hand.
    """

    def evaluate(block: Block, span: range) -> tuple[NDArray[np.int64], Columns]:
        index, block.rows = candidates.fill(span, block.fractions), len(span)
        return index, engine.columns(block)

    spans = iter(candidates.spans(batching.block) if only is None else only)
    waiting: deque[tuple[Block, Future[tuple[NDArray[np.int64], Columns]]]] = deque()
    with ThreadPoolExecutor(batching.workers, "block") as pool:
        for span in itertools.islice(spans, batching.workers + 1):
            block = engine.new_block(batching.block)
            waiting.append((block, pool.submit(evaluate, block, span)))
        try:
            while waiting:
                block, finished = waiting.popleft()
                index, columns = finished.result()
                visit(index, columns)
                done += len(index)
                watch.progress(done, candidates.size)
                for span in itertools.islice(spans, 1):
                    waiting.append((block, pool.submit(evaluate, block, span)))
        finally:
            pool.shutdown(cancel_futures=True)


def _visit_on_device(
    candidates: Candidates,
    screen: DeviceScreen,
    watch: Watch,
    course: Course | None,
    kept: Ranking | ParetoFront,
    visit: Visit,
) -> None:
    """Offer the best of every block to a ranking; ``visit`` has nothing to see."""
    assert isinstance(kept, Ranking)  # fronts are not sought on devices

    def shown_to(passed: Visit, spans: Iterable[range] | None = None, done: int = 0) -> None:
        def hear(index: NDArray[np.int64], best: BlockWinners) -> None:
            offer_best(kept, index, best)
            passed(index, {})

        scan_on_device(candidates, screen, kept.capacity, hear, watch, spans, done)

    if course is None:
        shown_to(lambda index, columns: None)
    else:
        course.cover(kept, lambda index, columns: None, shown_to, ON_DEVICE)


def _best_teller(plan: Plan, watch: Watch) -> Tell:
    """Tell who wants to know what the best candidate so far reaches."""
    if not isinstance(watch, BestWatch):
        return lambda score: None
    best = -np.inf

    def tell(score: NDArray[np.float64]) -> None:
        nonlocal best
        top = float(np.fmax.reduce(score, initial=-np.inf))
        if top > best:
            best = top
            watch.best(plan.scorer.said(best))

    return tell


def _best(plan: Plan, k: int, slack: int, visited: Visited, keep: Keep, exact: Exact, told: Tell) -> tuple[Found, bool]:
    """Rank every candidate in float32, settle those kept, and say whether rounding could hide a winner."""
    ranking = Ranking(k + slack)

    def offer(index: NDArray[np.int64], columns: Columns) -> None:
        index, columns = keep(index, columns)
        score = plan.score(columns)
        ranking.update(score, index)
        told(score)

    visited(ranking, offer)
    index, rough = ranking.finish()
    kept, columns = passing(plan, index, exact(index))
    rough_kept = rough[np.isin(index, kept)] if len(kept) < len(index) else rough
    score = plan.score(columns)
    order = best_first(kept, score)[:k]
    found = Found(
        kept[order], score[order], {name: v[order] for name, v in columns.items()}, ranking.seen, ranking.nan_count
    )
    if len(index) == ranking.seen - ranking.nan_count:
        return found, False
    if len(order) < k:
        return found, True
    with np.errstate(invalid="ignore"):
        shift = np.abs(score - rough_kept, where=score != rough_kept, out=np.zeros(len(score)))
        return found, bool(np.nanmax(shift) > found.score[-1] - rough.min())


def _best_of_front(plan: Plan, k: int, visited: Visited, keep: Keep, exact: Exact) -> Found:
    """Keep what nothing surely beats in every objective, settle it in float64 and take the k best by score."""
    front = ParetoFront(plan.directions, rounding=plan.rounding)

    def offer(index: NDArray[np.int64], columns: Columns) -> None:
        index, columns = keep(index, columns)
        front.update(front_values(plan, columns), index)

    visited(front, offer)
    index, columns = passing(plan, *_with(front.finish()[0], exact))
    settled = ParetoFront(plan.directions)
    settled.update(front_values(plan, columns), index)
    on_front = np.flatnonzero(np.isin(index, settled.finish()[0]))
    score = plan.score(columns)[on_front]
    order = on_front[best_first(index[on_front], score)[:k]]
    chosen = {name: values[order] for name, values in columns.items()}
    return Found(index[order], plan.score(chosen), chosen, front.seen, front.nan_count, len(on_front))


def passing(plan: Plan, index: NDArray[np.int64], columns: Columns) -> tuple[NDArray[np.int64], Columns]:
    """Keep the rows (b,) that meet the filter by their float64 values."""
    if plan.where is None:
        return index, columns
    return taken(index, columns, np.flatnonzero(plan.where.evaluate(columns)))


def best_first(index: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order rows (n,) by score descending, then index ascending, without those that have no score."""
    order = np.lexsort((index, -score))
    return order[~np.isnan(score[order])]


def front_values(plan: Plan, columns: Columns) -> NDArray[np.float64]:
    """Lay out the objectives of a front (b, m); rows that lack a prediction hold NaN."""
    values = np.column_stack([np.asarray(columns[name], np.float64) for name in plan.front])
    missing = plan.missing(columns)
    if missing is not None:
        values[missing] = np.nan
    return values


def _with(index: NDArray[np.int64], exact: Exact) -> tuple[NDArray[np.int64], Columns]:
    return index, exact(index)
