from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import TINY, invented_tables
from training import contenders, full_evaluation, held_out
from training.baselines import BASELINES
from training.cell_store import CellStore
from training.contenders import PRECISE, SCREEN
from training.crossval import FOLDS, UNTESTED, cross_validate, fold_rows
from training.evaluate_command import to_json
from training.evaluation import score_all, score_run, scored_rows
from training.full_evaluation import CHEAP, cell_costs, cost_section, evaluate_all, strict_runs, strict_section

MODELS = ("constant", "ridge", SCREEN, PRECISE)
SECTIONS = ["strict", "coverage", "left_out_families", "left_out_label_sources", "grid_share", "parity", "cost"]


@pytest.fixture(scope="module")
def tables():
    found = invented_tables("p_amorphous", "hardness_gpa", n=126)
    glass = found["p_amorphous"]
    steel = np.isin(glass.system, ("Cr-Fe-Ni", "Fe-Ni", "Co-Fe"))
    source = np.where(steel, "steel_strength", np.where(np.arange(126) % 2, "ward_2018", "landolt_ternary"))
    glass = replace(glass, source=source, y=np.where(steel, 0.0, glass.y), crystalline=steel)
    return {**found, "p_amorphous": glass}


@pytest.fixture
def without_grid_of_ten_thousand(monkeypatch):
    real = full_evaluation.grid_section
    monkeypatch.setattr(full_evaluation, "grid_section", lambda *arguments: real(*arguments, n=80))
    monkeypatch.setattr(held_out, "SOURCE_FOLDS", range(FOLDS))


def test_everything_is_found_and_found_again(tables, tmp_path, monkeypatch, without_grid_of_ten_thousand):
    store, told = CellStore(tmp_path), []
    monkeypatch.setattr(full_evaluation, "RANDOM_REPEATS", 1)
    full = evaluate_all(tables, 2, "abc", 1, store, told.append, TINY, MODELS)
    assert [section.name for section in full.sections] == SECTIONS
    counts = {(s.target, s.model, s.split): s.repeats for s in full.scores}
    assert {n for (_, _, split), n in counts.items() if split == "grouped"} == {2}
    assert {m: n for (_, m, split), n in counts.items() if split == "random"} == {
        m: 2 if m in BASELINES else 1 for m in MODELS
    }
    text = to_json(full.scores, "abc", "2026-01-02", 2, full.sections, full.cells)
    document = json.loads(text)
    assert list(document["sections"]) == SECTIONS
    assert {(c["split"], c["part"]) for c in document["cells"]} >= {("grouped", k) for k in range(FOLDS)}
    assert all(cell["cpu_s"] >= 0.0 for cell in document["cells"])
    assert "grouped split, seed 1: fold 5 of 5" in told
    monkeypatch.setattr(contenders, "answer", lambda *_: pytest.fail("fitted"))
    again = evaluate_all(tables, 2, "abc", 1, store, effort=TINY, models=MODELS)
    assert to_json(again.scores, "abc", "2026-01-02", 2, again.sections, again.cells) == text


def test_the_strict_split_says_what_was_learned_from(tables):
    run = cross_validate(tables, "strict", [0], ("constant", PRECISE), 1)[0]
    section = strict_section(tables, [run])
    for row in section.rows:
        assert 0 < row["trained"] < len(tables[row["target"]]) * (FOLDS - 1) / FOLDS
    assert {row["model"] for row in section.rows} == {"constant", "**characterize tier**"}


def test_metals_of_the_handbook_have_no_part_in_the_strict_split(tables):
    rows = tables["hardness_gpa"]
    pure = np.arange(len(rows)) % 7 == 0
    told = replace(
        rows,
        system=np.where(pure, "Al", rows.system),
        source=np.where(pure, "handbook_metals", rows.source),
        measured=rows.measured & ~pure,
    )
    (run,) = strict_runs({"hardness_gpa": told}, ("constant", "nearest"), 1, lambda _: None, TINY, None)
    (alone,) = cross_validate(
        {"hardness_gpa": rows.take(np.flatnonzero(~pure))}, "strict", [0], ("constant", "nearest"), 1
    )
    assert (run.fold["hardness_gpa"][pure] == UNTESTED).all()
    assert (run.fold["hardness_gpa"][~pure] == alone.fold["hardness_gpa"]).all()
    assert run.trained == alone.trained
    for asked, column in run.predicted.items():
        assert np.isnan(column[pure]).all()
        np.testing.assert_array_equal(column[~pure], alone.predicted[asked])


def test_a_task_that_the_strict_split_leaves_too_little_of_is_not_scored(tables):
    rows = tables["hardness_gpa"]
    pure = np.where(np.arange(len(rows)) % 2 == 0, "Al", rows.system)
    chosen = replace(rows, system=pure)
    run = cross_validate({"hardness_gpa": chosen}, "strict", [0], ("constant",), 1)[0]
    left_out = run.fold["hardness_gpa"] == UNTESTED
    assert (np.isnan(run.predicted["hardness_gpa", "constant"]) == left_out).all()
    if not left_out.all():
        assert np.isfinite(score_run(chosen, run, "constant")["mae"])
    assert (fold_rows({"hardness_gpa": chosen}, "strict", 0)["hardness_gpa"] >= 0).all()


def test_a_contender_is_averaged_over_the_seeds_that_have_it(tables):
    both = cross_validate(tables, "random", [0], ("constant", "ridge"), 1)
    one = cross_validate(tables, "random", [1], ("constant",), 1)
    counts = {s.model: s.repeats for s in score_all(tables, both + one)}
    assert counts == {"constant": 2, "ridge": 1}


def test_costs_are_told_for_every_fold(tables):
    run = cross_validate(tables, "grouped", [0], ("constant", "ridge"), 1)[0]
    assert len(cell_costs(run)) == 2 * 2 * FOLDS
    row = next(r for r in cost_section([run, run]).rows if r["model"] == "constant")
    assert row["seconds"].n == 2 * FOLDS


def test_baselines_and_our_precise_models_are_cheap():
    assert set(CHEAP) == {*BASELINES, PRECISE}


def test_rows_that_only_teach_are_not_scored(tables):
    rows = tables["hardness_gpa"]
    main = np.arange(len(rows)) % 3 == 0
    taught = replace(rows, main=main)
    assert (scored_rows(taught) == main).all()
