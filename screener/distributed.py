"""The same search on many machines: spans of candidates as Ray tasks, merged as they finish.

Models travel once through the object store; a task carries a span and returns what is kept of it.
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from screener import __version__
from screener.binding import bind_tier
from screener.candidates import Candidates
from screener.card import Tier
from screener.device import Device, choose_device
from screener.elements import tables_digest
from screener.engine import BlockEngine
from screener.errors import InputError, ModelError, ScreenerError
from screener.model_set import SUMS, load_models, recorded_digests
from screener.plan import Plan, make_plan
from screener.runs.course import Part
from screener.runs.kept_state import kept_of, offer, state_of
from screener.runs.recipe import Recipe, readable
from screener.runs.shards import RowLayout, encoded
from screener.search import Batching, scan
from screener.tier_models import Columns

MOST_TRIES = 8
"""How often a span is given out again whose worker died."""
_AHEAD = 2
"""Tasks in flight for each that can run at once: the next one is there when a worker is free."""
_LOOK = 10.0
"""Seconds between two looks at how large the cluster is."""
_SHARE = 0.5
"""Part of a GPU for one task: while one prepares its rows, the other computes."""
_STORE = 256 << 20
_Ref: TypeAlias = Any
"""A reference into the object store."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What every worker needs, once.

    Attributes:
        recipe: the question, as plain JSON values.
        files: models of the searching tier and their digests, by name.
        tables: digest of the element tables of whoever asks.
        version: version of this package there.
        device: `auto`, `cpu` or `cuda`, for one task.
    """

    recipe: Mapping[str, object]
    files: Mapping[str, bytes]
    tables: str
    version: str
    device: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A question bound to models, in a worker.

    Attributes:
        recipe: the question.
        plan: filter and order.
        layout: what is written of a candidate; None where only the best are kept.
        engine: evaluates blocks.
        device: where.
    """

    recipe: Recipe
    plan: Plan
    layout: RowLayout | None
    engine: BlockEngine
    device: Device


class _Silent:
    """Hears nothing: who asks counts spans."""

    def progress(self, done: int, total: int | None) -> None: ...

    def warn(self, text: str) -> None: ...


def screen_span(shipped: list[_Ref], name: str, span: tuple[int, int], drawn: NDArray[np.int64] | None) -> Part:
    """Evaluate one span of candidates in a worker.

    Args:
        shipped: reference to the shipment, in a list so that every worker fetches it once.
        name: name of the pass, which says how much is kept.
        span: first position and the one behind the last.
        drawn: indices of the span where candidates are drawn; None for the whole space.
    """
    return evaluate(_bound(shipped[0]), name, range(*span), drawn)


def evaluate(bound: Bound, name: str, span: range, drawn: NDArray[np.int64] | None = None) -> Part:
    """Evaluate one span and return what is kept of it, and its rows where all are written."""
    job, kept, frames = bound.recipe.job, kept_of(name), []
    candidates = Candidates(job.space, drawn)
    first, size = (span.start, len(span)) if drawn is None else (0, len(drawn))

    def visit(index: NDArray[np.int64], columns: Columns) -> None:
        offer(kept, bound.plan, index, columns)
        if bound.layout is not None:
            frames.append(bound.layout.frame(index, columns))

    blocks = [range(start, min(start + job.block, first + size)) for start in range(first, first + size, job.block)]
    batching = replace(Batching.on(bound.device, job.block), workers=1)
    scan(candidates, bound.engine, batching, visit, _Silent(), blocks)
    rows, count = encoded(frames) if frames else (b"", 0)
    return Part(state_of(kept), rows, count)


def bind(shipment: Shipment) -> Bound:
    """Load the models that were shipped and bind them to the question.

    Raises:
        ModelError: they do not load here, or code and tables are others than where the question was asked.
    """
    here = (__version__, tables_digest())
    if here != (shipment.version, shipment.tables):
        raise ModelError(
            f"a worker runs screener {here[0]} with element tables {here[1]}, the driver {shipment.version} with "
            f"{shipment.tables}",
            "install the same version on every node",
        )
    recipe = readable(shipment.recipe)
    question, symbols = recipe.job.question, recipe.job.space.elements
    device = replace(choose_device(shipment.device), threads=1)
    tier = _tier(recipe)
    with tempfile.TemporaryDirectory(prefix="screener-") as folder:
        for name, content in shipment.files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        models = load_models(Path(folder), device, (tier,), question.classifier or "")
    plan = make_plan(question, bind_tier(tier, models.tiers[tier], question), symbols)
    layout = RowLayout.of(recipe, plan) if recipe.everything else None
    wanted = plan.wanted if layout is None else plan.wanted | layout.wanted
    batch = Batching.on(device, recipe.job.block).batch
    return Bound(recipe, plan, layout, BlockEngine(plan.models, symbols, wanted, batch), device)


