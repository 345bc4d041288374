"""The commands that compare float32 with float64, and the lowest packages with the latest: short versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rounding, versions
from benchmarks.cases import models_folder
from screener.binding import bind_tier
from screener.device import Device
from screener.jobs import Question
from screener.model_set import load_models


@pytest.fixture(scope="module")
def tier():
    models = load_models(models_folder(), Device("cpu", 0, 1), ("screen",)).screen
    return bind_tier("screen", models, Question())


@pytest.fixture(scope="module")
def compared(tier):
    return rounding.compare(20_000, 7, tier)


def test_every_descriptor_and_prediction_is_within_its_bound(compared):
    assert compared.alloys == 20_000
    assert len(compared.described) > 90
    broken = {name: each.share for name, each in (compared.described | compared.predicted).items() if each.share > 1}
    assert not broken
    assert compared.holds


def test_bounds_are_not_idle(compared):
    assert max(each.share for each in compared.described.values()) > 0.3
    assert max(each.share for each in compared.predicted.values()) > 0.02


def test_a_flag_at_its_threshold_is_marked(tier):
    found = rounding.compare(4000, 3, tier)
    assert all(each.unmarked == 0 for each in found.flags.values())
    found.flags["p_amorphous"].unmarked = 1
    assert not found.holds


def test_the_summary_names_every_kind(compared):
    text = rounding.summary(compared)
    assert "pair sum" in text
    assert "`hardness_gpa`" in text
    assert "Flags of `p_amorphous`" in text


def test_lower_bounds_become_pins():
    needed = ["numpy>=2.1", "x-y>=1.2.3; sys_platform == 'linux'"]
    assert versions.lowest(needed) == ["numpy==2.1", "x-y==1.2.3; sys_platform == 'linux'"]
    with pytest.raises(ValueError, match="`numpy` has no lower bound alone"):
        versions.lowest(["numpy"])
    assert len(versions.lowest(versions.dependencies())) == len(versions.dependencies())


@pytest.mark.parametrize(
    ("text", "same", "settled", "largest"),
    [
        ("rank,score,x\n1,2.5,100\n", True, True, 0.0),
        ("rank,score,x\n1,2.5,100.001\n", False, True, 1e-5),
        ("rank,score,x\n1,2.5000001,100\n", False, False, 4e-8),
        ("rank,score,x\n1,2.5,100\n2,2,1\n", False, False, float("inf")),
        ("rank,score,x\n1,2.5,\n", False, True, float("inf")),
    ],
)
def test_lists_are_compared(tmp_path: Path, text: str, same: bool, settled: bool, largest: float):
    for name, content in (("a.csv", "rank,score,x\n1,2.5,100\n"), ("b.csv", text)):
        (tmp_path / name).write_text(content)
    found = versions.difference(tmp_path / "a.csv", tmp_path / "b.csv")
    assert (found.same, found.settled) == (same, settled)
    assert found.largest == pytest.approx(largest, rel=1e-3)
    assert versions.fine(found) == (settled and largest <= 1e-5 * (1 + 1e-3))
    assert "seven" in versions.report({"lowest": {"numpy": "2.1.0"}}, {"seven": found})
