from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from screener.descriptors.featurizer import featurize
from screener.elements import element_symbols
from tests.training.invented_tasks import GLASS, RESISTIVITY, invented_rows
from training import grid_share
from training.cell_store import Answer, CellStore
from training.crossval import fold_rows
from training.ensembles import COMMON_METALS
from training.grid_share import flag_shares, grid_rows, grid_section, joined, variants
from training.tasks import alloy_spec


@pytest.fixture
def rows():
    found = invented_rows(GLASS, n=140)
    steel = found.system == "Cr-Fe-Ni"
    source = np.where(steel, "steel_strength", "ward_2018")
    return replace(found, y=np.where(steel, 0.0, found.y), source=source, crystalline=steel)


def folds_of(rows):
    return fold_rows({rows.recipe.target: rows}, "grouped", 0)[rows.recipe.target]


def test_random_alloys_are_featurized_as_measured_ones():
    made = grid_rows(invented_rows(RESISTIVITY), 50)
    assert len(made) == 50
    assert made.features.tolist() == featurize(made.fractions, element_symbols(), alloy_spec()).tolist()
    sizes = (made.fractions > 0).sum(axis=1)
    assert set(sizes.tolist()) == {3, 4, 5}
    assert {s for name in made.system for s in name.split("-")} <= set(COMMON_METALS)
    assert (made.conditions == 500.0).all()


def test_rows_laid_below_each_other_are_taken_apart_again(rows):
    both = joined(rows, grid_rows(rows, 30))
    first, second = both.take(np.arange(140)), both.take(np.arange(140, 170))
    for field in fields(rows):
        if field.name != "recipe":
            np.testing.assert_array_equal(getattr(first, field.name), getattr(rows, field.name))
    assert (second.fractions == grid_rows(rows, 30).fractions).all()


def test_variants_know_less_and_less(rows):
    found = variants(rows)
    assert [len(part) for part, _ in found.values()] == [140, 140, 130]
    assert [part.recipe.weak_negatives for part, _ in found.values()] == [60, 0, 0]
    part, kept = found["reports of glass studies only"]
    assert not part.crystalline.any()
    assert (part.key == rows.key[kept]).all()


def test_thresholds_are_settled_on_the_other_folds(rows):
    fold = np.arange(140) % 5
    raw = np.where(rows.y > 0.5, 2.0, -2.0)
    raw[fold == 3] = -9.0
    grid = np.array([-2.0, 1.9, 2.0, 7.0])
    found = flag_shares(rows, raw, fold, 3, grid)
    assert found["share_at_recall_90"] == 0.5
    assert found["recall"] == 0.0
    assert found["share_at_default"] >= 0.5
    blind = raw.copy()
    blind[fold == 3] = 50.0
    assert flag_shares(rows, blind, fold, 3, grid)["share_at_default"] == found["share_at_default"]


def test_perfect_and_constant_models(rows, monkeypatch):
    def answers(logits):
        def run_cells(cells, tables, workers, store):
            for cell in cells:
                target, both = next(iter(tables.items()))
                values = logits(both)[cell.test[target]]
                yield {(target, "precise"): Answer(values, 0.0)}

        return run_cells

    def perfect(both):
        return np.where((both.y > 0.5) & (np.arange(len(both)) < len(both) - 40), 4.0, -4.0)

    monkeypatch.setattr(grid_share, "run_cells", answers(perfect))
    section = grid_section(rows, folds_of(rows), 0, 1, None, n=40)
    assert [row["share_at_recall_90"].mean for row in section.rows] == [0.0, 0.0, 0.0]
    assert [row["recall"].mean for row in section.rows] == [1.0, 1.0, 1.0]
    monkeypatch.setattr(grid_share, "run_cells", answers(lambda both: np.zeros(len(both))))
    section = grid_section(rows, folds_of(rows), 0, 1, None, n=40)
    assert [row["share_at_recall_90"].mean for row in section.rows] == [1.0, 1.0, 1.0]
    assert "40 random alloys" in section.caption


def test_each_fold_is_flagged_by_a_model_that_did_not_learn_it(rows, tmp_path):
    store = CellStore(tmp_path)
    section = grid_section(rows, folds_of(rows), 0, 1, store, n=60)
    assert len(section.rows) == 3
    for row in section.rows:
        assert row["share_at_recall_90"].n == 5
        assert 0.0 <= row["share_at_recall_90"].mean <= 1.0
    assert len(list(tmp_path.rglob("*.npz"))) == 15
    again = grid_section(rows, folds_of(rows), 0, 1, store, n=60)
    assert again == section
