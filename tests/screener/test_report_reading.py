"""Reading a result back: the exact text, what it says about itself, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_results import HOSTILE, plain_rows, write_result

from screener.errors import InputError
from screener.report.result_file import read_result
from screener.report.screened_space import coarser, space_of
from screener.space import CompositionSpace


def test_text_of_csv_stays_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'formula,x,y,flag,empty\nCu50Zr50,1.50,007,true,\n"a,""b""\nc",-2e-3,1_0,false,\n', encoding="utf-8"
    )
    columns = read_result(path).columns
    assert columns["formula"].text == ("Cu50Zr50", 'a,"b"\nc')
    assert columns["x"].text == ("1.50", "-2e-3")
    assert {name: column.kind for name, column in columns.items()} == {
        "formula": "text",
        "x": "number",
        "y": "text",
        "flag": "flag",
        "empty": "text",
    }
    assert columns["x"].numbers.tolist() == [1.5, -0.002]
    assert columns["flag"].numbers.tolist() == [1.0, 0.0]


def test_every_format_gives_the_text_of_the_csv(tmp_path: Path) -> None:
    frame = plain_rows().with_columns(polars.Series("gap", [None, 0.1 + 0.2, *[1e-7] * 38]))
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ndjson(tmp_path / "a.jsonl")
    first = read_result(tmp_path / "a.csv")
    for name in ("a.parquet", "a.jsonl"):
        other = read_result(tmp_path / name)
        assert {n: (c.kind, c.text) for n, c in other.columns.items()} == {
            n: (c.kind, c.text) for n, c in first.columns.items()
        }
    assert first.columns["gap"].text[:2] == ("", "0.30000000000000004")
    assert np.isnan(first.columns["gap"].numbers[0])


def test_results_of_both_commands_are_read_in_every_format(run, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"alloy,{HOSTILE}\nAl50Ti50,1\nTi50Cr50,2\n", encoding="utf-8")
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        assert run("enumerate", "--elements", "Al,Ti,Cr", "--top", "5", "-o", name).code == 0
        read = read_result(tmp_path / name)
        assert (read.rows, read.question["elements"], read.counts["kept"]) == (5, ["Al", "Ti", "Cr"], 5)
        assert space_of(read.question) == CompositionSpace.build("Al,Ti,Cr")
        assert run("score", "list.csv", "-o", name).code == 0
        assert read_result(tmp_path / name).question["list"] == "list.csv"


def test_only_the_first_rows_may_be_taken(tmp_path: Path) -> None:
    read = read_result(write_result(tmp_path / "a.csv", plain_rows()), 7)
    assert (read.rows, read.total, len(read.columns["formula"].text)) == (7, 40, 7)


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("a.txt", b"x", "unknown result format `.txt`", "name a .csv, .parquet or .jsonl file"),
        ("a.csv", b"", "`a.csv` holds no rows", "name a result with at least one alloy"),
        ("a.csv", b"formula\n", "`a.csv` holds no rows", "name a result with at least one alloy"),
        ("a.csv", b"a,b\n\xff\xfe,1\n", "cannot read `a.csv`: ", "name a result that is whole"),
        ("a.parquet", b"PAR1 nothing", "cannot read `a.parquet`: ", "name a result that is whole"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, name: str, content: bytes, message: str, hint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as told:
        read_result(tmp_path / name)
    assert told.value.message.startswith(message)
    assert told.value.hint == hint


def test_a_missing_file_and_damaged_metadata_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_result(tmp_path / "none.csv")
    path = write_result(tmp_path / "a.csv", plain_rows())
    beside = tmp_path / "a.csv.meta.json"
    for text in ("{", "[]", json.dumps({"screener.question": "[1]"}), json.dumps({"screener.question": "{"})):
        beside.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="cannot read the metadata of"):
            read_result(path)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["Al", "Ti", "Cr", "Fe", "Ni"]), min_size=2, max_size=5, unique=True),
    st.sampled_from(["1", "2.5", "5", "10", "12.5"]),
    st.integers(0, 2),
    st.booleans(),
)
def test_the_space_is_built_again_from_its_words(elements: list[str], step: str, bound: int, summed: bool) -> None:
    bounds = dict.fromkeys(elements[:bound], (0, 75)) or None
    sums = [f"{elements[0]}+{elements[1]}=0:75"] if summed and len(elements) > 2 else None
    space = CompositionSpace.build(elements, step, f"1-{len(elements)}" if bound else 2, bounds, sums)
    question = {
        "space": space.digest,
        "elements": list(space.elements),
        "step_at_percent": 100 / space.units,
        "limits": space.describe(),
    }
    assert space_of(question) == space
    recorded = question | {"limits": "unreadable", **space.limits()}
    assert space_of(json.loads(json.dumps(recorded))) == space
    for broken in ({"bounds": {"Al": [5]}}, {"bounds": 3}, {"sums": [{}]}, {"components": [1]}, {"sums": [[1]]}):
        assert space_of(recorded | broken) in (None, space)
    assert space_of(question | {"space": "0" * 16}) is None
    assert space_of({}) is None
    coarse = coarser(question, space, 50)
    assert coarse is None or (coarse.size <= 50 and coarse.elements == space.elements)
