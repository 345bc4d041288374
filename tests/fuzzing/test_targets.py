"""Every harness holds for its seeds and for a few inputs made of them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fuzzing import mutation
from fuzzing.__main__ import main
from fuzzing.targets import FOLDER, TARGETS

REPOSITORY = FOLDER.parent
TRIED = {"scored": 4, "methods": 60, "alloy_list": 60, "journal": 100, "result": 100}
"""Inputs tried here for targets that take longer than most."""
LARGEST_SEED = 8192


@pytest.mark.parametrize("name", TARGETS)
def test_every_parser_keeps_its_contract(name: str) -> None:
    if name == "request":
        pytest.importorskip("starlette", reason="the extra `serve` is not installed")
    target = TARGETS[name]
    check = target.check
    for seed in target.seeds:
        check(seed.read_bytes())
    for data in (b"", b"\0", *mutation.mutated(target, TRIED.get(name, 200), seed=1)):
        try:
            check(data)
        except Exception as broken:
            broken.add_note(f"input: {data!r}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_small_and_harnesses_have_words(name: str) -> None:
    target = TARGETS[name]
    assert target.seeds
    assert all(0 < path.stat().st_size <= min(LARGEST_SEED, target.longest) for path in target.seeds)
    assert len(set(target.tokens)) > 10
    assert target.minutes >= 3


def test_every_harness_is_a_target() -> None:
    harnesses = {path.stem for path in (FOLDER / "harnesses").glob("*.py")} - {"__init__", "walk"}
    assert harnesses == set(TARGETS) == {path.name for path in (FOLDER / "corpus").iterdir()}


def test_mutations_are_the_same_every_time() -> None:
    target = TARGETS["formula"]
    first, second = (list(mutation.mutated(target, 50, 3)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 40


def test_an_unknown_target_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzzing", "formulae"])
    with pytest.raises(SystemExit):
        main()
    assert "no target formulae: there are formula, formulas" in capsys.readouterr().err


def test_one_input_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input").write_bytes(b"\0Cu50Zr50")
    monkeypatch.setattr(sys, "argv", ["fuzzing", "formula", "--again", str(tmp_path / "input")])
    assert main() == 0


@pytest.mark.slow
def test_the_engine_searches(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="the extra `fuzz` is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "fuzzing", "declaration", "--minutes", "0.05", "--found", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    tried = done.stdout.splitlines()[2].split("|")
    assert int(tried[5].replace(",", "")) > 100
    assert int(tried[6].replace(",", "")) > 20


def test_harnesses_notice_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that cannot fail would prove nothing: each parser is made to lie once."""
    lies = {
        "formula": ("read_alone", lambda text, units: ("another message", "hint")),
        "formulas": ("read_alone", lambda text, units: ("another message", "hint")),
        "delimited": ("walked", lambda *rest: []),
        "space": ("_counted_up", lambda space: []),
        "expression": ("_value", lambda node, row: True),
        "json_lines": ("_same", lambda cell, value: False),
        "alloy_list": ("_amount", lambda cell: 3.0),
    }
    for name, (place, lie) in lies.items():
        harness = importlib.import_module(f"fuzzing.harnesses.{name}")
        with monkeypatch.context() as patch:
            patch.setattr(harness, place, lie)
            broken = 0
            for seed in TARGETS[name].seeds:
                try:
                    TARGETS[name].check(seed.read_bytes())
                except (AssertionError, IndexError):
                    broken += 1
            assert broken, name