def shipment_of(recipe: Recipe, folder: Path, device: str) -> Shipment:
    """Gather what workers need.

    Args:
        recipe: the question.
        folder: folder of models.
        device: where tasks run.
    """
    names = [SUMS, *(name for name in recorded_digests(folder) if name.startswith(f"{_tier(recipe)}/"))]
    files = {name: (folder / name).read_bytes() for name in names}
    return Shipment(recipe.as_json(), files, tables_digest(), __version__, device)


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
        ray, gpu = self._ray, self._on_gpu()
        shipped = ray.put(shipment_of(recipe, folder, "cuda" if gpu else "cpu"))
        task = ray.remote(screen_span).options(
            num_cpus=1, num_gpus=_SHARE if gpu else 0, max_retries=MOST_TRIES, retry_exceptions=False
        )

        def give(span: range) -> _Ref:
            part = None if drawn is None else drawn[span.start : span.stop]
            return task.remote([shipped], name, (span.start, span.stop), part)

        waiting: dict[_Ref, range] = {}
        tries: Counter[range] = Counter()
        todo = iter(spans)
        try:
            while True:
                while len(waiting) < _AHEAD * self.slots(gpu) and (span := next(todo, None)) is not None:
                    waiting[give(span)] = span
                if not waiting:
                    return
                for ref in ray.wait(list(waiting), num_returns=1, timeout=1.0)[0]:
                    span = waiting.pop(ref)
                    part = self._taken(ref, span, tries)
                    if part is None:
                        waiting[give(span)] = span
                    else:
                        yield span, part
        finally:
            for ref in waiting:
                with suppress(Exception):  # the cluster may be gone
                    ray.cancel(ref)

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

    def _taken(self, ref: _Ref, span: range, tries: Counter[range]) -> Part | None:
        """Take a result; None where its worker or the result was lost and the span must be given out again."""
        errors = self._ray.exceptions
        try:
            return cast(Part, self._ray.get(ref))
        except errors.RayTaskError as problem:
            if isinstance(problem.cause, ScreenerError):
                raise problem.cause from None
            raise
        except (errors.RaySystemError, errors.ObjectLostError, errors.WorkerCrashedError, errors.NodeDiedError) as lost:
            tries[span] += 1
            if tries[span] >= MOST_TRIES:
                raise InputError(
                    f"workers died {MOST_TRIES} times on candidates {span.start} to {span.stop}",
                    f"look at the memory of the nodes; Ray says: {str(lost).splitlines()[0][:200]}",
                ) from None
            return None


@contextmanager
def open_cluster(address: str | None, device: str) -> Iterator[Cluster]:
    """Connect to a Ray cluster, or start one on this machine; what was started ends with the block.

    Args:
        address: of a running cluster; None takes `$RAY_ADDRESS`, else starts one.
        device: `auto`, `cpu` or `cuda`.

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
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(address="local", include_dashboard=False, object_store_memory=_STORE, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as problem:
        text = str(problem).strip().splitlines()
        raise InputError(
            f"no Ray cluster answers at `{address or 'local'}`",
            f"start one with `ray start --head`, or leave --ray-address out; Ray says: {text[0][:200] if text else ''}",
        ) from None
    finally:
        for number, handler in handlers.items():
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)
    try:
        yield Cluster(ray, device)
    finally:
        ray.shutdown()


def _tier(recipe: Recipe) -> Tier:
    """Name the tier that filters and ranks."""
    return "characterize" if recipe.job.question.tier == "characterize" else "screen"


@lru_cache(maxsize=2)
def _bound(shipped: _Ref) -> Bound:
    """Fetch and bind a shipment once for each worker."""
    import ray

    return bind(cast(Shipment, ray.get(shipped)))
