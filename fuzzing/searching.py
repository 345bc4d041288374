"""A search as a child process: started, watched, and what it says about itself taken down."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from fuzzing.results import Row, facts
from fuzzing.targets import FOLDER, Target

_LAST = re.compile(r"^#\d+\s+(?:DONE|pulse|NEW|REDUCE|RELOAD|INITED).*?cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
_STAT = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)
_ARTIFACT = re.compile(r"Test unit written to (\S*(?:crash|timeout|oom)-\S+)")
_GRACE = 300.0
"""Seconds that starting, and an input that hangs, may take beyond a search."""


def search(target: Target, seconds: float, corpus: Path, found: Path) -> Row:
    """Fuzz one target in a process of its own.

    Args:
        target: what is fuzzed.
        seconds: how long.
        corpus: empty folder for inputs that reach something new.
        found: receives inputs that break the contract, and what the engine said.
    """
    found.mkdir(parents=True, exist_ok=True)
    log = found / "log.txt"
    words = [sys.executable, "-m", "fuzzing.engine", target.name, f"{seconds:.0f}", str(corpus), str(found)]
    with log.open("wb") as file:
        try:
            code = subprocess.run(
                words,
                cwd=FOLDER.parent,
                env=_environment(target),
                stdout=file,
                stderr=file,
                timeout=seconds + _GRACE,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    said = log.read_text(encoding="utf-8", errors="replace")
    for artifact in _ARTIFACT.findall(said):
        print(f"{target.name}: python -m fuzzing {target.name} --again {artifact}", file=sys.stderr)
    return _row(target, seconds, said, code)


def reproduce(target: Target, file: Path) -> int:
    """Try one input, with the kernels as the target wants them; its traceback is shown."""
    code = f"import sys; from fuzzing.targets import TARGETS; TARGETS[{target.name!r}].check(sys.stdin.buffer.read())"
    with file.open("rb") as given:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=FOLDER.parent, env=_environment(target), stdin=given, check=False
        )
    return done.returncode


def _environment(target: Target) -> dict[str, str]:
    """Give a process the kernels it wants, and one thread: several would only disturb the clock."""
    jit = {} if target.compiled else {"NUMBA_DISABLE_JIT": "1"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return {**os.environ, **threads, **jit, "PYTHONPATH": str(FOLDER.parent)}


def _row(target: Target, seconds: float, said: str, code: int) -> Row:
    """Take down how a search ended."""
    stats = {name: int(value) for name, value in _STAT.findall(said)}
    reached = _LAST.findall(said)
    edges, features, corpus = map(int, reached[-1]) if reached else (0, 0, 0)
    return Row(
        target=target.name,
        seconds=round(seconds),
        executions=stats.get("number_of_executed_units", 0),
        edges=edges,
        features=features,
        corpus=corpus,
        slowest=stats.get("slowest_unit_time_sec", 0),
        memory=stats.get("peak_rss_mb", 0),
        crashes=int(code != 0),
        date=facts()["date"],
    )
