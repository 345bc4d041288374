"""Results: what is written reads back the same, and a failure leaves no trace."""

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout

import polars as pl
import pytest
from full_disk import files_limited_to
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import OutputError
from screener.reject_files import open_rejects
from screener.result_files import write_result
from screener.sinks import OutputTarget, meta_path

META = {"screener.question": '{"elements": ["Al", "Ti"]}', "screener.note": "ΔH"}
FRAME = pl.DataFrame(
    {
        "rank": [1, 2, 3],
        "formula": ["Al20Ti80", '=1+1,"x"', "  line\nbreak\r"],
        "hardness_gpa": [0.1 + 0.2, float("nan"), 1e-300],
        "is_amorphous": [True, False, None],
    }
)
SPACE = "free some space or name another folder with -o"


def target(path):
    return OutputTarget.parse(str(path))


def left_in(folder):
    return sorted(each.name for each in folder.iterdir())


def refusal(call, *arguments):
    with pytest.raises(OutputError) as refused:
        call(*arguments)
    return refused.value.message, refused.value.hint


# --- files ------------------------------------------------------------------------------------------------------------


def test_parquet_holds_the_frame_and_its_metadata(tmp_path):
    path = tmp_path / "a.parquet"
    write_result(FRAME, target(path), META)
    assert pl.read_parquet(path).equals(FRAME)
    stored = pl.read_parquet_metadata(path)
    assert {key: stored[key] for key in META} == META
    assert left_in(tmp_path) == ["a.parquet"]


def test_csv_reads_back_the_same_with_its_metadata_beside(tmp_path):
    path = tmp_path / "a.csv"
    write_result(FRAME, target(path), META)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["rank", "formula", "hardness_gpa", "is_amorphous"],
        ["1", "Al20Ti80", "0.30000000000000004", "true"],
        ["2", '=1+1,"x"', "NaN", "false"],
        ["3", "  line\nbreak\r", "1e-300", ""],
    ]
    assert json.loads(meta_path(path).read_text(encoding="utf-8")) == META
    assert left_in(tmp_path) == ["a.csv", "a.csv.meta.json"]


def test_json_lines_read_back_with_missing_numbers_as_null(tmp_path):
    path = tmp_path / "a.jsonl"
    write_result(FRAME, target(path), META)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows == [row | {"hardness_gpa": None} if row["rank"] == 2 else row for row in FRAME.to_dicts()]
    assert json.loads(meta_path(path).read_text(encoding="utf-8")) == META


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text(min_size=1), st.floats(allow_nan=False)), max_size=8))
def test_any_text_and_float_survive_csv(rows):
    frame = pl.DataFrame(rows, schema={"text": pl.String, "value": pl.Float64}, orient="row")
    with redirect_stdout(io.StringIO()) as out:
        write_result(frame, OutputTarget(None, "csv"), {})
    read = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert [(text, float(value)) for text, value in read[1:]] == rows


