from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import DOMAIN
from screener.elements import element_symbols
from tests.training.invented_tasks import BOOSTED, GLASS, HARDNESS, RESISTIVITY, TREES, drawn_alloys, invented_rows
from training.ensembles import (
    CERTAIN,
    COMMON_METALS,
    WEAK_DISTANCE,
    capped,
    fit_ensemble,
    masked,
    plain_columns,
    system_weights,
    weak_negatives,
)
from training.graphs import Head, build_model
from training.pooling import nearest_distance
from training.residuals import MOST, corrected, left_over
from training.tasks import alloy_spec
from training.trees import extra_trees

FOREST = replace(TREES, columns="plain", options={"n_estimators": 12, "min_samples_leaf": 1, "max_features": 1.0})
TREE = replace(BOOSTED, columns="plain")
systems = st.lists(st.sampled_from(["Al", "Al-Ti", "Cu-Zr", "Fe-Ni", "Cr"]), min_size=1, max_size=80)


@settings(deadline=None, max_examples=100)
@given(systems, st.integers(1, 12), st.integers(0, 99))
def test_no_system_keeps_more_rows_than_it_may(names, most, seed):
    system = np.array(names)
    kept = capped(system, most, np.random.default_rng(seed))
    assert (np.diff(kept) > 0).all()
    assert set(kept.tolist()) <= set(range(len(names)))
    for name in set(names):
        assert (system[kept] == name).sum() == min(most, names.count(name))


def test_the_rows_of_a_crowded_system_are_chosen_at_random():
    system = np.array(["Al-Ti"] * 500)
    first, second = (capped(system, 100, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.tolist() != second.tolist()
    assert 150 < first.mean() < 350


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 84), st.integers(0, 9), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_weights_average_to_one_and_follow_trust(n, seed, crowding):
    rows = invented_rows(replace(HARDNESS, crowding=crowding), n=84, seed=0)
    rows = rows.take(np.sort(np.random.default_rng(seed).choice(84, n, replace=False)))
    weight = system_weights(rows)
    assert weight.mean() == pytest.approx(1.0)
    for name in set(rows.system):
        mine = rows.system == name
        total = weight[mine] / rows.trust[mine] * mine.sum() ** crowding
        assert total == pytest.approx(np.full(mine.sum(), total[0]))


def test_weak_negatives_are_common_metals_far_from_any_glass():
    rows = invented_rows(replace(GLASS, weak_negatives=400, conditions=RESISTIVITY.conditions))
    drawn = weak_negatives(rows, np.random.default_rng(0))
    names = alloy_spec().names
    assert drawn.shape[1] == len(names) + 1
    assert (drawn[:, -1] == 500.0).all()
    fractions = np.zeros((len(drawn), len(element_symbols())))
    for k, name in enumerate(names):
        if name.startswith("c_") and name != "c_max":
            fractions[:, element_symbols().index(name[2:])] = drawn[:, k]
    present = {element_symbols()[k] for k in np.flatnonzero(fractions.max(axis=0))}
    assert present <= set(COMMON_METALS)
    assert set((fractions > 0).sum(axis=1)) == {3, 4, 5}
    assert nearest_distance(fractions, rows.fractions[rows.y > 0.5]).min() >= WEAK_DISTANCE - 1e-6
    assert 0 < len(drawn) <= 400


def test_plain_members_read_fractions_and_six_scalars_alone():
    rows = invented_rows(RESISTIVITY)
    member = replace(TREES, columns="plain")
    blanked = masked(rows.inputs, member)
    kept = np.append(plain_columns(), True)
    names = {n for n, k in zip(alloy_spec().names, plain_columns(), strict=True) if k}
    assert names == {f"c_{symbol}" for symbol in DOMAIN} | {
        "r_avg",
        "delta",
        "dH_mix",
        "en_avg",
        "d_en",
        "n_components",
    }
    assert (blanked[:, kept] == rows.inputs[:, kept]).all()
    assert (blanked[:, ~kept] == 0.0).all()
    assert (masked(rows.inputs, TREES) == rows.inputs).all()


@pytest.mark.parametrize(
    ("recipe", "residual"),
    [
        (HARDNESS, None),
        (RESISTIVITY, None),
        (GLASS, None),
        (HARDNESS, FOREST),
        (RESISTIVITY, FOREST),
        (RESISTIVITY, TREE),
    ],
)
def test_the_graph_of_an_ensemble_answers_as_the_ensemble(recipe, residual):
    members = (replace(TREES, weight=0.3), replace(BOOSTED, weight=0.7, columns="plain"))
    rows = invented_rows(replace(recipe, members=members, residual=residual))
    ensemble = fit_ensemble(rows, seed=1)
    bodies, weights = ensemble.bodies(rows.inputs.shape[1])
    head, sizes = Head("y", "regression", floor=None), (len(alloy_spec().names), rows.conditions.shape[1])
    model = build_model(bodies, weights, head, *sizes, residual=ensemble.residual_body(rows.inputs.shape[1]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    _, fractions = drawn_alloys(10_500, 9)
    features = featurize(fractions, element_symbols(), alloy_spec())
    feed = {"features": features}
    inputs = features
    if rows.conditions.shape[1]:
        feed["conditions"] = np.random.default_rng(0).uniform(50, 900, (len(features), 1)).astype(np.float32)
        inputs = np.hstack([features, feed["conditions"]])
    found = session.run(["y"], feed)[0][:, 0]
    expected = ensemble.predict(inputs)
    assert found == pytest.approx(expected, abs=1e-5 * max(1.0, np.abs(expected).max()))
    assert np.ptp(expected) > 0.5


@pytest.mark.parametrize("recipe", [HARDNESS, RESISTIVITY])
def test_residuals_are_learned_from_rows_that_the_blend_never_saw(recipe):
    blend = replace(recipe, rows_per_system=3)
    rows = invented_rows(blend)
    smooth = fit_ensemble(rows, 1)
    sharp = fit_ensemble(replace(rows, recipe=replace(blend, residual=FOREST)), 1)
    errors = [np.abs(np.log(each.predict(rows.inputs) / rows.y)) for each in (smooth, sharp)]
    assert np.quantile(errors[0], 0.9) > 0.05
    assert np.quantile(errors[1], 0.9) < 1e-9  # every alloy has a leaf of its own, measured twice or not
    learned = sharp.residual.predict(rows.inputs)
    told = corrected(smooth.predict(rows.inputs), learned, log=recipe.log)
    assert sharp.predict(rows.inputs) == pytest.approx(told)
    assert np.std(learned) > 0.01


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(-50.0, 1e3)), min_size=1, max_size=8), st.booleans())
def test_what_is_left_over_leads_towards_what_was_measured(pairs, log):
    y, said = np.array(pairs).T
    said = np.abs(said) + 1e-3 if log else said
    learned = left_over(y, said, log=log)
    back, most = corrected(said, learned, log=log), MOST if log else MOST * np.std(y)
    near = np.abs(np.log(y / said) if log else y - said) <= most
    assert back[near] == pytest.approx(y[near], rel=1e-9, abs=1e-9)
    assert np.abs(learned[~near]) == pytest.approx(most)
    assert (np.abs(back - y) <= np.abs(said - y) + 1e-9).all()


