"""Every candidate of a run as Parquet files that are complete or absent, and a manifest that proves them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.doubt import read_by
from screener.expression import BOOLEAN_COLUMNS, Expression
from screener.formula import atomic_to_weight
from screener.plan import Plan, known_columns
from screener.runs.journal import Entry, Shard
from screener.runs.recipe import Recipe
from screener.runs.sealed import seal
from screener.search import Keep
from screener.settled_filter import SpaceFilter
from screener.sinks import atomic_file
from screener.tier_models import Columns, target_columns

if TYPE_CHECKING:
    import polars

MANIFEST = "manifest.json"
KIND, VERSION = "screener manifest", 1
SHARD_BLOCKS = 32
"""Blocks of a shard: half a million candidates take about a second and 60 MB while they wait."""


@dataclass(frozen=True, slots=True)
class RowLayout:
    """What is written of every candidate: index, amounts, values and flags of the searching tier, score.

    Attributes:
        plan: gives the score.
        elements: symbols of the amounts.
        weight: whether amounts are written in wt.%.
        values: columns between amounts and score.
        where: condition a candidate must meet to be written; None for all.
        keep: lets candidates pass that meet it.
    """

    plan: Plan
    elements: tuple[str, ...]
    weight: bool
    values: tuple[str, ...]
    where: Expression | None
    keep: Keep

    @classmethod
    def of(cls, recipe: Recipe, plan: Plan) -> RowLayout:
        """Settle what is written.

        Raises:
            ExpressionError: the condition does not read, or names an unknown column.
        """
        symbols = recipe.job.space.elements
        where = None
        if recipe.all_where is not None:
            booleans = BOOLEAN_COLUMNS | {flag.column for flag in plan.models.flags.values()}
            known = known_columns(plan.models, symbols)
            where = Expression.parse(recipe.all_where, known, "boolean", "--all-where", booleans)
        values = [
            name
            for model in plan.models.models.values()
            for name in target_columns(model.card)
            if not name.endswith(("_low", "_high"))
        ]
        referenced = [name for name in plan.referenced if name not in values]
        keep = SpaceFilter(where, plan.models, recipe.job.space).passing
        return cls(plan, symbols, recipe.job.units == "wt", (*values, "in_domain", *referenced), where, keep)

    @property
    def wanted(self) -> frozenset[str]:
        """Columns that must be computed."""
        return frozenset({*self.elements, *self.values, *read_by(self.where, self.plan.models)})

    def frame(self, index: NDArray[np.int64], columns: Columns) -> polars.DataFrame:
        """Lay out the rows of a block (b,) that are to be written."""
        import polars

        index, columns = self.keep(index, columns)
        amounts = np.column_stack([np.asarray(columns[symbol], np.float64) for symbol in self.elements])
        if self.weight:
            amounts = np.round(100.0 * atomic_to_weight(amounts / 100.0, self.elements), 6)
        laid: dict[str, NDArray[np.generic]] = {"index": index}
        laid |= {symbol: amounts[:, place] for place, symbol in enumerate(self.elements)}
        laid |= {name: columns[name] for name in self.values}
        laid["score"] = self.plan.score(columns)
        return polars.DataFrame({name: np.array(values) for name, values in laid.items()})


class ShardWriter:
    """Writes the candidates of a run, so many blocks to a file.

    Args:
        folder: where the files go.
        layout: what is written of a candidate.
        block: candidates of a block.
        size: candidates of the run.
    """

    def __init__(self, folder: Path, layout: RowLayout, block: int, size: int) -> None:
        self.folder = folder
        self.layout = layout
        self.length = SHARD_BLOCKS * block
        self._size = size
        self._start = 0
        self._frames: list[polars.DataFrame] = []

    def take(self, span: range, index: NDArray[np.int64], columns: Columns) -> Shard | None:
        """Take in the next block; return the file that it completes, once that is on disk.

        Raises:
            OutputError: the system refuses.
        """
        if not self._frames:
            self._start = span.start
        self._frames.append(self.layout.frame(index, columns))
        if span.stop % self.length and span.stop != self._size:
            return None
        frames, self._frames = self._frames, []
        return self.write(range(self._start, span.stop), *encoded(frames))

    def write(self, span: range, raw: bytes, rows: int) -> Shard:
        """Put a file of rows on disk.

        Raises:
            OutputError: the system refuses.
        """
        name = f"part-{span.start // self.length:08d}.parquet"
        with atomic_file(self.folder / name) as file:
            file.write(raw)
        return Shard(name, span.start, span.stop, rows, len(raw), hashlib.sha256(raw).hexdigest())

    def finish(self, entry: Entry, metadata: Mapping[str, str]) -> None:
        """Write the manifest.

        Raises:
            OutputError: the system refuses.
        """
        shards = sorted(entry.shards, key=lambda shard: shard.start)
        content = {
            "candidates": entry.size,
            "rows": sum(shard.rows for shard in shards),
            "shards": [asdict(shard) for shard in shards],
            "all_where": self.layout.where.text if self.layout.where else None,
            **metadata,
        }
        with atomic_file(self.folder / MANIFEST) as file:
            file.write(seal(KIND, VERSION, content))


def problem_with(folder: Path, shard: Shard) -> str:
    """Say what is wrong with a file of rows; nothing where it is as it was written."""
    path = folder / shard.file
    if not path.is_file():
        return f"`{shard.file}` is missing"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"`{shard.file}` cannot be read: {(error.strerror or str(error)).lower()}"
    if path.stat().st_size != shard.bytes:
        return f"`{shard.file}` has {path.stat().st_size} bytes where {shard.bytes} were written"
    return "" if digest == shard.sha256 else f"`{shard.file}` does not match its recorded digest"


def encoded(frames: list[polars.DataFrame]) -> tuple[bytes, int]:
    """Write frames as one Parquet file in memory; return its bytes and how many rows it has."""
    import polars

    frame, out = polars.concat(frames), io.BytesIO()
    frame.write_parquet(out, compression="zstd")
    return out.getvalue(), frame.height
