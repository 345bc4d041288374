from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from screener.errors import InputError
from training import catalogue as module
from training.catalogue import catalogue
from training.data_cli import data_app

run = CliRunner()


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("SCREENER_DATA", str(tmp_path / "none"))
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")


def test_list_shows_every_data_set(nothing_here):
    result = run.invoke(data_app, ["list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["key", "records", "read", "licence", "found"]
    assert [line.split()[0] for line in lines[1:]] == list(catalogue())
    assert all(line.endswith("missing") for line in lines[1:])


def test_list_as_json(nothing_here):
    documents = json.loads(run.invoke(data_app, ["list", "--json"]).stdout)
    assert [d["key"] for d in documents] == list(catalogue())
    assert documents[0]["found"] == "missing"
    assert documents[0]["doi"] == "10.1038/s41524-025-01799-9"


def test_fetch_wants_names_or_all(nothing_here):
    for arguments in (["fetch"], ["fetch", "ward_2018", "--all"]):
        result = run.invoke(data_app, arguments)
        assert isinstance(result.exception, InputError)
        assert result.exception.message == "fetch takes either data sets or --all"


def test_fetch_names_what_cannot_be_had(nothing_here):
    result = run.invoke(data_app, ["fetch", "you_2022_literature"])
    assert isinstance(result.exception, InputError)
    assert "no public copy" in result.exception.hint


def test_check_names_the_first_missing_file(nothing_here):
    result = run.invoke(data_app, ["check"])
    assert isinstance(result.exception, InputError)
    assert "nowhere to be found" in result.exception.message


@pytest.mark.parametrize("command", ["list", "fetch", "check"])
def test_every_command_shows_an_example(command):
    assert f"training data {command}" in run.invoke(data_app, [command, "--help"]).stdout


@pytest.mark.data
def test_fetch_finds_what_is_there(data_variable):
    result = run.invoke(data_app, ["fetch", "ward_2018", "--json"])
    path = data_variable / "ward_2018_metallic_glasses" / "ward-metallic-glasses.csv.xz"
    assert json.loads(result.stdout) == [{"key": "ward_2018", "path": str(path)}]


@pytest.mark.data
def test_check_counts_everything(data_variable):
    result = run.invoke(data_app, ["check", "--json"])
    document = json.loads(result.stdout)
    assert [task["task"] for task in document["tasks"]] == ["hardness_gpa", "is_amorphous", "resistivity_uohm_cm"]
    amorphous = document["tasks"][1]
    assert sum(amorphous["kinds"].values()) == amorphous["rows"]
    assert 0 < amorphous["positives"] < amorphous["rows"]
    assert document["tasks"][2]["elements"]["Ti"] > 3000
    films = [drop for drop in document["dropped"] if drop["source"] == "kim_lee_2025_films"]
    assert {drop["reason"]: drop["count"] for drop in films}["resistivity below that of any metal"] == 46
    entered = {(line["source"], line["task"]): line["entered"] for line in document["sources"]}
    assert entered["matbench_glass", ""] == 5680
    assert document["tied"]


@pytest.mark.data
def test_check_prints_its_sections(curated_data, capsys):
    from training.data_cli import _print_sections

    _print_sections(curated_data)
    printed = capsys.readouterr().out
    for heading in (
        "task ",
        "left out, by reason",
        "labels by kind",
        "conflicting labels: ",
        "elements with at least 20",
    ):
        assert heading in printed
