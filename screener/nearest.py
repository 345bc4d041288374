"""Nearest training alloys: how far a composition lies from anything the models have seen.

Distance is ½ Σ|Δc| in at.%, the amount that would have to be exchanged to turn one alloy into the other.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.errors import ModelError
from screener.formula import canonical_formula


@dataclass(frozen=True, slots=True)
class AlloyIndex:
    """Compositions behind the models, sparse, with source keys and no measured values.

    Attributes:
        symbols: element symbols that occur.
        start: first entry of every alloy, shape (n + 1,).
        element: position in ``symbols`` of every entry, ascending within an alloy, shape (entries,).
        permille: amount of every entry in 0.1 at.%, shape (entries,).
        sources: bit s set: the alloy is in ``source_keys[s]``, shape (n,).
        source_keys: names of the data sets.
    """

    symbols: tuple[str, ...]
    start: NDArray[np.int64]
    element: NDArray[np.int64]
    permille: NDArray[np.int64]
    sources: NDArray[np.int64]
    source_keys: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start) - 1

    def formula(self, row: int) -> str:
        """Write alloy ``row`` as text."""
        span = slice(self.start[row], self.start[row + 1])
        return canonical_formula([self.symbols[e] for e in self.element[span]], [p / 10 for p in self.permille[span]])

    def source_names(self, row: int) -> tuple[str, ...]:
        """Name the data sets that hold alloy ``row``."""
        return tuple(key for bit, key in enumerate(self.source_keys) if self.sources[row] >> bit & 1)

    def nearest(
        self, fractions: NDArray[np.floating], symbols: Sequence[str], count: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the nearest alloys of every composition; equally near ones by their place in the index.

        Args:
            fractions: atomic fractions, shape (b, d).
            symbols: element symbols of the columns.
            count: how many to find, k.

        Returns:
            Rows of the index, shape (b, k), and distances in at.%, shape (b, k), ascending.
        """
        count = min(count, len(self))
        dense = np.zeros((len(fractions), len(self.symbols)))
        for column, symbol in enumerate(symbols):
            if symbol in self.symbols:
                dense[:, self.symbols.index(symbol)] = fractions[:, column]
        rows = np.empty((len(dense), count), np.int64)
        distances = np.empty((len(dense), count))
        shared = np.empty(len(self))
        for k, row in enumerate(dense):
            overlap(row, self.start, self.element, self.permille, shared)
            best = np.argpartition(-shared, count - 1)[:count] if count < len(self) else np.arange(len(self))
            worst = shared[best].min()
            tied = np.flatnonzero(shared >= worst)
            best = tied[np.lexsort((tied, -shared[tied]))][:count]
            rows[k], distances[k] = best, np.maximum(0.0, 100.0 * (1.0 - shared[best]))
        return rows, distances

    def to_bytes(self) -> bytes:
        """Write the index as a compressed NumPy archive (plain arrays, nothing to execute)."""
        stream = io.BytesIO()
        np.savez_compressed(
            stream, symbols=np.array(self.symbols), start=self.start.astype(np.int32), element=self.element.astype(np.uint8),
            permille=self.permille.astype(np.uint16), sources=self.sources.astype(np.int64),
            source_keys=np.array(self.source_keys),
        )
        return stream.getvalue()

    @classmethod
    def read(cls, path: Path) -> AlloyIndex:
        """Read an index.

        Raises:
            ModelError: the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                return cls(
                    tuple(str(s) for s in archive["symbols"]), archive["start"].astype(np.int64),
                    archive["element"].astype(np.int64), archive["permille"].astype(np.int64),
                    archive["sources"].astype(np.int64), tuple(str(s) for s in archive["source_keys"]),
                )
        except (OSError, ValueError, KeyError, EOFError):
            raise ModelError(
                f"cannot read the index of training alloys `{path.name}`", "run `training fit` to make the models again"
            ) from None


@kernel
def overlap(row: NDArray[np.float64], start: NDArray[np.int64], element: NDArray[np.int64],
            permille: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Σ_i min(c_i, t_i) of one composition (d,) with every alloy of the index → out (n,)."""
    for alloy in range(start.shape[0] - 1):
        shared = 0.0
        for entry in range(start[alloy], start[alloy + 1]):
            shared += min(row[element[entry]], permille[entry] / 1000.0)
        out[alloy] = shared
