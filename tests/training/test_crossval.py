from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from tests.training.invented_tasks import (
    GLASS,
    HARDNESS,
    RESISTIVITY,
    SYSTEMS,
    TINY,
    invented_rows,
    invented_tables,
    with_values,
)
from training import classroom, contenders
from training.baselines import BASELINES
from training.contenders import OURS, PRECISE, SCREEN, SCREEN_ALONE, answer, union_rows
from training.crossval import FOLDS, MIN_TRAIN, SPLITS, check_folds, cross_validate, fold_rows

EVERY = (*BASELINES, *OURS)
TARGETS = ("p_amorphous", "hardness_gpa", "resistivity_uohm_cm")


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 999), st.integers(0, 50))
def test_no_alloy_and_no_system_is_learned_for_one_task_and_tested_for_another(seed, data_seed):
    tables = invented_tables(*TARGETS, n=60, seed=data_seed)
    for split in SPLITS:
        folds = fold_rows(tables, split, seed)
        for fold in range(FOLDS):
            inside = {target: folds[target] == fold for target in tables}
            names = ("key", "system") if split == "grouped" else ("key",)
            for name in names:
                train = {v for t, rows in tables.items() for v in getattr(rows, name)[~inside[t]]}
                test = {v for t, rows in tables.items() for v in getattr(rows, name)[inside[t]]}
                assert not train & test
        for target, rows in tables.items():
            assert folds[target].shape == (len(rows),)


def halves(tables, seed=0):
    """Training and test rows of one grouped fold."""
    folds = fold_rows(tables, "grouped", seed)
    train = {t: rows.take(np.flatnonzero(folds[t] != 0)) for t, rows in tables.items()}
    return train, {t: rows.take(np.flatnonzero(folds[t] == 0)) for t, rows in tables.items()}


def test_no_contender_sees_the_values_it_is_tested_on():
    train, test = halves(invented_tables(*TARGETS))
    told = answer(train, test, EVERY, 0, TINY)
    blind = {target: with_values(rows, np.full(len(rows), np.nan)) for target, rows in test.items()}
    blinded = answer(train, blind, EVERY, 0, TINY)
    assert set(told) == {(t, m) for t in TARGETS for m in EVERY} - {
        (t, SCREEN_ALONE) for t in ("hardness_gpa", "resistivity_uohm_cm")
    }
    for cell, values in told.items():
        assert np.isfinite(values).all(), cell
        assert (values == blinded[cell]).all(), cell


def test_lessons_teachers_and_students_are_made_of_training_rows(monkeypatch):
    train, test = halves(invented_tables(*TARGETS))
    learned, drawn = [], []

    def fit_ensembles(tables, seed):
        learned.extend(tables.values())
        return real_fit(tables, seed)

    def make_lesson(fractions, n, seed):
        drawn.append(fractions)
        return real_lesson(fractions, n, seed)

    real_fit, real_lesson = contenders.fit_ensembles, classroom.make_lesson
    monkeypatch.setattr(contenders, "fit_ensembles", fit_ensembles)
    monkeypatch.setattr(classroom, "make_lesson", make_lesson)
    answer(train, test, (PRECISE, SCREEN, SCREEN_ALONE), 0, TINY)
    tested = {system for rows in test.values() for system in rows.system}
    assert [rows.recipe.target for rows in learned] == list(TARGETS)
    assert not tested & {system for rows in learned for system in rows.system}
    known = {row.tobytes() for rows in train.values() for row in rows.fractions}
    assert len(drawn) == len(TARGETS)
    assert {row.tobytes() for fractions in drawn for row in fractions} <= known


def test_out_of_fold_predictions_come_from_the_other_folds():
    tables = invented_tables(*TARGETS)
    for split in SPLITS:
        run = cross_validate(tables, split, [5], ("constant",), workers=1)[0]
        assert (run.split, run.seed) == (split, 5)
        for target, rows in tables.items():
            fold, predicted = run.fold[target], run.predicted[target, "constant"]
            expected = [rows.y[fold != k].mean() for k in fold]
            assert predicted == pytest.approx(expected)


