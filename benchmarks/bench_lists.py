"""Lists of alloys: CSV in, predictions of the screen tier out as Parquet, and how much memory that takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_formulas import FEW, by_pymatgen, percents
from benchmarks.bench_screen import Stopwatch, peak_of
from benchmarks.cases import FULL, QUICK, Size, models_folder
from benchmarks.timing import Line, best_seconds
from screener.formula import parse_formula
from screener.jobs import Question, ScoreJob
from screener.reject_files import RejectSink
from screener.result_files import open_result
from screener.scoring import stream_score
from screener.sinks import OutputTarget

_ROWS = {FULL: 1_000_000, QUICK: 30_000}
_MANY = 10
"""How many times as many rows a list has whose memory is compared."""
_AT_ONCE = 100_000
FORMULAS, AMOUNTS = "a column of formulas", "five columns of amounts"
_SYMBOLS = ("Zr", "Ti", "Cu", "Ni", "Be")


def write_list(path: Path, rows: int, kind: str) -> Path:
    """Write a list of alloys of five elements with two columns to pass through; alloys come again, but not nearby."""
    with path.open("wb") as file:
        for start in range(0, rows, _AT_ONCE):
            frame = _frame(start, min(rows, start + _AT_ONCE), kind)
            frame.write_csv(file, include_header=not start)
    return path


def _frame(start: int, stop: int, kind: str) -> polars.DataFrame:
    """Make some rows of a list."""
    texts = polars.Series("formula", percents(stop - start))
    frame = polars.DataFrame({"id": range(start, stop), "formula": texts, "note": ["as cast"] * (stop - start)})
    if kind == FORMULAS:
        return frame
    amounts = (texts.str.extract(f"{symbol}([0-9.]+)").alias(symbol) for symbol in _SYMBOLS)
    return polars.DataFrame([frame["id"], *amounts, frame["note"]])


def score_list(path: Path, out: Path) -> float:
    """Score a list with the screen tier; rows per second from its first block, if there are more, to the end."""
    watch, start = Stopwatch(), time.perf_counter()
    job = ScoreJob(path, Question(tier="screen"), models=models_folder(), device="cpu")
    with open_result(OutputTarget(out, "parquet")) as sink:
        stream_score(job, watch, sink, RejectSink())
    end = time.perf_counter()
    (began, before), rows = watch.seen[0], watch.seen[-1][1]
    return (rows - before) / (end - began) if rows > before else rows / (end - start)


def lines(size: Size) -> Iterator[Line]:
    """Time both kinds of lists beside pymatgen that only reads the formulas; compare peak memory."""
    few = percents(FEW)
    usual = FEW / best_seconds(partial(by_pymatgen, few), size.rounds)
    rows = _ROWS[size]
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.parquet"
        for kind in (FORMULAS, AMOUNTS):
            path = write_list(Path(folder) / "list.csv", rows, kind)
            rate = max(score_list(path, out) for _ in range(min(3, size.rounds)))
            what = f"{rows:,} rows, {kind}, CSV to Parquet, screen tier"
            beside = "pymatgen reading formulas"
            yield Line("lists", what, rate, "rows/s", beside, rate / usual, headline=kind == FORMULAS)
        for count in (rows, rows * _MANY):
            path = write_list(Path(folder) / "list.csv", count, FORMULAS)
            peak = peak_of(["score", str(path), "--tier", "screen", "-o", str(out)])
            yield Line("lists", f"{count:,} rows: peak memory", peak, "MB", headline=count > rows)


@pytest.mark.parametrize("kind", [FORMULAS, AMOUNTS])
def test_lists(benchmark: BenchmarkFixture, kind: str, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", _ROWS[QUICK], kind)
    benchmark.extra_info["rows"] = _ROWS[QUICK]
    benchmark(score_list, path, tmp_path / "out.parquet")
    found = polars.read_parquet(tmp_path / "out.parquet")
    given = polars.read_csv(path, infer_schema=False)
    assert found["id"].to_list() == given["id"].to_list()
    assert found["note"].to_list() == given["note"].to_list()
    for text, formula in zip(percents(50), found["formula"], strict=False):
        given_parts, read = parse_formula(text), parse_formula(formula)
        assert read.symbols == given_parts.symbols
        np.testing.assert_allclose(read.fractions, given_parts.fractions, atol=1e-6)


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell")
def test_peak_memory(tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", _ROWS[QUICK], FORMULAS)
    assert 100 < peak_of(["score", str(path), "--tier", "screen", "-o", str(tmp_path / "out.parquet")]) < 1000
