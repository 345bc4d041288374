"""What a report says in words: question, columns, warnings, models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_results import QUESTION, plain_rows, write_result

from screener.report.column_words import axis_of
from screener.report.compositions import map_corners, row_compositions, shares
from screener.report.domain_words import warnings_of
from screener.report.maps import make_maps
from screener.report.payload import chosen_axes, main_columns
from screener.report.question_words import direction_of, objectives, question_lines, title_of
from screener.report.result_file import read_result
from screener.report.used_models import card_rows, used_models


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("hardness_gpa", "hardness (GPa)"),
        ("hardness_gpa_low", "hardness, lower end of the 90 % interval (GPa)"),
        ("resistivity_uohm_cm_screen", "electrical resistivity, fast models (µΩ cm)"),
        ("modulus_gpa", "modulus (GPa)"),
        ("p_brittle", "probability of brittle"),
        ("p_amorphous", "probability of an amorphous phase"),
        ("_k", "_k"),
        ("Cu", "Cu"),
    ],
)
def test_columns_are_named_with_their_units(column: str, words: str) -> None:
    assert axis_of(column) == words


def test_the_question_is_told_in_words(tmp_path: Path) -> None:
    read = read_result(write_result(tmp_path / "a.csv", plain_rows()))
    assert title_of(read) == "Al–Ti–Cr: the best 40 alloys of 60 candidates"
    assert question_lines(read) == [
        ("asked of", "Al–Ti–Cr at 10 at.%, Al 0–60 at.%: 60 candidates"),
        ("wanted", "high hardness (GPa) (from 2 to 8) and low electrical resistivity (µΩ cm)"),
        ("condition", "Cr < 90"),
        ("models", "fast models throughout"),
        ("process", "ribbon"),
        ("counted", "60 candidates screened, 40 kept"),
    ]
    asked = objectives(read)
    assert asked == {"hardness_gpa": "max", "resistivity_uohm_cm": "min"}
    assert [direction_of(name, asked) for name in ("p_amorphous", "density_g_cm3")] == ["max", "min"]
    assert chosen_axes(read) == {"x": "hardness_gpa", "y": "resistivity_uohm_cm", "colour": "p_amorphous"}
    assert main_columns(read) == ["hardness_gpa", "resistivity_uohm_cm", "p_amorphous", "nearest_distance"]


def test_without_metadata_the_unknown_is_said(tmp_path: Path, tiny_models: Path) -> None:
    read = read_result(write_result(tmp_path / "a.csv", plain_rows().drop("in_domain"), None))
    ((heading, text),) = question_lines(read)
    assert heading == "question"
    assert text.startswith("unknown: a.csv carries no metadata")
    compositions, used = row_compositions(read), used_models(read, tiny_models)
    assert warnings_of(read, compositions, used) == [
        "The result does not say which models made it. These are the ones installed here.",
        "The result has no column in_domain: whether the models know such alloys is unknown.",
    ]
    maps = make_maps(read, compositions, used)
    assert (len(maps.corners), maps.grids) == (1, ())
    assert maps.note == "Only the rows of the result are drawn: the space they come from is unknown."


def test_other_models_are_told_and_do_not_draw_maps(tmp_path: Path, tiny_models: Path) -> None:
    read = read_result(write_result(tmp_path / "a.csv", plain_rows()))
    used = used_models(read, tiny_models)
    assert not used.same
    assert used.note.startswith("The result was made by other models (digest 0123456789abcdef)")
    lines = warnings_of(read, row_compositions(read), used)
    assert lines[1].startswith("1 of 40 alloys is outside what the models were trained on")
    assert lines[2] == "Why is unknown here: it takes the models that made the result."
    assert not make_maps(read, row_compositions(read), used).grids


def test_reasons_of_the_domain_are_counted(run, trusted_models: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("alloy\nAl50Ti50\nW50Ta50\nAl50Mo50\nFe50Zr50\n", encoding="utf-8")
    assert run("score", "list.csv", "-o", "a.csv", "--models", trusted_models).code == 0
    read = read_result(tmp_path / "a.csv")
    used = used_models(read, trusted_models)
    lines = warnings_of(read, row_compositions(read), used)
    outside = read.columns["in_domain"].text.count("false")
    assert outside >= 2
    assert lines[0].startswith(f"{outside} of 4 alloys are outside what the models were trained on")
    assert "2 have elements without training data for probability of an amorphous phase" in lines[1]
    assert lines[1].endswith(": W, Ta, Mo.")
    assert lines[-1].startswith("Too far from every training alloy, where held-out alloys were predicted no better")
    assert "(limit 20 at.%)" in lines[-1]


def test_maps_show_the_best_of_the_space(run, tiny_models: Path, tmp_path: Path) -> None:
    command = ("enumerate", "--elements", "Al,Ti,Cr,Ni", "--step", "10", "--top", "9", "--minimize", "hardness_gpa")
    assert run(*command, "-o", "a.csv").code == 0
    read = read_result(tmp_path / "a.csv")
    used = used_models(read, tiny_models)
    assert used.same
    maps = make_maps(read, row_compositions(read), used)
    assert len(maps.corners) == len(maps.grids) == 6
    best = read.columns["hardness_gpa_screen"].numbers.min()
    for grid in maps.grids:
        assert grid.units == 10
        assert np.nanmin(grid.values["hardness_gpa"]) == pytest.approx(best, rel=1e-5)
    assert "286 candidates at 10 at.%" in maps.note
    coarse = make_maps(read, row_compositions(read), used, 100)
    assert coarse.grids[0].units < 10
    assert "the space itself, at 10 at.%, has 286" in coarse.note
    assert not make_maps(read, row_compositions(read), used, 0).grids


def test_corners_are_the_elements_or_pairs_against_the_others(tmp_path: Path) -> None:
    assert map_corners(["Al", "Ti", "Cr"]) == [("Al", "Ti", "Cr")]
    assert map_corners(["Al", "Ti"]) == []
    assert len(map_corners(["Al", "Ti", "Cr", "Fe", "Ni", "Cu"])) == 6
    read = read_result(write_result(tmp_path / "a.csv", plain_rows()))
    compositions = row_compositions(read)
    assert compositions is not None
    assert compositions.symbols_of(0) == {"Al", "Ti", "Cr"}
    found = shares(compositions.batch, ("Al", "Ti", "others"))
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (shares(compositions.batch, ("Al", "Ti", "Fe")) != found).all()


def test_cards_show_the_scores_of_held_out_systems_first(run, tiny_models: Path, tmp_path: Path) -> None:
    assert run("enumerate", "--elements", "Al,Ti,Cr", "--top", "3", "-o", "a.csv").code == 0
    rows = card_rows(used_models(read_result(tmp_path / "a.csv"), tiny_models))
    assert [(row["predicts"], row["tier"]) for row in rows[:2]] == [
        ("probability of an amorphous phase", "precise"),
        ("electrical resistivity", "precise"),
    ]
    assert [row["splits"][0][1] for row in rows[:2]] == ["auroc 0.8", "mean absolute error 1 µΩ cm, R² 0.50"]
    assert rows[0]["splits"][1][1] == "R² 0.90"
    for row in rows:
        assert [said for said, _ in row["splits"]] == ["chemical systems held out", "random split, optimistic"]


def test_the_question_of_a_list_names_it(tmp_path: Path) -> None:
    question = {"list": "mine.csv", "units": "wt", "top": None, "maximize": [], "minimize": []}
    read = read_result(write_result(tmp_path / "a.csv", plain_rows(), question | {"conditions": {"load_n": 5.0}}))
    assert dict(question_lines(read)) | {"models": "", "counted": ""} == {
        "asked of": "the alloys of mine.csv, amounts in wt.%",
        "wanted": "every alloy, none preferred",
        "models": "",
        "conditions": "load_n = 5.0",
        "counted": "",
    }
    assert QUESTION["top"] == 20
