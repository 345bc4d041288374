"""Amounts in columns: what reads, how it is scaled, what is refused and why."""

from __future__ import annotations

import math

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.element_amounts import read_amounts, read_numbers, words_as_numbers
from screener.elements import element_symbols
from screener.formula import Composition, parse_formula
from screener.formula_batch import FormulaBatch

COLUMNS = {"Al": "Al", "Cu": "Cu", "Zr": "Zr"}


def compositions(batch: FormulaBatch) -> list[dict[str, float]]:
    spans = zip(batch.start[:-1], batch.start[1:], strict=True)
    return [{element_symbols()[batch.element[k]]: batch.fraction[k] for k in range(a, b)} for a, b in spans]


def table(*rows: str) -> polars.DataFrame:
    return polars.DataFrame([row.split(",") for row in rows], list(COLUMNS), orient="row")


def plain(composition: Composition) -> dict[str, float]:
    return dict(zip(composition.symbols, composition.fractions, strict=True))


@given(amounts=st.lists(st.floats(0.01, 30.0), min_size=3, max_size=3), units=st.sampled_from(["at", "wt"]))
@settings(deadline=None, max_examples=60)
def test_columns_read_like_the_formula_of_the_same_amounts(amounts: list[float], units: str) -> None:
    percent = [round(100.0 * a / sum(amounts), 6) for a in amounts]
    text = "".join(f"{symbol}{p:.6f}" for symbol, p in zip(COLUMNS, percent, strict=True))
    expected = plain(parse_formula(text, units))
    for scale in (1.0, 0.01):
        cells = table(",".join(f"{p * scale:.8f}" for p in percent))
        batch, problems = read_amounts(cells, COLUMNS, units)
        assert problems == {}
        assert compositions(batch)[0] == pytest.approx(expected, abs=1e-7)


def test_blank_cells_are_zero_and_sums_may_be_half_a_percent_off() -> None:
    batch, problems = read_amounts(table("50,50,", " 49.8 ,,50.6", "0.2,0.8,0", "0.304,0.7,"), COLUMNS, None)
    assert problems == {}
    assert read_amounts(table("99.5,,", ".995,,", "1.005,,", "100.5,,"), COLUMNS, None)[1] == {}
    assert len(read_amounts(table("99.49,,", ".9949,,", "1.0051,,"), COLUMNS, None)[1]) == 3
    assert compositions(batch) == [
        {"Al": 0.5, "Cu": 0.5},
        pytest.approx({"Al": 49.8 / 100.4, "Zr": 50.6 / 100.4}),
        pytest.approx({"Al": 0.2, "Cu": 0.8}),
        pytest.approx({"Al": 0.304 / 1.004, "Cu": 0.7 / 1.004}),
    ]


def test_what_is_refused_and_why() -> None:
    rows = table("50,49,", "x,50,50", "-1,51,50", "nan,50,50", "50,inf,", ",,", "0,0,0", "12.3,40,", '1e2,"",')
    batch, problems = read_amounts(rows, COLUMNS, None)
    told = {row: problem[:3] for row, problem in problems.items()}
    assert told == {
        0: ("", "Al=50 Cu=49", "amounts add up to 99, not 100 or 1"),
        1: ("Al", "x", "not a number"),
        2: ("Al", "-1", "negative amount"),
        3: ("Al", "nan", "not a finite number"),
        4: ("Cu", "inf", "not a finite number"),
        5: ("", "", "no amount above zero"),
        6: ("", "", "no amount above zero"),
        7: ("", "Al=12.3 Cu=40", "amounts add up to 52.3, not 100 or 1"),
        8: ("Cu", '""', "not a number"),
    }
    assert np.diff(batch.start).sum() == 0
    assert all(hint for *_, hint in problems.values())


def test_typed_columns_read_without_text() -> None:
    cells = polars.DataFrame({"Al": [50, 100, None], "Cu": [50.0, None, math.nan], "Zr": [0, 0, 100]})
    batch, problems = read_amounts(cells, COLUMNS, None)
    assert compositions(batch)[:2] == [{"Al": 0.5, "Cu": 0.5}, {"Al": 1.0}]
    assert {row: problem[:3] for row, problem in problems.items()} == {2: ("Cu", "nan", "not a finite number")}


