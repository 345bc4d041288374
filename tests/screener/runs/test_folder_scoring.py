"""Folders of lists: one result for each, as if it were scored by itself; a stopped run goes on with the next."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import polars
import pytest
from clusters import HereRay, cluster_of
from stopped_runs import Killed

from screener import distributed, folder_scoring
from screener.remote_work import Shipment, unpack
from screener.runs.lock import hold

ALLOYS = ("Al50Ti50", "Cr20Fe80", "Al50Zr50", "Ni30Al70", "CoCrFeNi")


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A folder of five lists of different kinds; one holds rows that do not read."""
    folder = tmp_path / "lists"
    folder.mkdir()
    for k in range(3):
        rows = [f"{alloy},{k}" for alloy in ALLOYS[k:]]
        (folder / f"part{k}.csv").write_text("alloy,n\n" + "\n".join([*rows, "Xx3Al,9"] if k == 1 else rows) + "\n")
    (folder / "more.tsv.gz").write_bytes(gzip.compress(b"alloy\tn\nAl10Ti90\t1\n"))
    polars.DataFrame({"alloy": ALLOYS, "n": range(5)}).write_parquet(folder / "table.parquet")
    (folder / "notes.md").write_text("no list")
    return folder


NAMES = ["more.csv", "part0.csv", "part1.csv", "part2.csv", "table.parquet"]


