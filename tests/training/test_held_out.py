from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import ENTHALPY, GLASS, HARDNESS, invented_rows
from training import held_out
from training.cell_store import Answer
from training.contenders import PRECISE
from training.crossval import fold_rows
from training.evaluation import LABELS
from training.held_out import (
    FAMILIES,
    LEAST,
    LeftOut,
    added_rows,
    class_cells,
    class_sources_section,
    families,
    families_section,
    left_out_scores,
    reported_by,
    sources,
    value_sources_section,
)
from training.recipes import Gate
from training.sources import GENERATED, LOADERS

SOURCES = ("landolt_ternary", "ward_2018", "landolt_ternary+ward_2018", "mdf_glasses_v5")


@pytest.fixture
def glass():
    """Labels of four sources, some alloys of two families of other fields, some of those reported by glass studies."""
    rows = invented_rows(GLASS, n=280)
    source = np.array(SOURCES, dtype="<U40")[np.arange(280) % 4]
    y, crystalline = rows.y.copy(), np.zeros(280, bool)
    steel, compound = np.isin(rows.system, ("Fe-Ni", "Cr-Fe-Ni")), np.isin(rows.system, ("Al-Ti", "Al-Cr-Ti"))
    source[steel], source[compound] = "steel_strength", "brgoch_hardness+formation_enthalpy_2017"
    y[steel | compound], crystalline[steel | compound] = 0.0, True
    shared = np.flatnonzero(rows.system == "Al-Cr")[:9]
    y[shared], crystalline[shared] = 0.0, True
    return replace(rows, y=y, source=source, crystalline=crystalline)


@pytest.fixture
def fold(glass):
    return fold_rows({"p_amorphous": glass}, "grouped", 0)["p_amorphous"]


def test_families_are_of_sources_that_are_read():
    assert {key for keys in FAMILIES.values() for key in keys} <= {*LOADERS, *GENERATED}


def test_a_family_leaves_with_its_systems_and_with_what_may_be_of_it(glass):
    found = {out.name: out for out in families(glass)}
    assert list(found) == ["steel", "intermetallic"]
    steel = found["steel"]
    assert set(glass.source[steel.test]) == {"steel_strength"}
    assert not set(glass.system[steel.test]) & set(glass.system[~steel.away])
    unnamed = glass.crystalline & ~added_rows(glass)
    assert unnamed.sum() == 9
    assert steel.away[unnamed].all()
    assert (glass.y[steel.test] < 0.5).all()


def test_a_source_leaves_with_all_it_has_a_part_in(glass):
    found = {out.name: out for out in sources(glass, LEAST, but=["steel_strength"])}
    assert list(found) == ["landolt_ternary", "mdf_glasses_v5", "ward_2018"]
    ward = found["ward_2018"]
    assert set(glass.source[ward.test]) == {"ward_2018"}
    assert not any("ward_2018" in joined for joined in glass.source[~ward.away])
    assert (ward.away >= reported_by(glass, ("ward_2018",))).all()
    assert sources(glass, 10_000) == []


def test_no_alloy_that_is_left_out_is_learned_from(glass, fold):
    left = [*families(glass), *sources(glass, LEAST, but=["steel_strength"])]
    cells = class_cells(glass, left, fold, range(5), 0)
    assert {cell.split for cell in cells} == {f"without {out.name}" for out in left}
    by_name = {f"without {out.name}": out for out in left}
    for cell in cells:
        train, test = cell.train["p_amorphous"], cell.test["p_amorphous"]
        assert not set(glass.key[train]) & set(glass.key[test])
        assert not set(glass.key[train]) & set(glass.key[by_name[cell.split].test])
        assert (glass.y[test & ~by_name[cell.split].test] > 0.5).all()
        held = test & ~by_name[cell.split].test
        assert not set(glass.system[train]) & set(glass.system[held])
    family = {out.name for out in families(glass)}
    for cell in cells:
        if cell.split.removeprefix("without ") in family:
            out = by_name[cell.split]
            assert not set(glass.system[cell.train["p_amorphous"]]) & set(glass.system[out.test])


def test_what_leaves_no_glass_to_settle_a_threshold_on_is_left_out_of_the_table(glass, fold):
    none = replace(glass, y=np.where(fold == 0, 0.0, glass.y))
    assert class_cells(none, families(none), fold, (0,), 0) == []
    assert families_section(none, np.zeros(len(none), np.int64), 0, 1, None).rows == []


def oracle(monkeypatch, logits):
    """Answer with given logits instead of fitting."""

    def run_cells(cells, tables, workers, store):
        target = next(iter(tables))
        for cell in cells:
            yield {(target, model): Answer(logits(tables[target])[cell.test[target]], 0.0) for model in cell.models}

    monkeypatch.setattr(held_out, "run_cells", run_cells)


