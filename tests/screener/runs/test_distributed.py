"""The same search in other processes: any cut, any order, any death of a worker gives the list of one process."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from clusters import Handle, HereRay, Refused, cluster_of, descendants, kill_workers, runs, started
from stopped_runs import Killed

from screener import distributed
from screener.distributed import Cluster
from screener.errors import ModelError
from screener.jobs import Question, ScreenJob
from screener.model_set import SUMS
from screener.remote_work import bind, evaluate, shipment_of
from screener.runs import course as course_module
from screener.runs.course import Part
from screener.runs.recipe import Recipe
from screener.space import CompositionSpace

BASE = ("enumerate", "--elements", "Al,Ti,Cr,Ni", "--search", "exhaustive", "--top", "30")
FOLDER = Path(__file__).resolve().parents[3] / "models"
QUESTIONS = {
    "ranking": (*BASE, "--maximize", "hardness_gpa", "--where", "vec > 3"),
    "front": (*BASE, "--pareto", "--maximize", "hardness_gpa", "--minimize", "density_g_cm3=2:9"),
    "sample": (*BASE, "--sample", "90000", "--seed", "4"),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[HereRay], HereRay]:
    """Let `--engine ray` find a cluster in this process."""

    def use(ray: HereRay) -> HereRay:
        bound: dict[int, object] = {}
        monkeypatch.setattr("screener.cluster_opening.open_cluster", lambda address, device: cluster_of(ray, device))
        monkeypatch.setattr(distributed, "_bound", lambda shipped: bound.setdefault(id(shipped), bind(shipped)))
        monkeypatch.setattr(course_module, "SPAN_BLOCKS", (1, 1))
        monkeypatch.setattr(course_module, "SHARD_BLOCKS", 2)
        monkeypatch.setattr("screener.runs.shards.SHARD_BLOCKS", 2)
        return ray

    return use


@pytest.mark.parametrize("case", QUESTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_any_order_and_any_death_give_the_same_bytes(run, here, case: str, seed: int) -> None:
    assert run(*QUESTIONS[case], "-o", "one.csv").code == 0
    ray = here(HereRay(seed, lose=0.3))
    assert run(*QUESTIONS[case], "-o", "many.csv", "--engine", "ray").code == 0
    assert ray.lost > 0
    assert ray.most <= 6
    assert Path("many.csv").read_bytes() == Path("one.csv").read_bytes()
    assert Path("many.csv.meta.json").read_bytes() == Path("one.csv.meta.json").read_bytes()


def test_the_files_of_all_candidates_are_the_same(run, here, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = here(HereRay(1, lose=0.2))
    asked = (*BASE, "--all-where", "hardness_gpa > 5")
    assert run(*asked, "--all", "ONE", "-o", "one.csv").code == 0
    assert run(*asked, "--all", "MANY", "-o", "many.csv", "--engine", "ray").code == 0
    assert ray.lost > 0
    assert {p.name: p.read_bytes() for p in Path("ONE").iterdir()} == {
        p.name: p.read_bytes() for p in Path("MANY").iterdir()
    }


@pytest.mark.parametrize("first", ["local", "ray"])
def test_one_engine_goes_on_where_the_other_stopped(run, here, kill_after, first: str) -> None:
    asked = QUESTIONS["ranking"]
    here(HereRay(3))
    assert run(*asked, "-o", "whole.csv").code == 0
    kill_after(4, "passed")
    with pytest.raises(Killed):
        run(*asked, "-o", "parts.csv", "--engine", first)
    other = "local" if first == "ray" else "ray"
    ended = run("enumerate", "--resume", "parts.csv", "--engine", other)
    assert ended.code == 0
    assert "going on at 37% of 176,851 candidates\n" in ended.err
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_workers_that_always_die_end_the_run(run, here) -> None:
    here(HereRay(lose=1.0))
    ended = run(*BASE, "-o", "out.csv", "--engine", "ray")
    assert ended.code == 2
    assert "error: workers died 8 times on candidates " in ended.err
    assert ended.err.endswith("hint: look at the memory of the nodes; Ray says: the worker died\n")


def test_what_a_worker_refuses_is_shown_as_it_is() -> None:
    ray = HereRay()
    ray.task = lambda *_: (_ for _ in ()).throw(Refused(ModelError("no such thing", "do this")))
    with pytest.raises(ModelError, match="no such thing"):
        Cluster(ray, "cpu")._taken(Handle(()), "candidates", Counter())


def test_gpus_are_shared_and_missed() -> None:
    job = ScreenJob(CompositionSpace.build("Al,Ti", 10), Question())
    ray = HereRay(resources={"CPU": 16.0, "GPU": 2.0})
    ray.task = lambda *_: None

    def given(device: str) -> dict[str, object]:
        results = Cluster(ray, device).results(Recipe(job), FOLDER, "best 3", iter(()), None)
        assert list(results) == []
        return ray.asked[-1]

    assert given("auto")["num_gpus"] == 0.5
    assert given("cpu")["num_gpus"] == 0
    assert given("auto")["num_cpus"] == 1
    assert Cluster(ray, "auto").slots(gpu=True) == 4
    with pytest.raises(ModelError, match="no node of the cluster has a GPU"):
        list(Cluster(HereRay(), "cuda").results(Recipe(job), FOLDER, "best 3", iter(()), None))


def test_only_what_searches_is_shipped_and_must_fit(tiny_models: Path) -> None:
    job = ScreenJob(CompositionSpace.build("Al,Ti,Cr", 10), Question(maximize=("hardness_gpa",)), models=tiny_models)
    shipment = shipment_of(Recipe(job), tiny_models, "cpu")
    assert {name.split("/")[0] for name in shipment.files} == {SUMS, "screen"}
    part = evaluate(bind(shipment), "best 5", range(66))
    assert isinstance(part, Part)
    assert part.state["seen"] == 66
    from dataclasses import replace

    with pytest.raises(ModelError) as refused:
        bind(replace(shipment, version="0.0.0"))
    assert refused.value.hint == "install the same version on every node"
    spoiled = dict(shipment.files)
    name = next(each for each in spoiled if each.endswith(".onnx"))
    spoiled[name] = spoiled[name][:-1] + b"\0"
    with pytest.raises(ModelError, match="does not match its recorded digest"):
        bind(replace(shipment, files=spoiled))


REFUSED = {
    ("--engine", "spark"): ("unknown engine `spark`", "use `--engine local` or `--engine ray`"),
    ("--ray-address", "h:1"): ("`--ray-address` without `--engine ray`", "add `--engine ray`"),
}


@pytest.mark.parametrize("options", REFUSED)
def test_refusals(run, options: tuple[str, ...]) -> None:
    fact, hint = REFUSED[options]
    ended = run("enumerate", "--elements", "Al,Ti,Cr", *options)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {fact}\n\nhint: {hint}\n")


def test_without_ray_the_extra_is_named(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = run(*BASE, "--engine", "ray")
    assert (ended.code, ended.err) == (
        2,
        "error: `--engine ray` needs Ray, which is not installed\n\n"
        "hint: run: pip install 'alloy-screener[distributed]'\n",
    )


def test_a_cluster_is_started_and_stopped(run, tiny_models: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    assert run(*QUESTIONS["ranking"], "-o", "one.csv").code == 0
    process = started(tmp_path, tiny_models, *QUESTIONS["ranking"], "-o", "many.csv", "--engine", "ray", "--quiet")
    below: dict[int, str] = {}
    while process.poll() is None:
        below |= {pid: title for pid, title in descendants(process.pid).items() if title}
        time.sleep(0.2)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "")
    assert Path("many.csv").read_bytes() == Path("one.csv").read_bytes()
    assert any("raylet" in title for title in below.values())
    deadline = time.monotonic() + 20.0
    while left := [title for pid, title in below.items() if runs(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


@pytest.mark.slow
def test_workers_are_killed_again_and_again(run, tiny_models: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    asked = ("enumerate", "--elements", "Al,Ti,Cr,Ni,Fe,Co", "--sample", "12000000", "--search", "exhaustive")
    assert run(*asked, "-o", "one.csv").code == 0
    process = started(tmp_path, tiny_models, *asked, "-o", "many.csv", "--engine", "ray", "--quiet")
    killed = kill_workers(process, "ray::screen_span", 12)
    err = process.communicate()[1]
    assert (process.returncode, err) == (0, "")
    assert killed >= 10
    assert Path("many.csv").read_bytes() == Path("one.csv").read_bytes()


def test_no_cluster_answers(run) -> None:
    pytest.importorskip("ray")
    ended = run(*BASE, "--engine", "ray", "--ray-address", "127.0.0.1:1")
    assert (ended.code, ended.err) == (
        2,
        "error: no Ray cluster answers at `127.0.0.1:1`: [errno 111] connection refused\n\n"
        "hint: start one with `ray start --head` there, or leave --ray-address out\n",
    )
    ended = run(*BASE, "--engine", "ray", "--ray-address", "head node")
    assert ended.err.startswith("error: `head node` is no address of a cluster\n")
