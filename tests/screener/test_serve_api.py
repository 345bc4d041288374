"""The JSON interface of `screener serve`: the engine's answers, a queue, and refusals of one fact and a hint."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars
import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="httpx2 of the extra `dev` is not installed")

from starlette.testclient import TestClient

from screener.jobs import ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen
from screener.serve import MOST_BYTES, MOST_KEPT, MOST_WAITING
from screener.serve.api import Api, make_app
from screener.serve.installed import Installed
from screener.serve.runs import RunWatch

REQUEST = {"elements": "Al,Ti,Cr", "step": 10, "maximize": ["hardness_gpa"], "top": 7}
PATIENCE = 300.0
"""Seconds to wait for a run; the first one of a machine may compile."""


@pytest.fixture(scope="module")
def installed(trusted_models: Path) -> Installed:
    return Installed.load(trusted_models, "cpu")


@pytest.fixture
def client(installed: Installed) -> Iterator[TestClient]:
    """A server of its own."""
    app = make_app(Api(installed), ("testserver",))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


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


def until(client: TestClient, number: int, *states: str) -> dict:
    """Wait until a run is in one of some states."""
    end = time.monotonic() + PATIENCE
    while True:
        run = client.get(f"/api/runs/{number}").json()
        if run["state"] in states:
            return run
        assert time.monotonic() < end, run
        time.sleep(0.02)


def started(client: TestClient, **more: object) -> int:
    """Put a run into the queue."""
    answer = client.post("/api/runs", json={**REQUEST, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]


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


def test_size_and_estimate(client) -> None:
    size = client.post("/api/size", json={"elements": "Fe,Co,Ni,Cr,Al,Ti,Cu,Zr", "bounds": "Fe=0.5:50"}).json()
    assert size["candidates"] == int(size["space_size"]) > 10**10
    assert size["notes"] == ["`Fe` lower limit 0.5 at.% rounded to 1 at.%"]
    found = client.post("/api/estimate", json=REQUEST).json()
    assert (found["candidates"], found["search"]) == (66, "exhaustive")
    assert found["seconds"] > 0
    assert found["megabytes"] > 10
    exact = client.post("/api/estimate", json={**REQUEST, "search": "exact"}).json()
    assert (exact["search"], exact["seconds"], exact["time"]) == ("exact", None, None)


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


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"where": "vecc > 3"}, "unknown column `vecc`"),
        ({"where": "__import__('os')"}, None),
        ({"maximize": ["hardness"]}, "unknown column `hardness`"),
        ({"pareto": True}, "pareto front over `1` objectives"),
        ({"process": "forged"}, "unknown process `forged`"),
        ({"conditions": {"weather": 1}}, "unknown condition `weather`"),
        ({"recall": 2}, None),
        ({"prior": -1}, None),
        ({"search": "exhaustive", "time_limit": 5}, "`--time-limit` together with `--search exhaustive`"),
        ({"search": "exhaustive", "elements": "Al,Ti,Cr,Fe,Co,Ni,Cu,Zr", "step": 1}, None),
        ({"elements": "Al,Ti,Cr,Fe,Co,Ni,Cu,Zr,Nb,Mo,Ta,W", "step": "0.1", "search": "exact"}, None),
        ({"elements": "Al,He"}, "no alloy data for `He`"),
        ({"sample": -3}, "sample size `-3` is negative"),
        ({"seed": -1}, "seed `-1` is negative"),
    ],
)
@pytest.mark.parametrize("address", ["/api/runs", "/api/estimate"])
def test_what_cannot_be_answered_is_refused_before_it_queues(client, address, sent, message) -> None:
    answer = client.post(address, json={**REQUEST, **sent})
    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert set(said) == {"error", "hint"}
    assert said["error"]
    assert said["hint"]
    assert message is None or said["error"] == message
    assert client.get("/api/runs").json() == {"runs": []}


def test_only_json_of_a_bounded_size_is_read(client) -> None:
    form = client.post(
        "/api/runs", content="elements=Al", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (form.status_code, form.json()["hint"]) == (415, "send `content-type: application/json`")
    plain = client.post("/api/runs", content=json.dumps(REQUEST), headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    long = client.post("/api/runs", json={**REQUEST, "where": "a" * MOST_BYTES})
    assert (long.status_code, long.json()["error"]) == (413, f"the request is longer than {MOST_BYTES} bytes")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nothing", 404),
        ("/page/../api.py", 404),
        ("/page/%2e%2e%2fapi.py", 404),
        ("/page/..%2f..%2fcard.py", 404),
        ("/api/runs/7", 404),
        ("/api/runs/x", 404),
        ("/api/runs/7/result.exe", 404),
    ],
)
def test_addresses_without_anything(client, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}


def test_bad_formats_ranges_and_methods(client) -> None:
    number = until(client, started(client), "done")["number"]
    assert client.get(f"/api/runs/{number}/result.exe").json()["hint"] == "there are csv, jsonl, parquet"
    for query in ("start=-1", "count=x", "count=1001", "start=8", "count=1e3"):
        assert client.get(f"/api/runs/{number}/rows?{query}").status_code == 400, query
    wrong = client.put("/api/runs")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "`PUT` is not possible here")


def test_a_foreign_name_is_refused(client) -> None:
    answer = client.get("/api/runs", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["error"]) == (421, "this server is not `evil.example`")
    assert client.get("/api/runs", headers={"host": "testserver:8350"}).status_code == 200


def test_answers_keep_to_themselves(client) -> None:
    for address in ("/", "/api", "/page/main.js", "/api/runs", "/nothing"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'self'"), address
        assert "access-control-allow-origin" not in headers


def test_pages_load_nothing_from_elsewhere() -> None:
    import screener.serve

    for path in (Path(screener.serve.__file__).parent / "page").iterdir():
        assert "//" not in path.read_text(encoding="utf-8").replace("\n//", "").replace("// ", ""), path


def test_the_description_names_every_address(client) -> None:
    described = client.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    routes = {
        (route.path.replace(":int", ""), method.lower())
        for route in Api.routes(client.app.state.api)
        for method in (route.methods or set()) - {"HEAD"}
    }
    pages = {("/", "get"), ("/api", "get"), ("/page/{name}", "get"), ("/api/openapi.json", "get")}
    assert {(path, method) for path, each in described["paths"].items() for method in each} == routes - pages

    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if "$ref" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from references(each)

    for name in references(described):
        assert name.rpartition("/")[2] in described["components"]["schemas"]


def test_the_description_fits_what_is_answered(client) -> None:
    schemas = client.get("/api/openapi.json").json()["components"]["schemas"]
    run = until(client, started(client), "done")
    assert set(schemas["Run"]["properties"]) <= set(run)
    assert set(schemas["Health"]["properties"]) == set(client.get("/health").json())
    assert set(schemas["Size"]["properties"]) == set(client.post("/api/estimate", json=REQUEST).json())
    assert client.post("/api/size", json=schemas["Request"]["example"]).status_code == 200


def test_elements_and_columns_are_described(client) -> None:
    there = client.get("/api/installed").json()
    elements = {each["symbol"]: each["unknown_to"] for each in there["elements"]}
    assert elements["Al"] == []
    assert set(elements["Au"]) >= {"p_amorphous", "resistivity_uohm_cm", "hardness_gpa"}
    columns = {each["name"]: each for each in there["columns"]}
    assert columns["hardness_gpa"]["unit"] == "GPa"
    assert columns["density_g_cm3"]["better"] == "min"
    assert columns["is_amorphous"]["kind"] == "flag"
    assert there["processes"][0] == "ribbon"
