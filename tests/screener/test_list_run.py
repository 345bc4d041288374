"""Long lists, block by block: what a list held in memory gives, and every row accounted for whatever it is like."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import Notes
from test_csv_records import naive

from screener.elements import element_symbols
from screener.errors import CompositionError, InputError, ScreenerError
from screener.jobs import Question, ScoreJob
from screener.outcome import Outcome
from screener.scoring import run_score, score

PAIRS = [f"Al{k}Ti{100 - k}" for k in range(1, 90)]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list of more than ten rows is long, and read in pieces of some seven rows."""
    monkeypatch.setattr("screener.scoring.CHARACTERIZE_UP_TO", 10)
    monkeypatch.setattr("screener.csv_records._CHUNK", 80)
    monkeypatch.setattr("screener.json_records._CHUNK", 256)
    monkeypatch.setattr("screener.table_records.BLOCK_ROWS", 7)
    monkeypatch.setattr("screener.list_search._HELD", 5)
    monkeypatch.setattr("screener.list_search.SLACK", 3)
    monkeypatch.setattr("screener.sorted_rows._PART", 16)


def scored(path: Path | polars.DataFrame, models: Path, question: Question | None = None, **how: object) -> Outcome:
    return run_score(ScoreJob(path, question or Question(), models=models, **how), Notes())


def listed(folder: Path, rows: list[str], header: str = "formula") -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def alike(found: polars.DataFrame, expected: polars.DataFrame) -> None:
    """Compare two results, floats up to float32."""
    assert found.columns == expected.columns
    for name in found.columns:
        if found[name].dtype.is_float():
            np.testing.assert_allclose(found[name], expected[name], rtol=2e-4, atol=1e-5, err_msg=name)
        else:
            assert found[name].to_list() == expected[name].to_list(), name


def both(path: Path, models: Path, question: Question, monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, Outcome]:
    """Score a list as a long one, and as one that fits in memory."""
    long = scored(path, models, question)
    monkeypatch.undo()
    return long, scored(path, models, question)


