"""`screener score`: files in, files out, rejects beside them."""

from __future__ import annotations

import csv
import gzip
import io
import signal
import subprocess
import sys
from pathlib import Path

import polars
import pytest

LIST = "id,alloy\n1,Fe\n2,Xx\n3,Cu50Zr50\n4,\n"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    return path


def test_result_and_rejects_lie_side_by_side(run, listed: Path, tmp_path: Path) -> None:
    ended = run("score", "list.csv", "-o", "out.csv")
    assert (ended.code, ended.out) == (0, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "list.csv",
        "out.csv",
        "out.csv.meta.json",
        "out.csv.rejects.csv",
    ]
    assert list(csv.reader((tmp_path / "out.csv.rejects.csv").read_text().splitlines())) == [
        ["row", "field", "text", "reason"],
        ["2", "alloy", "Xx", "unknown element `Xx`"],
        ["4", "alloy", "", "formula is empty"],
    ]
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [(row["row"], row["id"], row["alloy"]) for row in rows] == [("1", "1", "Fe"), ("3", "3", "Cu50Zr50")]
    assert "warning: 2 rows could not be read: see `out.csv.rejects.csv`" in ended.err
    assert "4 rows read, 2 written, 2 rejected; " in ended.err


def test_rejects_of_an_earlier_run_go(run, listed: Path, tmp_path: Path) -> None:
    run("score", "list.csv", "-o", "out.csv")
    listed.write_text("alloy\nFe\n")
    assert run("score", "list.csv", "-o", "out.csv").code == 0
    assert not (tmp_path / "out.csv.rejects.csv").exists()


def test_rejects_are_listed_where_there_is_no_file(run, listed: Path) -> None:
    listed.write_text("alloy\n" + "Xx\n" * 12 + "Fe,1\n")
    ended = run("score", "list.csv", "--quiet")
    assert ended.code == 0
    lines = ended.err.splitlines()
    assert lines[0] == "warning: row 1, alloy: unknown element `Xx`"
    assert len(lines) == 11
    assert lines[-1] == "warning: 13 rows could not be read; -o FILE lists them all in FILE.rejects.csv"


def test_order_is_kept_or_asked_for(run, listed: Path) -> None:
    def rows(*arguments: str) -> list[str]:
        return [row["row"] for row in csv.DictReader(run("score", "list.csv", "--quiet", *arguments).out.splitlines())]

    assert rows() == ["1", "3"]
    assert rows("--maximize", "density_g_cm3") == ["1", "3"]
    assert rows("--minimize", "density_g_cm3") == ["3", "1"]
    assert len(rows("--top", "1")) == 1
    assert rows("--where", "Zr > 0") == ["3"]


