"""The public benchmark matbench_glass with its official folds, exactly as scored elsewhere."""

from __future__ import annotations

import bz2
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Every row of the benchmark in its own order, also those whose elements have no alloy data.

    Attributes:
        formulas: reduced formulas [n], brackets in the chemical meaning.
        is_glass: labels [n].
        fold: test fold of every row [n], from 0.
    """

    formulas: tuple[str, ...]
    is_glass: NDArray[np.bool_]
    fold: NDArray[np.int64]


def read_benchmark(table: Path, folds: Path) -> Benchmark:
    """Read the table (json.bz2) and the official folds (json); doi:10.1038/s41524-020-00406-3.

    Raises:
        InputError: a file does not read, or the folds do not test every row exactly once.
    """
    try:
        columns = json.loads(bz2.decompress(table.read_bytes()))
        names, formulas, labels = (list(columns[name].values()) for name in ("mbid", "composition", "gfa"))
        splits = json.loads(folds.read_text(encoding="utf-8"))
        tests = {int(name.removeprefix("fold_")): list(split["test"]) for name, split in splits.items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"`{table.name}` does not read as the benchmark: {type(error).__name__}", _HINT) from None
    fold_of = {name: fold for fold, members in tests.items() for name in members}
    if len(fold_of) != sum(map(len, tests.values())) or fold_of.keys() != set(names):
        raise InputError(f"`{folds.name}` does not test every row of `{table.name}` once", _HINT)
    return Benchmark(
        formulas=tuple(map(str, formulas)),
        is_glass=np.array(labels, dtype=bool),
        fold=np.array([fold_of[name] for name in names], dtype=np.int64),
    )


_HINT = "training data fetch matbench_glass"
