"""Runs that are stopped: by a signal, by a full disk, by another run on the same output; and how they are listed."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import polars
import pytest
from full_disk import files_limited_to
from stopped_runs import QUESTIONS, names

from screener.runs.course import Course
from screener.runs.journal import JournalFile


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_with_a_journal_and_says_how_to_go_on(
    run, at_once, monkeypatch, tmp_path: Path, number: int, code: int
) -> None:
    passed = Course.passed

    def signalled(course: Course, *how: object, **more: object) -> None:
        if course.entry.share > 0.3:
            os.kill(os.getpid(), number)
        passed(course, *how, **more)

    monkeypatch.setattr(Course, "passed", signalled)
    ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
    assert (ended.code, ended.out, ended.err) == (
        code,
        "",
        "stopping after the work in hand; once more stops at once\n"
        "warning: stopped at 46% of 176,851 candidates: go on with `screener enumerate --resume out.csv`\n",
    )
    assert names(tmp_path) == ["out.csv.run"]
    monkeypatch.setattr(Course, "passed", passed)
    assert run("enumerate", "--resume", "out.csv").code == 0


def test_a_second_signal_ends_at_once(run, at_once, monkeypatch, tmp_path: Path) -> None:
    write = Course.write

    def signalled(course: Course) -> None:
        write(course)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Course, "write", signalled)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
    assert ended.code == 143
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert names(tmp_path) == ["out.csv.run"]
    monkeypatch.setattr(Course, "write", write)
    assert run("enumerate", "--resume", "out.csv").code == 0


def test_a_stopped_proof_leaves_the_best_so_far_and_goes_on(run, at_once, monkeypatch, tmp_path: Path) -> None:
    assert run(*QUESTIONS["exact"], "-o", "whole.csv").code == 0
    proved = Course.proved

    def signalled(course: Course, *how: object, **more: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        proved(course, *how, **more)

    monkeypatch.setattr(Course, "proved", signalled)
    ended = run(*QUESTIONS["exact"], "-o", "out.csv")
    assert ended.code == 143
    assert "warning: the search was stopped: there may be better candidates than those listed\n" in ended.err
    assert polars.read_csv(tmp_path / "out.csv").height == 40
    monkeypatch.setattr(Course, "proved", proved)
    assert run("enumerate", "--resume", "out.csv").code == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert "out.csv.run" not in names(tmp_path)


def test_two_runs_on_one_output(run, stopped, tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "out.csv.run")
    journal.seize()
    for arguments in (("enumerate", "--resume", "out.csv"), (*QUESTIONS["ranking"], "--resume", "out.csv")):
        ended = run(*arguments)
        assert (ended.code, ended.err) == (
            2,
            "error: another run is writing `out.csv`\n\nhint: wait for it to end, or name another output\n",
        )
    ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
    assert ended.code == 2
    assert "another run is writing `out.csv.run`" in ended.err
    assert "out.csv.run: 36.9%" not in run("runs").out.replace(", running", "")
    journal.close()
    assert run("enumerate", "--resume", "out.csv").code == 0


def test_a_run_that_begins_beside_another_gives_way(run, at_once, monkeypatch, tmp_path: Path) -> None:
    """Both began before either had a journal."""
    other = JournalFile(tmp_path / "out.csv.run")
    seize = JournalFile.seize

    def late(journal: JournalFile) -> None:
        seize(journal)
        monkeypatch.setattr(JournalFile, "seize", seize)
        other._claim()

    monkeypatch.setattr(JournalFile, "seize", late)
    ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: another run is writing `out.csv.run`")
    other.close()
    assert names(tmp_path) == []


def test_a_full_disk_is_told_and_mended(run, stopped, at_once, monkeypatch, tmp_path: Path) -> None:
    """The journal cannot grow and the result does not fit; once there is room, the run goes on from the old journal."""
    before = (tmp_path / "out.csv.run").read_bytes()
    with files_limited_to(4096):
        ended = run("enumerate", "--resume", "out.csv")
    reason = os.strerror(errno.EFBIG).lower()
    assert ended.code == 2
    assert ended.err.count("cannot write `out.csv.run`: ") == 1
    assert f"warning: cannot write `out.csv.run`: {reason}: until that changes, " in ended.err
    assert f"error: cannot write `out.csv`: {reason}\n" in ended.err
    assert names(tmp_path) == ["out.csv.run"]
    assert (tmp_path / "out.csv.run").read_bytes() == before
    assert run("enumerate", "--resume", "out.csv").code == 0


def test_unfinished_runs_are_listed(run, stopped, tmp_path: Path) -> None:
    (tmp_path / "bad.csv.run").write_bytes(b"?")
    lines = run("runs").out.splitlines()
    assert lines[0] == "bad.csv: `bad.csv.run` is damaged: it is no whole screener journal"
    assert lines[1].startswith("out.csv: 37.1% of 176,851 at 20")
    assert lines[1].endswith(
        "Z, stopped, go on with `screener enumerate --resume out.csv`; Al–Ti–Cr–Ni at 1 at.%: 176,851 candidates"
    )
    listed = [json.loads(line) for line in run("runs", str(tmp_path), "--json").out.splitlines()]
    assert [each["state"] for each in listed] == ["damaged", "stopped"]
    assert listed[1]["share"] == round(4 * 16384 / 176851, 6)
    assert listed[1]["candidates"] == 176851
    ended = run("runs", "nowhere")
    assert (ended.code, ended.err) == (
        2,
        "error: `nowhere` is not a folder\n\nhint: name the folder that outputs are written to\n",
    )
