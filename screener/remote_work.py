"""What a worker on another machine does: it gets models and a question once, then spans of candidates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener import __version__
from screener.binding import bind_tier
from screener.candidates import Candidates
from screener.card import Tier
from screener.device import Device, choose_device
from screener.elements import tables_digest
from screener.engine import BlockEngine
from screener.errors import ModelError
from screener.model_set import SUMS, load_models, recorded_digests
from screener.plan import Plan, make_plan
from screener.runs.course import Part
from screener.runs.kept_state import kept_of, offer, state_of
from screener.runs.recipe import Recipe, readable
from screener.runs.shards import RowLayout, encoded
from screener.search import FUSE_FROM, Batching, Keep, scan
from screener.settled_filter import SpaceFilter
from screener.tier_models import Columns


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
        keep: lets candidates pass that meet the filter.
    """

    recipe: Recipe
    plan: Plan
    layout: RowLayout | None
    engine: BlockEngine
    device: Device
    keep: Keep


class _Silent:
    """Hears nothing: who asks counts spans."""

    def progress(self, done: int, total: int | None) -> None: ...

    def warn(self, text: str) -> None: ...


def evaluate(bound: Bound, name: str, span: range, drawn: NDArray[np.int64] | None = None) -> Part:
    """Evaluate one span and return what is kept of it, and its rows where all are written."""
    job, kept, frames = bound.recipe.job, kept_of(name), []
    candidates = Candidates(job.space, drawn)
    first, size = (span.start, len(span)) if drawn is None else (0, len(drawn))

    def visit(index: NDArray[np.int64], columns: Columns) -> None:
        offer(kept, bound.plan, bound.keep, index, columns)
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
    check_here(shipment)
    recipe = readable(shipment.recipe)
    question, symbols = recipe.job.question, recipe.job.space.elements
    device = replace(choose_device(shipment.device), threads=1)
    tier = _tier(recipe)
    with tempfile.TemporaryDirectory(prefix="screener-") as folder:
        unpack(shipment, Path(folder))
        models = load_models(Path(folder), device, (tier,), question.classifier or "")
    plan = make_plan(question, bind_tier(tier, models.tiers[tier], question), symbols)
    layout = RowLayout.of(recipe, plan) if recipe.everything else None
    wanted = plan.wanted if layout is None else plan.wanted | layout.wanted
    batch = Batching.on(device, recipe.job.block).batch
    # as in a search on one machine, so that every bit of what is written is the same
    engine = BlockEngine(plan.models, symbols, wanted, batch, fused=recipe.job.candidates >= FUSE_FROM)
    keep = SpaceFilter(plan.where, plan.models, recipe.job.space).passing
    return Bound(recipe, plan, layout, engine, device, keep)


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


def check_here(shipment: Shipment) -> None:
    """Refuse to answer with other code or tables than those where the question was asked."""
    here = (__version__, tables_digest())
    if here != (shipment.version, shipment.tables):
        raise ModelError(
            f"a worker runs screener {here[0]} with element tables {here[1]}, the driver {shipment.version} with "
            f"{shipment.tables}",
            "install the same version on every node",
        )


def unpack(shipment: Shipment, folder: Path) -> None:
    """Write the files of a shipment."""
    for name, content in shipment.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _tier(recipe: Recipe) -> Tier:
    """Name the tier that filters and ranks."""
    return "characterize" if recipe.job.question.tier == "characterize" else "screen"
