"""Measured values lie under the formulas that the index of training alloys writes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from screener.measured_values import COLUMNS, FILE, measured_values
from training.alloy_index import build_index
from training.measured_values import write_measured_values
from training.recipes import standing_recipes
from training.tasks import task_rows


@pytest.mark.data
def test_every_alloy_of_the_index_has_its_values(curated_data, tmp_path: Path) -> None:
    tables = {target: task_rows(curated_data.frame, recipe) for target, recipe in standing_recipes().items()}
    path = write_measured_values(tables, tmp_path)
    assert path == tmp_path / FILE
    frame = pl.read_parquet(path)
    assert frame.columns == list(COLUMNS)
    assert frame.height == sum(int(rows.measured.sum()) for rows in tables.values())
    index = build_index(tables)
    formulas = [index.formula(row) for row in range(0, len(index), 97)]
    found = measured_values(path, formulas)
    for row, formula in zip(range(0, len(index), 97), formulas, strict=True):
        assert {value.target for value in found[formula]} == set(index.targets_of(row))
        assert {source for value in found[formula] for source in value.sources} <= set(index.source_names(row))
