"""What a command costs before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import Size, models_folder
from benchmarks.timing import Line

HELP = ("--help",)
TERNARY = ("enumerate", "--elements", "Al,Ti,Cr")


def run(arguments: tuple[str, ...], **environment: str) -> tuple[str, float]:
    """Run the command line in a new process: standard output and seconds."""
    variables = {**os.environ, "SCREENER_MODELS": str(models_folder()), **environment}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "screener", *arguments], capture_output=True, text=True, check=True, env=variables
    )
    return done.stdout, time.perf_counter() - start


def first_run() -> float:
    """Seconds of a first run, in which everything is compiled."""
    with tempfile.TemporaryDirectory() as empty:
        return run(TERNARY, NUMBA_CACHE_DIR=empty)[1]


def lines(size: Size) -> Iterator[Line]:
    """Time help, a first run and later runs; processes, so nothing is left out."""
    named = {HELP: "`screener --help`", TERNARY: "`screener enumerate --elements Al,Ti,Cr`, later runs"}
    for arguments, what in named.items():
        run(arguments)
        yield Line("start-up", what, min(run(arguments)[1] for _ in range(size.rounds)), "s", headline=True)
    yield Line("start-up", "the first run, which compiles", first_run(), "s", headline=True)


def test_help(benchmark: BenchmarkFixture) -> None:
    shown, _ = benchmark(run, HELP)
    assert "enumerate" in shown
    assert "score" in shown


def test_second_run(benchmark: BenchmarkFixture) -> None:
    shown, _ = benchmark(run, TERNARY)
    header, *rows = shown.splitlines()
    assert header.startswith("rank,index,formula,Al,Ti,Cr,p_amorphous,is_amorphous")
    assert len(rows) == 20
