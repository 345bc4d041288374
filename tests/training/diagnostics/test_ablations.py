from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from screener.errors import InputError
from training.diagnostics.derived import (
    ARMS,
    CONDUCTIVITY,
    COPY,
    arms,
    refuse_parents_as_inputs,
    thermal_conductivity,
)
from training.diagnostics.forms import compare_forms, fit_form, form_terms, group_folds, power_law_cosine, ridge_path
from training.diagnostics.subsample import (
    epochs_for_steps,
    keep_labels,
    nested_subsamples,
    paper_ladder,
    ratio_slope,
)
from training.diagnostics.synergy import relative_gains, synergy, transfer_utility
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY


def alloys(n: int = 400, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(d, 0.7), n), rng.random(n)


def test_golden_cosine_of_the_power_law():
    assert power_law_cosine(0.7) == pytest.approx(0.276163, abs=1e-6)
    assert math.degrees(math.acos(power_law_cosine(0.7))) == pytest.approx(73.97, abs=0.01)
    assert power_law_cosine(0.5) == power_law_cosine(0.3) == 0.0
    assert power_law_cosine(1.0) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="positive exponent"):
        power_law_cosine(0.0)


@pytest.mark.parametrize("n", [0.6, 0.8, 1.5, 2.0, 4.0])
def test_the_cosine_is_that_of_the_integrals(n):
    def slope(c):
        return n * c ** (n - 1)

    cross = quad(lambda c: (1 - 2 * c) * slope(c), 0, 1)[0]
    own, other = quad(lambda c: (1 - 2 * c) ** 2, 0, 1)[0], quad(lambda c: slope(c) ** 2, 0, 1, limit=500)[0]
    assert power_law_cosine(n) == pytest.approx(cross / math.sqrt(own * other), rel=1e-3)


def test_forms_are_nested():
    fractions, mismatch = alloys()
    terms = form_terms(fractions, mismatch)
    assert {name: t.shape[1] for name, t in terms.items()} == {"F1": 5, "F2": 10, "F3": 15, "F4": 6}
    for column in terms["F2"].T:
        assert np.abs(fit_form(terms["F3"], column)(terms["F3"]) - column).max() < 1e-3


@pytest.mark.parametrize("truth", ["F1", "F2", "F3", "F4"])
def test_the_form_that_made_the_property_predicts_it(truth):
    fractions, mismatch = alloys()
    weight = np.random.default_rng(1).normal(size=40)
    terms = form_terms(fractions, mismatch)
    y = 3.0 + terms[truth] @ weight[: terms[truth].shape[1]]
    scores = compare_forms(fractions, mismatch, y)
    assert scores[truth].r2 > 0.999
    assert scores[truth].mae < 0.05 * y.std()
    worse = {"F1": "F4", "F2": "F1", "F3": "F2", "F4": "F3"}[truth]
    assert scores[worse].r2 < scores[truth].r2 - 0.001


def test_a_fit_is_that_of_ridge_regression():
    from sklearn.linear_model import Ridge

    fractions, mismatch = alloys(80)
    terms, y = form_terms(fractions, mismatch)["F3"], np.random.default_rng(2).normal(size=80)
    largest = np.linalg.eigvalsh(np.cov(terms.T, bias=True))[-1]
    for penalty, form in zip((1e-4, 0.1), ridge_path(terms, y, (1e-4, 0.1)), strict=True):
        assert form(terms) == pytest.approx(Ridge(alpha=80 * penalty * largest).fit(terms, y).predict(terms))


def test_terms_without_rows_to_fit_them_are_held_back():
    # Each alloy system has an element of its own: what it does cannot be learned from the others.
    rng = np.random.default_rng(4)
    base, own = rng.dirichlet(np.ones(3), 60), np.repeat(np.eye(12), 5, axis=0)
    share = rng.uniform(0.001, 0.2, (60, 1))
    fractions = np.hstack([(1 - share) * base, share * own])
    y = fractions[:, 0] + 0.1 * rng.normal(size=60)
    scores = compare_forms(fractions, rng.random(60), y, np.repeat(np.arange(12), 5))
    assert scores["F1"].r2 > 0.4
    assert scores["F3"].r2 > 0.2


def test_scores_are_of_rows_held_out_by_group():
    fractions, mismatch = alloys(60)
    y = np.random.default_rng(3).normal(size=60)
    scores = compare_forms(fractions, mismatch, y)
    assert all(score.r2 < 0.05 for score in scores.values())
    fold = group_folds(np.array(["x"] * 7 + list("abcdefgh")), 0)
    assert len(set(fold[:7])) == 1
    assert set(fold) == {0, 1, 2, 3, 4}
    with pytest.raises(ValueError, match="5 folds need 5 groups"):
        group_folds(np.zeros(9), 0)


def test_golden_thermal_conductivity():
    assert thermal_conductivity(np.array([100.0]))[0] == pytest.approx(7.32)
    assert thermal_conductivity(np.array([50.0]), 600.0)[0] == pytest.approx(4 * 7.32)
    with pytest.raises(InputError) as error:
        thermal_conductivity(np.array([0.0]))
    assert error.value.message == "thermal conductivity needs positive resistivities and temperatures"


