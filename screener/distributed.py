"""The same search on many machines: spans of candidates as Ray tasks, merged as they finish.

Models travel once through the object store; a task carries a span and returns what is kept of it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from screener import __version__
from screener.elements import tables_digest
from screener.errors import InputError, ModelError, ScreenerError
from screener.exact.cells import Cells
from screener.exact.hands import Known, More, Results
from screener.exact.kept import Kept
from screener.exact.problem import Problem
from screener.exact.settling import BrokenBoundError, Settled, settle_region
from screener.folder_scoring import Became, Folder, score_file
from screener.jobs import ScoreJob
from screener.model_set import SUMS, find_folder, recorded_digests
from screener.remote_proof import FIRST_BLOCKS, Pace, begun, known_of, problem_in, proof_shipment
from screener.remote_work import Bound, Shipment, bind, check_here, evaluate, shipment_of, unpack
from screener.runs.course import Part
from screener.runs.recipe import Recipe

MOST_TRIES = 8
"""How often a span is given out again whose worker died."""
_AHEAD = 2
"""Tasks in flight for each that can run at once: the next one is there when a worker is free."""
_LOOK = 10.0
"""Seconds between two looks at how large the cluster is."""
_SHARE = 0.5
"""Part of a GPU for one task: while one prepares its rows, the other computes."""
_LOST = object()
T = TypeVar("T")
_Ref: TypeAlias = Any
"""A reference into the object store."""


def screen_span(shipped: list[_Ref], name: str, span: tuple[int, int], drawn: NDArray[np.int64] | None) -> Part:
    """Evaluate one span of candidates in a worker.

    Args:
        shipped: reference to the shipment, in a list so that every worker fetches it once.
        name: name of the pass, which says how much is kept.
        span: first position and the one behind the last.
        drawn: indices of the span where candidates are drawn; None for the whole space.
    """
    return evaluate(_bound(shipped[0]), name, range(*span), drawn)


def score_list(shipped: list[_Ref], job: ScoreJob, path: str, output: str) -> Became:
    """Score one list in a worker, with the models that were shipped.

    Args:
        shipped: reference to the shipment, in a list so that every worker fetches it once.
        job: the question.
        path: the list.
        output: file of its result.
    """
    return score_file(replace(job, models=_unpacked(shipped[0])), Path(path), Path(output))


def prove_region(shipped: list[_Ref], cells: Cells, known: Known, seconds: float) -> Settled:
    """Settle cells of an exact search in a worker.

    Args:
        shipped: reference to the problem, in a list so that every worker fetches it once.
        cells: the cells.
        known: what must be beaten.
        seconds: how long to go on with what stays open.
    """
    problem = _problem(shipped[0])
    return settle_region(problem, cells, known.kept(len(problem.space.elements)), seconds)


class Cluster:
    """Ray workers that evaluate spans, score lists, or settle cells of an exact search.

    Args:
        ray: the module.
        device: `auto`, `cpu` or `cuda`.
    """

    def __init__(self, ray: Any, device: str) -> None:  # noqa: ANN401 - Ray has no types worth importing
        self._ray = ray
        self._device = device
        self._looked, self._slots = -np.inf, 1

    def results(
        self,
        recipe: Recipe,
        folder: Path,
        name: str,
        spans: Iterable[range],
        drawn: NDArray[np.int64] | None,
    ) -> Iterator[tuple[range, Part]]:
        """Evaluate spans and yield what is kept of each, in the order in which they finish.

        Args:
            recipe: the question.
            folder: folder of models.
            name: name of the pass.
            spans: positions.
            drawn: indices at all positions where candidates are drawn; None for the whole space.

        Raises:
            ScreenerError: a worker cannot answer, or workers die again and again.
        """
        gpu = self._on_gpu()
        shipped = self._ray.put(shipment_of(recipe, folder, "cuda" if gpu else "cpu"))
        task = self._task(screen_span, gpu)

        def give(span: range) -> _Ref:
            part = None if drawn is None else drawn[span.start : span.stop]
            return task.remote([shipped], name, (span.start, span.stop), part)

        todo = iter(spans)
        found = self._spread(
            give, lambda n: islice(todo, n), lambda span: f"candidates {span.start} to {span.stop}", gpu
        )
        return ((span, cast(Part, part)) for span, part in found)

    def score(self, folder: Folder, lists: Iterable[Path]) -> Iterator[tuple[Path, Became]]:
        """Score lists, one to a task, and yield what became of each; every node must see the files.

        Raises:
            ScreenerError: a list cannot be read, a result not be written, or workers die again and again.
        """
        gpu, models = self._on_gpu(), find_folder(folder.job.models)
        files = {name: (models / name).read_bytes() for name in (SUMS, *recorded_digests(models))}
        shipped = self._ray.put(Shipment({"folder": models.name}, files, tables_digest(), __version__, "cpu"))
        job, task = replace(folder.job, device="cuda" if gpu else "cpu"), self._task(score_list, gpu)

        def give(path: Path) -> _Ref:
            return task.remote([shipped], job, str(path.absolute()), str(folder.target(path).absolute()))

        todo = iter(lists)
        found = self._spread(give, lambda n: islice(todo, n), lambda path: f"`{path}`", gpu)
        return ((path, cast(Became, scored)) for path, scored in found)

    def settled(self, problem: Problem, kept: Kept, more: More, deadline: float) -> Results:
        """Settle cells: the first ones here, then each group as a task that starts from what must be beaten by then.

        Raises:
            ScreenerError: a worker cannot answer, or workers die again and again.
        """
        yield from begun(problem, kept, more, FIRST_BLOCKS + self.slots())
        pace, task = Pace(deadline), self._task(prove_region, gpu=False)
        shipped = self._ray.put(proof_shipment(problem))

        def give(cells: Cells) -> _Ref:
            return task.remote([shipped], cells, known_of(kept), pace.seconds())

        def named(cells: Cells) -> str:
            return f"{len(cells):,} cells, the first of amounts {cells.lower[0].tolist()} to {cells.upper[0].tolist()}"

        for cells, found in self._spread(give, lambda n: more(n, pace.size), named, gpu=False):
            settled = cast(Settled, found)
            pace.heed(settled)
            yield cells, settled

    def _task(self, work: Callable[..., object], gpu: bool) -> Any:  # noqa: ANN401
        """Make a task of a function."""
        return self._ray.remote(work).options(
            num_cpus=1, num_gpus=_SHARE if gpu else 0, max_retries=MOST_TRIES, retry_exceptions=False
        )

    def _spread(
        self, give: Callable[[T], _Ref], next_of: Callable[[int], Iterable[T]], named: Callable[[T], str], gpu: bool
    ) -> Iterator[tuple[T, object]]:
        """Give pieces of work out, so many at once, and yield their results as they finish.

        Asks for the next pieces after every result, and each second without one.
        """
        waiting: dict[_Ref, T] = {}
        tries: Counter[str] = Counter()
        try:
            while True:
                for piece in next_of(max(0, _AHEAD * self.slots(gpu) - len(waiting))):
                    waiting[give(piece)] = piece
                if not waiting:
                    return
                for ref in self._ray.wait(list(waiting), num_returns=1, timeout=1.0)[0]:
                    piece = waiting.pop(ref)
                    result = self._taken(ref, named(piece), tries)
                    if result is _LOST:
                        waiting[give(piece)] = piece
                    else:
                        yield piece, result
        finally:
            for ref in waiting:
                with suppress(Exception):  # the cluster may be gone
                    self._ray.cancel(ref)

    def slots(self, gpu: bool = False) -> int:
        """Count the tasks that can run at once; looks again now and then, as clusters grow and shrink."""
        now = time.monotonic()
        if now - self._looked > _LOOK:
            resources = self._ray.cluster_resources()
            tasks = resources.get("CPU", 1)
            if gpu:
                tasks = min(tasks, resources.get("GPU", 0) / _SHARE)
            self._slots, self._looked = max(1, int(tasks)), now
        return self._slots

    def _on_gpu(self) -> bool:
        """Say whether tasks get part of a GPU.

        Raises:
            ModelError: a GPU was asked for and the cluster has none.
        """
        gpus = self._ray.cluster_resources().get("GPU", 0)
        if self._device.startswith("cuda") and not gpus:
            raise ModelError("no node of the cluster has a GPU", "use `--device cpu`, or add nodes with GPUs")
        return self._device != "cpu" and gpus > 0

    def _taken(self, ref: _Ref, what: str, tries: Counter[str]) -> object:
        """Take a result; ``_LOST`` where its worker or the result was lost and the work must be given out again."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except errors.RayTaskError as problem:
            if isinstance(problem.cause, ScreenerError | BrokenBoundError):
                raise problem.cause from None
            raise
        except (errors.RaySystemError, errors.ObjectLostError, errors.WorkerCrashedError, errors.NodeDiedError) as lost:
            tries[what] += 1
            if tries[what] >= MOST_TRIES:
                raise InputError(
                    f"workers died {MOST_TRIES} times on {what}",
                    f"look at the memory of the nodes; Ray says: {str(lost).splitlines()[0][:200]}",
                ) from None
            return _LOST


@lru_cache(maxsize=2)
def _unpacked(shipped: _Ref) -> Path:
    """Write a shipped folder of models once for each worker; it goes when the worker ends."""
    import ray

    shipment = cast(Shipment, ray.get(shipped))
    check_here(shipment)
    scratch = tempfile.mkdtemp(prefix="screener-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    folder = Path(scratch) / str(shipment.recipe["folder"])
    unpack(shipment, folder)
    return folder


@lru_cache(maxsize=2)
def _problem(shipped: _Ref) -> Problem:
    """Fetch a problem once for each worker."""
    import ray

    return problem_in(cast(Shipment, ray.get(shipped)))


@lru_cache(maxsize=2)
def _bound(shipped: _Ref) -> Bound:
    """Fetch and bind a shipment once for each worker."""
    import ray

    return bind(cast(Shipment, ray.get(shipped)))
