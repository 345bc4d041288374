"""`--all DIR`: every candidate on disk, once, as it was scored; whole files, and a manifest that proves them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars
import pytest
from full_disk import files_limited_to
from stopped_runs import Killed

from screener.formula import atomic_to_weight
from screener.runs import shards as shards_module
from screener.runs.lock import hold
from screener.space import CompositionSpace

BASE = ("enumerate", "--elements", "Al,Ti,Cr,Ni", "--maximize", "hardness_gpa", "--top", "25")
SIZE = 176_851


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards_module, "SHARD_BLOCKS", 2)


@pytest.fixture
def written(run) -> None:
    """Write all candidates of four elements to `ALL`."""
    assert run(*BASE, "--all", "ALL", "-o", "best.csv").code == 0


def test_every_candidate_is_there_once(run, written, tmp_path: Path) -> None:
    table = polars.scan_parquet("ALL/*.parquet").collect()
    assert table["index"].to_list() == list(range(SIZE))
    space = CompositionSpace.build("Al,Ti,Cr,Ni")
    assert np.array_equal(table.select("Al", "Ti", "Cr", "Ni").to_numpy(), space.counts(np.arange(SIZE)))
    values = ["p_amorphous", "is_amorphous", "amorphous_borderline", "resistivity_uohm_cm", "hardness_gpa", "in_domain"]
    assert table.columns == ["index", *space.elements, *values, "score"]
    assert sum(table.null_count().row(0)) == 0
    best = polars.read_csv("best.csv")
    top = table.sort("score", descending=True).head(25)
    assert set(top["index"]) == set(best["index"])
    rows = table[best["index"].to_numpy()]
    np.testing.assert_allclose(rows["hardness_gpa"], best["hardness_gpa_screen"], rtol=1e-5)
    assert sorted(each.name for each in Path("ALL").iterdir()) == [
        "manifest.json",
        *(f"part-{k:08d}.parquet" for k in range(6)),
    ]


def test_the_best_are_those_of_a_run_without_it(run, written) -> None:
    assert run(*BASE, "--search", "exhaustive", "-o", "alone.csv").code == 0
    assert Path("alone.csv").read_bytes() == Path("best.csv").read_bytes()


def test_what_meets_a_condition_is_written(run, written) -> None:
    condition = "hardness_gpa > 6 and Al < 30 or is_amorphous"
    assert run(*BASE, "--all", "SOME", "--all-where", condition, "--where", "Al < 50", "--quiet").code == 0
    everything = polars.scan_parquet("ALL/*.parquet")
    some = polars.scan_parquet("SOME/*.parquet").collect()
    expected = polars.SQLContext(t=everything).execute(f"SELECT * FROM t WHERE {condition}").collect()
    assert 0 < some.height < SIZE
    # at the limit float64 decides, which float32 values on disk need not show
    sure = ((polars.col("hardness_gpa") - 6).abs() > 1e-4) & ~polars.col("amorphous_borderline")
    assert some.filter(sure).height > 0.99 * some.height
    assert some.filter(sure).equals(expected.filter(sure))
    ended = run("verify", "SOME")
    assert (ended.code, ended.out) == (0, f"verified: 6 files with {some.height:,} rows of {SIZE:,} candidates\n")


def test_weight_percent_descriptors_and_draws(run) -> None:
    asked = ("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "--sample", "20", "--units", "wt")
    assert run(*asked, "--rank-by", "vec + density_g_cm3", "--all", "ALL").code == 0
    table = polars.read_parquet("ALL/*.parquet")
    space = CompositionSpace.build("Al,Ti,Cr", 10)
    index = space.sample(20, 0)
    assert table["index"].to_list() == index.tolist()
    weights = 100 * atomic_to_weight(space.counts(index) / 10, space.elements)
    np.testing.assert_allclose(table.select("Al", "Ti", "Cr").to_numpy(), weights, atol=1e-5)
    assert table.columns[-3:-1] == ["vec", "density_g_cm3"]


@pytest.fixture
def killed(run, kill_after) -> Callable[[int], None]:
    """End a run that writes `PART` after so many entries."""

    def kill(times: int) -> None:
        kill_after(times)
        with pytest.raises(Killed):
            run(*BASE, "--all", "PART", "-o", "part.csv")
        kill_after(-1)

    return kill


def test_a_killed_run_ends_with_the_same_files(run, written, killed, tmp_path: Path) -> None:
    killed(4)
    assert not Path("PART/manifest.json").exists()
    (tmp_path / "PART" / "part-00000004.parquet").write_bytes(b"of a process that died before it was entered")
    (tmp_path / "PART" / ".part-00000004.parquet.0123abcd").write_bytes(b"half")
    assert run("verify", "PART").err == (
        "error: `PART` holds an unfinished run\n\nhint: go on with `screener enumerate --resume PART`\n"
    )
    assert run("runs").out.startswith("PART: ")
    ended = run(*BASE, "--all", "PART")
    assert (ended.code, ended.err) == (
        2,
        "error: `PART` has an unfinished run, 56% done\n\n"
        "hint: go on with `screener enumerate --resume PART`, or remove `PART/run.json` to start anew\n",
    )
    assert run("enumerate", "--resume", "PART").code == 0
    names = sorted(each.name for each in Path("ALL").iterdir())
    assert sorted(each.name for each in Path("PART").iterdir()) == names
    for name in names:
        assert Path("PART", name).read_bytes() == Path("ALL", name).read_bytes()
    assert Path("part.csv").read_bytes() == Path("best.csv").read_bytes()
    assert run("enumerate", "--resume", "PART").err == "the run is complete: there is nothing to go on with\n"


def test_a_folder_is_found_by_the_file_of_its_best(run, written, killed, tmp_path: Path) -> None:
    killed(4)
    Path("BROKEN").mkdir()
    Path("BROKEN/run.json").write_bytes(b"{")
    Path("part.csv").write_text("of an earlier run\n")
    assert run("enumerate", "--resume", "other.csv").err.startswith("error: there is no journal of a run that writes ")
    assert run("enumerate", "--resume", str(tmp_path / "part.csv")).code == 0
    assert Path("part.csv").read_bytes() == Path("best.csv").read_bytes()
    assert run("verify", "PART").code == 0
    assert run("enumerate", "--resume", "part.csv").err == "the run is complete: there is nothing to go on with\n"


def test_a_shard_that_changed_while_the_run_was_stopped_is_refused(run, killed, tmp_path: Path) -> None:
    killed(4)
    path = tmp_path / "PART" / "part-00000001.parquet"
    whole = path.read_bytes()
    hint = "hint: remove `PART` and start again\n"
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    ended = run("enumerate", "--resume", "PART")
    fact = "error: in `PART`, `part-00000001.parquet` does not match its recorded digest"
    assert (ended.code, ended.err) == (2, f"{fact}\n\n{hint}")
    path.unlink()
    ended = run("enumerate", "--resume", "PART")
    assert (ended.code, ended.err) == (2, f"error: in `PART`, `part-00000001.parquet` is missing\n\n{hint}")
    path.write_bytes(whole)
    assert run("enumerate", "--resume", "PART").code == 0


def test_two_runs_on_one_folder(run, killed) -> None:
    killed(3)
    lock = hold(Path("PART"))
    assert lock is not None
    for arguments in (("enumerate", "--resume", "PART"), (*BASE, "--all", "PART")):
        ended = run(*arguments)
        assert (ended.code, ended.err) == (
            2,
            "error: another run is writing `PART`\n\nhint: wait for it to end, or name another output\n",
        )
    assert '"state": "running"' in run("runs", "--json").out
    os.close(lock)


def test_folders_that_hold_something_are_refused(run, written, tmp_path: Path) -> None:
    ended = run(*BASE, "--all", "ALL")
    assert (ended.code, ended.err) == (
        2,
        "error: folder `ALL` holds a finished run\n\nhint: name a new or empty folder with --all\n",
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    assert run(*BASE, "--all", "mine").err.startswith("error: folder `mine` holds `thesis.txt`\n")
    assert run(*BASE, "--all", "best.csv").err.startswith("error: `best.csv` is not a folder\n")
    assert run(*BASE, "--all", "no/where").err == (
        "error: folder `no` does not exist\n\nhint: create it: mkdir -p no\n"
    )


def test_options_that_do_not_go_together(run, tmp_path: Path) -> None:
    ended = run(*BASE, "--all-where", "vec > 3")
    assert (ended.code, ended.err) == (
        2,
        "error: `--all-where` without `--all`\n\nhint: name a folder with `--all DIR`\n",
    )
    ended = run(*BASE, "--all", "ALL", "--search", "exact")
    assert ended.err.startswith("error: `--all` together with `--search exact`\n")
    ended = run(*BASE, "--all", "ALL", "--all-where", "vecc > 3")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: unknown column `vecc`")
    assert not (tmp_path / "ALL").exists()
    ended = run(*BASE, "--all", "ALL", "--time-limit", "5")
    assert ended.err.startswith("error: `--time-limit` together with `--search exhaustive`\n")


def test_damage_is_found(run, written, tmp_path: Path) -> None:
    folder = tmp_path / "ALL"
    whole = {each.name: each.read_bytes() for each in folder.iterdir()}

    def verified(name: str, content: bytes | None) -> str:
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
        ended = run("verify", "ALL")
        assert ended.code == 2
        if name in whole:
            (folder / name).write_bytes(whole[name])
        else:
            (folder / name).unlink()
        return ended.out + ended.err

    part = "part-00000002.parquet"
    raw = whole[part]
    flipped = bytearray(raw)
    flipped[1000] ^= 16
    failed = (
        "error: 1 of the files in `ALL` are not as they were written\n\n"
        "hint: write the candidates again into a new folder: the search gives the same bytes\n"
    )
    assert verified(part, bytes(flipped)) == f"`{part}` does not match its recorded digest\n{failed}"
    assert verified(part, raw[:-1]) == f"`{part}` has {len(raw) - 1} bytes where {len(raw)} were written\n{failed}"
    assert verified(part, None) == f"`{part}` is missing\n{failed}"
    assert verified("more.parquet", raw) == f"`more.parquet` is not in the manifest\n{failed}"
    manifest = whole["manifest.json"]
    for place in range(0, len(manifest), 97):
        assert "`ALL/manifest.json` is " in verified("manifest.json", manifest[:place])
        changed = bytearray(manifest)
        changed[place] ^= 1
        assert "`ALL/manifest.json` is " in verified("manifest.json", bytes(changed))
    assert verified("manifest.json", None).startswith("error: there is no `manifest.json` in `ALL`\n")
    assert run("verify", "ALL").out == f"verified: 6 files with {SIZE:,} rows of {SIZE:,} candidates\n"
    assert run("verify", "nowhere").err.startswith("error: `nowhere` is not a folder\n")


def test_a_manifest_that_lies_is_refused(run, written) -> None:
    from screener.runs.sealed import seal
    from screener.runs.shards import KIND, MANIFEST, VERSION

    content = json.loads(Path("ALL", MANIFEST).read_bytes())["content"]
    for change in (
        {"candidates": SIZE + 1},
        {"rows": 3},
        {"shards": content["shards"][1:]},
        {"shards": [*content["shards"], content["shards"][0]]},
        {"shards": [{**content["shards"][0], "file": "../part-00000000.parquet"}, *content["shards"][1:]]},
    ):
        Path("ALL", MANIFEST).write_bytes(seal(KIND, VERSION, content | change))
        ended = run("verify", "ALL")
        assert (ended.code, ended.err.split(": it holds")[0]) == (2, "error: `ALL/manifest.json` is damaged")


def test_a_full_disk_is_told_and_mended(run, written, killed) -> None:
    killed(3)
    with files_limited_to(100_000):
        ended = run("enumerate", "--resume", "PART")
    assert ended.code == 2
    assert "error: cannot write `PART/part-" in ended.err
    assert run("enumerate", "--resume", "PART").code == 0
    for path in Path("ALL").iterdir():
        assert Path("PART", path.name).read_bytes() == path.read_bytes()
