"""Runs that end before they are done and go on: the result is that of one that was never disturbed."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars
import pytest
from tiny_models import publish_tiny_models

from screener.runs import course as course_module
from screener.runs.course import Course
from screener.runs.journal import JournalFile, read_journal

SCAN = ("enumerate", "--elements", "Al,Ti,Cr,Ni", "--search", "exhaustive", "--top", "30")
"""176,851 candidates, 11 blocks."""
QUESTIONS = {
    "ranking": (*SCAN, "--maximize", "hardness_gpa"),
    "filter": (*SCAN, "--where", "Al > 20 and hardness_gpa > 3", "--rank-by", "hardness_gpa / vec"),
    "front": (*SCAN, "--pareto", "--maximize", "hardness_gpa", "--minimize", "density_g_cm3=2:9"),
    "sample": (*SCAN, "--sample", "100000", "--seed", "4", "--minimize", "density_g_cm3"),
    "tier": (*SCAN[:-4], "--step", "2", "--search", "exhaustive", "--tier", "characterize"),
    "exact": (*SCAN[:-4], "--search", "exact", "--maximize", "hardness_gpa", "--top", "40"),
    "apart": (*SCAN[:-4], "--diverse", "12", "--maximize", "hardness_gpa", "--top", "12"),
}


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the journal after every block."""
    for name in ("FIRST", "EVERY", "_SPARE"):
        monkeypatch.setattr(course_module, name, 0.0)


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch, at_once: None) -> Callable[[int], None]:
    """End the process, as far as the journal can tell, once it was written so many times."""
    write = Course.write

    def arrange(times: int) -> None:
        left = [times]

        def counted(course: Course) -> None:
            write(course)
            left[0] -= 1
            if left[0] == 0:
                course._said = True  # whoever is killed says nothing
                raise Killed

        monkeypatch.setattr(Course, "write", counted)

    return arrange


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name != "cache")


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_disturbed_run_ends_with_the_same_bytes(run, kill_after, tmp_path: Path, case: str) -> None:
    asked = QUESTIONS[case]
    assert run(*asked, "-o", "whole.csv").code == 0
    kills = 0
    for times in (1, 2, 4):
        kill_after(times)
        again = ("--resume", "parts.csv") if kills else ()
        try:
            assert run(*asked, "-o", "parts.csv", *again).code == 0
        except Killed:
            kills += 1
            assert "parts.csv.run" in names(tmp_path)
    assert kills >= 1
    kill_after(-1)
    assert run("enumerate", "--resume", "parts.csv").code == 0
    for ending in ("csv", "csv.meta.json"):
        assert (tmp_path / f"parts.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()
    assert "parts.csv.run" not in names(tmp_path)


def test_a_second_pass_goes_on_as_well(run, kill_after, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shift = np.random.default_rng(0).normal(scale=5.0, size=20_000)

    def rough(self: object, values: dict[str, np.ndarray]) -> np.ndarray:
        # Float32 scores that are off by more than the margin; exact ones come from tables of few rows.
        score = values["hardness_gpa"].astype(np.float64)
        return score + shift[: len(score)] if len(score) > 100 else score

    monkeypatch.setattr("screener.search.SLACK", 1)
    monkeypatch.setattr("screener.objectives.Scorer.score", rough)
    asked = QUESTIONS["ranking"]
    assert "float32 rounding of the last place" in run(*asked, "-o", "whole.csv").err
    kill_after(15)
    with pytest.raises(Killed):
        run(*asked, "-o", "parts.csv")
    entry = read_journal(tmp_path / "parts.csv.run")
    assert entry is not None
    assert [stage["name"] for stage in entry.stages] == ["best 31", "best 34"]
    kill_after(-1)
    assert run(*asked, "-o", "parts.csv", "--resume", "parts.csv").code == 0
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_short_runs_leave_no_journal(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_module, "FIRST", 60.0)
    monkeypatch.setattr(JournalFile, "write", lambda *_: pytest.fail("a journal"))
    assert run(*SCAN, "-o", "out.csv").code == 0
    assert run(*SCAN).code == 0
    assert names(tmp_path) == ["out.csv", "out.csv.meta.json"]


@pytest.fixture
def stopped(run, kill_after) -> None:
    """Leave the journal of a run that writes `out.csv`, 4 of 11 blocks done."""
    kill_after(4)
    with pytest.raises(Killed):
        run(*QUESTIONS["ranking"], "-o", "out.csv")
    kill_after(-1)


CHANGED = {
    ("--top", "31"): "--top (`30`, now `31`)",
    ("--minimize", "vec=3:9"): "--minimize (none, now `vec=3:9`)",
    ("--where", "Al > 3"): "--where (none, now `Al > 3`)",
    ("--bounds", "Al=0:50"): "--bounds (`100, 100, 100, 100`, now `50, 100, 100, 100`)",
    ("--step", "2"): "--step (`100`, now `50`); --bounds (`100, 100, 100, 100`, now `50, 50, 50, 50`)",
    ("--condition", "load_n=5"): "--condition (none, now `{'load_n': 5.0}`)",
    ("--sample", "500"): "--sample (none, now `500`)",
}


@pytest.mark.parametrize("change", CHANGED)
def test_another_question_is_refused(run, stopped, change: tuple[str, ...]) -> None:
    ended = run(*QUESTIONS["ranking"], *change, "--resume", "out.csv")
    assert (ended.code, ended.err) == (
        2,
        f"error: `out.csv.run` is of another run: it differs in {CHANGED[change]}\n\n"
        "hint: ask as it was asked, or remove `out.csv.run` to start anew\n",
    )


def test_other_models_tables_and_versions_are_refused(run, stopped, tmp_path_factory, monkeypatch) -> None:
    other = publish_tiny_models(tmp_path_factory.mktemp("other"), seed=8)
    ended = run("enumerate", "--resume", "out.csv", "--models", str(other))
    assert ended.code == 2
    assert "error: `out.csv.run` is of another run: it differs in the models (`" in ended.err
    with monkeypatch.context() as changed:
        changed.setattr(course_module, "tables_digest", lambda: "f" * 16)
        ended = run("enumerate", "--resume", "out.csv")
    assert ended.code == 2
    assert "it differs in the element tables (`" in ended.err
    assert "now `ffffffffffffffff`)" in ended.err
    monkeypatch.setattr(course_module, "__version__", "99.0")
    ended = run("enumerate", "--resume", "out.csv")
    assert ended.code == 2
    assert "now `99.0`)" in ended.err


def test_a_flipped_bit_in_a_model_is_refused(run, stopped, tiny_models: Path, tmp_path_factory) -> None:
    import shutil

    folder = tmp_path_factory.mktemp("flipped") / "models"
    shutil.copytree(tiny_models, folder)
    whole = bytearray((folder / "screen/hardness.onnx").read_bytes())
    whole[len(whole) // 2] ^= 4
    (folder / "screen/hardness.onnx").write_bytes(whole)
    ended = run("enumerate", "--resume", "out.csv", "--models", str(folder))
    assert ended.code == 2
    assert ended.err.splitlines()[1] == ("error: `screen/hardness.onnx` does not match its recorded digest")


def test_an_unfinished_run_is_not_begun_again_by_mistake(run, stopped) -> None:
    ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
    assert (ended.code, ended.err) == (
        2,
        "error: `out.csv` has an unfinished run, 37% done\n\n"
        "hint: go on with `screener enumerate --resume out.csv`, or remove `out.csv.run` to start anew\n",
    )


def test_damaged_journals_are_refused(run, stopped, tmp_path: Path) -> None:
    path = tmp_path / "out.csv.run"
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[: len(whole) // 2], whole.replace(b'"seen"', b'"seem"'), b"{}", b"\0" * 99):
        path.write_bytes(damaged)
        ended = run("enumerate", "--resume", "out.csv")
        assert ended.code == 2
        assert ended.err.startswith("error: `out.csv.run` is damaged: ")
        assert ended.err.endswith("hint: remove `out.csv.run` and start again without --resume\n")
        assert names(tmp_path) == ["out.csv.run"]
        ended = run(*QUESTIONS["ranking"], "-o", "out.csv")
        assert ended.code == 2
        assert ended.err.endswith("hint: remove `out.csv.run` to start anew\n")


def test_journals_that_lie_are_refused(run, stopped, tmp_path: Path) -> None:
    """Somebody has changed the content and sealed it again."""
    from screener.runs.journal import KIND, VERSION
    from screener.runs.sealed import seal

    path = tmp_path / "out.csv.run"
    content = json.loads(path.read_bytes())["content"]
    stage = content["stages"][0]
    changes = [
        {"size": 5},
        {"recipe": {**content["recipe"], "units": 0}},
        {"recipe": {**content["recipe"], "elements": ["Al", "Xx"]}},
        {"recipe": {**content["recipe"], "block": -1}},
        {"recipe": {**content["recipe"], "lower": [0, 0, 0, 900]}},
        {"recipe": {**content["recipe"], "question": {}}},
        {"stages": [{**stage, "spans": [[0, 5]]}]},
        {"stages": [{**stage, "spans": [[0, 1 << 70]]}]},
        {"stages": [{**stage, "spans": 3}]},
        {"stages": [{**stage, "seen": -4}]},
        {"stages": [{**stage, "index": stage["values"]}]},
        {"stages": [{**stage, "index": {**stage["index"], "bytes": stage["values"]["bytes"]}}]},
        {"proof": {"settled": "all"}},
        {"shards": [{"file": "../x"}]},
        {"more": 1},
    ]
    for change in changes:
        path.write_bytes(seal(KIND, VERSION, content | change))
        ended = run("enumerate", "--resume", "out.csv")
        assert ended.code == 2, change
        assert "error: `out.csv.run` is damaged: it holds " in ended.err


def test_what_may_stand_beside_resume(run, stopped, tmp_path: Path) -> None:
    ended = run("enumerate", "--resume", "out.csv", "--top", "3")
    assert (ended.code, ended.err) == (
        2,
        "error: `--top` together with `--resume` but without `--elements`\n\n"
        "hint: leave it out, or ask the whole question again\n",
    )
    ended = run("enumerate", "--resume", "out.csv", "-o", "other.csv")
    assert ended.err == (
        "error: --resume `out.csv` is not what this run writes\n\nhint: leave -o out or write `-o out.csv`\n"
    )
    ended = run(*QUESTIONS["ranking"], "-o", "other.csv", "--resume", "out.csv")
    assert ended.err == (
        "error: --resume `out.csv` is not what this run writes\n\nhint: name the file of -o or the folder of --all\n"
    )
    assert run("enumerate", "--resume", "out.csv.run", "-o", "out.csv", "--quiet", "--device", "cpu").code == 0
    assert names(tmp_path) == ["out.csv", "out.csv.meta.json"]


def test_runs_that_left_nothing_or_are_complete(run, tmp_path: Path) -> None:
    ended = run("enumerate", "--resume", "out.csv")
    assert (ended.code, ended.err) == (
        2,
        "error: there is no journal of a run that writes `out.csv`\n\n"
        "hint: `screener runs` lists unfinished runs; where nothing was entered yet, ask the question again\n",
    )
    ended = run(*SCAN, "--step", "5", "--resume", "out.csv")
    assert ended.code == 0
    assert "there is no journal yet: starting from the beginning\n" in ended.err
    whole = (tmp_path / "out.csv").read_bytes()
    for arguments in (("enumerate",), (*SCAN, "--step", "5")):
        ended = run(*arguments, "--resume", "out.csv")
        assert (ended.code, ended.err) == (0, "the run is complete: there is nothing to go on with\n")
    ended = run(*SCAN, "--step", "10", "--resume", "out.csv")
    assert (ended.code, ended.err) == (
        2,
        "error: `out.csv` has no journal and answers another question\n\nhint: leave --resume out to replace it\n",
    )
    assert (tmp_path / "out.csv").read_bytes() == whole


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
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        ended = run("enumerate", "--resume", "out.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
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
