"""Processes killed with SIGKILL at random times: whoever goes on ends with the same bytes."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DRIVER = """
import sys
import screener.runs.course as course, screener.runs.shards as shards
course.FIRST, course.EVERY, course._SPARE, shards.SHARD_BLOCKS = 0.0, 0.02, 0.0, 8
from screener.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command line with an entry after nearly every block, and small files of candidates."""
SPACE = ("enumerate", "--elements", "Al,Ti,Cr,Ni,Fe", "--step", "1", "--quiet")
CASES = {
    "exhaustive": (*SPACE, "--search", "exhaustive", "--maximize", "hardness_gpa", "--top", "200"),
    "front": (*SPACE, "--sample", "1500000", "--pareto", "--maximize", "hardness_gpa", "--minimize", "vec=3:9"),
    "all": (*SPACE, "--bounds", "Al=10:40,Ti=0:50", "--all-where", "hardness_gpa > 5", "--all", "ALL"),
    "exact": ("enumerate", "--elements", "Al,Ti,Cr,Ni,Fe,Zr,Co", "--search", "exact", "--top", "300", "--quiet"),
    "apart": (*SPACE, "--diverse", "8", "--top", "40"),
}


@dataclass
class Harness:
    """Starts commands, kills them, and looks at what is left."""

    folder: Path
    environment: dict[str, str]
    draw: random.Random
    kills: int = 0
    lasts: float = math.inf
    seen: list[str] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def whole(self, *arguments: str) -> None:
        """Run to the end."""
        assert not self.killed(math.inf, *arguments)

    def killed(self, share: float, *arguments: str) -> bool:
        """Kill a run within a share of the time that the quickest one took, and say whether it was still at work.

        The first run of all may have to compile: times are those of the quickest.
        """
        process, started = self.start(*arguments), time.monotonic()
        wait = min(300.0, self.draw.uniform(0.2, 1.0) * share * self.lasts)
        try:
            err = process.communicate(timeout=wait)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.kills += 1
            return True
        assert process.returncode == 0, err.decode()
        self.lasts = min(self.lasts, time.monotonic() - started)
        return False


@pytest.fixture
def harness(tiny_models: Path, tmp_path: Path) -> Harness:
    environment = os.environ | {"SCREENER_MODELS": str(tiny_models)}
    return Harness(tmp_path, environment, random.Random(tmp_path.name))


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in sorted(folder.iterdir())}


def disturbed(harness: Harness, case: str, kills: int) -> None:
    """Kill runs of one question so often, each going on from the one before, and compare every one that ended."""
    asked = [*CASES[case], "-o", "out.parquet"]
    place = harness.folder / ("ALL" if case == "all" else "out.parquet")
    harness.whole(*asked)
    whole = (harness.folder / "out.parquet").read_bytes()
    shards = files(harness.folder / "ALL") if case == "all" else {}
    while harness.kills < kills:
        (harness.folder / "out.parquet").unlink()
        for name in shards:
            (harness.folder / "ALL" / name).unlink(missing_ok=True)
        alive = True
        while alive:
            again = ["--resume", place.name]
            alive = harness.killed(1.0 if harness.kills < kills else math.inf, *asked, *again)
            leftover = harness.folder / "out.parquet"
            assert not leftover.exists() or leftover.read_bytes() == whole
        assert (harness.folder / "out.parquet").read_bytes() == whole
        assert (files(harness.folder / "ALL") if case == "all" else {}) == shards
        assert not list(harness.folder.glob("*.run"))


@pytest.mark.parametrize(("case", "kills"), [("exhaustive", 2), ("all", 1), ("exact", 1)])
def test_a_killed_run_goes_on(harness: Harness, case: str, kills: int) -> None:
    disturbed(harness, case, kills)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_runs_killed_again_and_again_go_on(harness: Harness, case: str) -> None:
    disturbed(harness, case, 12)


def killed_list(harness: Harness, kills: int) -> None:
    """Kill scorings of one list; the next one starts from the beginning."""
    rows = "".join(f"Al{k % 90 + 1}Ti{k % 7 + 1}Cr{k % 11 + 1},{k}\n" for k in range(150_000))
    (harness.folder / "list.csv").write_text("alloy,n\n" + rows)
    asked = ("score", "list.csv", "-o", "out.csv", "--quiet")
    harness.whole(*asked)
    whole = (harness.folder / "out.csv").read_bytes()
    while harness.kills < kills:
        (harness.folder / "out.csv").unlink(missing_ok=True)
        if harness.killed(1.0, *asked):
            left = harness.folder / "out.csv"
            assert not left.exists() or left.read_bytes() == whole
    harness.whole(*asked)
    assert (harness.folder / "out.csv").read_bytes() == whole


@pytest.mark.slow
def test_a_killed_scoring_starts_again(harness: Harness) -> None:
    killed_list(harness, 6)


def test_a_killed_process_lets_go_of_its_lock(harness: Harness) -> None:
    asked = [*CASES["exhaustive"], "-o", "out.csv"]
    process = harness.start(*asked)
    journal = harness.folder / "out.csv.run"
    for _ in range(400):
        if journal.exists() and journal.stat().st_size:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)  # else a fast machine is done before the other run starts
    second = harness.start(*asked, "--resume", "out.csv")
    err = second.communicate(timeout=60)[1].decode()
    assert second.returncode == 2
    assert err.startswith("error: another run is writing `out.csv`\n\nhint: ")
    assert process.poll() is None
    process.kill()
    process.communicate()
    harness.whole("enumerate", "--resume", "out.csv", "--quiet")
    assert not journal.exists()
