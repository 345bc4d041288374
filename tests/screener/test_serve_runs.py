"""Runs of `screener serve`: the engine's answers, a queue, and what is left of a run."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator

import polars
import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="httpx2 of the extra `dev` is not installed")

from serving import PATIENCE, REQUEST, started, until
from starlette.testclient import TestClient

from screener.jobs import ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen
from screener.serve import MOST_KEPT, MOST_WAITING
from screener.serve.api import Api, make_app
from screener.serve.installed import Installed
from screener.serve.runs import RunWatch


class Gate:
    """A search that waits in the middle until it is let through."""

    def __init__(self) -> None:
        self.open, self.running = threading.Event(), threading.Event()

    def __call__(self, job: ScreenJob, watch: RunWatch) -> Outcome:
        self.running.set()
        for done in range(10**6):
            watch.progress(done, 10**6)
            if self.open.wait(0.01):
                return run_screen(job, watch)
        raise AssertionError


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def gated(installed: Installed, gate: Gate) -> Iterator[TestClient]:
    """A server whose runs wait at the gate."""
    with TestClient(make_app(Api(installed, screen=gate), ("testserver",))) as client:
        yield client


def test_a_run_gives_what_the_command_line_gives(client, run: Callable, trusted_models, tmp_path) -> None:
    done = until(client, started(client), "done", "failed")
    assert done["state"] == "done", done
    assert (done["rows"], done["candidates"], done["share"]) == (7, 66, 1.0)
    csv = client.get(f"/api/runs/{done['number']}/result.csv")
    assert csv.headers["content-disposition"] == 'attachment; filename="Al-Ti-Cr-1.csv"'
    words = done["command"].split()[1:]
    assert run(*words, "--models", trusted_models, "--quiet").code == 0
    assert csv.text == (tmp_path / "best.csv").read_text(encoding="utf-8")
    table = polars.read_csv(io.BytesIO(csv.content))
    parquet = client.get(f"/api/runs/{done['number']}/result.parquet").content
    assert polars.read_parquet(io.BytesIO(parquet))["formula"].to_list() == table["formula"].to_list()
    about = polars.read_parquet_metadata(io.BytesIO(parquet))
    meta = json.loads((tmp_path / "best.csv.meta.json").read_text(encoding="utf-8"))
    assert {key: value for key, value in about.items() if key.startswith("screener.")} == meta
    lines = client.get(f"/api/runs/{done['number']}/result.jsonl").text.splitlines()
    assert [json.loads(line)["formula"] for line in lines] == table["formula"].to_list()
    rows = client.get(f"/api/runs/{done['number']}/rows?start=2&count=3").json()
    assert [row["formula"] for row in rows["rows"]] == table["formula"].to_list()[2:5]
    assert (rows["total"], rows["columns"]) == (7, table.columns)


def test_the_report_of_a_run_is_the_report(client) -> None:
    number = until(client, started(client), "done")["number"]
    page = client.get(f"/api/runs/{number}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert "Al–Ti–Cr: the best 7 alloys of 66 candidates" in page.text
    assert client.get(f"/api/runs/{number}/report").text == page.text


def test_an_exact_search_runs_and_says_what_it_proved(client) -> None:
    done = until(client, started(client, search="exact"), "done", "failed")
    assert done["state"] == "done", done
    assert any(line.startswith("certificate: no candidate outside this list") for line in done["summary"])


def test_runs_queue_and_are_cancelled(gated, gate) -> None:
    first, second, third = (started(gated) for _ in range(3))
    assert gate.running.wait(PATIENCE)
    assert gated.get("/health").json() | {"models": ""} == {
        "status": "ok",
        "models": "",
        "running": 1,
        "waiting": 2,
        "version": gated.get("/api/installed").json()["version"],
    }
    assert [run["state"] for run in gated.get("/api/runs").json()["runs"]] == ["waiting", "waiting", "running"]
    assert gated.post(f"/api/runs/{second}/cancel").json()["state"] == "cancelled"
    assert gated.post(f"/api/runs/{first}/cancel").status_code == 200
    assert until(gated, first, "cancelled", "done")["state"] == "cancelled"
    assert gated.get(f"/api/runs/{first}/result.csv").status_code == 409
    gate.open.set()
    assert until(gated, third, "done", "failed")["state"] == "done"
    assert gated.delete(f"/api/runs/{first}").status_code == 204
    assert gated.get(f"/api/runs/{first}").status_code == 404


def test_progress_is_told(gated, gate) -> None:
    number = started(gated)
    assert gate.running.wait(PATIENCE)
    time.sleep(0.1)
    run = gated.get(f"/api/runs/{number}").json()
    assert 0 < run["share"] < 1
    assert run["rate"] > 0
    assert run["seconds_left"] > 0
    gate.open.set()
    assert until(gated, number, "done")["seconds_left"] is None


def test_the_queue_has_an_end(gated, gate) -> None:
    started(gated)
    assert gate.running.wait(PATIENCE)
    for _ in range(MOST_WAITING):
        started(gated)
    full = gated.post("/api/runs", json=REQUEST)
    assert full.status_code == 429
    assert full.json() == {
        "error": f"{MOST_WAITING} runs are waiting",
        "hint": "cancel one, or wait until one is done",
    }


def test_old_results_are_forgotten(installed) -> None:
    with TestClient(make_app(Api(installed), None)) as client:
        for _ in range(MOST_KEPT + 3):
            number = started(client)
            until(client, number, "done")
        assert len(client.get("/api/runs").json()["runs"]) <= MOST_KEPT + 1
        assert client.get("/api/runs/1").json() == {
            "error": "no run `1`",
            "hint": "`GET /api/runs` lists those remembered",
        }


def test_a_run_that_breaks_does_not_stop_the_others(installed, capsys) -> None:
    calls = []

    def screen(job: ScreenJob, watch: RunWatch) -> Outcome:
        calls.append(job)
        if len(calls) == 1:
            raise RuntimeError("out of luck")
        return run_screen(job, watch)

    with TestClient(make_app(Api(installed, screen=screen), None)) as client:
        failed = until(client, started(client), "failed", "done")
        assert failed["problem"] == {"error": "the run broke: out of luck", "hint": "please report it as a bug"}
        assert until(client, started(client), "failed", "done")["state"] == "done"
    assert "RuntimeError: out of luck" in capsys.readouterr().err


def test_nothing_kept_is_said(client) -> None:
    done = until(client, started(client, where="Al > 200"), "done")
    assert done["rows"] == 0
    assert "no candidate meets --where" in done["warnings"]
    answer = client.get(f"/api/runs/{done['number']}/report")
    assert (answer.status_code, answer.json()["error"]) == (409, f"run `{done['number']}` kept no candidate")