def test_a_perfect_model_scores_one_and_a_constant_flags_everything(glass, fold, monkeypatch):
    oracle(monkeypatch, lambda rows: np.where(rows.y > 0.5, 3.0, -3.0))
    perfect = families_section(glass, fold, 0, 1, None).rows
    assert [row["left_out"] for row in perfect] == ["steel", "intermetallic"]
    assert all((row["specificity"].mean, row["specificity"].sd) == (1.0, 0.0) for row in perfect)
    assert all(row["positives"] == 0 for row in perfect)
    told = class_sources_section(glass, fold, 0, 1, None).rows
    assert [row["left_out"] for row in told] == ["landolt_ternary", "mdf_glasses_v5", "ward_2018"]
    assert all(row["pr_auc"].mean == row["recall"].mean == row["specificity"].mean == 1.0 for row in told)
    oracle(monkeypatch, lambda rows: np.zeros(len(rows)))
    told = class_sources_section(glass, fold, 0, 1, None).rows
    assert all(row["recall"].mean == 1.0 and row["specificity"].mean == 0.0 for row in told)
    for row in told:
        assert row["pr_auc"].mean == pytest.approx(row["positives"] / row["rows"])


def test_the_threshold_comes_from_other_glasses_each_model_flags_by_itself():
    rows = invented_rows(GLASS, n=28)
    y = np.array([1.0] * 10 + [0.0] * 18)
    rows = replace(rows, y=y)
    out = LeftOut("x", np.arange(28) >= 20, np.arange(28) >= 20)
    test = out.test | (y > 0.5)
    positives = np.arange(10.0)  # nine of ten reach 1
    each = [(test, np.concatenate([positives, np.full(8, level)])) for level in (0.5, 1.5)]
    found = left_out_scores(rows, out, each)
    assert [scores["specificity"] for scores in found] == [1.0, 0.0]
    assert all(math.isnan(scores["recall"]) and math.isnan(scores["pr_auc"]) for scores in found)


def test_regressors_are_scored_on_sources_they_did_not_learn(monkeypatch):
    rows = invented_rows(HARDNESS, n=140)
    source = np.array(["one", "two", "one+two", "few"], dtype="<U8")[np.minimum(np.arange(140) % 4, 3)]
    source[(source == "few") & (np.arange(140) > 60)] = "one"
    tables = {"hardness_gpa": replace(rows, source=source), "mixing_kj_mol": invented_rows(ENTHALPY)}
    oracle(monkeypatch, lambda rows: rows.y)
    section = value_sources_section(tables, 0, 1, None)
    assert {row["left_out"] for row in section.rows} == {"one", "two"}
    assert {row["model"] for row in section.rows} == {LABELS[m] for m in ("nearest", "extra_trees", PRECISE)}
    assert all((row["r2"], row["mae"]) == (1.0, 0.0) for row in section.rows)
    count = {row["left_out"]: (row["rows"], row["trained"]) for row in section.rows}
    away = np.isin(source, ("two", "one+two"))
    away |= np.isin(rows.key, rows.key[away])
    assert away.sum() > np.isin(source, ("two", "one+two")).sum()
    assert count["two"] == ((source == "two").sum(), 140 - away.sum())


def test_a_model_is_fitted_without_the_source(monkeypatch):
    from training import contenders

    rows = invented_rows(HARDNESS, n=140)
    source = np.array(["one", "two", "one+two"], dtype="<U8")[np.arange(140) % 3]
    seen, real = [], contenders.answer
    monkeypatch.setattr(contenders, "answer", lambda train, *rest: seen.append(train) or real(train, *rest))
    section = value_sources_section({"hardness_gpa": replace(rows, source=source)}, 0, 1, None)
    assert len(section.rows) == len(seen) == 6
    assert [set(train["hardness_gpa"].source) for train in seen] == [{"two"}] * 3 + [{"one"}] * 3
    assert all(math.isfinite(row["r2"]) for row in section.rows)


def test_what_a_regressor_reads_of_another_task_is_learned_without_the_source_too(monkeypatch):
    from training import contenders

    gated = replace(HARDNESS, gate=Gate("p_amorphous", 0))
    values, labels = invented_rows(gated, n=140), invented_rows(GLASS, n=140)
    values = replace(values, source=np.where(np.arange(140) % 2, "one", "two"))
    labels = replace(labels, source=np.where(np.arange(140) % 5 < 2, "one+three", "three"))
    seen, real = [], contenders.answer
    monkeypatch.setattr(contenders, "answer", lambda train, *rest: seen.append((train, rest[0])) or real(train, *rest))
    value_sources_section({"p_amorphous": labels, "hardness_gpa": values}, 0, 1, None)
    assert {len(train) for train, _ in seen} == {1, 2}
    for train, test in seen:
        left_out = test["hardness_gpa"].source[0]
        keys = set(values.key[values.source == left_out])
        for rows in train.values():
            assert not any(left_out in joined.split("+") for joined in rows.source)
            assert not keys & set(rows.key)
