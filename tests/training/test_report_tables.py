from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report_tables import Section, Spread, spread, spreads, written

SECTION = Section(
    "left_out",
    "Families left out",
    "Every row is left out.",
    (("name", "left out"), ("rows", "rows"), ("r2", "R²")),
    ({"name": "steel", "rows": 1234, "r2": Spread(0.5, 0.01, 5)}, {"name": "", "rows": 3, "r2": math.nan}, {"rows": 7}),
)


def test_a_section_is_a_table_with_its_caption():
    assert SECTION.markdown().splitlines() == [
        "## Families left out",
        "",
        "Every row is left out.",
        "",
        "| left out | rows | R² |",
        "|---|---:|---:|",
        "| steel | 1,234 | 0.500 ± 0.010 |",
        "| – | 3 | – |",
        "| – | 7 | – |",
    ]


def test_a_section_is_json_without_nan():
    text = json.dumps(SECTION.document(), allow_nan=False)
    assert json.loads(text)["rows"] == [
        {"name": "steel", "rows": 1234, "r2": {"mean": 0.5, "sd": 0.01, "n": 5}},
        {"name": "", "rows": 3, "r2": None},
        {"rows": 7},
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "–"), (3, "3"), (0.12345, "0.123"), (123.456, "123.5"), ("x", "x")),
        *(
            (Spread(-0.5, 0.0, 1), "-0.500"),
            (Spread(-0.5, 0.0, 2), "-0.500 ± 0.000"),
            (Spread(0.5, 0.1), "0.500 ± 0.100"),
        ),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert written(value) == text


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9))
def test_spread_is_mean_and_deviation_of_what_is_finite(values):
    found = spread([*values, math.nan])
    mean = sum(values) / len(values)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.sd == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in values) / len(values)), abs=1e-9)
    assert found.n == len(values)


def test_nothing_finite_has_no_mean():
    assert math.isnan(spread([math.nan]).mean)
    assert spreads([]) == {}
    assert spreads([{"r2": 1.0}, {"r2": 3.0}]) == {"r2": Spread(2.0, 1.0, 2)}
