"""Proving the best candidates of spaces of any size, beside scoring every one where that can be done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import FULL, QUICK, Size, models_folder
from benchmarks.timing import Line
from screener.binding import bind_tier
from screener.candidates import Candidates
from screener.device import choose_device
from screener.exact.question import exact_problem
from screener.exact.run import Effort, ExactFound, find_exactly
from screener.float64_net import Float64Net
from screener.jobs import BLOCK, Question
from screener.judge import Judge
from screener.model_set import load_models
from screener.plan import make_plan
from screener.search import Batching, Found, search
from screener.space import CompositionSpace
from screener.summary import PythonWatch

TOP = 100
LIMIT = 600.0
"""Seconds after which a search is given up, and said to be."""
TEN = "Fe,Co,Ni,Cr,Al,Ti,Cu,Zr,Nb,Mo"
EIGHTEEN = f"{TEN},V,Mn,Si,Mg,Hf,Ta,W,Ag"
TARGETS = ("p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa")
CASES: tuple[tuple[str, str, str | None, tuple[str, ...]], ...] = (
    ("5 elements", "Al,Ni,Cu,Zr,Ti", None, TARGETS),
    ("8 elements", "Fe,Co,Ni,Cr,Al,Ti,Cu,Zr", None, TARGETS),
    ("10 elements", TEN, None, TARGETS),
    ("up to 5 of 18 elements", EIGHTEEN, "1-5", TARGETS[:1]),
)
CONDITION = "p_amorphous > 0.9"
CONDITIONED = ("hardness_gpa", "resistivity_uohm_cm")
"""Targets that are also searched under a condition, in the first two spaces."""


class Run:
    """One question, bound once and searched both ways."""

    def __init__(self, space: CompositionSpace, question: Question) -> None:
        device = choose_device("cpu")
        models = load_models(models_folder(), device, ("screen",)).screen
        self.nets = {name: Float64Net.read(model.content) for name, model in models.items()}
        self.plan = make_plan(question, bind_tier("screen", models, question), space.elements)
        self.candidates, self.batching = Candidates(space), Batching.on(device, BLOCK)
        self.shown = {*self.plan.models.columns, *self.plan.wanted}
        self.threads = device.threads

    def judge(self) -> Judge:
        """Make who settles order and values."""
        return Judge(self.plan.models, self.nets, self.candidates.space.elements, self.shown)

    def exactly(self, k: int) -> ExactFound:
        """Search by branch and bound."""
        problem = exact_problem(self.plan, self.nets, self.candidates.space)
        effort = Effort(self.threads, LIMIT)
        return find_exactly(self.candidates, self.plan, problem, k, self.judge(), PythonWatch(), effort)

    def exhaustively(self, k: int) -> Found:
        """Score every candidate."""
        return search(self.candidates, self.plan, k, self.batching, self.judge, self.shown, PythonWatch())


@cache
def timed(elements: str, step: int, components: str | None, question: Question) -> tuple[Run, ExactFound, float]:
    """Search by branch and bound: who ran, what was found, seconds."""
    run = Run(CompositionSpace.build(elements, step, components), question)
    start = time.perf_counter()
    found = run.exactly(TOP)
    return run, found, time.perf_counter() - start


def lines(size: Size) -> Iterator[Line]:
    """Time exact searches; the first beside an exhaustive search, whose list it must equal."""
    timed("Al,Ni,Cu,Zr", 10, None, Question())  # compiles
    cases = CASES if size is FULL else CASES[:1]
    for name, elements, components, targets in cases:
        for target in targets:
            run, exact, seconds = timed(elements, size.step, components, Question(maximize=(target,)))
            tally = exact.proof.tally
            what = f"best {TOP} by `{target}`, {name}, {run.candidates.size:.3g} candidates{_stopped(exact)}"
            main = exact.proof.complete and target == TARGETS[0]
            if elements != CASES[0][1]:
                yield Line("exact search", f"{what}, {tally.cells:,} cells", seconds, "s", headline=main)
                continue
            start = time.perf_counter()
            everything = run.exhaustively(TOP)
            beside = time.perf_counter() - start
            np.testing.assert_array_equal(exact.found.index, everything.index)
            np.testing.assert_array_equal(exact.found.score, everything.score)
            fewer = run.candidates.size / (tally.cells + tally.points)
            what += f", {fewer:,.0f} × fewer evaluations"
            yield Line("exact search", what, seconds, "s", "scoring every candidate", beside / seconds, main)
    for name, elements, components, _ in cases[:2]:
        yield from _conditioned(size, name, elements, components)


def _conditioned(size: Size, name: str, elements: str, components: str | None) -> Iterator[Line]:
    """Time exact searches under a condition beside the same without."""
    for target in CONDITIONED:
        _, _, free = timed(elements, size.step, components, Question(maximize=(target,)))
        _, exact, seconds = timed(elements, size.step, components, Question(maximize=(target,), where=CONDITION))
        what = f"best {TOP} by `{target}` where `{CONDITION}`, {name}{_stopped(exact)}"
        what += f", {exact.proof.tally.cells:,} cells"
        yield Line("exact search", what, seconds, "s", "without the condition", free / seconds)


def _stopped(exact: ExactFound) -> str:
    """Say how far a search came that was given up."""
    return "" if exact.proof.complete else f": stopped, {exact.proof.tally.settled:.1%} settled"


def test_exact_search_is_the_exhaustive_one(benchmark: BenchmarkFixture) -> None:
    run = Run(CompositionSpace.build("Al,Ni,Cu,Zr,Ti", QUICK.step), Question())
    exact = benchmark(lambda: run.exactly(QUICK.top))
    everything = run.exhaustively(QUICK.top)
    benchmark.extra_info["cells"] = exact.proof.tally.cells
    np.testing.assert_array_equal(exact.found.index, everything.index)
    np.testing.assert_array_equal(exact.found.score, everything.score)