def test_a_blend_of_nothing_leaves_a_finite_rest():
    assert np.isfinite(left_over(np.array([5.0, 5.0]), np.array([0.0, -3.0]), log=True)).all()


def test_a_forest_that_classifies_answers_on_the_scale_of_logits():
    rows = invented_rows(replace(GLASS, members=(TREES,), weak_negatives=0))
    forest = fit_ensemble(rows, 3)
    signs = np.where(rows.y > 0.5, CERTAIN, -CERTAIN)
    expected = extra_trees(TREES.options, 3).fit(rows.inputs, signs, sample_weight=system_weights(rows))
    answers = forest.predict(rows.inputs)
    assert answers == pytest.approx(expected.predict(rows.inputs), abs=1e-9)
    assert 1 / (1 + np.exp(-CERTAIN)) == pytest.approx(0.99, abs=1e-4)
    assert answers.min() < -0.5 * CERTAIN < 0.5 * CERTAIN < answers.max()


def test_blends_of_logarithms_are_blends_of_values():
    rows = invented_rows(replace(RESISTIVITY, members=(replace(TREES, weight=0.3), replace(BOOSTED, weight=0.7))))
    ensemble = fit_ensemble(rows, seed=1)
    parts = [np.exp(model.predict(rows.inputs)) for model in ensemble.models]
    assert ensemble.predict(rows.inputs) == pytest.approx(0.3 * parts[0] + 0.7 * parts[1])
    assert np.corrcoef(ensemble.predict(rows.inputs), rows.y)[0, 1] > 0.8


def test_the_seed_settles_an_ensemble():
    for recipe in (HARDNESS, GLASS):
        rows = invented_rows(recipe)
        first, again, other = (fit_ensemble(rows, seed).predict(rows.inputs) for seed in (3, 3, 4))
        assert (first == again).all()
        assert (first != other).any()
