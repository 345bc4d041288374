"""The command of the benchmarks: its stages, what it writes, its chart."""

from __future__ import annotations

import importlib
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import machine
from benchmarks.bench_work import BY_CANDIDATES, BY_ELEMENTS
from benchmarks.plot import work_chart
from benchmarks.timing import Line


def test_every_stage_has_a_file_and_every_file_is_a_stage() -> None:
    named = {*command.STAGES, *command.LONG}
    files = {path.stem.removeprefix("bench_") for path in Path(command.__file__).parent.glob("bench_*.py")}
    assert named == files
    assert not set(command.STAGES) & set(command.LONG)


def lines() -> list[Line]:
    """Invent lines of the stage `work`."""
    sizes = [Line("work", f"{BY_CANDIDATES} {n:,}", n / 2e6, "s", "x", 1.6) for n in (10_626, 4_598_126, 96_560_646)]
    widths = [Line("work", f"{BY_ELEMENTS} {d}", 2e6 / d, "candidates/s", "x", 1.6) for d in range(3, 13)]
    return [*sizes, *widths, Line("rank", "other", 1.0, "s")]


def test_the_chart_shows_every_point() -> None:
    chart = ET.fromstring(work_chart(lines()))
    tags = [each.tag.rpartition("}")[2] for each in chart.iter()]
    assert tags.count("circle") == 3 + 10
    texts = [each.text for each in chart.iter() if each.tag.endswith("text")]
    assert {"1e5", "1e7", "3", "12", "seconds against candidates"} <= set(texts)
    places = [(float(each.get("cx")), float(each.get("cy"))) for each in chart.iter() if each.tag.endswith("circle")]
    assert all(0 < x < 720 and 20 < y < 230 for x, y in places)
    assert [y for _, y in places[:3]] == sorted((y for _, y in places[:3]), reverse=True)  # more work, more seconds


def test_without_the_stage_there_is_no_chart() -> None:
    assert work_chart([Line("rank", "other", 1.0, "s")]) == ""


def test_one_stage_is_measured_on_a_new_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Quick:
        lines = staticmethod(lambda size: lines())

    monkeypatch.setattr(command, "importlib", type("Stub", (), {"import_module": staticmethod(lambda name: Quick)}))
    monkeypatch.setattr(
        command, "machine", lambda: {"processor": "Some CPU", "cores": 3, "models": "0", "date": "d", "python": "3"}
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--stage", "work", "--results", str(tmp_path)])
    command.main()
    document = json.loads((tmp_path / "some-cpu-3-cores.json").read_text())
    assert len(document["lines"]) == 14
    assert (tmp_path / "some-cpu-3-cores-work.svg").read_text().startswith("<svg")
    assert "| work |" in capsys.readouterr().out


def test_a_gpu_is_part_of_the_name_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.slug({"processor": "CPU (R)", "cores": 2}) == "cpu-r-2-cores"
    assert machine.slug({"processor": "CPU", "cores": 2, "gpu": "NVIDIA H200"}) == "cpu-2-cores-nvidia-h200"
    monkeypatch.setattr(machine, "cuda_devices", lambda: 0)
    assert machine.gpu() == {}


def test_without_a_gpu_the_gpu_stage_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = importlib.import_module("benchmarks.bench_gpu")
    monkeypatch.setattr(stage, "cuda_devices", lambda: 0)
    assert list(stage.lines(command.QUICK)) == []
    assert capsys.readouterr().err == "no CUDA device answers: nothing is measured\n"
