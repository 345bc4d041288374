from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import HARDNESS, RESISTIVITY, invented_rows
from training.crossval import OutOfFold
from training.headlines import HV_PER_GPA, from_sources, headlines, per_alloy
from training.report_tables import Spread

LABELS = {"ridge": "ridge", "precise": "characterize"}


def run(predicted, split="grouped", seed=0):
    fold = {target: np.arange(len(column)) % 5 for (target, _), column in predicted.items()}
    return OutOfFold(split, seed, fold, predicted)


def hea():
    rows = invented_rows(HARDNESS, n=60)
    source = np.array(["hea_bert", "hea_tanmay+mpea_borg_2020", "brgoch_hardness", "brgoch_hardness+hea_bert"])
    twice = np.repeat(np.arange(30), 2)
    return replace(rows.take(twice), source=source[np.arange(60) // 2 % 4])


def test_rows_of_high_entropy_collections_only():
    rows = hea()
    chosen = from_sources(rows, ("mpea_borg_2020", "hea_"))
    assert set(rows.source[chosen]) == {"hea_bert", "hea_tanmay+mpea_borg_2020"}


def test_medians_per_alloy():
    key = np.array(["b", "a", "b", "b", "a"])
    y, out = per_alloy(key, np.array([1.0, 5.0, 2.0, 9.0, 7.0]), np.array([0.0, 1.0, 0.0, 3.0, 2.0]))
    assert (y.tolist(), out.tolist()) == ([6.0, 2.0], [1.5, 0.0])


def test_perfect_and_shifted_predictions_on_the_rows_of_published_tables():
    rows = hea()
    film = invented_rows(RESISTIVITY, n=40)
    film = replace(film, source=np.where(np.arange(40) < 25, "kim_lee_2025_films", "you_2022_literature"))
    tables = {"hardness_gpa": rows, "resistivity_uohm_cm": film}
    wrong = np.where(film.source == "kim_lee_2025_films", film.y, 1e6)
    runs = [
        run({("hardness_gpa", "precise"): rows.y, ("resistivity_uohm_cm", "ridge"): wrong}),
        run({("hardness_gpa", "precise"): rows.y + 2.0, ("resistivity_uohm_cm", "ridge"): wrong}, seed=1),
    ]
    told = {row["what"]: row for row in headlines(tables, runs, LABELS).rows}
    assert told["hardness, HEA, per row"]["mae"] == Spread(1.0, 1.0, 2)
    assert told["hardness, HEA, per row"]["mae_hv"].mean == pytest.approx(HV_PER_GPA)
    assert told["hardness, HEA, per row"]["rows"] == 2 * told["hardness, HEA, per alloy"]["rows"]
    assert told["resistivity, films"]["r2"] == Spread(1.0, 0.0, 2)
    assert told["resistivity, films"]["rows"] == 25


def test_pure_metals_count_in_their_own_line_only():
    rows = replace(invented_rows(HARDNESS, n=40), source=np.array(["hea_bert", "handbook_metals"] * 20))
    rows = replace(rows, measured=rows.source == "hea_bert")
    out = np.where(rows.measured, rows.y, rows.y + 3.0)
    runs = [run({("hardness_gpa", "precise"): out})]
    told = {row["what"]: row for row in headlines({"hardness_gpa": rows}, runs, LABELS).rows}
    assert {what: (row["mae"].mean, row["rows"]) for what, row in told.items()} == {
        "hardness, HEA, per row": (0.0, 20),
        "hardness, HEA, per alloy": (0.0, 20),
        "hardness, pure metals": (pytest.approx(3.0), 20),
    }


def test_one_gigapascal_is_102_vickers():
    assert pytest.approx(101.97, abs=0.01) == HV_PER_GPA


def test_tables_without_such_rows_have_no_headlines():
    rows = invented_rows(HARDNESS)
    assert list(headlines({"hardness_gpa": rows}, [run({("hardness_gpa", "ridge"): rows.y})], LABELS).rows) == []
