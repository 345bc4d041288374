"""A search takes as many threads as it was given: neither numba nor ONNX Runtime start their own beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from screener.device import choose_device
from screener.search import Batching

PROGRAM = """
import os, re, sys
from pathlib import Path
from screener.candidates import Candidates
from screener.engine import BlockEngine
from screener.jobs import Question
from screener.plan import make_plan
from screener.run_models import run_models
from screener.search import Batching, scan
from screener.space import CompositionSpace
from screener.summary import PythonWatch

def threads():
    return int(re.search(r"Threads:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

space = CompositionSpace.build("Al,Ti,Cr,Zr", 2)
question = Question(maximize=("p_amorphous", "hardness_gpa"))
with run_models(question, Path(sys.argv[1]), "cpu", "screen", nearest=False) as models:
    models.precise()
    plan = make_plan(question, models.search, space.elements)
    engine = BlockEngine(plan.models, space.elements, plan.wanted, 256, fused=bool(int(sys.argv[3])))
    before, seen = threads(), []
    batching = Batching(1024, 256, int(sys.argv[2]))
    scan(Candidates(space), engine, batching, lambda index, columns: seen.append(threads()), PythonWatch())
print(max(seen) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
@pytest.mark.parametrize(("workers", "fused"), [(1, True), (3, True), (3, False)])
def test_no_thread_is_started_beside_the_workers(tiny_models: Path, workers: int, fused: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tiny_models), str(workers), str(int(fused))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 1 <= int(done.stdout) <= workers


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_there_are_as_many_workers_as_cores(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    workers = Batching.on(choose_device("cpu", {}), 16_384).workers
    assert workers == max(2, cores)  # on one core the second fills in while the first waits for its turn to rank
