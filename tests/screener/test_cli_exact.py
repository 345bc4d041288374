"""`screener enumerate --search exact`: the list, the certificate, and the exact words for what it refuses."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import polars
import pytest

from screener.cli.terminal import Terminal
from screener.exact.standing import Tally

BASE = ("enumerate", "--elements", "Al,Ti,Cr,Ni")
LARGE = ("enumerate", "--elements", "Al,Ti,Cr,Fe,Ni,Zr,Co,Cu")


def test_both_searches_write_the_same_bytes(run, tmp_path: Path) -> None:
    question = ("--where", "density_g_cm3 < 6 and Al + Ti > 30", "--maximize", "hardness_gpa", "--step", "2")
    for name in ("exact", "exhaustive"):
        assert run(*BASE, *question, "--search", name, "-o", f"{name}.csv").code == 0
    assert (tmp_path / "exact.csv").read_bytes() == (tmp_path / "exhaustive.csv").read_bytes()


def test_summary_tells_what_was_proved(run) -> None:
    lines = run(*BASE, "--search", "exact", "--top", "5", "-o", "out.csv").err.splitlines()
    assert lines[0].startswith("176,851 candidates screened, 5 kept; ")
    assert lines[1].startswith("search: exact, ")
    assert lines[1].endswith(" candidates scored")
    last = polars.read_csv("out.csv")["score"][-1]
    assert lines[2] == f"certificate: no candidate outside this list scores above {last:.10g}"


def test_auto_proves_large_spaces_and_scores_small_ones(run) -> None:
    assert "certificate: " not in run(*BASE, "--step", "4").err
    assert "certificate: " in run(*BASE, "--step", "0.5").err


@pytest.mark.parametrize(
    "question",
    [
        ("--pareto", "--maximize", "hardness_gpa", "--minimize", "vec=4:9"),
        ("--rank-by", "hardness_gpa / density_g_cm3"),
    ],
)
def test_auto_scores_every_candidate_where_there_is_no_bound(run, question: tuple[str, ...]) -> None:
    ended = run(*BASE, "--step", "0.5", "--bounds", "Al=0:20,Ti=0:40", *question, "--top", "3")
    assert ended.code == 0
    assert "certificate: " not in ended.err


def test_exact_search_is_not_capped(run) -> None:
    assert run(*BASE, "--search", "exact", "--max-candidates", "10").code == 0
    refused = run(*BASE, "--search", "exhaustive", "--max-candidates", "10")
    assert refused.err.startswith("error: 176851 candidates are more than the 10 of --max-candidates\n")


def test_winners_apart_and_near_measured_alloys(run, tmp_path: Path) -> None:
    ended = run(*BASE, "--diverse", "10", "--top", "6", "-o", "apart.csv")
    assert "certificate: none that lies 10 at.% or more from those before it scores above the next\n" in ended.err
    table = polars.read_csv(tmp_path / "apart.csv").select("Al", "Ti", "Cr", "Ni").to_numpy()
    assert min(abs(a - b).max() for k, a in enumerate(table) for b in table[:k]) >= 10
    assert run(*BASE, "--near", "3", "--top", "50", "-o", "near.csv").code == 0
    table = polars.read_csv(tmp_path / "near.csv").select("Al", "Ti", "Cr", "Ni").to_numpy()
    # Of the training alloys these four can hold: Al20Ti30Cr50, pure Ti and pure Al.
    assert all(min(abs(row - alloy).max() for alloy in MEASURED) <= 3 for row in table)


MEASURED = np.array([[20, 30, 50, 0], [0, 100, 0, 0], [100, 0, 0, 0]])


def test_nothing_meets_the_filter(run) -> None:
    ended = run(*BASE, "--search", "exact", "--where", "vec > 11", "-o", "out.csv")
    assert ended.code == 0
    assert ended.err.startswith("warning: no candidate meets --where\n")
    assert "certificate: every candidate that counts is listed\n" in ended.err


def test_time_limit_gives_what_there_is(run, tmp_path: Path) -> None:
    ended = run(*LARGE, "--time-limit", "1e-6", "--top", "5", "-o", "out.csv")
    assert ended.code == 0
    assert "warning: the time limit was reached: there may be better candidates than those listed\n" in ended.err
    assert "certificate: partial, no candidate scores above " in ended.err
    assert polars.read_csv(tmp_path / "out.csv").height == 5
    scored = re.search(r"cells bounded, ([\d,]+) candidates scored\n", ended.err)
    assert scored
    assert f"\n26,075,972,546 candidates in the space, {scored[1]} candidates screened, 5 kept; " in ended.err
    counts = json.loads(json.loads((tmp_path / "out.csv.meta.json").read_bytes())["screener.summary"])
    screened = int(scored[1].replace(",", ""))
    assert counts == {"candidates_in_the_space": 26_075_972_546, "candidates_screened": screened, "kept": 5}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_gives_what_there_is(run, monkeypatch, tmp_path: Path, number: int, code: int) -> None:
    monkeypatch.setattr(Terminal, "proving", lambda told, tally: os.kill(os.getpid(), number))
    ended = run(*LARGE, "--top", "5", "-o", "out.csv")
    assert ended.code == code
    assert "warning: the search was stopped: there may be better candidates than those listed\n" in ended.err
    assert "certificate: partial, no candidate scores above " in ended.err
    assert polars.read_csv(tmp_path / "out.csv").height == 5


def test_progress_tells_how_far_the_proof_is() -> None:
    told = Terminal(quiet=False, stream=(stream := _Screen()))
    told._shown -= 1.0
    told.proving(Tally(12_345, 10, 1.25, 3.5, 0.25, 1.0))
    assert stream.getvalue() == "\r75.00% settled, 12,345 cells; to beat 1.25, open up to 3.5"


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


REFUSED = {
    "or": (
        ("--where", "vec > 5 or Al > 3"),
        "exact search has no bound for `or` in --where",
        "use `--search exhaustive`, which takes any expression",
    ),
    "ratio": (
        ("--rank-by", "hardness_gpa / density_g_cm3"),
        "exact search has no bound for `/` of columns in --rank-by",
        "use `--search exhaustive`, which takes any expression",
    ),
    "function": (
        ("--where", "sqrt(vec) > 2"),
        "exact search has no bound for `sqrt` in --where",
        "use `--search exhaustive`, which takes any expression",
    ),
    "descriptor": (
        ("--minimize", "c_max"),
        "exact search has no bound for `c_max` in --minimize",
        "use `--search exhaustive`, which takes any expression",
    ),
    "borderline": (
        ("--where", "amorphous_borderline"),
        "exact search has no bound for `amorphous_borderline` in --where",
        "use `--search exhaustive`, which takes any expression",
    ),
    "pareto": (
        ("--pareto", "--maximize", "hardness_gpa", "--minimize", "vec=4:9"),
        "exact search has no bound for `--pareto`",
        "use `--search exhaustive`, which takes any expression",
    ),
    "trees": (
        ("--tier", "characterize"),
        "exact search has no bound for models of the characterize tier",
        "use `--search exhaustive`, which takes any expression",
    ),
    "sample": (
        ("--sample", "10"),
        "`--sample` together with `--search exact`",
        "drop one: a draw is scored as a whole",
    ),
    "no distance": (
        ("--diverse", "101"),
        "--diverse `101` is not above 0 and up to 100",
        "write at.%, e.g. `--diverse 5`",
    ),
    "no time": (("--time-limit", "0"), "--time-limit `0` is not above 0", "give seconds, e.g. `--time-limit 60`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(run, case: str) -> None:
    arguments, fact, hint = REFUSED[case]
    ended = run(*BASE, "--step", "5", "--search", "exact", *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {fact}\n\nhint: {hint}\n")


def test_unknown_search_and_lost_time_limits(run) -> None:
    ended = run(*BASE, "--search", "fast")
    assert ended.err == "error: unknown search `fast`\n\nhint: use `auto`, `exhaustive` or `exact`\n"
    ended = run(*BASE, "--search", "exhaustive", "--time-limit", "5")
    assert ended.err == (
        "error: `--time-limit` together with `--search exhaustive`\n\nhint: only an exact search can: drop one\n"
    )
    ended = run(*BASE, "--time-limit", "5", "--where", "vec > 5 or Al > 3")
    assert (ended.code, ended.err) == (
        2,
        "error: exact search has no bound for `or` in --where\n\n"
        "hint: use `--search exhaustive`, which takes any expression\n",
    )
    ended = run(*BASE, "--sample", "5", "--time-limit", "5")
    assert (ended.code, ended.err) == (
        2,
        "error: `--sample` together with `--time-limit`\n\nhint: drop one: a draw is scored as a whole\n",
    )
