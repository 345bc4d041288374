"""Nearest training alloys: how far a composition lies from anything the models have seen.

Distance is ½ Σ|Δc| in at.%, the amount that would have to be exchanged to turn one alloy into the other.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_NUMBERS = ("start", "element", "permille", "sources", "targets")
_BITS = 63
"""Names that fit in the bits of ``sources``, or of ``targets``."""
_REFIT = "run `training fit` to make the models again"


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
        targets: bit t set: the alloy is in the training of ``target_names[t]``, shape (n,).
        target_names: targets that say what they were trained on.
    """

    symbols: tuple[str, ...]
    start: NDArray[np.int64]
    element: NDArray[np.int64]
    permille: NDArray[np.int64]
    sources: NDArray[np.int64]
    source_keys: tuple[str, ...]
    targets: NDArray[np.int64]
    target_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start) - 1

    def formula(self, row: int) -> str:
        """Write alloy ``row`` as text."""
        span = slice(self.start[row], self.start[row + 1])
        return canonical_formula([self.symbols[e] for e in self.element[span]], [p / 10 for p in self.permille[span]])

    def source_names(self, row: int) -> tuple[str, ...]:
        """Name the data sets that hold alloy ``row``."""
        return _named(self.source_keys, self.sources[row])

    def targets_of(self, row: int) -> tuple[str, ...]:
        """Name the targets whose training holds alloy ``row``."""
        return _named(self.target_names, self.targets[row])

    def of_target(self, name: str) -> AlloyIndex:
        """Keep the alloys that a target was trained on; all of them for a target the index does not name."""
        if name not in self.target_names:
            return self
        held = self.targets >> self.target_names.index(name) & 1 == 1
        count = np.diff(self.start)
        entries = np.repeat(held, count)
        return replace(
            self,
            start=np.concatenate([[0], np.cumsum(count[held])]).astype(np.int64),
            element=self.element[entries],
            permille=self.permille[entries],
            sources=self.sources[held],
            targets=self.targets[held],
        )

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
        # Entries by element: a composition of a few elements then passes by most of the index.
        order = np.argsort(self.element, kind="stable")
        first = np.searchsorted(self.element[order], np.arange(len(self.symbols) + 1))
        alloy = np.repeat(np.arange(len(self)), np.diff(self.start))[order]
        rows, shared = np.zeros((2, len(dense), count), np.int64)
        most_shared(dense, first, alloy, self.permille[order] / 1000.0, len(self), rows, shared)
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
            source_keys=np.array(self.source_keys, np.str_),
            targets=self.targets.astype(np.int64),
            target_names=np.array(self.target_names, np.str_),
        )
        return stream.getvalue()

    @classmethod
    def read(cls, path: Path) -> AlloyIndex:
        """Read an index.

        Raises:
            ModelError: the file is missing or damaged, its parts do not fit together, or it was written before
                indexes knew which target holds an alloy.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(part.file_size for part in archive.infolist()) > _MAX_BYTES:
                    raise ValueError("larger than any index")
            with np.load(path, allow_pickle=False) as arrays:
                if "targets" not in arrays and "target_names" not in arrays:
                    problem = f"the index of training alloys `{path.name}` does not tell the alloys of one target"
                    raise ModelError(problem, _REFIT)
                symbols, source_keys, target_names = (
                    _texts(arrays[name]) for name in ("symbols", "source_keys", "target_names")
                )
                numbers = {name: _whole_numbers(arrays[name]) for name in _NUMBERS}
            return _checked(cls(symbols=symbols, source_keys=source_keys, target_names=target_names, **numbers))
        except ModelError:
            raise
        except Exception:  # readers of archives raise a dozen classes for damaged files
            raise ModelError(f"cannot read the index of training alloys `{path.name}`", _REFIT) from None


def _named(names: tuple[str, ...], bits: np.int64) -> tuple[str, ...]:
    """Name the bits that are set."""
    return tuple(name for bit, name in enumerate(names) if bits >> bit & 1)


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
        and len(index.source_keys) <= _BITS
        and len(index.targets) == len(index)
        and len(set(index.target_names)) == len(index.target_names) <= _BITS
        # every bit has a name, and every name an alloy
        and int(np.bitwise_or.reduce(index.targets)) == (1 << len(index.target_names)) - 1
        and set(index.symbols) <= set(element_symbols())
    )
    if not fits:
        raise ValueError("parts that do not fit together")
    return index


@kernel
def most_shared(
    dense: NDArray[np.float64],
    first: NDArray[np.int64],
    alloy: NDArray[np.int64],
    amount: NDArray[np.float64],
    alloys: int,
    rows: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Find for each composition (b, d) the k alloys with the largest Σ_i min(c_i, t_i), in billionths → (b, k).

    Entries, alloy and amount, stand by element, those of element e from ``first[e]`` on. Whole numbers keep the
    rounding of sums from ordering alloys that are equally near.
    """
    count = rows.shape[1]
    total = np.empty(alloys)
    for b in range(dense.shape[0]):
        total[:] = 0.0
        for e in range(dense.shape[1]):
            if dense[b, e] > 0.0:
                for entry in range(first[e], first[e + 1]):
                    total[alloy[entry]] += min(dense[b, e], amount[entry])
        for row in range(alloys):
            if row >= count and total[row] * 1e9 < shared[b, count - 1]:
                continue
            overlap = np.int64(np.rint(total[row] * 1e9))
            place = min(row, count)
            while place > 0 and overlap > shared[b, place - 1]:
                if place < count:
                    rows[b, place], shared[b, place] = rows[b, place - 1], shared[b, place - 1]
                place -= 1
            if place < count:
                rows[b, place], shared[b, place] = row, overlap
