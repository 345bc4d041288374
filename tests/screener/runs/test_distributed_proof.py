"""Exact search in other processes: any number of workers, any order, any death gives the list of one process."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest
from clusters import Handle, HereRay, cluster_of, kill_workers, started
from stopped_runs import Killed

from screener import distributed, remote_proof
from screener.cluster_opening import open_cluster
from screener.distributed import Cluster
from screener.errors import ModelError
from screener.exact.cells import Cells
from screener.exact.hands import Known, dealt
from screener.exact.problem import Problem
from screener.remote_proof import Pace, problem_in, proof_shipment

BASE = ("enumerate", "--elements", "Al,Ti,Cr,Ni,Fe", "--search", "exact", "--top", "30")
QUESTIONS = {
    "plain": (*BASE, "--maximize", "hardness_gpa", "--step", "2"),
    "conditions": (*BASE, "--minimize", "resistivity_uohm_cm", "--where", "density_g_cm3 < 6 and Al + Ti > 30"),
    "ties": (*BASE, "--maximize", "Cr", "--step", "5", "--where", "Cr < 41"),
    "choices": (*BASE, "--components", "2-3", "--step", "2"),
    "apart": (*BASE, "--diverse", "12", "--maximize", "hardness_gpa", "--step", "4", "--top", "6"),
    "near": (*BASE, "--near", "3", "--step", "2"),
    "everything": (*BASE, "--step", "10", "--top", "2000"),
}


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all cells to workers, few at a time and for no longer than it takes to bound them."""
    monkeypatch.setattr(distributed, "FIRST_BLOCKS", -9)
    monkeypatch.setattr(remote_proof, "_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(remote_proof, "_CELLS", (1, 4))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, spread: None) -> Callable[[HereRay], HereRay]:
    """Let `--engine ray` find a cluster in this process."""

    def use(ray: HereRay) -> HereRay:
        opened: dict[int, tuple[object, Problem]] = {}

        def problem(shipped: object) -> Problem:
            return opened.setdefault(id(shipped), (shipped, problem_in(shipped)))[1]

        monkeypatch.setattr("screener.cluster_opening.open_cluster", lambda address, device: cluster_of(ray, device))
        monkeypatch.setattr(distributed, "_problem", problem)
        return ray

    return use


def same_files(one: str, many: str) -> None:
    for end in ("", ".meta.json"):
        assert Path(f"{many}{end}").read_bytes() == Path(f"{one}{end}").read_bytes()


@pytest.mark.parametrize("case", QUESTIONS)
def test_any_number_of_workers_and_any_death_give_the_same_bytes(run, here, case: str) -> None:
    assert run(*QUESTIONS[case], "-o", "one.csv").code == 0
    for workers in (1, 2, 3):
        ray = here(HereRay(workers, lose=0.3, resources={"CPU": float(workers)}))
        ended = run(*QUESTIONS[case], "-o", "many.csv", "--engine", "ray")
        assert ended.code == 0
        assert "certificate: " in ended.err
        assert "partial" not in ended.err
        assert ray.lost > 0
        assert ray.most <= 2 * workers
        same_files("one.csv", "many.csv")


def test_short_proofs_need_no_worker(run, here, monkeypatch) -> None:
    monkeypatch.setattr(distributed, "FIRST_BLOCKS", 10_000)
    ray = here(HereRay())
    assert run(*QUESTIONS["plain"], "-o", "one.csv").code == 0
    assert run(*QUESTIONS["plain"], "-o", "many.csv", "--engine", "ray").code == 0
    assert ray.most == 0
    same_files("one.csv", "many.csv")


def test_auto_proves_with_workers_too(run, here) -> None:
    ray = here(HereRay())
    assert "certificate: no candidate" in run(*BASE[:3], "--engine", "ray", "-o", "out.csv").err
    assert ray.most > 0


@pytest.mark.parametrize("first", ["local", "ray"])
def test_one_engine_goes_on_where_the_other_stopped(run, here, kill_after, first: str) -> None:
    asked = QUESTIONS["plain"]
    here(HereRay(3))
    assert run(*asked, "-o", "whole.csv").code == 0
    kill_after(6 if first == "local" else 2, "proved")
    with pytest.raises(Killed):
        run(*asked, "-o", "parts.csv", "--engine", first)
    Path("parts.csv").unlink(missing_ok=True)
    other = "local" if first == "ray" else "ray"
    ended = run("enumerate", "--resume", "parts.csv", "--engine", other)
    assert ended.code == 0
    assert "going on at " in ended.err
    same_files("whole.csv", "parts.csv")


class NoAnswer(HereRay):
    """Workers that never answer."""

    def wait(self, refs: list[Handle], num_returns: int, timeout: float) -> tuple[list[Handle], list[Handle]]:
        time.sleep(0.01)
        return [], refs


def test_a_time_limit_holds_where_no_worker_answers(run, here) -> None:
    here(NoAnswer())
    ended = run(*QUESTIONS["plain"], "--engine", "ray", "--time-limit", "0.2", "-o", "out.csv")
    assert ended.code == 0
    assert "warning: the time limit was reached: there may be better candidates than those listed\n" in ended.err
    assert "0.00% of the space is settled" in ended.err
    assert polars.read_csv("out.csv").height == 30


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_heard_where_no_worker_answers(run, here, monkeypatch, number: int, code: int) -> None:
    ray, waits = here(NoAnswer()), Counter[str]()
    wait = ray.wait

    def signalled(*how: object, **more: object) -> object:
        waits["all"] += 1
        if waits["all"] == 3:
            os.kill(os.getpid(), number)
        return wait(*how, **more)

    monkeypatch.setattr(ray, "wait", signalled)
    ended = run(*QUESTIONS["plain"], "--engine", "ray", "-o", "out.csv")
    assert ended.code == code
    assert "warning: the search was stopped: there may be better candidates than those listed\n" in ended.err
    assert waits["all"] < 10


def test_workers_that_always_die_end_the_run(run, here) -> None:
    here(HereRay(lose=1.0))
    ended = run(*QUESTIONS["plain"], "-o", "out.csv", "--engine", "ray")
    assert ended.code == 2
    assert ended.err.startswith("error: workers died 8 times on 1 cells, the first of amounts [0, 0, 0, 0, 0] to [")
    assert ended.err.endswith("hint: look at the memory of the nodes; Ray says: the worker died\n")


def test_a_bound_that_is_too_low_is_told_by_a_worker_too(run, here, monkeypatch) -> None:
    sound = Problem.bounded

    def unsound(self: Problem, *how: object) -> object:
        bounded = sound(self, *how)
        return replace(bounded, ceiling=bounded.ceiling - 0.5 * (np.abs(bounded.ceiling) + 10.0))

    monkeypatch.setattr(Problem, "bounded", unsound)
    here(HereRay())
    ended = run(*QUESTIONS["plain"], "-o", "out.csv", "--engine", "ray")
    assert ended.code == 1
    assert "BrokenBoundError" in ended.err
    assert not Path("out.csv").exists()


def test_other_code_is_refused_before_the_problem_is_opened() -> None:
    shipment = proof_shipment(None)
    spoiled = replace(shipment, version="0.0.0", files={"problem": b"nothing to open"})
    with pytest.raises(ModelError) as refused:
        problem_in(spoiled)
    assert refused.value.hint == "install the same version on every node"


def some_cells(n: int) -> Cells:
    shape = (n, 2)
    boxes = np.arange(2 * n, dtype=np.int16).reshape(shape)
    return Cells(np.zeros(shape, np.int16), boxes, boxes, np.zeros(n), np.ones(n), np.zeros(n, np.int64))


def test_cells_are_dealt_out_evenly_and_once() -> None:
    blocks = iter([some_cells(5), some_cells(4), some_cells(3)])
    groups = list(dealt(blocks, 2, 4))
    assert [len(each) for each in groups] == [5, 4]
    lower = np.concatenate([each.lower for each in groups])
    assert sorted(lower[:, 0]) == sorted([*range(0, 10, 2), *range(0, 8, 2)])
    assert [len(each) for each in dealt(blocks, 9, 100)] == [1, 1, 1]
    assert list(dealt(blocks, 2, 4)) == []
    assert list(dealt(iter([some_cells(1)]), 0, 4)) == []


def test_the_pace_follows_what_workers_get_through(monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(1200.0, now)
    assert pace.seconds() == 0.5
    now = 1040.0
    assert pace.seconds() == 4.0
    now = 1150.0
    assert pace.seconds() == 10.0
    now = 1196.0
    assert pace.seconds() == 1.0
    now = 1300.0
    assert pace.seconds() == 0.02


def test_known_scores_set_the_threshold_of_a_worker() -> None:
    kept = Known(2, 1.0, np.array([3.0, 2.0])).kept(3)
    kept.offer(np.zeros((1, 3), np.int16), np.array([2.5]), np.array([2.6]))
    assert kept.threshold == 2.5
    alone = Known(2, 1.0, np.empty(0)).kept(3)
    alone.offer(np.zeros((1, 3), np.int16), np.array([2.5]), np.array([2.6]))
    assert alone.threshold == 1.0


@pytest.fixture(scope="module")
def three_workers() -> Iterator[Cluster]:
    pytest.importorskip("ray")
    with open_cluster(None, "cpu", 3) as cluster:
        yield cluster


def test_real_workers_find_the_same_list(run, spread, three_workers: Cluster, monkeypatch) -> None:
    monkeypatch.setattr("screener.cluster_opening.open_cluster", lambda *_: cluster_of(three_workers._ray, "cpu"))
    monkeypatch.setattr(distributed, "_AHEAD", 1)
    for case, workers in (("plain", 1), ("conditions", 2), ("apart", 3)):
        monkeypatch.setattr(Cluster, "slots", lambda cluster, gpu=False, workers=workers: workers)
        assert run(*QUESTIONS[case], "-o", "one.csv").code == 0
        ended = run(*QUESTIONS[case], "-o", "many.csv", "--engine", "ray")
        assert ended.code == 0
        same_files("one.csv", "many.csv")


@pytest.mark.slow
def test_workers_are_killed_again_and_again(run, tiny_models: Path, tmp_path: Path) -> None:
    """Workers of a proof that takes them a while."""
    pytest.importorskip("ray")
    asked = ("enumerate", "--elements", "Al,Ti,Cr,Ni,Fe,Zr,Co,Cu,Nb", "--search", "exact", "--top", "3000")
    alone = run(*asked, "-o", "one.csv", "--quiet")
    process = started(tmp_path, tiny_models, *asked, "-o", "many.csv", "--engine", "ray", "--quiet")
    killed = kill_workers(process, "ray::prove_region", 5)
    err = process.communicate()[1]
    assert (process.returncode, err) == (alone.code, alone.err) == (0, alone.err)
    assert killed > 0
    same_files("one.csv", "many.csv")
