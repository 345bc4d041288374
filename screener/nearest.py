"""Nearest training alloys: how far a composition lies from anything the models have seen.

Distance is ½ Σ|Δc| in at.%, the amount that would have to be exchanged to turn one alloy into the other.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener._jit import kernel
from screener.elements import element_symbols
from screener.errors import ModelError
from screener.formula import canonical_formula

_MAX_BYTES = 256_000_000
"""Unpacked size up to which an index is read; ten million alloys need less."""
_BILLION = 1_000_000_000
_MAX_SOURCES = 63
"""Data sets that fit in the bits of ``sources``."""


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
        rows, shared = np.zeros((2, len(dense), count), np.int64)
        most_shared(dense, self.start, self.element, self.permille / 1000.0, rows, shared)
        return rows, np.maximum(0.0, 100.0 * (1.0 - shared / _BILLION))

    def to_bytes(self) -> bytes:
        """Write the index as a compressed NumPy archive (plain arrays, nothing to execute)."""
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            symbols=np.array(self.symbols),
            start=self.start.astype(np.int32),
            element=self.element.astype(np.uint8),
            permille=self.permille.astype(np.uint16),
            sources=self.sources.astype(np.int64),
            source_keys=np.array(self.source_keys),
        )
        return stream.getvalue()

    @classmethod
    def read(cls, path: Path) -> AlloyIndex:
        """Read an index.

        Raises:
            ModelError: the file is missing or damaged, or its parts do not fit together.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(part.file_size for part in archive.infolist()) > _MAX_BYTES:
                    raise ValueError("larger than any index")
            with np.load(path, allow_pickle=False) as arrays:
                symbols, source_keys = (_texts(arrays[name]) for name in ("symbols", "source_keys"))
                numbers = {name: _whole_numbers(arrays[name]) for name in ("start", "element", "permille", "sources")}
            return _checked(cls(symbols=symbols, source_keys=source_keys, **numbers))
        except Exception:  # readers of archives raise a dozen classes for damaged files
            raise ModelError(
                f"cannot read the index of training alloys `{path.name}`", "run `training fit` to make the models again"
            ) from None


def _texts(values: NDArray[np.str_]) -> tuple[str, ...]:
    """Take a column of texts."""
    if values.ndim != 1 or values.dtype.kind != "U":
        raise ValueError("not a column of texts")
    return tuple(values.tolist())


def _whole_numbers(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Take a column of whole numbers."""
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError("not a column of whole numbers")
    return values.astype(np.int64)


def _checked(index: AlloyIndex) -> AlloyIndex:
    """Refuse an index whose entries point outside it: kernels read them unchecked."""
    start, entries = index.start, len(index.element)
    fits = (
        len(start) >= 2
        and start[0] == 0
        and start[-1] == entries == len(index.permille)
        and bool((np.diff(start) > 0).all())
        and bool(((index.element >= 0) & (index.element < len(index.symbols))).all())
        and bool(((index.permille > 0) & (index.permille <= 1000)).all())
        and len(index.sources) == len(index)
        and len(index.source_keys) <= _MAX_SOURCES
        and set(index.symbols) <= set(element_symbols())
    )
    if not fits:
        raise ValueError("parts that do not fit together")
    return index


@kernel
def most_shared(
    dense: NDArray[np.float64],
    start: NDArray[np.int64],
    element: NDArray[np.int64],
    amount: NDArray[np.float64],
    rows: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Find for each composition (b, d) the k alloys with the largest Σ_i min(c_i, t_i), in billionths → (b, k).

    Whole numbers keep the rounding of sums from ordering alloys that are equally near.
    """
    count = rows.shape[1]
    for b in range(dense.shape[0]):
        for alloy in range(start.shape[0] - 1):
            total = 0.0
            for entry in range(start[alloy], start[alloy + 1]):
                total += min(dense[b, element[entry]], amount[entry])
            overlap = np.int64(np.rint(total * 1e9))
            place = min(alloy, count)
            while place > 0 and overlap > shared[b, place - 1]:
                if place < count:
                    rows[b, place], shared[b, place] = rows[b, place - 1], shared[b, place - 1]
                place -= 1
            if place < count:
                rows[b, place], shared[b, place] = alloy, overlap
