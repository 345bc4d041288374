"""Many requests at once to a server, and a list of ten million alloys.

    python -m benchmarks.load --part serve --into docs/reliability.md
    python -m benchmarks.load --part list --into docs/reliability.md

Every request must be answered with a status that belongs to it, every run that was taken must end, and the server must
be well afterwards. Of the list, every row must be accounted for, and memory must stay below a limit.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import polars

from benchmarks.bench_lists import FORMULAS, write_list
from benchmarks.bench_screen import peak_of
from benchmarks.cases import models_folder
from training.readme import replace_block

BUDGET_MB = 1000
"""Most memory that scoring a list may take."""
_BAD_EVERY = 1_000
"""One row in so many of the long list cannot be read."""
_QUESTION = {"elements": "Al,Ti,Cr", "step": 5, "maximize": ["hardness_gpa"], "top": 5}
_PATIENCE = 600.0
KINDS: tuple[tuple[str, str, object, frozenset[int]], ...] = (
    ("GET", "/health", None, frozenset({200})),
    ("GET", "/api/installed", None, frozenset({200})),
    ("GET", "/", None, frozenset({200})),
    ("GET", "/api/runs", None, frozenset({200})),
    ("GET", "/api/runs/100000/result.csv", None, frozenset({404})),
    ("POST", "/api/size", {"elements": "Fe,Co,Ni,Cr,Al,Ti,Cu,Zr"}, frozenset({200})),
    ("POST", "/api/estimate", _QUESTION, frozenset({200})),
    ("POST", "/api/estimate", {**_QUESTION, "where": "nothing > 3"}, frozenset({400})),
    ("POST", "/api/size", {"elements": 7}, frozenset({400})),
    ("POST", "/api/runs", _QUESTION, frozenset({201, 429})),
)
"""Requests by turns: method, address, body, and the statuses that may answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request.

    Attributes:
        what: method and address.
        status: of the answer, 0 where none came.
        expected: whether that status belongs to the request.
        seconds: until the answer was read.
    """

    what: str
    status: int
    expected: bool
    seconds: float


@contextmanager
def served(models: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server in a folder; its process and port."""
    command = [sys.executable, "-m", "screener", "serve", "--port", "0", "--models", str(models)]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, int(process.stderr.readline().rsplit(":", 1)[1])
        finally:
            process.terminate()


def ask(port: int, method: str, address: str, body: object = None) -> tuple[int, bytes]:
    """Send one request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        headers = {} if body is None else {"content-type": "application/json"}
        connection.request(method, address, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def storm(port: int, requests: int) -> list[Answer]:
    """Send so many requests at the same moment."""
    gate = threading.Barrier(requests)

    def one(number: int) -> Answer:
        method, address, body, expected = KINDS[number % len(KINDS)]
        gate.wait()
        started = time.perf_counter()
        try:
            status, _ = ask(port, method, address, body)
        except OSError:
            status = 0
        return Answer(f"{method} {address}", status, status in expected, time.perf_counter() - started)

    with ThreadPoolExecutor(requests) as pool:
        return list(pool.map(one, range(requests)))


def settled(port: int) -> Counter[str]:
    """Wait until no run waits or works; how the runs ended.

    Raises:
        TimeoutError: they do not.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        runs = json.loads(ask(port, "GET", "/api/runs")[1])["runs"]
        states = Counter(str(run["state"]) for run in runs)
        if not states["waiting"] + states["running"]:
            return states
        time.sleep(0.1)
    raise TimeoutError(f"{states}")


def serve_table(models: Path, requests: int, storms: int) -> tuple[str, bool]:
    """Load a server several times; a Markdown table and whether all was well."""
    lines = [
        "| storm | requests at once | statuses | answered as they must | median | slowest | runs ended | server holds |"
    ]
    lines.append("|---|---:|---|---:|---:|---:|---|---:|")
    well = True
    with tempfile.TemporaryDirectory() as folder, served(models, Path(folder)) as (process, port):
        for number in range(storms):
            answers = storm(port, requests)
            ended = settled(port)
            right = sum(answer.expected for answer in answers)
            statuses = ", ".join(f"{n} × {s}" for s, n in sorted(Counter(a.status for a in answers).items()))
            seconds = [answer.seconds for answer in answers]
            runs = ", ".join(f"{count} {state}" for state, count in ended.items())
            lines.append(
                f"| {number + 1} | {requests} | {statuses} | {right} | {statistics.median(seconds):.2f} s | "
                f"{max(seconds):.2f} s | {runs} | {_holds(process.pid):.0f} MB |"
            )
            well = well and right == requests and set(ended) <= {"done"}
            well = well and json.loads(ask(port, "GET", "/health")[1])["status"] == "ok"
        process.terminate()
        assert process.stderr is not None
        said = process.stderr.read()
    return "\n".join(lines), well and "Traceback" not in said


def _holds(process: int) -> float:
    """Memory that a process holds, in MB; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1000 if found else 0.0


def list_table(rows: int) -> tuple[str, bool]:
    """Score a list with rows that cannot be read; a Markdown table and whether every row is accounted for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_list(folder / "list.csv", rows, FORMULAS)
        with path.open("ab") as file:
            bad = max(1, rows // _BAD_EVERY)
            file.writelines(b"%d,Zr40Qq60,as cast\n" % number for number in range(rows, rows + bad))
        started = time.perf_counter()
        peak = peak_of(["score", str(path), "--tier", "screen", "-o", str(folder / "out.parquet")])
        seconds = time.perf_counter() - started
        written = polars.scan_parquet(folder / "out.parquet").select("id", "p_amorphous")
        found = written.select(
            rows=polars.len(),
            ids=polars.col("id").cast(polars.Int64).n_unique(),
            nan=polars.col("p_amorphous").is_nan().sum(),
        ).collect()
        with (folder / "out.parquet.rejects.csv").open("rb") as file:
            rejected = sum(1 for _ in file) - 1
    count, ids, nan = found.row(0)
    lost = rows + bad - count - rejected
    lines = ["| rows | written | rejected | lost | written twice | without a number | seconds | peak memory |"]
    lines.append("|---:|---:|---:|---:|---:|---:|---:|---:|")
    parts = f"{rows + bad:,} | {count:,} | {rejected:,} | {lost} | {count - ids} | {nan}"
    lines.append(f"| {parts} | {seconds:.0f} | {peak:.0f} MB |")
    well = (count, rejected, lost, count - ids, nan) == (rows, bad, 0, 0, 0)
    return "\n".join(lines), well and peak < BUDGET_MB


def main(words: Sequence[str] | None = None) -> int:
    """Run a part, print its table, write it where asked; 1 where something was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--part", choices=("serve", "list"), required=True)
    parser.add_argument("--requests", type=int, default=100, help="sent at the same moment (default: %(default)s)")
    parser.add_argument("--storms", type=int, default=3, help="how often (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the list (default: %(default)s)")
    parser.add_argument("--into", type=Path, help="file that holds the marks `<!-- serve -->` or `<!-- list -->`")
    asked = parser.parse_args(words)
    if asked.part == "serve":
        text, well = serve_table(models_folder().resolve(), asked.requests, asked.storms)
    else:
        text, well = list_table(asked.rows)
    print(text)
    if asked.into:
        replace_block(asked.into, asked.part, text)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
