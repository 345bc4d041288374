from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from training.diagnostics.derived import CONDUCTIVITY, COPY, LORENZ, ROOM
from training.diagnostics.forms import form_terms
from training.diagnostics.statistics import Equivalence
from training.study import autoscale, base
from training.study.arms import hard
from training.study.autoscale import SEARCHED, best_of, joint_loss, run_autoscale, search_verdict
from training.study.derived import derived_tables, derived_verdict, run_derived
from training.study.forms import angle, fit_and_predict, form_verdict, mismatch_of, run_forms
from training.study.learners import Together
from training.study.runs import Arm
from training.study.table import Difference, find

ROWS = invented(300)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs, three random weights."""
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)
    monkeypatch.setattr(autoscale, "QUICK_RANDOM", 3)


def difference(q, mean):
    return Difference("arm", "task", "r2", "grouped", "tiny", mean, mean - 0.2, mean + 0.2, q, q)


def some_cells(predictions):
    """Cells of one outer fold that differ in their validation predictions."""
    context = quick(ROWS)
    config = hard(context.training())
    cells = context.run(context.asks([Arm("random 00", "", Together(config))], paper=False))[:1]
    return [
        replace(
            cells[0],
            arm=replace(cells[0].arm, name=name),
            outcome=replace(cells[0].outcome, valid_joint=values(cells[0])),
        )
        for name, values in predictions.items()
    ]


def constant(cell):
    """Best constants of the training rows."""
    train, valid = cell.split.train, cell.split.valid
    known, y = ROWS.rows.known[train], ROWS.rows.y[train]
    means = np.array([y[known[:, k], k].mean() for k in range(3)])
    means[2] = np.log(means[2] / (1.0 - means[2]))
    return np.tile(means, (len(valid), 1))


def test_the_joint_loss_of_constants_is_one_and_the_lowest_is_chosen():
    better = lambda cell: np.where(  # noqa: E731
        ROWS.rows.known[cell.split.valid] & ~ROWS.rows.is_label, ROWS.rows.y[cell.split.valid], constant(cell)
    )
    cells = some_cells({"random 00": constant, "random 01": better, "other": better})
    assert joint_loss(cells[0]) == pytest.approx(1.0)
    assert joint_loss(cells[1]) == pytest.approx(1.0 / 3.0)  # two of three tasks without error
    (best,) = best_of(cells, ["random 00", "random 01"])
    assert best.arm.name == SEARCHED
    assert best.outcome is cells[1].outcome


def test_as_good_as_a_search_needs_equivalence():
    far, near = Equivalence(0.0, 0.02, 0.5, -0.1, 0.1), Equivalence(0.0, 0.02, 0.01, -0.01, 0.01)
    assert search_verdict(near, difference(0.9, 0.0)) == "holds"
    assert search_verdict(far, difference(0.01, 0.1)) == "holds"
    assert search_verdict(far, difference(0.01, -0.1)) == "does not hold"
    assert search_verdict(far, difference(0.9, -0.1)) == "not decided"
    assert search_verdict(None, None) == "not decided"


def test_autoscale_has_its_control_arms(tmp_path):
    result = run_autoscale(quick(ROWS, tmp_path))
    grouped = [row["arm"] for row in result.sections[1].rows]
    wanted = {"unit weights", "inverse size", "gradnorm", "gradnorm, frozen", "autoscale: condition", SEARCHED}
    assert wanted <= set(grouped)
    assert SEARCHED not in {row["arm"] for row in result.sections[0].rows}
    described = {row["arm"]: row["words"] for row in result.sections[2].rows}
    assert set(described) == set(grouped)
    assert all(described.values())
    for row in result.sections[3].rows:
        assert sum(row[task].mean for task in ROWS.tasks) == pytest.approx(3.0)
    assert [row["measure"] for row in result.sections[4].rows] == ["similarity", "condition", "loss_scale"]
    parts = [
        find(result.scores, "gradnorm", t, m, "paper") for t, m in zip(ROWS.tasks, ("r2", "r2", "pr_auc"), strict=True)
    ]
    mean = find(result.scores, "gradnorm", "all", "headline", "paper")
    np.testing.assert_allclose(mean.values, np.mean([part.values for part in parts], axis=0))
    assert len(result.findings) == 3
    assert all("`autoscale: condition`" in finding.claim for finding in result.findings)


def parts_of(n, seed=0):
    """Training, validation and test numbers of n rows."""
    return np.split(np.random.default_rng(seed).permutation(n), [n // 2, 3 * n // 4])


def test_each_form_finds_what_was_made_of_its_terms():
    known = ROWS.fractions[:, ROWS.fractions.max(axis=0) > 0]
    terms = form_terms(known, mismatch_of(ROWS))
    rng = np.random.default_rng(0)
    train, valid, test = parts_of(len(ROWS))
    for name in ("F1", "F4"):
        y = terms[name] @ rng.normal(size=terms[name].shape[1])
        error = {form: np.std(fit_and_predict(t, y, train, valid, test) - y[test]) for form, t in terms.items()}
        assert error[name] < 1e-3 * y.std()
        assert error["F4" if name == "F1" else "F1"] > 10 * error[name]


def test_the_test_rows_have_no_part_in_a_fit():
    terms = form_terms(ROWS.fractions, mismatch_of(ROWS))["F2"]
    y = np.random.default_rng(1).normal(size=len(ROWS))
    train, valid, test = parts_of(len(ROWS))
    before = fit_and_predict(terms, y, train, valid, test)
    y[test] = 1e6
    np.testing.assert_array_equal(fit_and_predict(terms, y, train, valid, test), before)


def test_forms_are_judged_by_held_out_systems():
    result = run_forms(quick(ROWS))
    assert [row["arm"] for row in result.sections[0].rows] == ["F1", "F2", "F3", "F4"]
    assert find(result.scores, "F2", "resistivity_uohm_cm", "r2", "grouped").mean > 0.5
    angles = result.findings[-1]
    assert (angles.verdict, angles.measured) == ("does not hold", "90.0° at n = 0.5, 74.0° at n = 0.7")
    assert form_verdict(difference(0.01, 0.2), elementwise=True) == "holds"
    assert form_verdict(difference(0.01, 0.2), elementwise=False) == "does not hold"
    assert form_verdict(difference(0.2, 0.2), elementwise=True) == "not decided"


def test_angles_are_those_of_the_closed_form():
    assert angle(0.7) == pytest.approx(73.97, abs=0.005)
    assert angle(0.5) == pytest.approx(90.0)


def test_derived_targets_follow_from_resistivity():
    tables = derived_tables(ROWS)
    derived, copy = tables["derived"], tables["copy"]
    known = derived.rows.known[:, 0]
    np.testing.assert_array_equal(known, ROWS.rows.known[:, 0])
    rho, kappa = derived.physical(0, derived.rows.y[known, 0]), derived.rows.y[known, derived.tasks.index(CONDUCTIVITY)]
    np.testing.assert_allclose(kappa * rho, LORENZ * ROOM * 1e8)
    logged = tables["derived, logarithm"].rows.y[known]
    np.testing.assert_allclose(np.ptp(logged[:, 0] + logged[:, 1]), 0.0, atol=1e-12)
    column = copy.tasks.index(COPY)
    np.testing.assert_array_equal(copy.rows.y[known, column], copy.rows.y[known, 0])
    assert copy.log[column]
    assert "hardness_gpa" not in tables["without"].tasks


def test_derived_targets_need_the_papers_tasks():
    other = ROWS.with_rows(
        replace(ROWS.rows, tasks=("resistivity_uohm_cm", "b", "is_amorphous")), "x", ROWS.log, ROWS.units
    )
    with pytest.raises(InputError, match="no task `hardness_gpa` in the table"):
        derived_tables(other)


def test_the_derived_study_scores_common_tasks_alone(tmp_path):
    result = run_derived(quick(ROWS, tmp_path))
    arms = {"without", "derived", "derived, logarithm", "copy", "double weight", "measured"}
    assert {row["arm"] for row in result.sections[0].rows} == arms
    assert {score.task for score in result.scores} == {"resistivity_uohm_cm", "is_amorphous"}
    assert {score.rows for score in result.scores} == {ROWS.name}


def test_a_gain_that_a_copy_has_too_is_explained_otherwise():
    assert derived_verdict(difference(0.01, 0.3), difference(0.01, 0.3)) == "holds"
    assert derived_verdict(difference(0.01, 0.3), difference(0.9, 0.0)) == "explained otherwise"
    assert derived_verdict(difference(0.01, -0.3), difference(0.01, 0.3)) == "does not hold"
    assert derived_verdict(difference(0.5, 0.1), None) == "not decided"