def test_an_earlier_result_is_replaced_through_a_link_with_the_usual_rights(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    write_result(FRAME, target(link), META)
    assert link.is_symlink()
    assert real.read_text().startswith("rank,formula")
    plain = tmp_path / "plain"
    plain.touch()
    assert real.stat().st_mode == plain.stat().st_mode


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_full_disk_leaves_the_earlier_result_and_nothing_else(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_result(FRAME, target(path), META)
    before = {name: (tmp_path / name).read_bytes() for name in left_in(tmp_path)}
    large = pl.DataFrame({"value": pl.Series(range(200_000)).hash()})
    with files_limited_to(100_000):
        assert refusal(write_result, large, target(path), META) == (f"cannot write `{path}`: file too large", SPACE)
    assert {name: (tmp_path / name).read_bytes() for name in left_in(tmp_path)} == before


def test_metadata_that_does_not_fit_keeps_the_earlier_result(tmp_path):
    path = tmp_path / "a.csv"
    write_result(FRAME, target(path), META)
    before = {name: (tmp_path / name).read_bytes() for name in left_in(tmp_path)}
    with files_limited_to(4000):
        message, _ = refusal(write_result, FRAME.head(1), target(path), {"screener.question": "x" * 6000})
    assert message == f"cannot write `{path}.meta.json`: file too large"
    assert {name: (tmp_path / name).read_bytes() for name in left_in(tmp_path)} == before


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("bug")])
def test_an_interrupt_or_bug_passes_and_leaves_nothing(tmp_path, monkeypatch, suffix, error):
    def half(self, file, **_):
        file.write(b"half a resu")
        raise error

    for owner, name in ((pl.DataFrame, "write_csv"), (pl.DataFrame, "write_ndjson"), (pl.LazyFrame, "sink_parquet")):
        monkeypatch.setattr(owner, name, half)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else RuntimeError):
        write_result(FRAME, target(tmp_path / f"a.{suffix}"), META)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_result_that_cannot_take_its_name_leaves_nothing(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.mkdir()
    message, _ = refusal(write_result, FRAME, target(path), META)
    assert message == f"cannot write `{path}`: is a directory"
    assert left_in(tmp_path) == [path.name]


def test_a_result_never_stands_beside_the_metadata_of_another(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    write_result(FRAME, target(path), META | {"screener.run": "old"})
    seen, replace = [], os.replace

    def watched(source, destination):
        seen.append((path.read_bytes().count(b"\n"), meta_path(path).exists()))
        replace(source, destination)
        seen.append((path.read_bytes().count(b"\n"), meta_path(path).exists()))

    monkeypatch.setattr(os, "replace", watched)
    write_result(FRAME.head(1), target(path), META | {"screener.run": "new"})
    old, new = FRAME.write_csv().count("\n"), 2
    assert seen == [(old, False), (new, False), (new, False), (new, True)]
    assert json.loads(meta_path(path).read_text(encoding="utf-8"))["screener.run"] == "new"


# --- rejects ----------------------------------------------------------------------------------------------------------


def test_rejects_read_back_as_they_came(tmp_path):
    path = tmp_path / "a.csv.rejects.csv"
    rows = [
        (3, "formula", 'Xx2,"\r\n=cmd|', "unknown element `Xx`"),
        (7, "Al", b"\xff\r1".decode(errors="surrogateescape"), "no number"),
    ]
    with open_rejects(path, always=True) as rejects:
        rejects.write(rows)
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        read = list(csv.reader(file))
    assert read[0] == ["row", "field", "text", "reason"]
    assert [(int(row), *rest) for row, *rest in read[1:]] == rows
    assert b"\xff\r1" in path.read_bytes()


def test_rejects_that_fail_half_way_leave_nothing(tmp_path):
    def write(rows, error=None):
        with open_rejects(tmp_path / "r.csv", always=True) as rejects:
            rejects.write(rows)
            if error is not None:
                raise error

    row = (1, "formula", "Xx", "unknown element `Xx`")
    with pytest.raises(KeyboardInterrupt):
        write([row], KeyboardInterrupt())
    with files_limited_to(1000):
        message, hint = refusal(write, [row] * 1000)
    assert (message, hint) == (f"cannot write `{tmp_path / 'r.csv'}`: file too large", SPACE)
    assert left_in(tmp_path) == []


# --- standard output --------------------------------------------------------------------------------------------------

PRINT = """
import sys, polars as pl
from screener.result_files import write_result
from screener.sinks import OutputTarget
from screener.errors import OutputError
try:
    write_result(pl.DataFrame({"value": range(int(sys.argv[1]))}), OutputTarget.parse("-"), {})
except OutputError as refused:
    sys.exit(f"{refused.message}|{refused.hint}")
print("done", file=sys.stderr)
"""


def test_standard_output_gets_csv_whole():
    process = subprocess.run([sys.executable, "-c", PRINT, "200000"], capture_output=True, check=True)
    assert process.stdout == b"value\n" + b"".join(b"%d\n" % row for row in range(200_000))
    process = subprocess.run([sys.executable, "-c", PRINT, "0"], capture_output=True, check=True)
    assert process.stdout == b"value\n"


def test_a_reader_that_leaves_early_ends_it_quietly():
    with subprocess.Popen(
        [sys.executable, "-c", PRINT, "200000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"value\n"
        process.stdout.close()
        assert process.stderr.read() == b"done\n"
        assert process.wait() == 0


def test_a_reader_that_was_never_there_is_met_quietly():
    # Little enough to wait in a buffer, which the interpreter would try to write once more as it ends.
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", PRINT, "9"]
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=buffered)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"done\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_reported():
    with open("/dev/full", "wb") as full:
        process = subprocess.run([sys.executable, "-c", PRINT, "9"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert process.stderr.decode() == f"cannot write standard output: no space left on device|{SPACE}\n"
    assert process.returncode == 1


def test_a_terminal_gets_the_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    write_result(FRAME, OutputTarget(None, "table"), META)
    assert capsys.readouterr().out.startswith("rank  formula")
