"""The public benchmark: what may be learned from in each fold, and how every row is tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.benchmark.invented_benchmark import FOREIGN, invented_benchmark, others_near
from tests.training.invented_tasks import GLASS, drawn_alloys
from training import benchmark
from training.benchmark import balanced_threshold, glass_scores, run_benchmark, summary
from training.benchmark_rows import MARGIN, benchmark_task, within
from training.recipes import ConditionSpec
from training.routes import COOLING_RATE, RATES

STRANGE = ("Ba2Al3", "SrAl4", "Sr2Cu", "BaCu5")
"""Formulas with elements that are no inputs of the models, but can be described."""


class Oracle:
    """Knows every label."""

    def __init__(self, task):
        own = task.own >= 0
        places = task.own[own]
        self.label = {
            row.tobytes(): bool(task.label[place]) for row, place in zip(task.rows.inputs[own], places, strict=True)
        }

    def predict(self, inputs):
        return np.array([8.0 if self.label[row.tobytes()] else -8.0 for row in inputs])


def test_no_tested_composition_is_learned_from_whatever_its_source(task, monkeypatch):
    learned = []

    def fit_ensemble(rows, seed):
        learned.append(rows)
        return Oracle(task)

    monkeypatch.setattr(benchmark, "fit_ensemble", fit_ensemble)
    run_benchmark(task, workers=1)
    assert len(learned) == 5 * (1 + benchmark.INNER_FOLDS)
    for place, rows in enumerate(learned):
        tested = task.rows.fractions[task.tested(place // (1 + benchmark.INNER_FOLDS))]
        assert len(rows) > 100
        assert {"elsewhere", "user:mine"} <= set(rows.source)
        others = ~np.char.startswith(rows.source, "matbench")
        assert others.any()
        apart = np.abs(rows.fractions[others][:, None] - tested[None]).max(axis=2)
        assert apart.min() > MARGIN
    for fold in range(5):
        assert not np.isin(task.tested(fold), task.learned(fold)).any()


def test_rows_just_beyond_the_margin_are_learned_from(task):
    fold = 2
    learned = task.learned(fold)
    assert any(key.endswith("+0.011") for key in task.rows.key[learned])
    kept = np.zeros(len(task.rows), bool)
    kept[learned] = True
    tested = task.rows.fractions[task.tested(fold)]
    apart = np.abs(task.rows.fractions[:, None] - tested[None]).max(axis=2).min(axis=1)
    own_training = (task.own >= 0) & (task.fold[task.own] != fold)
    overridden = (task.own < 0) & np.isin(task.rows.key, task.rows.key[own_training])
    assert (kept == (own_training | ((task.own < 0) & (apart > MARGIN + 1e-9) & ~overridden))).all()


def test_labels_of_the_benchmark_come_before_those_of_other_sources(task):
    for fold in range(5):
        learned = task.learned(fold)
        own = task.own[learned] >= 0
        assert (task.rows.y[learned][own] == task.label[task.own[learned][own]]).all()
        assert not set(task.rows.key[learned][own]) & set(task.rows.key[learned][~own])


def test_lessons_on_other_routes_are_learned_with_their_row_and_never_predicted(table):
    rate = ConditionSpec(COOLING_RATE, "log10(K/s)", RATES["ribbon"], dict(RATES), increasing=True)
    recipe = replace(GLASS, conditions=(rate,))
    task = benchmark_task(table, recipe, None)
    lessons = task.rows.take(np.flatnonzero(~task.rows.main))
    assert {float(value) for value in lessons.conditions[:, 0]} == {RATES["bulk"], RATES["film"]}
    assert int(task.rows.main.sum()) == len(table.formulas) - len(FOREIGN)
    for fold in range(5):
        tested, learned = task.tested(fold), task.learned(fold)
        assert task.rows.main[tested].all()
        assert set(task.rows.conditions[tested, 0]) == {RATES["ribbon"]}
        assert (table.fold[task.own[learned]] != fold).all()
        assert not task.rows.main[learned].all()
        predicted, _ = benchmark._fit(task, (fold, 0, 0))
        assert task.rows.main[predicted].all()


def test_alone_the_benchmark_keeps_every_official_training_row(table):
    task = benchmark_task(table, GLASS, None)
    assert task.margin is None
    for fold in range(5):
        learned = task.learned(fold)
        assert sorted(task.own[learned]) == [
            place for place in np.flatnonzero(table.fold != fold) if place not in task.unknown
        ]
        assert not set(learned) & set(task.tested(fold))


def test_every_row_is_scored_once_and_rows_of_unknown_elements_are_counted(task, table, monkeypatch):
    assert [table.formulas[place] for place in task.unknown] == list(FOREIGN)
    monkeypatch.setattr(benchmark, "fit_ensemble", lambda *_: Oracle(task))
    results = run_benchmark(task, workers=1)
    assert sum(result.tested for result in results) == len(table.formulas)
    assert sum(result.unknown for result in results) == len(FOREIGN)
    assert [result.tested for result in results] == np.bincount(table.fold).tolist()
    for result in results:
        learned = task.learned(result.fold)
        assert result.learned == len(learned)
        assert result.own_learned == (task.own[learned] >= 0).sum()
        share = task.rows.y[learned[task.own[learned] >= 0]].mean()
        inside = np.intersect1d(task.unknown, np.flatnonzero(table.fold == result.fold))
        wrong = (table.is_glass[inside] != (share >= 0.5)).sum()
        assert result.scores["accuracy"] == pytest.approx(1.0 - wrong / result.tested)


def test_rows_of_elements_that_are_no_inputs_are_tested_and_not_learned_from(monkeypatch):
    table = invented_benchmark(foreign=STRANGE)
    for others in (None, others_near(invented_benchmark(foreign=()))):
        task = benchmark_task(table, GLASS, others)
        assert [table.formulas[place] for place in task.foreign] == list(STRANGE)
        assert not len(task.unknown)
        for fold in range(5):
            assert not np.isin(task.own[task.learned(fold)], task.foreign).any()
            assert set(task.own[task.tested(fold)]) == set(np.flatnonzero(table.fold == fold))
        monkeypatch.setattr(benchmark, "fit_ensemble", lambda *_, task=task: Oracle(task))
        assert sum(result.tested for result in run_benchmark(task, workers=1)) == len(table.formulas)


def test_a_perfect_oracle_scores_one_throughout(monkeypatch):
    table = invented_benchmark(foreign=())
    task = benchmark_task(table, GLASS, others_near(table))
    monkeypatch.setattr(benchmark, "fit_ensemble", lambda *_: Oracle(task))
    found = summary(run_benchmark(task, workers=1))
    assert found == dict.fromkeys(found, (pytest.approx(1.0), pytest.approx(0.0)))
    assert len(found) == 9


def test_a_coin_scores_one_half(monkeypatch):
    table = invented_benchmark(n=400, foreign=())
    task = benchmark_task(table, GLASS, None)
    rng = np.random.default_rng(0)

    class Coin:
        def predict(self, inputs):
            return rng.normal(size=len(inputs))

    monkeypatch.setattr(benchmark, "fit_ensemble", lambda *_: Coin())
    found = summary(run_benchmark(task, workers=1))
    assert found["roc_auc"][0] == pytest.approx(0.5, abs=0.12)
    assert found["balanced_accuracy_tuned"][0] == pytest.approx(0.5, abs=0.12)


def test_processes_answer_as_one_does():
    told, task = [], benchmark_task(invented_benchmark(n=100), GLASS, None)
    alone = run_benchmark(task, seed=3, workers=1, progress=told.append)
    assert run_benchmark(task, seed=3, workers=2) == alone
    assert told == [f"official fold {k} of 5" for k in range(1, 6)]
    assert summary(alone)["roc_auc"][0] > 0.6


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=25))
def test_the_tuned_threshold_has_the_largest_balanced_accuracy(rows):
    p = np.array([k / 8 for k, _ in rows])
    label = np.array([float(glass) for _, glass in rows])

    def balanced(threshold):
        flagged, positive = p >= threshold, label > 0.5
        return flagged[positive].sum() / max(1, positive.sum()) - flagged[~positive].sum() / max(1, (~positive).sum())

    best = max(balanced(threshold) for threshold in p)
    assert balanced(balanced_threshold(p, label)) == pytest.approx(best)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.01, 0.1]))
def test_nearness_is_the_largest_difference_of_any_element(seed, margin):
    _, one = drawn_alloys(30, seed)
    _, two = drawn_alloys(20, seed + 1)
    expected = np.abs(one[:, None] - two[None]).max(axis=2).min(axis=1) <= margin + 1e-9
    assert (within(one, two, margin) == expected).all()
    assert not within(one, two[:0], margin).any()


def test_scores_of_hard_labels_are_those_of_the_counts():
    label, p = np.array([1, 1, 1, 1, 0, 0.0]), np.array([0.9, 0.6, 0.3, 0.2, 0.55, 0.1])
    found = glass_scores(label, p, 0.15)
    assert found["balanced_accuracy"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert found["accuracy"] == pytest.approx(3 / 6)
    assert found["balanced_accuracy_tuned"] == pytest.approx((4 / 4 + 1 / 2) / 2)
    assert found["accuracy_tuned"] == pytest.approx(5 / 6)
    assert found["roc_auc"] == pytest.approx(6 / 8)
    assert found["recall_at_precision_90"] == pytest.approx(2 / 4)


@pytest.mark.data
def test_the_official_folds_are_tested_whole(data_variable, curated_data):
    from pymatgen.core import Composition

    from screener.elements import element_symbols
    from training.catalogue import locate
    from training.recipes import standing_recipes
    from training.sources.benchmark import read_benchmark
    from training.tasks import task_rows

    table = read_benchmark(locate("matbench_glass"), locate("matbench_glass", "matbench_glass_folds.json"))
    recipe = standing_recipes()["p_amorphous"]
    task = benchmark_task(table, recipe, task_rows(curated_data.frame, recipe))
    own = np.flatnonzero(task.scored(np.arange(len(task.rows))))
    assert (len(task.label), len(own), len(task.unknown), len(task.foreign)) == (5680, 5644, 36, 59)
    column = {symbol: place for place, symbol in enumerate(element_symbols())}
    for row in own[::25]:
        chemical = np.zeros(len(column))
        for symbol, amount in Composition(table.formulas[task.own[row]]).fractional_composition.as_dict().items():
            chemical[column[symbol]] = amount
        assert task.rows.fractions[row] == pytest.approx(chemical, abs=1e-7)
    sources = set()
    for fold in range(5):
        learned, tested = task.learned(fold), task.tested(fold)
        others = learned[task.own[learned] < 0]
        assert not within(task.rows.fractions[others], task.rows.fractions[tested], MARGIN).any()
        assert not np.isin(tested, learned).any()
        assert len(tested) + np.isin(task.unknown, np.flatnonzero(table.fold == fold)).sum() == 1136
        sources |= {key for keys in task.rows.source[learned] for key in keys.split("+")}
    assert {"matbench_glass", "ward_2018", "cerebral_2022", "mpea_borg_2020"} <= sources
