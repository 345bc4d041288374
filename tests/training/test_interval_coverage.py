from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import HARDNESS, invented_rows
from training.crossval import OutOfFold
from training.interval_coverage import coverage_section, held_out_residuals, interval_coverage

TIERS = {"screen": "screen", "precise": "characterize"}


def run(rows, predicted, split="grouped", seed=0, model="precise"):
    target = rows.recipe.target
    return OutOfFold(split, seed, {target: np.arange(len(rows)) % 5}, {(target, model): predicted})


def residuals(rows, predicted):
    return held_out_residuals(rows, run(rows, predicted), ["precise"])["precise"]


def test_intervals_hold_nine_of_ten_and_are_as_wide_as_the_noise():
    rows, rng = invented_rows(HARDNESS, n=840), np.random.default_rng(0)
    known = residuals(rows, rows.y * np.exp(0.1 * rng.normal(size=840)))
    found = interval_coverage(known, None, known, "relative")
    assert found["coverage"] == pytest.approx(0.91, abs=0.04)
    assert found["width"] == pytest.approx(np.exp(1.645 * 0.1), abs=0.04)
    absolute = replace(rows, recipe=replace(HARDNESS, interval="absolute"))
    known = residuals(absolute, rows.y + rng.normal(size=840))
    assert interval_coverage(known, None, known, "absolute")["width"] == pytest.approx(1.645, abs=0.3)


def test_the_interval_of_a_fold_knows_nothing_of_it():
    rows = invented_rows(HARDNESS, n=200)
    fold = np.arange(200) % 5
    known = residuals(rows, rows.y * np.where(fold == 2, 10.0, 1.001))
    assert interval_coverage(known, None, known, "relative")["coverage"] == pytest.approx(0.8)
    random = replace(known, score=np.full(200, 1e-9))
    found = interval_coverage(known, random, random, "relative")
    assert found["coverage"] == 1.0


def test_only_rows_that_count_are_covered():
    rows = invented_rows(HARDNESS, n=200)
    half = replace(rows, measured=np.arange(200) % 2 == 0)
    predicted = np.where(half.measured, rows.y, 1e9)
    found = coverage_section({"hardness_gpa": half}, [run(half, predicted)], [], TIERS, ("precise",))
    assert [(row["coverage"].mean, row["width"].mean, row["rows"]) for row in found.rows] == [(1.0, 1.0, 100)]


def test_every_tier_and_split_has_a_line_with_its_regroupings():
    rows, rng = invented_rows(HARDNESS, n=120), np.random.default_rng(1)
    noisy = [rows.y * np.exp(0.1 * rng.normal(size=120)) for _ in range(4)]
    grouped = [run(rows, noisy[0]), run(rows, noisy[1], seed=1)]
    random = [run(rows, noisy[2], "random"), run(rows, noisy[3], "random", 7)]
    section = coverage_section({"hardness_gpa": rows}, grouped, random, TIERS, ("precise",))
    assert [(row["model"], row["split"], row["coverage"].n) for row in section.rows] == [
        ("characterize", "grouped", 2),
        ("characterize", "random", 1),
    ]
    assert all(row["unit"] == "a factor either way" for row in section.rows)
