"""Runs that end before they are done and go on: the result is that of one that was never disturbed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from stopped_runs import QUESTIONS, SCAN, Killed, names
from tiny_models import publish_tiny_models

from screener.runs import course as course_module
from screener.runs.journal import JournalFile, read_journal


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_disturbed_run_ends_with_the_same_bytes(run, at_once, kill_after, tmp_path: Path, case: str) -> None:
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


def test_a_second_pass_goes_on_as_well(run, at_once, kill_after, tmp_path: Path, monkeypatch) -> None:
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
        "hint: `screener runs` lists unfinished runs, those of --all by folder; where nothing was entered yet, "
        "ask the question again\n",
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


def test_a_whole_folder_answers_one_question(run, tmp_path: Path) -> None:
    assert run(*SCAN, "--step", "10", "--all", "ALL", "--quiet").code == 0
    whole = {path.name: path.read_bytes() for path in (tmp_path / "ALL").iterdir()}
    for named in (("--resume", "ALL"), ("--all", "ALL", "--resume", "ALL")):
        ended = run(*SCAN, "--step", "10", *named)
        assert (ended.code, ended.err) == (0, "the run is complete: there is nothing to go on with\n")
        ended = run(*SCAN, "--step", "5", *named)
        assert (ended.code, ended.err) == (
            2,
            "error: `ALL` has no journal and answers another question\n\nhint: name another folder with --all\n",
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "ALL").iterdir()} == whole
