from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.elements import element_symbols
from tests.training.invented_tasks import (
    BOOSTED,
    ENTHALPY,
    GLASS,
    HARDNESS,
    RESISTIVITY,
    invented_rows,
    with_values,
)
from training.classroom import Classroom, shares_with
from training.contenders import SCREEN, SCREEN_ALONE, wanted_students
from training.distillation import LOGIT_LIMIT, distill, distill_shared, make_lesson, screen_inputs, takes_log, taught
from training.effort import FULL, QUICK, Effort
from training.ensembles import fit_ensemble
from training.metrics import r_squared
from training.students import Schedule
from training.tasks import alloy_spec

SHORT = Schedule(epochs=12, batch=128, widths=(32, 16))


def shared(tables, teachers, lesson, schedule):
    """The multi-task student of the first table."""
    target, *others = tables
    heard = taught(tables[target], teachers[target], lesson, 0)
    return distill_shared(tables[target], {t: tables[t] for t in others}, teachers, lesson, heard, schedule)


def new_alloys(recipe, n=600, seed=77):
    """Rows nobody learned from."""
    return invented_rows(recipe, n, seed)


def test_lessons_hold_the_elements_of_the_alloys_they_surround():
    rows = invented_rows()
    known = rows.fractions[rows.system == "Al-Cr-Ti"]
    lesson = make_lesson(known, 500, seed=1)
    present = {element_symbols()[k] for k in np.flatnonzero(lesson.fractions.max(axis=0))}
    assert present == {"Al", "Cr", "Ti"}
    assert lesson.fractions.sum(axis=1) == pytest.approx(np.ones(500))
    assert (lesson.alloy == featurize(lesson.fractions, element_symbols(), alloy_spec())).all()
    assert (lesson.screen == featurize(lesson.fractions, element_symbols(), feature_spec("screen"))).all()
    assert (make_lesson(known, 500, seed=1).fractions == lesson.fractions).all()
    assert (make_lesson(known, 500, seed=2).fractions != lesson.fractions).any()


def test_students_read_screen_features_and_conditions():
    rows = invented_rows(RESISTIVITY)
    width = len(feature_spec("screen").names)
    assert screen_inputs(rows).shape == (84, width + 1)
    assert (screen_inputs(rows)[:, width] == rows.conditions[:, 0]).all()


@pytest.mark.parametrize("recipe", [HARDNESS, RESISTIVITY, ENTHALPY])
def test_a_student_agrees_with_its_teacher_on_new_alloys(recipe):
    rows, new = invented_rows(recipe), new_alloys(recipe)
    teacher = fit_ensemble(rows, 0)
    student = distill(rows, taught(rows, teacher, make_lesson(rows.fractions, 6000, 0), 0), SHORT)
    assert student.log == takes_log(rows) == (recipe is not ENTHALPY)
    assert r_squared(teacher.predict(new.inputs), student.answer(new)) > 0.8
    if recipe is ENTHALPY:
        assert student.answer(new).min() < -1.0


def test_a_teacher_below_zero_does_not_spoil_a_positive_quantity():
    members = (replace(BOOSTED, options=BOOSTED.options | {"learning_rate": 0.9, "rounds": 60}),)
    rows = invented_rows(replace(HARDNESS, members=members))
    rows = with_values(rows, np.where(rows.y > np.quantile(rows.y, 0.4), rows.y, 0.01))
    teacher = fit_ensemble(rows, 0)
    lesson = make_lesson(rows.fractions, 3000, 0)
    assert teacher.predict(np.hstack([lesson.alloy, np.empty((3000, 0))])).min() < 0.0
    student = distill(rows, taught(rows, teacher, lesson, 0), SHORT)
    answers = student.answer(rows)
    assert np.isfinite(answers).all()
    assert answers.min() > 1e-5


def test_a_classifiers_student_keeps_the_ranking():
    rows, new = invented_rows(GLASS, n=280), new_alloys(GLASS)
    teacher = fit_ensemble(rows, 0)
    student = distill(rows, taught(rows, teacher, make_lesson(rows.fractions, 6000, 0), 0), SHORT)
    wanted = np.clip(teacher.predict(new.inputs), -LOGIT_LIMIT, LOGIT_LIMIT)
    assert r_squared(wanted, student.answer(new)) > 0.7
    assert not student.log


@pytest.mark.parametrize("conditions", [(), RESISTIVITY.conditions])
def test_a_shared_student_reads_the_conditions_of_the_classifier(conditions):
    glass = replace(GLASS, conditions=conditions)
    tables = {"p_amorphous": invented_rows(glass, n=280), "resistivity_uohm_cm": invented_rows(RESISTIVITY)}
    teachers = {target: fit_ensemble(rows, 0) for target, rows in tables.items()}
    lesson = make_lesson(tables["p_amorphous"].fractions, 6000, 0)
    student = shared(tables, teachers, lesson, SHORT)
    new = new_alloys(glass)
    assert len(student.layers[0][0]) == len(feature_spec("screen").names) + len(conditions)
    wanted = np.clip(teachers["p_amorphous"].predict(new.inputs), -LOGIT_LIMIT, LOGIT_LIMIT)
    assert r_squared(wanted, student.answer(new)) > 0.7


