"""How every command behaves at a terminal: 80 columns, no colour where none is wanted, JSON, quiet, completion."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from screener.cli.lines import folded

PRINTING = (
    ("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "--top", "2"),
    ("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "--dry-run"),
    ("score", "list.csv"),
    ("explain", "Al50Ti50"),
    ("features", "Al50Ti50"),
    ("models",),
    ("cite",),
)
SILENT = {"report", "plot", "serve"}
"""Commands that write files or pages and print nothing but notes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "list.csv").write_text("alloy\nAl50Ti50\nTi50Cr50\n", encoding="utf-8")
    return tmp_path


def at_a_terminal(words: tuple[str, ...], folder: Path, models: Path, **more: str) -> str:
    """What a command shows on a terminal of 80 columns, everything included."""
    mine, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"COLUMNS": "80", "LINES": "40", "TERM": "xterm-256color", "SCREENER_MODELS": str(models), **more}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-m", "screener", *words]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, cwd=folder) as process:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(mine, 4096):
                parts.append(part)
        except OSError:  # how Linux says that nobody is left on the other side
            pass
    os.close(mine)
    assert process.returncode == 0, b"".join(parts).decode()
    return b"".join(parts).decode()


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_eighty_columns_are_enough_and_no_colour_is_none(words, folder, tiny_models) -> None:
    shown = at_a_terminal(words, folder, tiny_models, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7])(?:;[0-9;]*)?m", shown)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n")
    assert plain.strip()
    assert max(len(line.rpartition("\r")[2]) for line in plain.splitlines()) <= 80


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_json_is_json_and_nothing_else(words, folder, run: Callable) -> None:
    ended = run(*words, "--json")
    assert ended.code == 0, ended.err
    records = [json.loads(line) for line in ended.out.splitlines()]
    assert records
    assert all(isinstance(record, dict) for record in records)


def test_every_command_that_prints_has_json_and_is_tried_here() -> None:
    import typer

    from screener.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    with_json = {
        name for name, each in commands.items() if any("--json" in parameter.opts for parameter in each.params)
    }
    assert {words[0] for words in PRINTING} <= with_json
    runs_and_their_proof = {"runs", "verify"}
    assert set(commands) - SILENT - runs_and_their_proof <= with_json


def test_json_and_a_file_exclude_each_other(run, tmp_path) -> None:
    ended = run(*PRINTING[0], "--json", "-o", "a.csv")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: both `--json` and `-o a.csv` are given\n\nhint: keep one: -o FILE.jsonl is the same in a file\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_json_of_a_result_is_that_of_the_file(run, tmp_path) -> None:
    told = run(*PRINTING[0], "--json", "--quiet")
    assert run(*PRINTING[0], "-o", "a.jsonl", "--quiet").code == 0
    assert told.out == (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert told.err == ""


def test_quiet_says_nothing_on_standard_error(run, folder) -> None:
    for words in (PRINTING[0], PRINTING[2]):
        assert run(*words, "--quiet").err == ""


def test_what_was_asked_for_is_shown_beside_the_formula(folder, tiny_models) -> None:
    wanted = ("--maximize", "hardness_gpa", "--minimize", "density_g_cm3=2:9")
    shown = at_a_terminal((*PRINTING[0], *wanted, "--quiet"), folder, tiny_models, NO_COLOR="1")
    head = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()[0].split()
    assert head[:5] == ["rank", "index", "formula", "hardness_gpa", "density_g_cm3"]


def test_long_lines_fold_under_themselves() -> None:
    assert folded("short", 80) == "short"
    lines = folded("  a source: " + "word " * 30, 60).splitlines()
    assert len(lines) > 2
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith("      word") for line in lines[1:])


@pytest.mark.parametrize(
    ("line", "offered"),
    [("screener enu", "enumerate"), ("screener enumerate --max", "--maximize"), ("screener pl", "plot")],
)
def test_shells_complete_commands_and_options(line: str, offered: str) -> None:
    environment = {
        **os.environ,
        "_SCREENER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run([sys.executable, "-m", "screener"], capture_output=True, text=True, env=environment)
    assert offered in done.stdout.split(), done.stderr


def test_a_script_for_a_shell_is_printed() -> None:
    command = [sys.executable, "-m", "screener", "--show-completion", "bash"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert "_SCREENER_COMPLETE" in done.stdout, done.stderr