def test_rows_keep_their_order_without_a_rank(
    tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, whole = both(listed(tmp_path, PAIRS), tiny_models, Question(tier="screen"), monkeypatch)
    assert long.frame.columns[:3] == ["row", "input_formula", "formula"]
    assert "rank" not in long.frame.columns
    assert long.frame["row"].to_list() == list(range(1, 90))
    given = whole.frame.drop("rank")
    for name in ("hardness_gpa_low", "hardness_gpa_high", "in_domain", "nearest_distance", "nearest_training_alloy"):
        assert name in given.columns
    shared = [name for name in long.frame.columns if "hardness" not in name and "in_domain" not in name]
    alike(long.frame.select(shared), given.select(shared))


@pytest.mark.parametrize(
    "asked",
    [
        {"maximize": ("hardness_gpa",)},
        {"rank_by": "vec"},
        {"rank_by": "0 * vec"},
        {"maximize": ("hardness_gpa",), "where": "Al < 50"},
    ],
)
def test_a_long_list_is_sorted_like_a_short_one(
    asked: dict, tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed(tmp_path, [*PAIRS, *PAIRS[:7]])
    long, whole = both(path, tiny_models, Question(tier="screen", **asked), monkeypatch)
    assert long.frame["rank"].to_list() == list(range(1, long.frame.height + 1))
    assert long.frame["row"].to_list() == whole.frame["row"].to_list()
    assert dict(long.summary.counts) == dict(whole.summary.counts)
    assert [p.name for p in tmp_path.iterdir()] == ["list.csv"]


@pytest.mark.parametrize(
    "asked",
    [
        {"top": 4},
        {"top": 4, "minimize": ("density_g_cm3",), "where": "Al > 10"},
        {"pareto": True, "maximize": ("hardness_gpa",), "minimize": ("density_g_cm3=2:9",)},
        {"pareto": True, "top": 2, "maximize": ("hardness_gpa",), "minimize": ("density_g_cm3=2:9",)},
        {"top": 60, "rank_by": "ln(vec - 3.305)"},
    ],
)
def test_the_best_of_a_long_list_are_those_of_a_short_one(
    asked: dict, tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, whole = both(listed(tmp_path, [*PAIRS, "bad!"]), tiny_models, Question(**asked), monkeypatch)
    assert dict(long.summary.counts) == dict(whole.summary.counts)
    assert long.frame["row"].to_list() == whole.frame["row"].to_list()
    if asked.get("top") in (2, 4):  # few enough to be characterized
        alike(long.frame, whole.frame)


def test_repeated_formulas_are_scored_once_and_written_for_each_row(
    tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["Fe", "TiAl", "Fe", "Xx", "TiAl", "Fe", "Xx"] * 6
    frame = scored(listed(tmp_path, rows), tiny_models).frame
    monkeypatch.setattr("screener.list_blocks._REPEATED", -1.0)
    assert scored(listed(tmp_path, rows), tiny_models).frame.equals(frame)
    assert frame["input_formula"].to_list() == [row for row in rows if row != "Xx"]


def test_every_format_and_layout_gives_one_result(tmp_path: Path, tiny_models: Path, small_blocks: None) -> None:
    expected = scored(listed(tmp_path, PAIRS), tiny_models).frame
    frame = polars.DataFrame({"formula": PAIRS})
    frame.write_parquet(tmp_path / "list.parquet")
    (tmp_path / "list.jsonl").write_text("".join(json.dumps({"formula": f}) + "\n" for f in PAIRS))
    (tmp_path / "list.csv.gz").write_bytes(gzip.compress((tmp_path / "list.csv").read_bytes()))
    for name in ("list.parquet", "list.jsonl", "list.csv.gz"):
        assert scored(tmp_path / name, tiny_models).frame.equals(expected), name
    assert scored(frame, tiny_models).frame.equals(expected)
    shares = [f"{k};{100 - k}" for k in range(1, 90)]
    amounts = scored(listed(tmp_path, shares, "Al;Ti"), tiny_models)
    assert amounts.frame.columns[:3] == ["row", "Al", "Ti"]
    assert amounts.frame.drop("Al", "Ti").equals(expected.drop("input_formula"))
    assert amounts.summary.lines[-2:] == (
        "note: fields are separated by `;`",
        "note: compositions are read from 2 columns of at.%, Al, Ti",
    )


def test_weight_percent_in_columns(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, ["90,6,4", "0.9,0.06,0.04"], "Ti,Al,V")
    frame = scored(path, tiny_models, units="wt").frame
    assert frame["formula"].to_list() == ["Ti86.2044Al10.1955V3.6001"] * 2


def test_descriptors_have_gaps_where_an_alloy_has_no_such_property(
    tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed(tmp_path, [*PAIRS[:20], "FeB", "Fe", "AlTi"])
    question = Question(with_descriptors=True, tier="screen")
    long, _ = both(path, tiny_models, question, monkeypatch)
    cost = long.frame["cost_usd_kg"]
    assert cost.is_nan().to_list() == [False] * 20 + [True, False, False]
    alone = scored(listed(tmp_path, ["Fe", "AlTi"]), tiny_models, question).frame
    np.testing.assert_allclose(cost[21:], alone["cost_usd_kg"], rtol=1e-5)


@pytest.mark.parametrize("header", ["formula", "Th,U,Zr"])
def test_only_alloys_of_two_elements_without_an_enthalpy_are_refused(
    header: str, tmp_path: Path, tiny_models: Path
) -> None:
    formulas = ["U50Zr50", "Th20Zr80", "Th50U50"]
    amounts = [",50,50", "20,,80", "50,50,"]
    found = scored(listed(tmp_path, formulas if header == "formula" else amounts, header), tiny_models)
    assert found.frame["formula"].to_list() == formulas[:2]
    assert [(row, reason) for row, _, _, reason in found.rejects] == [(3, "no `dH_mix_kj_mol` for `Th`-`U`")]
    alone = scored(listed(tmp_path, formulas[:1]), tiny_models).frame
    np.testing.assert_allclose(found.frame["p_amorphous"][0], alone["p_amorphous"][0], rtol=1e-6)


def test_elements_are_columns_where_asked(
    tmp_path: Path, tiny_models: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed(tmp_path, [f"{formula},7" for formula in [*PAIRS[:20], "ZrCu"]], "formula,Al")
    long = scored(path, tiny_models, with_elements=True).frame
    monkeypatch.undo()
    short = scored(path, tiny_models, with_elements=True).frame
    assert short.columns[2:9] == ["input_formula", "input_Al", "formula", "Al", "Ti", "Cu", "Zr"]
    assert short["Al"].to_list() == [*(float(k) for k in range(1, 21)), 0.0]
    assert long.select("Al", "Ti", "Cu", "Zr").equals(short.select("Al", "Ti", "Cu", "Zr"))
    symbols = [name for name in long.columns if name in element_symbols()]
    assert len(symbols) > 60
    assert set(element_symbols()) - set(symbols) == {"H", "N"}
    assert long.select(polars.sum_horizontal(symbols)).to_series().to_list() == pytest.approx([100.0] * 21)


def test_strict_stops_a_long_list_at_its_first_bad_row(tmp_path: Path, tiny_models: Path, small_blocks: None) -> None:
    path = listed(tmp_path, [*PAIRS[:40], "Al,Ti", *PAIRS[40:60], "Xx"])
    with pytest.raises(InputError) as caught:
        scored(path, tiny_models, Question(strict=True))
    assert caught.value.message == "row 41: 2 fields where the header has 1"
    path = listed(tmp_path, [*PAIRS[:40], "AlNb", *PAIRS[40:60], "Xx"])
    with pytest.raises(CompositionError, match="outside the training elements: `Nb` of every model"):
        scored(path, tiny_models, Question(strict=True))
    path.write_bytes(b"formula\nCu\nZ\xe9\n")
    with pytest.raises(InputError) as garbled:
        scored(path, tiny_models, Question(strict=True))
    assert garbled.value.message == "row 2: not UTF-8 text"
    assert garbled.value.hint == "save the list as UTF-8, or add `--encoding latin-1`"


def test_names_and_encodings_are_checked(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, ["Fe,Cu"], "a,b")
    assert scored(path, tiny_models, column="b").frame["formula"].to_list() == ["Cu"]
    with pytest.raises(ScreenerError, match="no column `c` in"):
        scored(path, tiny_models, column="c")
    with pytest.raises(InputError, match="unknown encoding `utf-16`"):
        scored(path, tiny_models, encoding="utf-16")


def test_pandas_frames_are_scored(tiny_models: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = score(pandas.DataFrame({"alloy": ["Fe", "TiAl"], "n": [1.5, None]}), models=tiny_models)
    assert frame.select("alloy", "n").rows() == [("Fe", 1.5), ("TiAl", None)]


def test_rejects_go_to_the_file_named(tiny_models: Path, tmp_path: Path) -> None:
    table = polars.DataFrame({"alloy": ["Fe", "Xx"]})
    with pytest.warns(UserWarning, match="1 rows could not be read"):
        score(table, models=tiny_models, rejects=tmp_path / "bad.csv")
    assert polars.read_csv(tmp_path / "bad.csv").rows() == [(2, "alloy", "Xx", "unknown element `Xx`")]


# ---------------------------------------------------------------------------------------------------------------------
# accounts
# ---------------------------------------------------------------------------------------------------------------------

CELLS = st.sampled_from(
    [
        *("Fe", "TiAl", "Cu50Zr50", "", "Xx", "Fe-5", "Ti-6Al-4V", "Fe0", "é", "Al\n3", 'Q"', "He", "FeN", "nan"),
        *("inf", "1e400", "-3", "x,y", "50", "\x1f"),
    ]
)
SPOILERS = (b"\xff", b",", b"\x00", b'"', b"\n", b"\r", b"\xc3", b"," * 200, b"\xef\xbb\xbf")


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_every_row_of_a_spoilt_list_is_accounted_for(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, tiny_models: Path
) -> None:
    header = data.draw(st.sampled_from([["alloy", "load_n"], ["p_amorphous", "alloy"], ["Al", "Ti"], ["alloy"]]))
    width = len(header)
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=25))
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    head, content = len(",".join(header)) + 2, text.getvalue().encode()
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(head, len(content)))
        content = content[:at] + data.draw(st.sampled_from(SPOILERS)) + content[at + data.draw(st.integers(0, 2)) :]
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    path.write_bytes(content)
    question = Question(
        where=data.draw(st.sampled_from([None, "Al > 10", "is_amorphous"])),
        top=data.draw(st.sampled_from([None, 2])),
        minimize=data.draw(st.sampled_from([(), ("vec",)])),
    )
    with pytest.MonkeyPatch.context() as patch:
        if data.draw(st.booleans()):
            patch.setattr("screener.scoring.CHARACTERIZE_UP_TO", 4)
            patch.setattr("screener.csv_records._CHUNK", data.draw(st.sampled_from([40, 90])))
        outcome = scored(path, tiny_models, question)
    records = naive(content[head:].decode("utf-8", "surrogateescape"), width)
    counts = dict(outcome.summary.counts)
    assert counts.pop("rows read") == len(records)
    assert sum(counts.values()) == len(records)
    assert counts["written"] == outcome.frame.height
    assert counts["rejected"] == len(outcome.rejects)
    known = [row for row, *_ in outcome.rejects] + outcome.frame["row"].to_list()
    assert len(known) == len(set(known))
    assert set(known) <= set(range(1, len(records) + 1))
    texts = outcome.frame.select(outcome.frame.columns[outcome.frame.columns.index("row") + 1 :][:width])
    for row, cells in zip(outcome.frame["row"], texts.rows(), strict=True):
        assert cells == records[row - 1][1]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_lists_without_rows(kind: str, end: str, tmp_path: Path, tiny_models: Path) -> None:
    path = tmp_path / f"list.{kind}"
    write: dict[str, Callable[[], object]] = {
        "csv": lambda: path.write_text(f"formula,x{end}"),
        "jsonl": lambda: path.write_text('{"formula": "Xx", "x": ""}' + end),
        "parquet": lambda: polars.DataFrame(schema={"formula": polars.String, "x": polars.String}).write_parquet(path),
    }
    write[kind]()
    outcome = scored(path, tiny_models)
    assert outcome.frame.height == 0
    full = scored(listed(tmp_path, ["Fe,1"], "formula,x"), tiny_models).frame
    assert outcome.frame.schema == full.schema
