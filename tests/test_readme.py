"""The README holds what it says: its Python runs, its commands exist, its tables were written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("screener", "training")
BLOCKS = ("transcript", "evaluation", "speed")


def block(name: str) -> str:
    """What a command wrote between two marks."""
    return README.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip()


def marked(name: str) -> str:
    """The code block after a mark."""
    found = FENCE.search(README, README.index(f"<!-- run: {name} -->"))
    assert found is not None
    return found[2].strip()


def commands(page: str) -> list[list[str]]:
    """Every call of a program of ours in the shell blocks of a page, as words."""
    lines = [line for kind, text in FENCE.findall(page) if kind in ("sh", "console") for line in text.splitlines()]
    parts = [part.strip().removeprefix("$ ") for line in lines for part in line.split("&&")]
    return [shlex.split(part, comments=True) for part in parts if part.split(" ")[0] in PROGRAMS]


@cache
def help_of(*words: str) -> str:
    """The help of a command."""
    command = [sys.executable, "-m", *words, "--help"]
    wide = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY, env=wide).stdout


def subcommand(words: list[str]) -> tuple[str, ...]:
    """The program and the names of the command that follow it."""
    return tuple(words[: 3 if words[:2] == ["training", "data"] else 2])


def test_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_two_lines_install_and_prove_everything():
    assert marked("install") == "python -m pip install . && screener enumerate --elements Al,Ti,Cr"
    assert marked("test") == "python -m pip install -e '.[training,peers,dev]' && python -m pytest -n 2"


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_were_written_by_their_commands(name):
    assert README.count(f"<!-- {name} -->") == README.count(f"<!-- /{name} -->") == 1
    assert "enumerate" in block(name) if name == "transcript" else block(name).count("|") > 20


def test_transcript_starts_with_its_command():
    from benchmarks.transcript import COMMAND

    assert block("transcript").splitlines()[1] == f"$ {COMMAND}"


def test_python_block_runs(capsys):
    code = marked("python")
    assert len(code.splitlines()) <= 8
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    for expected in ("hardness_gpa_high", "B2", "p_bulk_glass", "nearest_training_alloy"):
        assert expected in shown


def test_readme_names_commands():
    assert {subcommand(words) for words in commands(README)} >= {
        ("screener", "enumerate"),
        ("screener", "score"),
        ("screener", "explain"),
        ("training", "fit"),
    }


@pytest.mark.parametrize("words", commands(README) + commands(CONTRIBUTING), ids=" ".join)
def test_commands_and_their_options_exist(words):
    shown = help_of(*subcommand(words))
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown), f"{words[:2]} has no {option}"


@pytest.mark.parametrize("words", [w for w in commands(README) if w[:2] == ["screener", "enumerate"]], ids=" ".join)
def test_searches_are_accepted(words):
    """A dry run reads every option but where the result goes."""
    if "--models" in words:
        place = words.index("--models")
        words = words[:place] + words[place + 2 :]
    call = [sys.executable, "-m", *words, *([] if "--dry-run" in words else ["--dry-run"])]
    done = subprocess.run(call, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert re.match(r"candidates: \d+\n", done.stdout)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert {"CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "models/README.md"} <= set(links)
    for link in links:
        assert (REPOSITORY / link).is_file(), link


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_no_text_names_this_machine(name):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert not re.search(r"/(?:root|home/(?!screener)|work|opt|tmp)/", text)


def test_contributing_is_short_and_its_files_exist():
    assert len(CONTRIBUTING.splitlines()) <= 100
    for name in re.findall(r"`((?:screener|training|models)/[\w/.]+)`", CONTRIBUTING):
        assert (REPOSITORY / name).exists(), name