def test_arms_differ_in_their_targets_alone():
    y = np.array([[100.0, np.nan, 1.0], [np.nan, 5.0, np.nan], [50.0, np.nan, np.nan]])
    found = arms((RESISTIVITY, HARDNESS, AMORPHOUS), y)
    assert {name: arm.tasks for name, arm in found.items()} == dict(ARMS)
    assert np.array_equal(found["measured"].y, y, equal_nan=True)
    assert np.array_equal(found["copy"].y[:, 0], found["copy"].y[:, 1], equal_nan=True)
    assert found["derived"].y[:, 1] == pytest.approx([7.32, np.nan, 14.64], nan_ok=True)
    assert found["without"].y.shape == (3, 2)
    with pytest.raises(InputError) as error:
        arms((RESISTIVITY, AMORPHOUS), y[:, :2])
    assert error.value.message == f"no task `{HARDNESS}` in the table"


def test_a_derived_target_is_no_feature_of_its_parent():
    refuse_parents_as_inputs(["al", "delta"], [RESISTIVITY, HARDNESS])
    for feature, task in ((CONDUCTIVITY, RESISTIVITY), (RESISTIVITY, CONDUCTIVITY), (COPY, COPY)):
        with pytest.raises(InputError) as error:
            refuse_parents_as_inputs([feature], [task])
        assert error.value.message == f"feature `{feature}` gives away the target `{task}`"


@settings(deadline=None, max_examples=40)
@given(st.integers(5, 60), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 100))
def test_subsamples_are_nested(n, sizes, seed):
    rows = 3 * np.arange(n) + 7
    found = nested_subsamples(rows, [*sizes, n], seed)
    assert list(found) == sorted({*sizes, n})
    held = list(found.values())
    for smaller, larger in itertools.pairwise(held):
        assert set(smaller) < set(larger)
    assert found[n].tolist() == rows.tolist()
    assert {len(v) for v in held} == set(found)


def test_subsamples_depend_on_the_seed_and_fit_the_rows():
    rows = np.arange(1000)
    one, other = (nested_subsamples(rows, [50], seed)[50] for seed in (0, 1))
    assert one.tolist() != other.tolist()
    for size in (0, 1001):
        with pytest.raises(InputError) as error:
            nested_subsamples(rows, [size], 0)
        assert error.value.message == f"no `{size}` rows among 1000"
        assert error.value.hint == "give sizes from 1 to 1000"
    assert paper_ladder(12_000) == (1_000, 5_000, 10_000, 12_000)
    assert paper_ladder(36_670) == (1_000, 5_000, 10_000, 25_000, 36_670)


def test_labels_of_other_tasks_stay():
    known = np.array([[True, True], [True, False], [False, True], [True, False]])
    kept = keep_labels(known, 0, np.array([1, 2]))
    assert kept.tolist() == [[False, True], [True, False], [False, True], [False, False]]
    assert known[:, 0].tolist() == [True, True, False, True]


def test_sizes_are_compared_at_equal_steps():
    assert epochs_for_steps(1000, 320, 32) == 100
    assert epochs_for_steps(1000, 3200, 32) == 10
    assert epochs_for_steps(1001, 3200, 32) == 11


def test_the_slope_is_taken_within_splits():
    ratios, splits = np.array([1.0, 10.0, 100.0] * 4), np.repeat(range(4), 3)
    ratios[:6] *= 50.0
    level = np.repeat([0.9, 0.2, 0.5, 0.7], 3)
    noise = 0.01 * np.random.default_rng(0).normal(size=12)
    found = ratio_slope(ratios, level - 0.05 * np.log10(ratios) + noise, splits, 0.25)
    assert found.mean == pytest.approx(-0.05, abs=0.01)
    assert found.p > 0.97
    with pytest.raises(ValueError, match="two ratios"):
        ratio_slope([2.0, 2.0], [0.1, 0.2], [0, 0], 0.25)


def test_synergy_by_hand():
    single, multi = {"res": 0.897, "hard": 0.832, "amor": 0.703}, {"res": 0.842, "hard": 0.724, "amor": 0.702}
    expected = np.mean([-0.055 / 0.897, -0.108 / 0.832, -0.001 / 0.703])
    assert synergy(multi, single) == pytest.approx(expected)
    errors = relative_gains({"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 2.0}, lower_is_better={"a"})
    assert errors == {"a": 0.5, "b": 0.5}
    assert relative_gains({"a": -0.1}, {"a": -0.2})["a"] > 0.0
    assert synergy(single, single) == 0.0
    with pytest.raises(ValueError, match="same tasks"):
        synergy({"a": 1.0}, {"b": 1.0})
    with pytest.raises(ValueError, match="score of 0"):
        synergy({"a": 1.0}, {"a": 0.0})


def test_transfer_utility_by_hand():
    assert transfer_utility(0.5, 0.4) == pytest.approx(0.2)
    assert transfer_utility(0.5, 0.6) == pytest.approx(-0.2)
    with pytest.raises(ValueError, match="positive error"):
        transfer_utility(0.0, 0.1)