def test_a_regressor_that_knows_none_of_the_elements_is_left_out():
    glass, hard = invented_rows(GLASS), invented_rows(HARDNESS)
    tables = {
        "p_amorphous": glass.take(np.flatnonzero(np.isin(glass.system, ("Cu-Zr", "Nb-Ni", "Fe-Ni")))),
        "hardness_gpa": hard.take(np.flatnonzero(np.isin(hard.system, ("Al-Ti", "Al-Cr")))),
    }
    teachers = {target: fit_ensemble(rows, 0) for target, rows in tables.items()}
    lesson = make_lesson(tables["p_amorphous"].fractions, 400, 0)
    schedule = Schedule(epochs=1, batch=64, widths=(8,))
    student = shared(tables, teachers, lesson, schedule)
    assert np.isfinite(student.answer(tables["p_amorphous"])).all()


def test_half_of_a_lesson_stands_at_the_reference_conditions():
    rows = invented_rows(RESISTIVITY)
    lesson = make_lesson(rows.fractions, 4000, 0)
    heard = taught(rows, fit_ensemble(rows, 0), lesson, 0)
    thickness = heard.x[:4000, -1]
    at_reference = (rows.conditions[:, 0] == 500.0).mean()
    assert (thickness == 500.0).mean() == pytest.approx(0.5 + 0.5 * at_reference, abs=0.03)
    assert set(thickness) == {100.0, 500.0, 900.0}
    assert (heard.x[4000:, -1] == rows.conditions[:, 0]).all()


def test_a_regressor_teaches_only_what_it_knows(monkeypatch):
    heard = []

    def spy(x, y, schedule, **more):
        heard.append(y)
        return real(x, y, schedule, **more)

    from training import distillation

    real = distillation.fit_layers
    monkeypatch.setattr(distillation, "fit_layers", spy)
    glass, hard = invented_rows(GLASS), invented_rows(HARDNESS)
    hard = hard.take(np.flatnonzero(hard.fractions[:, element_symbols().index("Zr")] == 0.0))
    tables = {"p_amorphous": glass, "hardness_gpa": hard}
    lesson = make_lesson(glass.fractions, 300, 0)
    teachers = {target: fit_ensemble(rows, 0) for target, rows in tables.items()}
    shared(tables, teachers, lesson, Schedule(epochs=1, batch=64, widths=(4,)))
    unknown = ~np.isin(element_symbols(), hard.seen_elements())
    outside = np.vstack([lesson.fractions, glass.fractions])[:, unknown].max(axis=1) > 0
    assert np.isfinite(heard[0][:, 0]).all()
    assert (np.isnan(heard[0][:, 1]) == outside).all()


def test_who_shares_with_whom():
    tables = {
        "p_amorphous": invented_rows(GLASS),
        "hardness_gpa": invented_rows(HARDNESS),
        "mixing_kj_mol": invented_rows(ENTHALPY),
    }
    assert shares_with(tables, "p_amorphous") == ("hardness_gpa", "mixing_kj_mol")
    assert shares_with(tables, "hardness_gpa") == ()
    assert wanted_students(tables, "p_amorphous", (SCREEN, SCREEN_ALONE)) == (SCREEN, SCREEN_ALONE)
    assert wanted_students(tables, "hardness_gpa", (SCREEN, SCREEN_ALONE)) == (SCREEN,)
    alone = {"p_amorphous": tables["p_amorphous"]}
    assert wanted_students(alone, "p_amorphous", (SCREEN_ALONE,)) == ()


def test_the_seed_settles_lesson_and_net():
    tables = {"hardness_gpa": invented_rows(HARDNESS)}
    teachers = {"hardness_gpa": fit_ensemble(tables["hardness_gpa"], 0)}
    effort = Effort(1.0, 300, Schedule(epochs=1, batch=64, widths=(8,)))
    nets = [Classroom(tables, teachers, seed, effort).student("hardness_gpa").layers for seed in (0, 0, 1)]
    assert all((a[0] == b[0]).all() for a, b in zip(nets[0], nets[1], strict=True))
    assert any((a[0] != b[0]).any() for a, b in zip(nets[0], nets[2], strict=True))


def test_a_quick_fit_says_so():
    assert FULL.note == ""
    assert "quick" in QUICK.note
    assert QUICK.trees < FULL.trees == 1.0
    assert QUICK.lesson_rows < FULL.lesson_rows


def test_the_net_that_is_served_reads_a_longer_lesson_in_larger_batches():
    assert QUICK.served() == QUICK
    served = FULL.served()
    assert served.lesson_rows == FULL.served_rows > FULL.lesson_rows
    assert served.schedule.batch == 2 * FULL.schedule.batch
    assert served.schedule.rate**2 == pytest.approx(2.0 * FULL.schedule.rate**2)
    assert (served.schedule.epochs, served.schedule.gap) == (FULL.schedule.epochs, FULL.schedule.gap)
