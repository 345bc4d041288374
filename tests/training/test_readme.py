from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import publish_tiny_models, publish_trusted_models

from screener.device import Device
from screener.errors import InputError
from screener.model_set import load_models
from training.readme import TITLE, models_readme, replace_block, split_at_marks

TEXT = "# Title\n\n<!-- scores -->\nold\n<!-- /scores -->\n\nend\n"


def test_a_block_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(TEXT, encoding="utf-8")
    replace_block(path, "scores", "\n| Δ |\n")
    assert path.read_text(encoding="utf-8") == TEXT.replace("old", "| Δ |")
    replace_block(path, "scores", "old")
    assert path.read_text(encoding="utf-8") == TEXT


def refusal(call, *args):
    with pytest.raises(InputError) as error:
        call(*args)
    return error.value.message, error.value.hint


@pytest.mark.parametrize(
    "text", ["", "<!-- scores -->", "<!-- /scores --> <!-- scores -->", TEXT.replace("scores", "other")]
)
def test_a_readme_without_marks_is_refused_and_kept(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    assert refusal(replace_block, path, "scores", "new") == (
        "`README.md` has no marks <!-- scores --> and <!-- /scores -->",
        "add both where the table is to stand",
    )
    assert path.read_text(encoding="utf-8") == text


def test_a_readme_that_does_not_read_is_refused(tmp_path):
    gone, binary = tmp_path / "gone.md", tmp_path / "binary.md"
    binary.write_bytes(b"\xff\xfe\xff")
    for path in (gone, binary, tmp_path):
        message, hint = refusal(split_at_marks, path, "scores")
        assert message == f"cannot read `{path}`"
        assert hint == "name a file with the marks <!-- scores --> and <!-- /scores -->"


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = publish_tiny_models(tmp_path_factory.mktemp("models"))
    return models_readme({model.name: model for model in load_models(folder, Device("cpu"))})


def test_models_are_listed_with_their_scores(text):
    lines = text.splitlines()
    assert lines[0] == TITLE
    table = [line.split(" | ") for line in lines if ".onnx" in line]
    assert [cells[0] for cells in table] == [
        f"| {tier}/{name}.onnx"
        for tier in ("characterize", "screen")
        for name in ("amorphous", "hardness", "resistivity")
    ]
    hardness, amorphous = table[1], table[3]
    assert hardness[1:5] == ["hardness_gpa", "alloy", "7", "R² 0.500, MAE 1 GPa"]
    assert amorphous[5].startswith("p ≥ 0.35: recall –, precision –")


def test_the_rows_of_a_data_set_add_up_over_targets(text):
    rows = [line for line in text.splitlines() if line.startswith("| tiny_data")]
    assert rows == ["| tiny_data | 21 | CC-BY-4.0 | A. Smith, Tiny alloys (2020) |"]


def test_the_readme_of_the_repository_has_its_marks():
    readme = Path(__file__).resolve().parents[2] / "README.md"
    before, after = split_at_marks(readme, "evaluation")
    assert before
    assert after.startswith("<!-- /evaluation -->")


def test_errors_are_listed_by_distance(tmp_path, text):
    assert "Error by distance" not in text
    folder = publish_trusted_models(tmp_path / "models")
    models = {model.name: model for model in load_models(folder, Device("cpu"))}
    lines = models_readme(models).splitlines()
    head = next(line for line in lines if line.startswith("| up to, at.%"))
    assert "resistivity_uohm_cm (limit " in head
    assert "| hardness_gpa |" in head
    first = models["characterize/resistivity.onnx"].card.distance[0]
    line = next(line for line in lines if line.startswith(f"| {first.upto:g} | "))
    assert f"{first.error:.3g}, × {first.widening:.2f}, {first.rows:,} rows" in line
    assert any(line.startswith("| characterize/p_bulk_glass.onnx") and "no flag" in line for line in lines)
