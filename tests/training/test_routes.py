from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from screener.errors import InputError
from tests.training.measurements import table
from training.curation import curate
from training.recipes import standing_recipes
from training.routes import BULK_GLASS, COOLING_RATE, RATES, bulk_labels, with_routes
from training.sources.collector import Conditions, Label
from training.sources.table import AMORPHOUS
from training.tasks import task_rows

RIBBON, BULK, FILM = (Conditions(process_route=route) for route in ("ribbon", "bulk", "film"))


def pooled(*rows):
    """Curated labels of one source: (formula, label, kind[, conditions])."""
    return curate([labelled(*rows)]).frame.filter(pl.col("task") == AMORPHOUS)


def labelled(*rows):
    """Loaded labels from tuples (formula, label, kind[, conditions])."""
    return table("one", [(f, AMORPHOUS, v, 1.0, where[0] if where else Conditions(), k) for f, v, k, *where in rows])


def lessons(frame):
    """Rate, label and weight of every row, by key."""
    found: dict[str, list[tuple[float, float, float, bool]]] = {}
    for key, rate, value, weight, main in (
        with_routes(frame).select("key", COOLING_RATE, "value", "weight", "main").iter_rows()
    ):
        found.setdefault(key, []).append((rate, value, weight, main))
    return found


def test_a_bulk_glass_is_one_on_every_route():
    found = lessons(pooled(("Cu50Zr50", 1.0, Label("glass", dmax_mm=3.0), BULK)))
    assert found == {"Cu50Zr50": [(6.0, 1.0, 1.0, True), (2.0, 1.0, 1.0, False), (10.0, 1.0, 0.2, False)]}


def test_a_ribbon_glass_is_presumed_to_crystallise_in_a_mould():
    found = lessons(pooled(("Fe80B20", 1.0, Label("glass"), RIBBON)))
    assert found == {"B20Fe80": [(6.0, 1.0, 1.0, True), (2.0, 0.0, 0.5, False), (10.0, 1.0, 0.2, False)]}
    thin = lessons(pooled(("Fe80B20", 1.0, Label("glass", dmax_mm=0.5), BULK)))
    assert thin["B20Fe80"][1] == (2.0, 0.0, 0.5, False)


def test_a_film_says_nothing_about_ribbons():
    found = lessons(pooled(("Cu60Ta40", 1.0, Label("glass"), FILM)))
    assert found == {"Cu60Ta40": [(10.0, 1.0, 1.0, True)]}


def test_a_crystalline_ribbon_crystallises_in_a_mould():
    found = lessons(pooled(("Al90Fe10", 0.0, Label("crystalline_literature"), RIBBON)))
    assert found == {"Al90Fe10": [(6.0, 0.0, 1.0, True), (2.0, 0.0, 1.0, False)]}


def test_alloys_of_other_fields_are_crystalline_on_every_route():
    found = lessons(pooled(("CoCrFeNi", 0.0, Label("crystalline_added", "hea"))))
    assert [row[:3] for row in found["Co25Cr25Fe25Ni25"]] == [(6.0, 0.0, 1.0), (2.0, 0.0, 1.0), (10.0, 0.0, 0.2)]


def test_inferred_labels_teach_no_other_route():
    assert lessons(pooled(("Cu50Zr50", 1.0, Label("inferred")))) == {"Cu50Zr50": [(6.0, 1.0, 1.0, True)]}


@pytest.mark.data
def test_lessons_never_say_that_slower_cooling_helps(curated_data):
    frame = curated_data.frame.filter(pl.col("task") == AMORPHOUS)
    rows = with_routes(frame)
    best = rows.group_by("key").agg(
        *(
            pl.col("value").filter((pl.col(COOLING_RATE) == rate) & (pl.col("weight") >= 0.5)).max().alias(route)
            for route, rate in RATES.items()
        )
    )
    assert best.filter(pl.col("bulk") > pl.col("ribbon")).is_empty()
    assert rows.filter(pl.col("main")).height == frame.height
    assert (rows.filter(~pl.col("main"))["weight"] > 0).all()


def test_bulk_labels():
    frame = pooled(
        ("Cu50Zr50", 1.0, Label("glass", dmax_mm=3.0), BULK),
        ("Pd40Ni40P20", 1.0, Label("glass"), BULK),
        ("Fe80B20", 1.0, Label("glass"), RIBBON),
        ("Al85Ni15", 1.0, Label("glass", dmax_mm=0.9), BULK),
        ("Mg65Cu35", 1.0, Label("glass")),
        ("CoCrFeNi", 0.0, Label("crystalline_added", "hea")),
        ("NbNi", 0.0, Label("inferred")),
    )
    found = {
        key: (task, value, weight)
        for key, task, value, weight in bulk_labels(frame).select("key", "task", "value", "weight").iter_rows()
    }
    assert found == {
        "Cu50Zr50": (BULK_GLASS, 1.0, 1.0),
        "Ni40P20Pd40": (BULK_GLASS, 1.0, 1.0),
        "B20Fe80": (BULK_GLASS, 0.0, 0.5),
        "Al85Ni15": (BULK_GLASS, 0.0, 0.5),
        "Co25Cr25Fe25Ni25": (BULK_GLASS, 0.0, 1.0),
    }


def test_task_rows_with_lessons_count_the_alloys_alone():
    recipe = standing_recipes()["p_amorphous"]
    glasses = [(f"Cu{50 + i}Zr{50 - i}", 1.0, Label("glass"), RIBBON) for i in range(20)]
    crystals = [(f"Fe{50 + i}Ni{50 - i}", 0.0, Label("crystalline_added", "hea")) for i in range(20)]
    rows = task_rows(curate([labelled(*glasses, *crystals)]).frame, recipe)
    assert rows.main.sum() == rows.measured.sum() == 40
    assert set(rows.conditions[rows.main, 0]) == {6.0}
    assert set(rows.conditions[:, 0]) == {2.0, 6.0, 10.0}
    assert len(rows) == 40 + 20 * 2 + 20 * 2
    with pytest.raises(InputError, match="has 29 usable rows"):
        task_rows(curate([labelled(*glasses[:15], *crystals[:14])]).frame, recipe)


def test_routes_are_pooled_by_alloy():
    frame = pooled(("Cu50Zr50", 1.0, Label("glass"), RIBBON), ("Cu50Zr50", 1.0, Label("glass"), FILM))
    assert frame.select("process_route", "routes").rows() == [("unknown", "film+ribbon")]
    assert [row[0] for row in lessons(frame)["Cu50Zr50"]] == [6.0, 2.0, 10.0]
    assert np.isclose(lessons(frame)["Cu50Zr50"][2][2], 1.0)
