"""The JSON interface of `screener serve`: what it says of itself, and refusals of one fact and a hint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="httpx2 of the extra `dev` is not installed")

from serving import REQUEST, started, until

from screener.serve import MOST_BYTES
from screener.serve.api import Api


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
        ({"sample": -3}, "sample size `-3` is below 1"),
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
