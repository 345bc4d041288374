"""What is said about one alloy, and where its numbers come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars
import pytest
from notes import Notes

from screener.descriptors.catalogue import catalogue
from screener.descriptors.reference import describe
from screener.descriptors.specs import KANG_ELEMENTS
from screener.errors import CompositionError, InputError
from screener.explain import explain
from screener.feature_table import composition_percent, feature_lines, feature_values
from screener.formula import parse_formula
from screener.jobs import Question, ScoreJob
from screener.measured_values import COLUMNS, FILE, measured_file, measured_values
from screener.run_models import run_models
from screener.scoring import run_score


def test_predictions_are_those_of_score(tiny_models: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("alloy\nAl20Ti30Cr50\n")
    row = run_score(ScoreJob(tmp_path / "list.csv", Question(), models=tiny_models), Notes()).frame.to_dicts()[0]
    with run_models(Question(), tiny_models, "cpu") as models:
        said = explain("Al20Ti30Cr50", parse_formula("Al20Ti30Cr50"), models).as_json()
    for tier, suffix in (("characterize", ""), ("screen", "_screen")):
        for name in ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa"):
            np.testing.assert_allclose(said["predictions"][tier][name], row[name + suffix], rtol=1e-6)
    assert set(said["predictions"]["screen"]) == set(said["predictions"]["characterize"])
    near = said["nearest_training_alloys"]
    assert (near[0]["formula"], near[0]["distance"]) == (row["nearest_training_alloy"], row["nearest_distance"])
    assert near[0]["sources"] == ["tiny_data", "other_data"]
    assert [each["distance"] for each in near] == sorted(each["distance"] for each in near)
    assert said["in_domain"] is True


def test_values_measured_on_the_neighbours_are_shown_where_they_are(tiny_models: Path, tmp_path: Path) -> None:
    path = tmp_path / FILE
    rows = [
        ("Al20Cr50Ti30", "hardness_gpa", 5.25, "GPa", "tiny_data+other_data"),
        ("Al20Cr50Ti30", "p_amorphous", 1.0, "1", "tiny_data"),
        ("Fe", "hardness_gpa", 1.0, "GPa", "tiny_data"),
    ]
    polars.DataFrame(rows, list(COLUMNS), orient="row").write_parquet(path)
    with run_models(Question(), tiny_models, "cpu") as models:
        said = explain("Al20Ti30Cr50", parse_formula("Al20Ti30Cr50"), models, path)
        text = list(said.lines(models))
    first, *others = said.as_json()["nearest_training_alloys"]
    assert first["measured"] == [
        {"target": "hardness_gpa", "value": 5.25, "unit": "GPa", "sources": ["tiny_data", "other_data"]},
        {"target": "p_amorphous", "value": 1.0, "unit": "1", "sources": ["tiny_data"]},
    ]
    assert [each["measured"] for each in others] == [[], []]
    place = text.index("nearest training alloys")
    assert text[place + 2 : place + 4] == [
        "    measured hardness_gpa: 5.25 GPa (tiny_data, other_data)",
        "    measured p_amorphous: 1 (tiny_data)",
    ]


def test_a_file_that_holds_no_values_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCREENER_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert measured_file() is None
    path = tmp_path / FILE
    for content in (b"no Parquet", None):
        if content is None:
            polars.DataFrame({"formula": ["Fe"]}).write_parquet(path)
        else:
            path.write_bytes(content)
        assert measured_file() == path
        with pytest.raises(InputError) as caught:
            measured_values(path, ["Fe"])
        assert caught.value.message == f"`{path}` is no table of measured values"
        assert caught.value.hint == "write it again: `training data fetch --all`"


def test_what_lies_outside_is_named_with_the_models(tiny_models: Path) -> None:
    with run_models(Question(), tiny_models, "cpu") as models:
        explanation = explain("Cu50Nb50", parse_formula("Cu50Nb50"), models)
        text = list(explanation.lines(models))
    assert explanation.as_json()["in_domain"] is False
    assert dict(explanation.outside)["Cu"] == ("hardness_gpa (screen)", "hardness_gpa (characterize)")
    assert len(dict(explanation.outside)["Nb"]) == 6
    assert "  Cu was not in the training of hardness_gpa (screen), hardness_gpa (characterize)" in text


def test_features_are_the_21_columns_then_the_catalogue() -> None:
    composition = parse_formula("Al20Nb30Cr50")
    values = feature_values(composition)
    assert list(values)[:16] == [f"c_{s}" for s in (*KANG_ELEMENTS, "Nb")]
    assert list(values)[16:] == list(catalogue())
    expected = describe(np.array([composition.fractions]), composition.symbols, list(catalogue().values()))[0]
    assert [values[name] for name in catalogue()] == expected.tolist()
    assert values["c_Nb"] == pytest.approx(0.3)
    assert composition_percent(composition) == {"Al": 20.0, "Nb": 30.0, "Cr": 50.0}


def test_a_missing_property_leaves_a_gap_but_never_among_the_21() -> None:
    values = feature_values(parse_formula("FeB"))
    assert [name for name, value in values.items() if value is None] == ["cost_usd_kg"]
    assert [line.split()[:2] for line in feature_lines(values) if "cost" in line] == [["cost_usd_kg", "–"]]
    with pytest.raises(CompositionError, match="no `radius_miracle_pm` for `H`"):
        feature_values(parse_formula("TiH"))
