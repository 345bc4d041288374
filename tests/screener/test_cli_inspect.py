"""`screener explain`, `features`, `models`, `cite` and `--version`."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from screener import __version__
from screener.card import DistanceBin
from screener.device import Device
from screener.model_report import card_lines, model_record
from screener.model_set import SUMS, load_models


def test_explain_speaks_of_everything_once(run) -> None:
    ended = run("explain", "Al20Ti30Cr50", "Cu50Zr50")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[:3] == ["Al20Ti30Cr50", "  at.%: Al 20, Ti 30, Cr 50", "  wt.%: Al 11.79, Ti 31.39, Cr 56.82"]
    for part in (
        "predictions of the characterize tier",
        "predictions of the screen tier",
        "in the domain of every model",
        "nearest training alloys (measured values are not shipped: `training data fetch --all` brings them)",
        "  Al20Cr50Ti30, 0 at.% away, from tiny_data, other_data",
        "descriptors",
    ):
        assert lines.count(part) in (1, 2), part
    assert "outside the domain" in lines
    assert sum("90 % interval" in line for line in lines) == 8


def test_explain_json_is_one_object_a_line(run) -> None:
    ended = run("explain", "Ti-6Al-4V", "Fe", "--units", "wt", "--json", "--threshold", "0.7")
    first, second = map(json.loads, ended.out.splitlines())
    assert list(first) == [
        *("formula", "composition", "descriptors", "predictions", "in_domain", "nearest_training_alloys", "domain")
    ]
    assert first["formula"] == "Ti-6Al-4V"
    assert first["composition"]["Ti"] == pytest.approx(86.204, abs=1e-3)
    p = second["predictions"]["screen"]
    assert p["is_amorphous"] is (p["p_amorphous"] >= 0.7)


def test_features_need_no_models(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCREENER_MODELS", "/nowhere")
    ended = run("features", "Cu50Zr50", "--json")
    record = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert list(record) == ["formula", "composition", "descriptors"]
    assert record["descriptors"]["dH_mix"] == -23.0
    table = run("features", "Cu50Zr50").out.splitlines()
    assert table[0] == "Cu50Zr50 (at.%: Cu 50, Zr 50)"
    assert table[1].split() == ["descriptor", "value", "unit", "formula"]
    assert any(line.split()[:3] == ["dH_mix", "-23", "kJ/mol"] for line in table)


@pytest.mark.parametrize("command", ["explain", "features"])
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("Tii",), None, None),
        (("Ti-6Al-4V",), "`Ti-6Al-4V` does not say wt.% or at.%", "add `--units wt` or `--units at`"),
        (("TiH",), "no `radius_miracle_pm` for `H`", "leave `H` out"),
        (("Ti", "--units", "x"), "unknown units `x`", "use `--units at` or `--units wt`"),
    ],
)
def test_what_cannot_be_read_is_refused(
    run, command: str, arguments: tuple[str, ...], message: str | None, hint: str | None
) -> None:
    ended = run(command, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert "\n\nhint: " in ended.err
    if message:
        assert ended.err == f"error: {message}\n\nhint: {hint}\n"


@pytest.mark.parametrize("command", ["explain", "features"])
@pytest.mark.parametrize(
    ("refused", "message"),
    [
        ("TiH", "in `TiH`, no `radius_miracle_pm` for `H`"),
        ("Ti2Xx", "in `Ti2Xx`, unknown element `Xx`"),
        ("Ti-6Al-4V", "`Ti-6Al-4V` does not say wt.% or at.%"),
        ("Tii", "cannot read `i` in `Tii`"),
        ("", "in ``, formula is empty"),
    ],
)
def test_of_several_formulas_the_refused_one_is_named(run, command: str, refused: str, message: str) -> None:
    ended = run(command, "Al20Ti30Cr50", refused, "Cu50Zr50")
    assert ended.code == 2
    assert ended.err.startswith(f"error: {message}\n\nhint: ")


def test_models_are_listed_with_data_and_conditions(run, tiny_models: Path) -> None:
    lines = run("models").out.splitlines()
    assert lines[0].startswith(f"{tiny_models} (digest ")
    assert lines[1].split()[:6] == ["model", "target", "grouped", "by", "system", "random"]
    assert [line.split()[0] for line in lines[2:8]] == [
        f"{tier}/{name}.onnx"
        for tier in ("screen", "characterize")
        for name in ("amorphous", "resistivity", "hardness")
    ]
    assert "condition load_n: 0.1 to 50 N, reference 9.8" in lines
    assert "data tiny_data: 7 rows, CC-BY-4.0, A. Smith, Tiny alloys (2020)" in lines
    assert lines[-1] == "the whole card of a model: screener models screen/amorphous.onnx"


def test_honest_scores_come_first_then_random_ones_coverage_limit_and_rows(run, trusted_models: Path) -> None:
    lines = run("models", "--models", str(trusted_models)).out.splitlines()
    cells = re.split("  +", next(line for line in lines if line.startswith("characterize/resistivity.onnx")))
    assert cells[1:8] == ["resistivity_uohm_cm", "r2 0.5, mae 1", "0.9", "–", "20 at.%", "8", "7"]
    at = lines.index(
        "preferred for p_amorphous: `screen/amorphous_mtl.onnx` (mtl) over `screen/amorphous_independent.onnx` "
        "(independent)"
    )
    assert lines[at + 1] == "  wins at precision 0.9"
    assert sum(line.startswith("screen/amorphous_") for line in lines) == 2
    assert "condition log_cooling_rate: 0 to 11 log10 K/s, reference 6; --process bulk 2, ribbon 6, film 10" in lines


def test_a_name_shows_the_whole_card(run, trusted_models: Path) -> None:
    lines = run("models", "screen/resistivity", "--models", str(trusted_models)).out.splitlines()
    assert lines[0].startswith("screen/resistivity.onnx (digest ")
    assert [line.split(":")[0] for line in lines[2:5]] == ["  grouped", "  random", "  interval"]
    for part in (
        "  predicts resistivity_uohm_cm in µΩ cm, 40 to 220 in training",
        "  up to 20 at.% from its training alloys: held-out error 0.9 µΩ cm, 80 rows, interval times 1.5",
        "  domain limit: 20 at.%",
        "  note: numbers mean nothing",
        "  data tiny_data: 7 rows, CC-BY-4.0, A. Smith, Tiny alloys (2020)",
        "  made 2026-01-01 by 0 from data 0000000000000000",
    ):
        assert part in lines
    both = run("models", "p_amorphous", "hardness_gpa", "--models", str(trusted_models)).out.splitlines()
    assert sum(" (digest " in line for line in both) == 5
    assert "  classifier: independent, not preferred" in both
    assert "  share of positives assumed: 0.4" in both
    ended = run("models", "hardnes_gpa")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("\n\nhint: did you mean `hardness_gpa`?\n")


def test_models_json_holds_the_card(run) -> None:
    records = [json.loads(line) for line in run("models", "--json").out.splitlines()]
    hardness = next(each for each in records if each["name"] == "screen/hardness.onnx")
    assert (hardness["target"], hardness["unit"], hardness["tier"]) == ("hardness_gpa", "GPa", "screen")
    condition = {"name": "load_n", "unit": "N", "reference": 9.8, "low": 0.1, "high": 50.0, "levels": {}}
    assert hardness["conditions"][0] == condition
    assert (hardness["domain_limit"], hardness["distance"], hardness["preferred"]) == (None, [], True)
    assert hardness["metrics"]["grouped"] == {"r2": 0.5, "mae": 1.0}


def test_what_a_card_does_not_know_is_null_in_json(trusted_models: Path) -> None:
    model = load_models(trusted_models, Device("cpu")).screen["hardness_gpa"]
    card = replace(model.card, distance=(DistanceBin(100.0, 0, math.nan, 1.0),), fold_scores={"mae": (1.0, math.nan)})
    record = json.loads(json.dumps(model_record(replace(model, card=card)), allow_nan=False))
    assert record["distance"] == [{"upto": 100.0, "rows": 0, "error": None, "widening": 1.0}]
    assert record["fold_scores"] == {"mae": [1.0, None]}
    assert "held-out error unknown, 0 rows" in "\n".join(card_lines(replace(model, card=card)))


def test_check_replays_and_compares(run, tiny_models: Path) -> None:
    lines = run("models", "--check").out.splitlines()
    assert len(lines) == len((tiny_models / SUMS).read_text().splitlines())
    assert all(line.startswith("OK ") for line in lines)
    assert lines[0].endswith("12 golden alloys reproduced")


def test_check_refuses_a_golden_value_that_is_not_reproduced(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screener.model.GOLDEN_TOLERANCE", -1.0)
    ended = run("models", "--check")
    assert ended.code == 2
    assert "is recorded" in ended.err


def test_cite_names_software_method_data_and_formulas(run) -> None:
    out = run("cite").out
    for part in (
        f"alloy-screener {__version__}",
        "arXiv:2512.22740",
        "A. Smith, Tiny alloys (2020)",
        "10.2320/matertrans",
    ):
        assert part in out


def test_cite_works_without_models(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SCREENER_MODELS")
    monkeypatch.setattr("screener.model_set.user_folder", lambda: tmp_path / "none")
    monkeypatch.setattr("screener.model_set.packaged_folders", lambda: (tmp_path / "none", tmp_path / "none"))
    ended = run("cite")
    assert ended.code == 0
    assert "no models are installed" in ended.out
    assert run("cite", "--models", "gone").code == 2


def test_version_and_bare_call(run) -> None:
    assert run("--version").out == f"screener {__version__}\n"
    bare = run()
    assert bare.code == 0
    assert bare.out.startswith("Usage: screener ")


@pytest.mark.parametrize("command", ["enumerate", "score", "explain", "features", "models", "cite"])
def test_help_of_every_command_has_an_example(run, command: str) -> None:
    ended = run(command, "--help")
    assert ended.code == 0
    assert f"  screener {command}" in ended.out.split("Example")[1]


def test_unknown_commands_are_refused(run) -> None:
    ended = run("enumrate")
    assert (ended.code, ended.err) == (2, "error: no such command `enumrate`\n\nhint: did you mean `enumerate`?\n")
