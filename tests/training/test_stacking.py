"""Stacking: shares that minimise the error, learned and judged apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.invented_tasks import BOOSTED, GLASS, HARDNESS, TREES, invented_rows
from training import stacking
from training.ablation import HEADLINE
from training.ensembles import fit_ensemble
from training.evaluation import score
from training.stacking import learned_shares, member_predictions, stack, widened

TWO = replace(HARDNESS, members=(replace(TREES, weight=0.25), replace(TREES, weight=0.75, columns="plain", log=True)))


def test_members_blend_to_what_the_ensemble_says():
    rows = invented_rows(TWO)
    fitted = fit_ensemble(rows, 0)
    each = member_predictions(fitted, rows.inputs)
    np.testing.assert_allclose(each @ [0.25, 0.75], fitted.predict(rows.inputs), rtol=1e-12)
    assert (each > 0).all()


def test_the_shares_that_made_the_target_are_found():
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=(400, 3))
    y = predicted @ [0.7, 0.3, 0.0] + 0.01 * rng.normal(size=400)
    np.testing.assert_allclose(learned_shares(predicted, y, classes=False), [0.7, 0.3, 0.0], atol=0.01)


def test_of_two_classifiers_the_one_that_knows_gets_the_share():
    rng = np.random.default_rng(0)
    logit = rng.normal(size=2000)
    label = (rng.random(2000) < 1 / (1 + np.exp(-3 * logit))).astype(float)
    shares = learned_shares(np.stack([logit, rng.normal(size=2000)], axis=1), label, classes=True)
    assert shares[0] > 0.95


@given(st.integers(1, 5), st.booleans(), st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_shares_are_shares_and_no_worse_than_equal_ones(m, classes, seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=80)
    predicted = truth[:, None] * rng.uniform(0, 1, m) + rng.normal(size=(80, m))
    y = (truth > 0).astype(float) if classes else truth
    shares = learned_shares(predicted, y, classes=classes)
    assert shares.min() >= 0.0
    assert shares.sum() == pytest.approx(1.0)
    if not classes:
        error, equal = (np.mean((predicted @ s - y) ** 2) for s in (shares, np.full(m, 1.0 / m)))
        assert error <= equal + 1e-6


def test_learners_of_other_recipes_of_the_kind_are_tried_too():
    wide = widened(invented_rows(TWO)).recipe.members
    assert [m.weight for m in wide[:2]] == [0.25, 0.75]
    assert {m.learner for m in wide[2:]} == {"lightgbm", "committee"}
    assert all(m.weight == 0.0 and m.log is not None for m in wide[2:])


def test_shares_are_learned_on_one_grouping_and_judged_on_another(monkeypatch):
    monkeypatch.setattr(stacking, "widened", lambda rows: rows)
    glass = replace(GLASS, members=(BOOSTED,))
    tables = {"hardness_gpa": invented_rows(TWO, n=140), "p_amorphous": invented_rows(glass, n=140)}
    told = []
    hardness, amorphous = stack(tables, HEADLINE, workers=1, progress=told.append)
    assert len(told) == 10
    assert hardness.standing == (0.25, 0.75)
    assert sum(hardness.learned) == pytest.approx(1.0)
    assert amorphous.learned == pytest.approx((1.0,))
    assert amorphous.alone[0] == amorphous.blends["recipe shares"] == amorphous.blends["equal shares"]
    assert max(hardness.alone) <= 1.0
    rows, folds = tables["hardness_gpa"], stacking.fold_rows(tables, "grouped", stacking.JUDGED)
    out = np.zeros(len(rows))
    for fold in range(stacking.FOLDS):
        inside = folds["hardness_gpa"] == fold
        fitted = fit_ensemble(rows.take(np.flatnonzero(~inside)), stacking.JUDGED)
        out[inside] = fitted.predict(rows.inputs[inside])
    assert hardness.blends["recipe shares"] == pytest.approx(score(rows, out, "precise")["r2"])


def test_what_residuals_add_is_judged_beside_the_blend(monkeypatch):
    monkeypatch.setattr(stacking, "widened", lambda rows: rows)
    forest = replace(TREES, options={**TREES.options, "min_samples_leaf": 1})
    rows = invented_rows(replace(TWO, rows_per_system=3, residual=forest), n=140)
    (found,) = stack({"hardness_gpa": rows}, HEADLINE, workers=1)
    (plain,) = stack({"hardness_gpa": replace(rows, recipe=replace(rows.recipe, residual=None))}, HEADLINE, workers=1)
    assert set(found.blends) - set(plain.blends) == {"recipe shares, residuals learned"}
    assert found.blends["recipe shares"] == plain.blends["recipe shares"]
    assert found.blends["recipe shares, residuals learned"] != found.blends["recipe shares"]
