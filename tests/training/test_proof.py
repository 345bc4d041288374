from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from tests.training.invented_tasks import ENTHALPY, GLASS, HARDNESS, RESISTIVITY, invented_rows, with_values
from training.contenders import PRECISE, SCREEN
from training.crossval import OutOfFold
from training.proof import WEAK, prove


def runs(rows, predicted, model=PRECISE):
    """Out-of-fold predictions of both splits."""
    target = rows.recipe.target
    fold = {target: np.arange(len(rows)) % 5}
    return tuple(OutOfFold(split, 0, fold, {(target, model): predicted}) for split in ("grouped", "random"))


def test_relative_intervals_are_quantiles_of_log_residuals():
    rows, rng = invented_rows(HARDNESS, n=99), np.random.default_rng(0)
    noise = rng.permutation(np.linspace(0.01, 0.99, 99)) * rng.choice([-1, 1], 99)
    proof = prove(rows, PRECISE, *runs(rows, rows.y * np.exp(noise)))
    assert proof.head.rule == "relative"
    assert proof.head.half_width == pytest.approx(np.sort(np.abs(noise))[89])
    assert proof.interval == (
        f"split-conformal, 90%, on residuals of held-out chemical systems: a factor of "
        f"{np.exp(proof.head.half_width):.2f} either way; "
        "where the distance to the training alloys is known, by its bin"
    )
    assert proof.metrics["grouped"]["coverage_90"] == pytest.approx(0.9, abs=0.06)
    assert proof.head.floor == 0.0
    assert set(proof.metrics) == {"grouped", "random"}
    assert (proof.threshold, proof.curve) == (None, ())


def test_absolute_intervals_of_values_of_both_signs():
    rows = invented_rows(ENTHALPY)
    proof = prove(rows, SCREEN, runs(rows, rows.y + np.where(np.arange(84) % 2, 2.0, -2.0), SCREEN)[0], None)
    assert (proof.head.rule, proof.head.floor) == ("absolute", None)
    assert proof.head.half_width == pytest.approx(2.0)
    assert "± 2;" in proof.interval
    assert set(proof.metrics) == {"grouped"}
    above = with_values(rows, rows.y - rows.y.min())
    assert prove(above, PRECISE, *runs(above, above.y)).head.floor == 0.0


def test_logarithmic_targets_are_scored_in_their_units():
    rows = invented_rows(RESISTIVITY)
    proof = prove(rows, PRECISE, *runs(rows, rows.y + 7.0))
    assert proof.metrics["grouped"]["mae"] == pytest.approx(7.0)


def test_a_model_that_guesses_says_so():
    rows, rng = invented_rows(HARDNESS, n=99), np.random.default_rng(0)
    guess = prove(rows, PRECISE, *runs(rows, rng.permutation(rows.y)))
    assert WEAK in guess.notes
    glass = invented_rows(GLASS, n=280)
    coin = prove(glass, PRECISE, *runs(glass, rng.normal(size=280)))
    assert WEAK in coin.notes
    assert WEAK not in prove(glass, PRECISE, *runs(glass, 4.0 * glass.y - 2.0 + rng.normal(size=280))).notes


UNEVEN = "recall ≥ 0.95 and specificity ≥ 0.8 cannot both be had; the threshold is their best sum"


@pytest.fixture
def glass():
    """A thousand labels whose log-odds are half of what the model says, plus one."""
    rows, rng = invented_rows(GLASS, n=1000), np.random.default_rng(0)
    out = rng.normal(0.0, 8.0, 1000)
    label = (rng.random(1000) < special.expit(0.5 * out + 1.0)).astype(float)
    return with_values(replace(rows, trust=np.ones(1000)), label), out


def test_calibration_finds_the_odds(glass):
    rows, out = glass
    proof = prove(rows, PRECISE, *runs(rows, out))
    assert proof.head.slope == pytest.approx(0.5, abs=0.06)
    assert proof.head.intercept == pytest.approx(1.0, abs=0.3)
    assert proof.metrics["grouped"]["brier"] < ((special.expit(out) - rows.y) ** 2).mean()
    p = special.expit(proof.head.slope * out + proof.head.intercept)
    point = next(c for c in proof.curve if c.threshold == proof.threshold)
    assert point.recall == pytest.approx(((p >= proof.threshold) & (rows.y > 0.5)).sum() / rows.y.sum())
    assert point.recall + point.specificity == max(c.recall + c.specificity for c in proof.curve)
    assert proof.notes == (UNEVEN,)
    clear = np.where(rows.y > 0.5, np.abs(out) + 3.0, -np.abs(out) - 3.0)
    assert prove(rows, PRECISE, *runs(rows, clear)).notes == ()


def test_a_student_takes_over_the_calibration_of_its_teacher(glass):
    rows, out = glass
    target, fold = rows.recipe.target, {rows.recipe.target: np.arange(1000) % 5}
    loud = 2.0 * out + 1.0
    run = OutOfFold("grouped", 0, fold, {(target, PRECISE): out, (target, SCREEN): loud})
    teacher, student = (prove(rows, PRECISE, run, None), prove(rows, SCREEN, run, None, PRECISE))
    assert (student.head.slope, student.head.intercept) == (teacher.head.slope, teacher.head.intercept)
    assert student.metrics["grouped"]["brier"] > teacher.metrics["grouped"]["brier"]
    assert student.curve != teacher.curve
    flagged = [name for name in teacher.metrics["grouped"] if name.endswith("_at_threshold")]
    # a calibration moves thresholds, not which alloys are flagged, up to their steps of 0.01
    for name in flagged:
        assert student.metrics["grouped"][name] == pytest.approx(teacher.metrics["grouped"][name], abs=0.02)
    alone = prove(rows, SCREEN, run, None)
    assert alone.head.slope == pytest.approx(teacher.head.slope / 2.0)


def test_what_is_said_of_flags_was_settled_on_other_folds(glass):
    rows, out = glass
    fold = np.arange(1000) % 5
    shifted = out + 12.0 * (fold == 0)  # one fold in which every logit is far too high
    proof = prove(rows, PRECISE, *runs(rows, shifted))
    grouped = proof.metrics["grouped"]
    point = next(c for c in proof.curve if c.threshold == proof.threshold)
    assert grouped["threshold"] == proof.threshold
    assert grouped["specificity_at_threshold"] < point.specificity
    assert 0.0 < grouped["precision_at_threshold"] < 1.0


def test_specificity_is_that_of_alloys_known_to_be_crystalline(glass):
    rows, out = glass
    known = (rows.y < 0.5) & (out < -8.0)
    proof = prove(replace(rows, crystalline=known), PRECISE, *runs(rows, out))
    assert proof.metrics["grouped"]["specificity_at_threshold"] == 1.0
    assert {c.specificity for c in proof.curve if c.threshold > 0.2} == {1.0}
    assert proof.metrics["grouped"]["specificity"] < 1.0


def test_rows_nobody_measured_count_for_nothing(glass):
    rows, out = glass
    measured = np.arange(1000) >= 200
    wrong = np.where(measured, out, -out)
    proof = prove(replace(rows, measured=measured), PRECISE, *runs(rows, wrong))
    clean = rows.take(np.flatnonzero(measured))
    expected = prove(clean, PRECISE, *runs(clean, out[measured]))
    assert proof.head == expected.head
    assert proof.metrics == expected.metrics
    assert proof.prior == pytest.approx(np.average(clean.y, weights=clean.trust))
