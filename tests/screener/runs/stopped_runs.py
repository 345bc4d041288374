"""Searches for runs that end before they are done, and what ends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from screener.runs import course as course_module

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


def write_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the journal after every block."""
    for name in ("FIRST", "EVERY", "_SPARE"):
        monkeypatch.setattr(course_module, name, 0.0)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name != "cache")
