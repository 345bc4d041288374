from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import TINY, invented_tables, with_values
from training import contenders
from training.baselines import BASELINES
from training.cell_store import CellStore
from training.cells import learned_from, run_cells, wanted
from training.contenders import NET, OURS, PRECISE, SCREEN, SCREEN_ALONE, SHARED_NET
from training.crossval import SPLITS, cross_validate, fold_cells, fold_rows
from training.recipes import Gate

EVERY = (*BASELINES, *OURS)
TARGETS = ("p_amorphous", "hardness_gpa", "resistivity_uohm_cm")


@pytest.fixture(scope="module")
def tables():
    return invented_tables(*TARGETS)


@pytest.fixture
def store(tmp_path):
    return CellStore(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    """What contenders were asked for: targets to predict and models, one entry a call."""
    calls, real = [], contenders.answer

    def answer(train, test, models, seed, effort):
        calls.append((tuple(train), tuple(test), models))
        return real(train, test, models, seed, effort)

    monkeypatch.setattr(contenders, "answer", answer)
    return calls


def cells_of(tables, models=EVERY, split="grouped", seed=0):
    return fold_cells(tables, split, seed, fold_rows(tables, split, seed), models, TINY)


def first_cell(tables, models=EVERY):
    return cells_of(tables, models)[:1]


def test_a_cell_answers_as_one_call_for_everything_does(tables):
    cell = first_cell(tables)[0]
    train = {t: rows.take(np.flatnonzero(cell.train[t])) for t, rows in tables.items()}
    test = {t: rows.take(np.flatnonzero(cell.test[t])) for t, rows in tables.items()}
    whole = contenders.answer(train, test, EVERY, 0, TINY)
    found = next(run_cells([cell], tables, 1))
    assert set(found) == set(whole) == set(wanted(cell, tables))
    for pair, answer in found.items():
        assert answer.values.dtype == np.float64
        assert (answer.values == whole[pair]).all(), pair
        assert answer.seconds >= 0.0


def test_what_is_stored_is_answered_without_fitting(tables, store, asked):
    cells = first_cell(tables)
    once = next(run_cells(cells, tables, 1, store))
    assert asked
    asked.clear()
    again = next(run_cells(cells, tables, 1, store))
    assert asked == []
    assert set(again) == set(once)
    for pair, answer in once.items():
        assert (again[pair].values == answer.values).all()
        assert again[pair].seconds == answer.seconds


def test_without_a_store_everything_is_fitted_anew(tables, asked):
    for _ in range(2):
        next(run_cells(first_cell(tables, ("constant",)), tables, 1))
    assert len(asked) == 2 * len(TARGETS)


def test_teachers_are_fitted_once_for_all_who_need_them(tables, monkeypatch):
    fitted, real = [], contenders.fit_ensembles
    monkeypatch.setattr(contenders, "fit_ensembles", lambda rows, seed: fitted.append(tuple(rows)) or real(rows, seed))
    next(run_cells(first_cell(tables, (PRECISE, SCREEN, SCREEN_ALONE)), tables, 1))
    assert sorted(target for call in fitted for target in call) == sorted(TARGETS)


def test_a_run_that_was_killed_goes_on(tables, store, monkeypatch):
    cells = cells_of(tables, ("constant", "nearest", PRECISE))
    real, calls = contenders.answer, []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(contenders, "answer", dies)
    with pytest.raises(KeyboardInterrupt):
        list(run_cells(cells, tables, 1, store))
    resumed = list(run_cells(cells, tables, 1, store))
    assert len(calls) == 20 + len(cells) * 9 - 19
    monkeypatch.setattr(contenders, "answer", real)
    for one, other in zip(resumed, run_cells(cells, tables, 1), strict=True):
        assert {pair: a.values.tolist() for pair, a in one.items()} == {p: a.values.tolist() for p, a in other.items()}


def changed(tables, target, **recipe):
    rows = tables[target]
    return {**tables, target: replace(rows, recipe=replace(rows.recipe, **recipe))}


def test_a_changed_recipe_recomputes_what_depends_on_it_only(tables, store, asked):
    next(run_cells(first_cell(tables), tables, 1, store))
    asked.clear()
    next(run_cells(first_cell(tables), changed(tables, "resistivity_uohm_cm", rows_per_system=7), 1, store))
    assert asked == [(TARGETS, ("p_amorphous", "resistivity_uohm_cm"), (PRECISE, SCREEN))]
    asked.clear()
    next(run_cells(first_cell(tables), changed(tables, "p_amorphous", weak_weight=0.3), 1, store))
    assert asked == [(TARGETS, ("p_amorphous",), (PRECISE, SCREEN, SCREEN_ALONE))]


def test_a_changed_value_recomputes_its_target_and_what_shares_with_it(tables, store, asked):
    next(run_cells(first_cell(tables), tables, 1, store))
    asked.clear()
    rows = tables["hardness_gpa"]
    next(run_cells(first_cell(tables), {**tables, "hardness_gpa": with_values(rows, rows.y * 1.01)}, 1, store))
    told = {(target, model) for _, targets, models in asked for target in targets for model in models}
    alone = {("hardness_gpa", model) for model in (*BASELINES, NET, SHARED_NET, PRECISE, SCREEN)}
    shared = {("p_amorphous", SCREEN), *((target, SHARED_NET) for target in TARGETS)}
    # one call asks for all the tiers of the targets that it names
    assert told - {("p_amorphous", PRECISE)} == alone | shared


def test_other_code_recomputes(tables, store, asked, monkeypatch):
    models = ("constant", PRECISE)
    next(run_cells(first_cell(tables, models), tables, 1, store))
    asked.clear()
    monkeypatch.setattr("training.cell_store.code_digest", lambda modules: "other" if "ensembles" in modules else "")
    next(run_cells(first_cell(tables, models), tables, 1, store))
    assert {m for _, _, ms in asked for m in ms} == {"constant", PRECISE}


def test_a_damaged_answer_is_computed_again(tables, store, asked):
    cells = first_cell(tables, ("constant", "nearest"))
    once = next(run_cells(cells, tables, 1, store))
    asked.clear()
    path = sorted(store.folder.rglob("*.npz"))[0]
    path.write_bytes(path.read_bytes()[:-9])
    again = next(run_cells(cells, tables, 1, store))
    assert len(asked) == 1
    assert {p: a.values.tolist() for p, a in again.items()} == {p: a.values.tolist() for p, a in once.items()}


def test_processes_fill_the_store_that_one_reads(tables, store, asked):
    models = ("constant", PRECISE)
    together = cross_validate(tables, "random", [0], models, workers=2, effort=TINY, store=store)[0]
    assert asked == []
    alone = cross_validate(tables, "random", [0], models, workers=1, effort=TINY, store=store)[0]
    assert asked == []
    for pair, values in together.predicted.items():
        assert (values == alone.predicted[pair]).all()
        assert len(alone.seconds[pair]) == 5


def test_answers_depend_on_their_own_rows_and_students_that_share_on_all(tables):
    for target in TARGETS:
        for model in (*BASELINES, NET, PRECISE, SCREEN_ALONE):
            assert learned_from(tables, (target, model)) == (target,)
        assert learned_from(tables, (target, SHARED_NET)) == TARGETS
    assert learned_from(tables, ("p_amorphous", SCREEN)) == TARGETS
    assert learned_from(tables, ("hardness_gpa", SCREEN)) == ("hardness_gpa",)


@pytest.mark.parametrize("split", [*SPLITS, "strict"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_alloy_is_on_both_sides_of_any_cell_whatever_its_task(tables, split, seed):
    for cell in cells_of(tables, ("constant",), split, seed):
        train = {key for t, rows in tables.items() for key in rows.key[cell.train[t]]}
        test = {key for t, mask in cell.test.items() for key in tables[t].key[mask]}
        assert not train & test
        if split == "random":
            continue
        learned = {s for t, rows in tables.items() for s in rows.system[cell.train[t]]}
        tested = {s for t, mask in cell.test.items() for s in tables[t].system[mask]}
        assert not learned & tested
        if split == "strict":
            sets = [set(name.split("-")) for name in tested]
            assert not any(
                other <= one or other >= one for one in sets for other in (set(s.split("-")) for s in learned)
            )


def with_gate(tables):
    """Hardness reads the predicted probability of a glass."""
    rows = tables["hardness_gpa"]
    return {**tables, "hardness_gpa": replace(rows, recipe=replace(rows.recipe, gate=Gate("p_amorphous", 0)))}


def test_a_gate_makes_an_answer_depend_on_another_target(tables, store, asked):
    gated = with_gate(tables)
    assert learned_from(gated, ("hardness_gpa", PRECISE)) == ("p_amorphous", "hardness_gpa")
    assert learned_from(gated, ("hardness_gpa", SCREEN)) == ("p_amorphous", "hardness_gpa")
    assert learned_from(gated, ("hardness_gpa", NET)) == ("hardness_gpa",)
    assert learned_from({"hardness_gpa": gated["hardness_gpa"]}, ("hardness_gpa", PRECISE)) == ("hardness_gpa",)
    cells = first_cell(gated, ("constant", PRECISE))
    once = next(run_cells(cells, gated, 1, store))
    asked.clear()
    next(run_cells(cells, changed(gated, "p_amorphous", weak_weight=0.3), 1, store))
    assert asked == [(("p_amorphous", "hardness_gpa"), ("p_amorphous", "hardness_gpa"), (PRECISE,))]
    train = {t: rows.take(np.flatnonzero(cells[0].train[t])) for t, rows in gated.items()}
    test = {t: rows.take(np.flatnonzero(cells[0].test[t])) for t, rows in gated.items()}
    whole = contenders.answer(train, test, (PRECISE,), 0, TINY)
    for target in TARGETS:
        assert (once[target, PRECISE].values == whole[target, PRECISE]).all()
