"""What a command costs before it does anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

import screener
from benchmarks.cases import Size, models_folder
from benchmarks.timing import Line

HELP = ("--help",)
TERNARY = ("enumerate", "--elements", "Al,Ti,Cr")


def run(arguments: tuple[str, ...], folder: str | None = None, **environment: str) -> tuple[str, float]:
    """Run the command line in a new process, in a folder whose package it takes: standard output and seconds."""
    variables = {**os.environ, "SCREENER_MODELS": str(models_folder().resolve()), **environment}
    command = [sys.executable, "-m", "screener", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables, cwd=folder)
    return done.stdout, time.perf_counter() - start


def first_run() -> float:
    """Seconds of a first run, in which everything is compiled: that of a copy which finds no code compiled before."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(screener.__file__).parent
        shutil.copytree(package, Path(folder) / "screener", ignore=shutil.ignore_patterns("__pycache__"))
        return run(TERNARY, folder, NUMBA_CACHE_DIR=f"{folder}/code", XDG_CACHE_HOME=f"{folder}/cache")[1]


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
