"""What a terminal would obey is spelled out, wherever text from outside is printed; and nobody reading is no error."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.cli.errors import show
from screener.cli.lines import say, say_record
from screener.cli.terminal import Terminal
from screener.errors import InputError
from screener.sinks import print_table
from screener.visible_text import visible, visible_json, visible_line

EVIL = "a\x1b]0;owned\x07\x9b2J\u202e\udc80b"
SHOWN = r"a\x1b]0;owned\x07\x9b2J\u202e\udc80b"


def obeyed(text: str) -> list[str]:
    """Characters that terminals obey."""
    return [each for each in text if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and each not in "\n\t"]


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_and_plain_text_is_as_it_was(text):
    assert not obeyed(visible(text))
    assert not obeyed(visible_line(text))
    assert "\n" not in visible_line(text)
    if text.isprintable():
        assert visible_line(text) == text


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_json_says_the_same(record):
    text = visible_json(json.dumps(record, ensure_ascii=False))
    assert json.loads(text) == record
    assert not obeyed(text)


def test_errors_are_one_fact_and_one_hint_whatever_is_in_them(capsys):
    show(InputError(f"cannot read `{EVIL}\nhint: run this`", EVIL))
    assert capsys.readouterr().err == f"error: cannot read `{SHOWN}\\nhint: run this`\n\nhint: {SHOWN}\n"


def test_lines_records_warnings_and_tables_are_safe(capsys):
    say([EVIL])
    say_record({"name": EVIL})
    told = io.StringIO()
    Terminal(quiet=False, stream=told).warn(EVIL)
    print_table(polars.DataFrame({"x\x1b[2J": ["y\x1b[2J"]}))
    said = capsys.readouterr().out
    assert said.startswith(f"{SHOWN}\n")
    assert json.loads(said.splitlines()[1]) == {"name": EVIL}
    assert told.getvalue() == f"warning: {SHOWN}\n"
    assert not obeyed(said)


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "\x1b[2J.csv"],
        ["score", "cells.csv", "-o", "out.csv", "--composition-column", "\x1b[2J"],
        ["enumerate", "--elements", "Al,\x1b[2J"],
        ["enumerate", "--elements", "Al,Ti", "--where", "\x1b[2J > 1"],
        ["enumerate", "--elements", "Al,Ti", "--condition", "\x1b[2J=1"],
        ["enumerate", "--elements", "Al,Ti", "-o", "\x1b[2J/out.csv"],
        ["enumerate", "--elements", "Al,Ti", "--tier", "\x1b[2J"],
        ["enumerate", "--\x1b[2J"],
        ["explain", "\x1b[2J"],
        ["models", "\x1b[2J"],
        ["models", "--models", "\x1b[2J"],
        ["report", "\x1b[2J.csv", "-o", "x.html"],
        ["runs", "\x1b[2J"],
        ["verify", "\x1b[2J"],
        ["\x1b[2J"],
    ],
    ids=" ".join,
)
def test_no_command_sends_an_escape_back(run: Callable, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert not obeyed(ended.out + ended.err)
    assert "Traceback" not in ended.err


def test_cells_and_headers_of_lists_are_shown_spelled_out(run: Callable, tmp_path: Path) -> None:
    Path("cells.csv").write_text("formula,\x1b[31mnote\nCu50Zr50,\x1b[2J\n\x1b]0;owned\x07,x\n", encoding="utf-8")
    ended = run("score", "cells.csv", "--top", "1")
    assert ended.code == 0
    assert "x1b]0;owned" in ended.err or "\N{REPLACEMENT CHARACTER}]0;owned" in ended.err
    assert not obeyed(ended.err)


# --- nobody reads -----------------------------------------------------------------------------------------------------

ENDINGS = (
    ("--help", ">&-"), ("--help", "| true"), ("--version", "| true"), ("models --json", "| true"),
    ("features Cu50Zr50", "| true"), ("features Cu50Zr50", ">&-"), ("enumerate --elements Al,Ti", "| true"),
    ("enumerate --elements Al,Ti --dry-run", "| true"), ("enumerate --elements Al,Ti", ">&- 2>&-"),
    ("enumerate --elements Al,Ti", "2>&1 | true"), ("enumerate --nothing", "2>&-"),
    ("enumerate --nothing", "2>&1 | true"),
)  # fmt: skip


@pytest.mark.parametrize(("words", "how"), ENDINGS)
def test_a_command_ends_quietly_where_nobody_reads(words: str, how: str, tiny_models: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m screener {words} {how}; echo ${{PIPESTATUS[0]}} >&3"
    ended = subprocess.run(
        ["bash", "-c", f"exec 3>code; {command}"],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "SCREENER_MODELS": str(tiny_models), "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "Exception ignored" not in ended.stdout + ended.stderr
    wrong = "nothing" in words
    assert (tmp_path / "code").read_text() == ("2\n" if wrong else "0\n")