REFUSED = {
    "missing file": (
        ("gone.csv",),
        "cannot read `gone.csv`: no such file or directory",
        "name a CSV file with a column of formulas",
    ),
    "empty file": (("empty.csv",), "`empty.csv` is empty", "give a CSV file whose first line names the columns"),
    "no formulas": (
        ("numbers.csv",),
        "no column of formulas in `numbers.csv`",
        "name one column `formula`, or say which it is with `--composition-column`",
    ),
    "strict": (
        ("list.csv", "--strict"),
        "row 2, column `alloy`: unknown element `Xx`",
        None,
    ),
    "unwritable": (("list.csv", "-o", "gone/out.csv"), "folder `gone` does not exist", "create it: mkdir -p gone"),
    "units": (("list.csv", "--units", "mol"), "unknown units `mol`", "use `--units at` or `--units wt`"),
    "column": (("list.csv", "--where", "score > 1"), "`score` exists only after re-scoring", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_fact_and_a_hint(run, case: str, listed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    before = sorted(tmp_path.iterdir())
    arguments, message, hint = REFUSED[case]
    ended = run("score", *arguments, *(() if "-o" in arguments else ("-o", "out.csv")))
    fact, _, rest = ended.err.removeprefix("error: ").partition("\n\nhint: ")
    assert (ended.code, ended.out, fact) == (2, "", message)
    assert rest
    if hint is not None:
        assert rest == f"{hint}\n"
    assert sorted(tmp_path.iterdir()) == before


def test_a_header_alone_is_said_to_hold_nothing(run, listed: Path) -> None:
    listed.write_text("alloy\n")
    ended = run("score", "list.csv")
    assert ended.code == 0
    assert ended.out.startswith("rank,row,alloy,formula,")
    assert ended.err.startswith("0 rows read, 0 written, 0 rejected; ")


# --- kinds of lists, rejects ------------------------------------------------------------------------------------------


def test_rejects_go_where_they_are_sent(run, listed: Path, tmp_path: Path) -> None:
    ended = run("score", "list.csv", "--rejects", "bad.csv", "--quiet")
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == "warning: 2 rows could not be read: see `bad.csv`"
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 3
    listed.write_text("alloy\nFe\n")
    assert run("score", "list.csv", "--rejects", "bad.csv", "-o", "out.csv").code == 0
    assert (tmp_path / "bad.csv").read_text() == "row,field,text,reason\n"
    assert not (tmp_path / "out.csv.rejects.csv").exists()


@pytest.mark.parametrize("name", ["bad.parquet", "bad.JSONL"])
def test_rejects_are_text_in_lines(run, listed: Path, tmp_path: Path, name: str) -> None:
    ended = run("score", "list.csv", "--rejects", name)
    suffix = name.removeprefix("bad")
    assert (ended.code, ended.err) == (
        2,
        f"error: rejects cannot be written as `{suffix}`\n\nhint: end --rejects in .csv\n",
    )
    assert not (tmp_path / name).exists()


def test_a_list_may_come_through_a_pipe(run, monkeypatch: pytest.MonkeyPatch, listed: Path) -> None:
    expected = run("score", "list.csv", "--quiet").out
    for content in (LIST.encode(), gzip.compress(LIST.replace(",", ";").encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        ended = run("score", "-")
        assert (ended.code, ended.out) == (0, expected)
    assert "note: fields are separated by `;`" in ended.err


def test_a_column_may_be_named_and_an_encoding_given(run, listed: Path) -> None:
    listed.write_bytes("alloy,other,näme\nFe,Cu,ä\n".encode("latin-1"))
    ended = run("score", "list.csv", "--composition-column", "other", "--encoding", "latin-1", "--quiet")
    row = next(csv.DictReader(ended.out.splitlines()))
    assert (row["formula"], row["alloy"], row["näme"]) == ("Cu", "Fe", "ä")
    refused = run("score", "list.csv")
    assert (refused.code, "add `--encoding latin-1`" in refused.err) == (2, True)
    assert run("score", "list.csv", "--encoding", "utf-16").err.startswith("error: unknown encoding `utf-16`")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_kind_of_output_holds_the_same(run, suffix: str, listed: Path, tmp_path: Path) -> None:
    assert run("score", "list.csv", "-o", f"out.{suffix}").code == 0
    read = {"csv": polars.read_csv, "jsonl": polars.read_ndjson, "parquet": polars.read_parquet}[suffix]
    frame = read(tmp_path / f"out.{suffix}")
    assert frame["row"].to_list() == [1, 3]
    assert frame["alloy"].to_list() == ["Fe", "Cu50Zr50"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_killed_run_leaves_nothing_under_the_final_name(
    number: int, code: int, suffix: str, tiny_models: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "screener", "score", "-", "--models", str(tiny_models), "-o", f"out.{suffix}"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"formula,x\n" + b"Fe50Cu50,1\nXx,2\n" * 500_000)  # and more to come
    process.stdin.flush()
    assert process.poll() is None
    process.send_signal(number)
    try:
        process.wait(30)
    finally:
        process.kill()
        _, err = process.communicate()
    assert (process.returncode, err) == (code, b"")
    left = [path.name for path in tmp_path.iterdir()]
    assert not [name for name in left if not name.startswith(".")]
    if number != signal.SIGKILL:
        assert left == []
