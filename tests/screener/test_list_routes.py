"""How a list says by which process its alloys are made."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars
import pytest

from screener import ScreenerError, score
from screener._card_parts import Condition
from screener.list_routes import RouteColumn, find_routes

MODELS = Path(__file__).resolve().parents[2] / "models"
LEVELS = {"bulk": 2.0, "ribbon": 6.0}
COOLING = Condition("cooling_rate_log10_k_s", "log10(K/s)", 6.0, 0.0, 12.0, LEVELS)
LOAD = Condition("load_n", "N", 4.9, 0.01, 10.0)


def test_the_column_is_found_by_its_name_where_models_know_processes() -> None:
    found = find_routes(("alloy", " Process"), [COOLING, LOAD])
    assert found == RouteColumn(" Process", {COOLING.name: LEVELS})
    assert find_routes(("alloy", "route"), [COOLING]) is None
    assert find_routes(("alloy", "process"), [LOAD]) is None


def test_a_number_of_the_condition_itself_goes_before_the_process() -> None:
    name = COOLING.name
    table = polars.DataFrame(
        {"alloy": ["Cu50Zr45Al5"] * 4, "process": ["bulk", "bulk", "", "bulk"], name: [None, 2, 4, 6]}
    )
    listed = score(table, models=MODELS, top=None).sort("row")["p_amorphous"].to_list()
    bulk, ribbon = (score(table[:1, :1], models=MODELS, process=each)["p_amorphous"][0] for each in ("bulk", "ribbon"))
    assert listed[:2] == [bulk, bulk]
    assert bulk < listed[2] < listed[3] == ribbon


@pytest.mark.parametrize("kind", [polars.String, polars.Categorical])
def test_words_become_levels_and_others_what_is_given(kind: type[polars.DataType]) -> None:
    cells = polars.Series("p", ["bulk", " RIBBON ", "cast", "", None], dtype=kind)
    routes = RouteColumn("p", {COOLING.name: LEVELS})
    np.testing.assert_array_equal(routes.read(cells, {COOLING.name: 10.0})[COOLING.name], [2, 6, 10, 10, 10])
    np.testing.assert_array_equal(routes.read(cells, {})[COOLING.name], [2, 6, math.nan, math.nan, math.nan])
    numbers = polars.Series("p", [1.0, None])
    np.testing.assert_array_equal(routes.read(numbers, {})[COOLING.name], [math.nan, math.nan])


def test_each_row_is_predicted_for_its_own_process() -> None:
    rows = ["bulk", "ribbon", "film", "bulk"]
    table = polars.DataFrame({"alloy": ["Cu50Zr45Al5"] * 3 + ["Fe80Ni20"], "process": rows})
    listed = score(table, models=MODELS, top=None)
    by_row = listed.sort("row")
    for place, process in enumerate(rows):
        alone = score(table.drop("process")[place : place + 1], models=MODELS, process=process)
        assert by_row["p_amorphous"][place] == alone["p_amorphous"][0]
    assert by_row["p_amorphous"][0] < by_row["p_amorphous"][1]


def test_the_note_names_the_words_that_count() -> None:
    told = RouteColumn("Process", {COOLING.name: LEVELS}).note("ribbon", ["load_n"])
    said = "the process of each row is read from column `Process`: bulk, ribbon; any other text means ribbon"
    assert told == said
    before = RouteColumn("Process", {COOLING.name: LEVELS}).note("ribbon", [COOLING.name])
    assert before == f"{said}; a number in `cooling_rate_log10_k_s` goes before"


def test_numbers_in_the_column_name_no_process() -> None:
    table = polars.DataFrame({"alloy": ["Cu50Zr50"], "process": [3]})
    plain = score(table.drop("process"), models=MODELS)
    assert score(table, models=MODELS)["p_amorphous"][0] == plain["p_amorphous"][0]
    with pytest.raises(ScreenerError):
        score(table, models=MODELS, process="3")


def test_words_set_a_flag_and_nothing_else() -> None:
    table = polars.DataFrame({"alloy": ["CoCrFeMnNi"] * 3, "annealed": ["yes", "1", "False"]})
    found = score(table, models=MODELS).sort("row")["hardness_gpa"].to_list()
    plain = score(table[:1, :1], models=MODELS)["hardness_gpa"].to_list()
    assert found[0] == found[1] != found[2] == plain[0]
    with pytest.raises(ScreenerError, match="row 1, column `load_n`: not a number"):
        score(table[:1, :1].with_columns(load_n=polars.lit("yes")), models=MODELS, strict=True)
