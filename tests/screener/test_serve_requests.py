"""Requests of `screener serve`: what is read, what is refused, and the command line that asks the same."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="the extra `serve` is not installed")

from screener.errors import InputError, ScreenerError
from screener.jobs import MAX_CANDIDATES, ClassifierChoice, ScreenJob, SearchChoice, TierChoice
from screener.serve.asked import command_line, job_of, read_request
from screener.serve.fields import BY_NAME, FIELDS


def asked(**sent: object) -> ScreenJob:
    """The search a request asks for."""
    return job_of(read_request(json.dumps({"elements": "Al,Ti,Cr", **sent}).encode()), None, "auto", MAX_CANDIDATES)


def of_command(command: str, monkeypatch: pytest.MonkeyPatch) -> ScreenJob:
    """The search that a command line asks for."""
    from screener.cli import main, resuming

    jobs: list[ScreenJob] = []

    class Enough(Exception):
        pass

    def seen(job: ScreenJob, watch: object, course: object) -> None:
        jobs.append(job)
        raise Enough

    monkeypatch.setattr(resuming, "run_screen", seen)
    assert main(shlex.split(command)[1:]) == 1
    return jobs[0]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"step": "2.5", "components": "2-3", "bounds": "Al=5:35,Cr=0:20", "sums": ["Al+Ti=40:90", "Ti+Cr=0:80"]},
        {"step": 10, "components": 2, "elements": ["Al", "Cr"], "units": "wt", "sample": 7, "seed": 3},
        {"maximize": ["hardness_gpa=2:8"], "minimize": ["density_g_cm3", "cost_usd_kg=5:200"], "pareto": True},
        {"where": "-Al < 3 and Ti > 'x'", "rank_by": "-hardness_gpa", "top": 7, "tier": "screen", "recall": 0.95},
        {"conditions": {"load_n": 4.9, "annealed": 1}, "process": "bulk", "prior": 0.1, "classifier": "mtl"},
        {"search": "exact", "time_limit": 30.5, "diverse": 5, "near": 2.5, "with_descriptors": True, "strict": True},
        {"maximize": "hardness_gpa", "threshold": 0.4, "where": "  "},
    ],
)
def test_the_command_line_asks_the_same(sent, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    request = read_request(json.dumps({"elements": "Al,Ti,Cr", **sent}).encode())
    assert of_command(command_line(request), monkeypatch) == job_of(request, None, "auto", MAX_CANDIDATES)
    capsys.readouterr()


def test_what_stands_at_its_default_is_left_out_of_the_command() -> None:
    request = read_request(b'{"elements": "Al,Ti", "top": 20, "step": 1, "search": "auto", "maximize": []}')
    assert command_line(request) == "screener enumerate --elements Al,Ti -o best.csv"


def test_choices_are_those_of_the_engine() -> None:
    for name, engine in (("tier", TierChoice), ("search", SearchChoice), ("classifier", ClassifierChoice)):
        assert BY_NAME[name].choices == get_args(engine), name


def test_every_option_of_a_search_can_be_asked() -> None:
    import typer

    from screener.cli import app

    command = typer.main.get_command(app).commands["enumerate"]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    ours = {field.option for field in FIELDS}
    assert ours <= options
    # What says where it runs and where it goes is the server's.
    elsewhere = {"--output", "--device", "--models", "--max-candidates", "--quiet", "--dry-run", "--help"}
    of_files_and_clusters = {"--all", "--all-where", "--engine", "--ray-address", "--resume", "--excel-safe", "--json"}
    assert options - ours - elsewhere <= of_files_and_clusters


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (b"\xff", "the request is not JSON", "send an object such as"),
        (b"[1]", "the request is not an object", "send an object such as"),
        (b'{"elements": NaN}', "the request is not JSON", "send an object such as"),
        (b"[" * 5000, "the request is not JSON", "send an object such as"),
        (b'{"element": "Al"}', "unknown field `element`", "did you mean `elements`?"),
        (b'{"zzzzz": 1}', "unknown field `zzzzz`", "there are elements, step"),
        (b'{"elements": 3}', "`elements` is not a text", "Element symbols, parted by commas."),
        (b'{"elements": "Al", "top": true}', "`top` is not a whole number", "How many candidates to keep"),
        (b'{"elements": "Al", "top": 2.5}', "`top` is not a whole number", "For example 50."),
        (b'{"elements": "Al", "maximize": [1]}', "`maximize` is not a list of texts", "Columns to make large"),
        (b'{"elements": "Al", "conditions": {"a": "b"}}', "`conditions` is not an object of numbers", "Measurement"),
        (b'{"elements": "Al", "prior": 1e999}', "`prior` is not a number", "Expected share"),
        (b'{"elements": "Al", "pareto": "yes"}', "`pareto` is not true or false", "Keep only what none beats"),
        (b'{"elements": "Al", "tier": "best"}', "`tier` is `best`", "use `auto` or `screen` or `characterize`"),
        (b'{"elements": "Al", "where": "' + b"a" * 3000 + b'"}', "`where` is too long", "send at most 64 texts"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, message: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        read_request(body)
    assert refused.value.message == message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"elements": ""}, "no elements given"),
        ({"elements": "Al,Tii"}, "unknown element `Tii`"),
        ({"step": "0.3"}, "step `0.3` does not divide 100 at.%"),
        ({"bounds": "Al=9"}, "`Al=9` does not read as limits in at.%"),
        ({"top": 0}, "--top `0` is below 1"),
        ({"top": 20_001}, "top `20001` is more than the 20000 that a page shows"),
        ({"sample": 10**9}, "sample `1000000000` is more than the 5000000 that a page draws"),
    ],
)
def test_what_is_no_search_is_refused(sent: dict[str, object], message: str) -> None:
    with pytest.raises(ScreenerError) as refused:
        asked(**sent)
    assert refused.value.message == message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([field.name for field in FIELDS]), json_values, max_size=5))
def test_no_value_breaks_the_reader(sent: dict[str, object]) -> None:
    with suppress(ScreenerError):  # a fact and a hint; anything else would be a bug
        request = read_request(json.dumps({"elements": "Al,Ti", **sent}).encode())
        command_line(request)
        job_of(request, None, "auto", MAX_CANDIDATES)