def outputs(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_every_list_is_scored_as_by_itself(run, lists: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    for name in NAMES:
        source = "more.tsv.gz" if name == "more.csv" else name
        assert run("score", f"lists/{source}", "-o", f"alone/{name}", "--maximize", "hardness_gpa").code == 0
    ended = run("score", "lists", "-o", "out", "--maximize", "hardness_gpa")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "warning: `part1.csv`: 1 rows could not be read: see `out/part1.csv.rejects.csv`\n"
        "5 lists; 19 rows read, 18 written, 1 rejected\n"
    )
    assert sorted(n for n in outputs(tmp_path / "out") if n in NAMES) == NAMES
    assert outputs(tmp_path / "alone") == outputs(tmp_path / "out")


def test_patterns_choose_lists(run, lists: Path, tmp_path: Path) -> None:
    assert run("score", "lists/part[01].csv", "-o", "out", "--quiet").err == (
        "warning: `part1.csv`: 1 rows could not be read: see `out/part1.csv.rejects.csv`\n"
    )
    assert sorted(n for n in outputs(tmp_path / "out") if n in NAMES) == ["part0.csv", "part1.csv"]


def test_a_stopped_run_goes_on_with_the_next_list(run, lists: Path, tmp_path: Path, monkeypatch) -> None:
    assert run("score", "lists", "-o", "whole").code == 0
    score_file, scored = folder_scoring.score_file, []

    def counted(job: object, path: Path, output: Path) -> object:
        if len(scored) == 3:
            raise Killed
        scored.append(path.name)
        return score_file(job, path, output)

    monkeypatch.setattr(folder_scoring, "score_file", counted)
    with pytest.raises(Killed):
        run("score", "lists", "-o", "out")
    assert (tmp_path / "out" / "run.json").exists()
    assert run("runs").out == "out: 3 of 5 lists, stopped, goes on when `screener score` is started again as it was\n"
    assert json.loads(run("runs", "--json").out) == {"output": "out", "state": "stopped", "share": 0.6, "lists": 5}
    ended = run("score", "lists", "-o", "out", "--top", "2")
    assert (ended.code, ended.err) == (
        2,
        "error: `out/run.json` is of another run: it differs in --top (none, now `2`)\n\n"
        "hint: ask as it was asked, or name another folder with -o, or remove `out` to start anew\n",
    )
    (lists / "part0.csv").write_text((lists / "part0.csv").read_text())
    first, scored[:] = list(scored), []
    monkeypatch.setattr(folder_scoring, "score_file", lambda *given: scored.append(given[1].name) or score_file(*given))
    assert run("score", "lists", "-o", "out").err.endswith("5 lists; 19 rows read, 18 written, 1 rejected\n")
    assert sorted(first + scored) == sorted(each.name for each in lists.iterdir() if each.name != "notes.md")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_a_list_that_changed_is_scored_again(run, lists: Path, tmp_path: Path, monkeypatch) -> None:
    (lists / "zz.csv").write_text("nothing\n1\n")
    ended = run("score", "lists", "-o", "out")
    assert ended.code == 2
    assert "lists/zz.csv" in ended.err
    assert (tmp_path / "out" / "part0.csv").exists()
    (lists / "part0.csv").write_text("alloy,n\nAl30Zr70,3\n")
    (lists / "zz.csv").write_text("alloy\nAl\n")
    assert run("score", "lists", "-o", "out").code == 0
    assert polars.read_csv(tmp_path / "out" / "part0.csv")["alloy"].to_list() == ["Al30Zr70"]
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("engine", [(), ("--engine", "ray")])
def test_lists_that_cannot_be_read_do_not_stop_the_others(
    run, lists: Path, tmp_path: Path, monkeypatch, engine: tuple[str, ...]
) -> None:
    monkeypatch.setattr("screener.cluster_opening.open_cluster", lambda address, device: cluster_of(HereRay(2), device))
    monkeypatch.setattr(distributed, "_unpacked", lambda shipped: Path(os.environ["SCREENER_MODELS"]))
    assert run("score", "lists", "-o", "whole").code == 0
    (lists / "a.csv").write_text("")
    (lists / "nn.csv").write_text("nothing\n1\n")
    ended = run("score", "lists", "-o", "out", *engine)
    again = "mend or remove the list and give the command again: the other lists are done"
    assert ended.code == 2
    assert ended.err.count("warning: left out: ") == 2
    assert "error: 2 of 7 lists cannot be read, such as: " in ended.err
    assert ended.err.endswith(f"{again}\n")
    assert sorted(n for n in outputs(tmp_path / "out") if n in NAMES) == NAMES
    (lists / "a.csv").unlink()
    ended = run("score", "lists", "-o", "out", *engine)
    assert "error: no column of formulas in `" in ended.err
    (lists / "nn.csv").unlink()
    assert run("score", "lists", "-o", "out", *engine).code == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    (lists / "nn.csv").write_text("nothing\n1\n")
    assert run("score", "lists", "-o", "strict", "--strict", *engine).err.startswith("error: ")


def test_damaged_journals_and_second_runs_are_refused(run, lists: Path, tmp_path: Path) -> None:
    (lists / "zz.csv").write_text("nothing\n1\n")
    assert run("score", "lists", "-o", "out").code == 2
    lock = hold(tmp_path / "out")
    assert lock is not None
    ended = run("score", "lists", "-o", "out")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: another run is writing `out`")
    os.close(lock)
    path = tmp_path / "out" / "run.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 61):
        flipped = bytearray(whole)
        flipped[place] ^= 2
        for damaged in (whole[:place], bytes(flipped)):
            path.write_bytes(damaged)
            ended = run("score", "lists", "-o", "out")
            assert ended.code == 2
            assert ended.err.startswith("error: `out/run.json` is ")
    content = json.loads(whole)["content"]
    for change in ({"done": [[1, 2]]}, {"done": 3}, {"asked": []}):
        path.write_bytes(folder_scoring.seal(folder_scoring.LIST_KIND, folder_scoring.LIST_VERSION, content | change))
        assert run("score", "lists", "-o", "out").err.startswith("error: `out/run.json` is damaged: it holds ")


REFUSED = {
    (): ("many lists have many results", "name a folder for them with -o"),
    ("-o", "out.csv"): ("many lists have many results", "name a folder for them with -o"),
    ("-o", "lists"): ("`lists` is the folder of the lists", "name another folder with -o"),
    ("-o", "used"): ("folder `used` holds `x`", "name a new or empty folder with -o"),
    ("-o", "out", "--rejects", "r.csv"): (
        "`--rejects` with many lists",
        "leave it out: each result gets a file of its own rejects",
    ),
}


@pytest.mark.parametrize("options", REFUSED)
def test_refusals(run, lists: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").touch()
    fact, hint = REFUSED[options]
    ended = run("score", "lists", *options)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {fact}\n\nhint: {hint}\n")


def test_lists_of_one_name_and_none_at_all(run, lists: Path, tmp_path: Path) -> None:
    (lists / "part0.csv.gz").write_bytes(gzip.compress(b"alloy\nAl\n"))
    ended = run("score", "lists", "-o", "out")
    assert ended.err.startswith("error: `lists/part0.csv` and `lists/part0.csv.gz` would have one result\n")
    assert run("score", "none*.csv", "-o", "out").err.startswith("error: there are no lists in `none*.csv`\n")
    ended = run("score", "lists/part0.csv", "-o", "x.csv", "--engine", "ray")
    assert ended.err.startswith("error: `--engine ray` with one list\n")


def test_workers_score_lists_to_the_same_bytes(run, lists: Path, tmp_path: Path, monkeypatch) -> None:
    assert run("score", "lists", "-o", "whole").code == 0
    ray, unpacked = HereRay(2, lose=0.4), {}

    def once(shipped: Shipment) -> Path:
        if not unpacked:
            folder = tmp_path / "shipped" / str(shipped.recipe["folder"])
            unpack(shipped, folder)
            unpacked["folder"] = folder
        return unpacked["folder"]

    monkeypatch.setattr("screener.cluster_opening.open_cluster", lambda address, device: cluster_of(ray, device))
    monkeypatch.setattr(distributed, "_unpacked", once)
    ended = run("score", "lists", "-o", "out", "--engine", "ray")
    assert ended.code == 0
    assert ended.err.endswith("5 lists; 19 rows read, 18 written, 1 rejected\n")
    assert ray.lost > 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
