"""Sinks: where results may go, files that are whole or absent, and the table on the terminal."""

import io
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from screener.errors import OutputError
from screener.sinks import OutputTarget, atomic_file, check_output, print_table

SPACE = "free some space or name another folder with -o"


def target(path):
    return OutputTarget.parse(str(path))


def left_in(folder):
    return sorted(each.name for each in folder.iterdir())


def refusal(call, *arguments):
    with pytest.raises(OutputError) as refused:
        call(*arguments)
    return refused.value.message, refused.value.hint


# --- where to ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"), [("a.csv", "csv"), ("b/c.parquet", "parquet"), ("d.JSONL", "jsonl"), ("x.tar.csv", "csv")]
)
def test_the_suffix_names_the_format(text, kind):
    assert OutputTarget.parse(text) == OutputTarget(Path(text), kind)


@pytest.mark.parametrize(("text", "shown"), [("a.json", ".json"), ("a.xlsx", ".xlsx"), ("result", "result")])
def test_other_suffixes_are_refused(text, shown):
    assert refusal(OutputTarget.parse, text) == (
        f"unknown output format `{shown}`",
        "end -o in .csv, .parquet or .jsonl",
    )


def test_standard_output_is_a_table_on_a_terminal_and_csv_elsewhere(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert OutputTarget.parse(None) == OutputTarget(None, "table")
    assert OutputTarget.parse("-") == OutputTarget(None, "csv")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert OutputTarget.parse(None) == OutputTarget(None, "csv")


def test_a_writable_place_passes_and_stays_empty(tmp_path):
    check_output(target(tmp_path / "a.csv"))
    check_output(OutputTarget(None, "csv"))
    assert left_in(tmp_path) == []


def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path):
    file = tmp_path / "file"
    file.touch()
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    missing = tmp_path / "missing"
    assert refusal(check_output, target(missing / "a.csv")) == (
        f"folder `{missing}` does not exist",
        f"create it: mkdir -p {missing}",
    )
    assert refusal(check_output, target(file / "a.csv")) == (
        f"`{file}` is not a folder",
        "name a file in an existing folder with -o",
    )
    assert refusal(check_output, target(folder)) == (
        f"`{folder}` is a folder",
        f"name a file, for example -o {folder / 'result'}.csv",
    )
    long = tmp_path / f"{'a' * 300}.csv"
    assert refusal(check_output, target(long)) == (f"cannot write `{long}`: file name too long", SPACE)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_folder_that_takes_no_files_is_refused_even_to_root():
    message, hint = refusal(check_output, target("/proc/a.csv"))
    assert message.startswith("cannot write `/proc/a.csv`: ")
    assert hint == SPACE


def test_a_block_that_fails_leaves_no_file(tmp_path):
    def fail():
        with atomic_file(tmp_path / "a") as file:
            file.write(b"half")
            assert [name[:3] for name in left_in(tmp_path)] == [".a."]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert left_in(tmp_path) == []


# --- table ------------------------------------------------------------------------------------------------------------


def printed(frame, width):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_table(frame, console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


TABLE = pl.DataFrame(
    {
        "rank": [1, 12],
        "formula": ["Al20Ti80", "[red]Cu\x1b[0m"],
        "hardness_gpa": [12345.678, float("nan")],
        "p_amorphous": [0.123456, 1.23456e-7],
        "is_amorphous": [True, None],
    }
)


def test_the_table_shows_four_digits_and_obeys_no_markup():
    assert printed(TABLE, 100) == [
        "rank  formula      hardness_gpa  p_amorphous  is_amorphous",
        "   1  Al20Ti80            12350       0.1235  true",
        "  12  [red]Cu\N{REPLACEMENT CHARACTER}[0m             –    1.235e-07  –",
    ]


def test_the_table_fits_and_says_how_much_is_hidden():
    for width in range(60, 5, -1):
        lines = printed(TABLE, width)
        shown = len(lines[0].split())
        said = "".join(lines[3:]).replace(" ", "")  # narrow terminals break it anywhere
        hidden = TABLE.width - shown
        assert all(len(line) <= width for line in lines)
        plural = "s" if hidden > 1 else ""
        assert said == (f"{hidden}morecolumn{plural}:writethemtoafilewith-o" if hidden else "")
    assert shown == 1


def test_importing_sinks_imports_neither_polars_nor_rich():
    code = "import sys, screener.sinks; assert not {'polars', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
