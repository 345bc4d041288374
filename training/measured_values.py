"""Measured values of the training alloys, written for `screener explain` to this machine's cache of data sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from screener.elements import element_symbols
from screener.formula import canonical_formula
from screener.measured_values import COLUMNS, FILE
from screener.sinks import atomic_file
from training.alloy_index import permille_of
from training.catalogue import cache_folder
from training.tasks import TaskRows


def write_measured_values(tables: Mapping[str, TaskRows], folder: Path | None = None) -> Path:
    """Write what was measured on every training alloy, under the formula that the index of training alloys gives it.

    Args:
        tables: rows by target.
        folder: where to; the cache of data sets where None.

    Returns:
        The file.

    Raises:
        OutputError: the system refuses.
    """
    folder = folder or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    frames = [_frame(target, rows) for target, rows in tables.items()]
    with atomic_file(folder / FILE) as file:
        pl.concat(frames).sort(COLUMNS).write_parquet(file)
    return folder / FILE


def _frame(target: str, rows: TaskRows) -> pl.DataFrame:
    """Lay out the rows of one target that somebody measured."""
    symbols = element_symbols()
    chosen = np.flatnonzero(rows.measured)
    formulas = []
    for amounts in permille_of(rows)[chosen]:
        present = np.flatnonzero(amounts)
        formulas.append(canonical_formula([symbols[e] for e in present], (amounts[present] / 10).tolist()))
    return pl.DataFrame(
        {
            "formula": pl.Series(formulas, dtype=pl.String),
            "target": pl.Series([target] * len(chosen), dtype=pl.String),
            "value": rows.y[chosen].astype(np.float64),
            "unit": pl.Series([rows.recipe.unit] * len(chosen), dtype=pl.String),
            "source": pl.Series(rows.source[chosen].astype(str).tolist(), dtype=pl.String),
        }
    )
