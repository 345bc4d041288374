"""The server against its own description: generated requests to every address, and paths that try to get out."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="httpx2 of the extra `dev` is not installed")

from serving import until
from starlette.applications import Starlette
from starlette.testclient import TestClient

from screener.serve.api import Api, make_app
from screener.serve.installed import Installed
from screener.serve.openapi import openapi

EXAMPLES = 20
FEW = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
OPERATIONS = [(method.upper(), path) for path, there in openapi()["paths"].items() for method in there]
REQUESTS = ("/api/size", "/api/estimate", "/api/runs")
SECRETS = ("def ", "import ", "root:", "[project]", "screener.golden")


@pytest.fixture(scope="module")
def app(trusted_models: Path) -> Iterator[Starlette]:
    """A server with one run that is done."""
    app = make_app(Api(Installed.load(trusted_models, "cpu")), None)
    with TestClient(app) as client:
        assert client.post("/api/runs", json={"elements": "Al,Ti,Cr", "step": 20, "top": 3}).status_code == 201
        until(client, 1, "done")
        yield app


@pytest.fixture
def client(app: Starlette) -> TestClient:
    """Calls the server; an exception of its own becomes an answer, as for everybody."""
    return TestClient(app, raise_server_exceptions=False)


def of_description(app: Starlette):
    """Everything that the server says can be asked of it."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis of the extra `dev` is not installed")
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


def left_out() -> list:
    """What is not asked for: a description by types cannot tell an element from another text."""
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    return [positive_data_acceptance]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_described(app: Starlette, method: str, path: str) -> None:
    """No answer of 500, and every one has a described status, type and form, for requests right and wrong."""
    operation = of_description(app)[path][method]
    sized = path in REQUESTS[:2]
    removes = method == "DELETE" or path.endswith("/cancel")
    answers: Counter[int] = Counter()

    @FEW
    @given(case=operation.as_strategy(), known=st.booleans())
    def ask(case, known: bool) -> None:
        if known and not removes and "number" in case.path_parameters:
            case.path_parameters["number"] = 1
        if known and sized and isinstance(case.body, dict):
            case.body |= {"elements": "Al,Ti", "step": "20"}
        answers[case.call_and_validate(excluded_checks=left_out()).status_code] += 1

    ask()
    assert sum(answers.values()) > 0
    if "{number}" in path and not removes:
        assert {200, 404} <= answers.keys(), answers
    if sized:
        assert {200, 400} <= answers.keys(), answers


def test_everything_that_answers_is_described(app: Starlette) -> None:
    routes = {(method, route.path) for route in app.routes for method in route.methods - {"HEAD"}}
    hidden = {("GET", path) for path in ("/", "/page/{name}", "/api", "/api/openapi.json")}
    assert routes == {*OPERATIONS} | hidden


words = st.sampled_from(["", "elements", "Al,Ti,Cr", "\ud800", "\x00", "9" * 400, "Al>1", "wt", "exact", "=", "-"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


@settings(FEW, max_examples=150)
@given(
    path=st.sampled_from(REQUESTS[:2]),
    name=st.sampled_from([*openapi()["components"]["schemas"]["Request"]["properties"], "other"]),
    value=values,
)
def test_no_value_of_any_field_is_a_bug(client: TestClient, path: str, name: str, value: object) -> None:
    body = json.dumps({"elements": "Al,Ti", "step": 20, name: value})
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400), (body, answer.text)
    assert set(answer.json()) >= ({"error", "hint"} if answer.status_code == 400 else {"candidates", "command"})


@settings(FEW, max_examples=100)
@given(path=st.sampled_from(REQUESTS), body=st.binary(max_size=60))
def test_no_body_is_a_bug(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, (body, answer.text)
    assert answer.json()["hint"]


STEPS = ("..", "%2e%2e", "..%2f", "%2e%2e%5c", "etc", "passwd", "api.py", "screener", "pyproject.toml", "%00", "a")


@settings(FEW, max_examples=150)
@given(st.sampled_from(["/page/", "/", "/api/", "/page/../", "//"]), st.lists(st.sampled_from(STEPS), max_size=6))
def test_no_path_gets_out(client: TestClient, start: str, steps: list[str]) -> None:
    answer = client.get(start + "/".join(steps))
    assert answer.status_code in (200, 404, 405), answer.text
    if answer.status_code == 200:
        assert not any(secret in answer.text for secret in SECRETS[:2])
    assert not any(secret in answer.text for secret in SECRETS[2:])


@pytest.mark.parametrize(
    "path",
    [
        *("/api/runs/" + "9" * 5000, "/api/runs/-1", "/api/runs/1.5", "/api/runs/１", "/api/runs/0x1", "/api/runs/%00"),
        *("/api/runs/1/result.exe", "/api/runs/1/result.csv%00", "/api/runs/1/result.", "/api/runs/1/result.../../x"),
        *("/page/../api.py", "/page/%2e%2e/api.py", "/page/..%2fapi.py", "/page//etc/passwd", "/page/%2fetc%2fpasswd"),
        *("/%ff%fe", "/api/runs/1/rows/%2e%2e", "/page/index.html%00.js", "/api/../api/server.py"),
    ],
)
def test_no_address_is_a_bug(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404, answer.text
    assert set(answer.json()) == {"error", "hint"}
    assert len(answer.json()["error"]) < 300


@pytest.mark.parametrize("query", ["start=-1", "count=x", "start=9999999999999", "start=%ff", "count=1e3", "start=+1"])
def test_rows_out_of_bounds_are_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/runs/1/rows?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["hint"].startswith("write a whole number from 0 to")


def test_the_run_is_still_whole_after_all_that(client: TestClient) -> None:
    table = polars.read_csv(io.BytesIO(client.get("/api/runs/1/result.csv").content))
    assert table["rank"].to_list() == [1, 2, 3]
