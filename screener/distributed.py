"""The same search on many machines: spans of candidates as Ray tasks, merged as they finish.

Models travel once through the object store; a task carries a span and returns what is kept of it.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import re
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from screener import __version__
from screener.elements import tables_digest
from screener.errors import InputError, ModelError, ScreenerError
from screener.folder_scoring import Folder, ScoredFile, score_file
from screener.jobs import ScoreJob
from screener.model_set import SUMS, find_folder, recorded_digests
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
_STORE = 256 << 20
_PATIENCE = 10.0
"""Seconds that the head of a cluster has to answer."""
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


def score_list(shipped: list[_Ref], job: ScoreJob, path: str, output: str) -> ScoredFile:
    """Score one list in a worker, with the models that were shipped.

    Args:
        shipped: reference to the shipment, in a list so that every worker fetches it once.
        job: the question.
        path: the list.
        output: file of its result.
    """
    return score_file(replace(job, models=_unpacked(shipped[0])), Path(path), Path(output))


class Cluster:
    """Ray workers that evaluate spans.

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

        found = self._spread(give, spans, lambda span: f"candidates {span.start} to {span.stop}", gpu)
        return ((span, cast(Part, part)) for span, part in found)

    def score(self, folder: Folder, lists: Iterable[Path]) -> Iterator[tuple[Path, ScoredFile]]:
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

        found = self._spread(give, lists, lambda path: f"`{path}`", gpu)
        return ((path, cast(ScoredFile, scored)) for path, scored in found)

    def _task(self, work: Callable[..., object], gpu: bool) -> Any:  # noqa: ANN401
        """Make a task of a function."""
        return self._ray.remote(work).options(
            num_cpus=1, num_gpus=_SHARE if gpu else 0, max_retries=MOST_TRIES, retry_exceptions=False
        )

    def _spread(
        self, give: Callable[[T], _Ref], pieces: Iterable[T], named: Callable[[T], str], gpu: bool
    ) -> Iterator[tuple[T, object]]:
        """Give pieces of work out, so many at once, and yield their results as they finish."""
        waiting: dict[_Ref, T] = {}
        tries: Counter[str] = Counter()
        todo = iter(pieces)
        try:
            while True:
                for piece in itertools.islice(todo, max(0, _AHEAD * self.slots(gpu) - len(waiting))):
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
            if isinstance(problem.cause, ScreenerError):
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


@contextmanager
def open_cluster(address: str | None, device: str, cpus: int | None = None) -> Iterator[Cluster]:
    """Connect to a Ray cluster, or start one on this machine; what was started ends with the block.

    Args:
        address: of a running cluster; None takes `$RAY_ADDRESS`, else starts one.
        device: `auto`, `cpu` or `cuda`.
        cpus: workers of a cluster that is started here; None takes all cores.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    # A screening run tells nobody that it runs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError(
            "`--engine ray` needs Ray, which is not installed", "run: pip install 'alloy-screener[distributed]'"
        ) from None
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is not None:
        _check_reachable(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=_STORE, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as problem:
        raise _no_answer(address or "local", str(problem)) from None
    finally:
        for number, handler in handlers.items():
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)
    try:
        yield Cluster(ray, device)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Find out whether anybody listens at an address: Ray itself would wait for minutes.

    Raises:
        InputError: it does not read, or nobody does.
    """
    match = re.fullmatch(r"(?:ray://)?\[?([^\]/]+?)\]?:([0-9]{1,5})", address)
    if address in ("auto", "local"):
        return
    if match is None:
        raise InputError(f"`{address}` is no address of a cluster", "write it like `--ray-address head:6379`")
    try:
        socket.create_connection((match[1], int(match[2])), _PATIENCE).close()
    except (OSError, OverflowError) as problem:
        raise _no_answer(address, str(problem)) from None


def _no_answer(address: str, problem: str) -> InputError:
    text = problem.strip().splitlines()
    return InputError(
        f"no Ray cluster answers at `{address}`: {text[0][:200].lower() if text else 'no reason is given'}",
        "start one with `ray start --head` there, or leave --ray-address out",
    )


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
def _bound(shipped: _Ref) -> Bound:
    """Fetch and bind a shipment once for each worker."""
    import ray

    return bind(cast(Shipment, ray.get(shipped)))
