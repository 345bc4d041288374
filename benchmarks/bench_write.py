"""Writing results: rows a second in each format, beside polars alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import FULL, QUICK, Size
from benchmarks.timing import Line
from screener.result_files import write_result
from screener.sinks import Format, OutputTarget

ROWS = {FULL: 200_000, QUICK: 2_000}
FORMATS: tuple[Format, ...] = ("csv", "parquet", "jsonl")


def result(size: Size) -> polars.DataFrame:
    """Invent a result of three targets with intervals."""
    rows, rng = ROWS[size], np.random.default_rng(0)
    numbers = {f"value_{k}": rng.normal(size=rows) for k in range(9)}
    texts = {"formula": [f"Al{i % 97}Ti{i % 89}Cr{i % 83}" for i in range(rows)]}
    return polars.DataFrame({"rank": np.arange(1, rows + 1), **texts, **numbers})


def plainly(frame: polars.DataFrame, path: Path) -> None:
    """Write with polars alone, without name in the end, metadata or care."""
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)


def lines(size: Size) -> Iterator[Line]:
    """Time every format."""
    frame = result(size)
    with TemporaryDirectory() as folder:
        for name in FORMATS:
            ours, theirs = Path(folder) / f"a.{name}", Path(folder) / f"b.{name}"
            target, best, plain = OutputTarget(ours, name), float("inf"), float("inf")
            for _ in range(size.rounds):
                start = time.perf_counter()
                write_result(frame, target, {"screener.note": "x"})
                between = time.perf_counter()
                plainly(frame, theirs)
                best, plain = min(best, between - start), min(plain, time.perf_counter() - between)
            yield Line(
                "write", f"{len(frame):,} rows as {name}", len(frame) / best, "rows/s", "polars alone", plain / best
            )


@pytest.mark.parametrize("name", FORMATS)
def test_write(benchmark: BenchmarkFixture, name: Format, tmp_path: Path) -> None:
    frame, path = result(QUICK), tmp_path / f"a.{name}"
    benchmark(lambda: write_result(frame, OutputTarget(path, name), {"screener.note": "x"}))
    if name == "parquet":
        read = polars.read_parquet(path)
    else:
        read = polars.read_csv(path) if name == "csv" else polars.read_ndjson(path)
    assert read.equals(frame)