def test_processes_answer_as_one_does():
    tables = invented_tables("hardness_gpa", "p_amorphous")
    models = ("constant", "nearest", PRECISE)
    told = []
    alone = cross_validate(tables, "grouped", [0, 1], models, workers=1, progress=told.append, effort=TINY)
    together = cross_validate(tables, "grouped", [0, 1], models, workers=2, effort=TINY)
    for one, two in zip(alone, together, strict=True):
        assert one.seed == two.seed
        for cell, values in one.predicted.items():
            assert (values == two.predicted[cell]).all(), cell
    assert told[0] == "grouped split, seed 0: fold 1 of 5"
    assert told[-1] == "grouped split, seed 1: fold 5 of 5"
    assert len(told) == 10


def test_a_task_without_rows_in_a_fold_is_tested_on_the_others():
    rows = invented_rows(HARDNESS, n=280)
    few = rows.take(np.flatnonzero(np.isin(rows.system, SYSTEMS[:6])))
    tables = {"hardness_gpa": few, "p_amorphous": invented_rows(GLASS)}
    seed = next(s for s in range(99) if len(np.unique(fold_rows(tables, "grouped", s)["hardness_gpa"])) < FOLDS)
    run = cross_validate(tables, "grouped", [seed], EVERY, workers=1, effort=TINY)[0]
    assert all(np.isfinite(values).all() for values in run.predicted.values())


def refusal(tables, folds):
    with pytest.raises(InputError) as error:
        check_folds(tables, folds)
    return error.value.message, error.value.hint


def test_a_task_of_few_systems_is_refused():
    rows = invented_rows(HARDNESS, n=140)
    few = {"hardness_gpa": rows.take(np.flatnonzero(np.isin(rows.system, SYSTEMS[:3])))}
    folds = {"hardness_gpa": np.arange(len(few["hardness_gpa"])) % 5}
    assert refusal(few, folds) == (
        "`hardness_gpa` covers 3 chemical systems",
        "add alloys of other element sets; at least 5 are needed to prove a model on new ones",
    )


def test_a_task_that_lies_in_one_fold_is_refused():
    tables = {"hardness_gpa": invented_rows(HARDNESS)}
    fold = np.zeros(84, np.int64)
    fold[:19] = 1
    assert refusal(tables, {"hardness_gpa": fold}) == (
        "`hardness_gpa` keeps 19 rows to learn from when one group of alloys is held out",
        f"add alloys of other element sets; at least {MIN_TRAIN} rows must remain",
    )


def test_a_class_that_lies_in_one_fold_is_refused():
    rows = invented_rows(GLASS)
    glass = {"p_amorphous": with_values(rows, rows.system == "Cu-Zr")}
    fold = np.arange(84) % 5
    fold[rows.system == "Cu-Zr"] = 2
    assert refusal(glass, {"p_amorphous": fold}) == (
        "`is_amorphous` is 0 in every row when one group of alloys is held out",
        "add alloys with other values in other element sets",
    )


def test_a_refusal_comes_before_any_work(monkeypatch):
    rows = invented_rows(GLASS)
    tables = {"p_amorphous": with_values(rows, rows.system == "Cu-Zr")}
    monkeypatch.setattr(contenders, "answer", lambda *_: pytest.fail("worked"))
    with pytest.raises(InputError):
        cross_validate(tables, "grouped", [0], ("constant",), workers=1)


def test_rows_of_one_alloy_become_their_mean_in_the_union():
    first = invented_rows(RESISTIVITY, n=28)
    twice = first.take(np.array([0, 0, *range(28)]))
    values = np.array([5.0, 7.0, 9.0, *np.arange(1.0, 28.0)])
    other = invented_rows(HARDNESS, n=14, seed=8)
    tables = {"resistivity_uohm_cm": with_values(twice, values), "hardness_gpa": other}
    union = union_rows(tables, {"resistivity_uohm_cm": values, "hardness_gpa": other.y})
    keys = np.unique(np.concatenate([first.key, other.key]))
    assert union.x.shape[0] == len(keys)
    row = keys.tolist().index(first.key[0])
    same = first.key == first.key[0]
    expected = np.mean([5.0, 7.0, 9.0, *np.arange(1.0, 28.0)[same[1:]]])
    assert union.y[row, 0] == pytest.approx(expected)
    assert (np.isfinite(union.y).sum(axis=0) == [len(set(first.key)), len(set(other.key))]).all()
    assert union.is_label.tolist() == [False, False]