def test_blank_numbers_take_what_is_given() -> None:
    values, problems = read_numbers(polars.Series("t", ["1", "", " 2 ", "fast", None]), math.nan)
    np.testing.assert_array_equal(values, [1.0, math.nan, 2.0, math.nan, math.nan])
    assert {row: problem[:3] for row, problem in problems.items()} == {3: ("t", "fast", "not a number")}


@pytest.mark.parametrize("text", ["33,3", "-0,5", ",5", "+1,000"])
def test_a_decimal_comma_is_named(text: str) -> None:
    _, problems = read_numbers(polars.Series("t", ["1", text]), math.nan)
    assert {row: problem[:3] for row, problem in problems.items()} == {1: ("t", text, "a decimal comma: write a point")}


def test_amounts_of_elements_without_data_refuse_the_row_that_they_complete() -> None:
    rows = [
        "89.6,6.1,4,0.3,",
        "89,6,4,0.4,0.6",
        "90,6,4,,",
        "90,6,4,0.2,14.9",
        "90,6,4,cast,",
        "0.9,0.06,0.03,0.01,",
        "90,6,,1,",
    ]
    cells = polars.DataFrame([row.split(",") for row in rows], [*COLUMNS, "O", " S"], orient="row")
    batch, problems = read_amounts(cells, COLUMNS, None, ("O", " S"))
    told = {row: problem[:3] for row, problem in problems.items()}
    assert told == {
        0: ("O", "0.3", "no alloy data for `O`"),
        1: ("O", "0.4", "no alloy data for `O`"),
        5: ("O", "0.01", "no alloy data for `O`"),
        6: ("O", "1", "no alloy data for `O`"),
    }
    assert np.diff(batch.start).tolist() == [0, 0, 3, 3, 3, 0, 0]


@pytest.mark.parametrize("text", ["5_0", "٥٠", "５０", "1_000.5", "0x10", "5 0", "--5", "1e", "i_nf", "½"])
def test_what_only_some_readers_take_for_a_number_is_none(text: str) -> None:
    _, problems = read_numbers(polars.Series("t", ["1", text]), math.nan)
    assert {row: problem[:3] for row, problem in problems.items()} == {1: ("t", text, "not a number")}


@pytest.mark.parametrize("text", ["inf", "-Infinity", "nan", "1e400"])
def test_numbers_without_end_are_said_to_be_numbers(text: str) -> None:
    _, problems = read_numbers(polars.Series("t", ["1", text]), math.nan)
    assert {row: problem[:3] for row, problem in problems.items()} == {1: ("t", text, "not a finite number")}


@pytest.mark.parametrize("kind", [polars.Categorical, polars.Enum(["x", "7.5", "", "50"])])
def test_categories_read_as_their_texts(kind: polars.DataType) -> None:
    values, problems = read_numbers(polars.Series("t", ["7.5", "", None, "x"], dtype=kind), 0.0)
    np.testing.assert_array_equal(values, [7.5, 0.0, 0.0, 0.0])
    assert {row: problem[:3] for row, problem in problems.items()} == {3: ("t", "x", "not a number")}
    values, _ = read_numbers(polars.Series("t", ["50", "7.5"], dtype=kind), 0.0)
    np.testing.assert_array_equal(values, [50.0, 7.5])


def test_flags_are_numbers() -> None:
    values, problems = read_numbers(polars.Series("t", [True, None, False]), math.nan)
    np.testing.assert_array_equal(values, [1.0, math.nan, 0.0])
    assert problems == {}


@pytest.mark.parametrize("kind", [polars.String, polars.Categorical])
def test_flags_may_be_words(kind: polars.DataType) -> None:
    cells = polars.Series("t", ["yes", " No", "TRUE", "false ", "1", "maybe", "", None], dtype=kind)
    values, problems = read_numbers(words_as_numbers(cells), math.nan)
    np.testing.assert_array_equal(values, [1, 0, 1, 0, 1, math.nan, math.nan, math.nan])
    assert {row: problem[:3] for row, problem in problems.items()} == {5: ("t", "maybe", "not a number")}
    assert words_as_numbers(polars.Series("t", [1, 0])).to_list() == [1, 0]
