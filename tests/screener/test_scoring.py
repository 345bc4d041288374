"""Lists of alloys end to end: values, order, conditions row by row, and an account of every row."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import Notes

from screener import scoring as scoring_module
from screener.engine import BlockEngine
from screener.errors import CompositionError, InputError, ScreenerError
from screener.formula_batch import dense_fractions, parse_formulas
from screener.jobs import Question, ScoreJob
from screener.outcome import Outcome
from screener.run_models import run_models
from screener.scoring import run_score, score

ALLOYS = ("Al20Ti30Cr50", "Cu50Zr50", "CoCrFeNi", "Fe", "Al88Ni8Ti4", "TiAl")


def listed(folder: Path, *rows: str, header: str = "formula") -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def scored(path: Path | polars.DataFrame, models: Path, question: Question | None = None, **how: object) -> Outcome:
    return run_score(ScoreJob(path, question or Question(), models=models, **how), Notes())


def test_values_are_those_of_both_tiers_and_rows_keep_their_order(tmp_path: Path, tiny_models: Path) -> None:
    frame = scored(listed(tmp_path, *ALLOYS), tiny_models).frame
    assert frame["formula"].to_list() == [
        "Al20Ti30Cr50",
        "Cu50Zr50",
        "Co25Cr25Fe25Ni25",
        "Fe",
        "Al88Ni8Ti4",
        "Ti50Al50",
    ]
    assert frame["input_formula"].to_list() == list(ALLOYS)
    assert frame["row"].to_list() == [1, 2, 3, 4, 5, 6]
    symbols = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr")
    fractions = dense_fractions(parse_formulas(polars.Series(ALLOYS)), symbols)
    with run_models(Question(), tiny_models, "cpu") as models:
        precise = models.precise().models
        for tier, suffix in ((precise, ""), (models.search, "_screen")):
            expected = BlockEngine(tier, symbols, tier.columns).columns_of(fractions)
            for name in ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa"):
                np.testing.assert_allclose(frame[name + suffix], expected[name], rtol=2e-4, atol=1e-5, err_msg=name)


def test_rank_is_the_place_by_score_while_order_stays(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, *ALLOYS)
    plain, sorted_ = scored(path, tiny_models).frame, scored(path, tiny_models, Question(top=4)).frame
    assert plain.sort("rank").head(4).equals(sorted_)
    assert plain["rank"].to_list() == plain["score"].rank("ordinal", descending=True).to_list()
    asked = scored(path, tiny_models, Question(minimize=("density_g_cm3",))).frame
    assert asked["density_g_cm3"].is_sorted()
    assert asked["rank"].to_list() == [1, 2, 3, 4, 5, 6]


def test_columns_are_in_order_and_filled(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, "a,Fe,b", "c,TiAl,", header="id,Alloy,score")
    outcome = scored(path, tiny_models, Question(where="vec > 1"))
    assert outcome.frame.columns == [
        *(
            "rank",
            "row",
            "id",
            "Alloy",
            "input_score",
            "formula",
            "p_amorphous",
            "is_amorphous",
            "amorphous_borderline",
        ),
        *("resistivity_uohm_cm", "resistivity_uohm_cm_low", "resistivity_uohm_cm_high"),
        *("hardness_gpa", "hardness_gpa_low", "hardness_gpa_high", "in_domain", "nearest_training_alloy"),
        *(
            "nearest_distance",
            "score",
            "p_amorphous_screen",
            "resistivity_uohm_cm_screen",
            "hardness_gpa_screen",
            "vec",
        ),
    ]
    assert outcome.frame.select("id", "Alloy", "input_score").rows() == [("a", "Fe", "b"), ("c", "TiAl", "")]
    assert "note: input column `score` is written as `input_score`" in outcome.summary.lines
    assert sum(outcome.frame.null_count().row(0)) == 0


def test_renamed_columns_do_not_meet_others(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, "Fe,1,2", header="formula,score,input_score")
    frame = scored(path, tiny_models).frame
    assert frame.columns[2:5] == ["input_formula", "input_input_score", "input_score"]
    assert frame.select(frame.columns[2:5]).row(0) == ("Fe", "1", "2")


def test_a_column_named_like_a_condition_sets_it_row_by_row(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, "Fe,45", "Fe,", "Fe,9.8", "Fe,12", header="alloy,load_n")
    frame = scored(path, tiny_models).frame
    loads = {}
    for value in (45.0, 9.8, 12.0):
        alone = listed(tmp_path, "Fe")
        loads[value] = scored(alone, tiny_models, Question(conditions=(("load_n", value),))).frame
    for name in ("hardness_gpa", "hardness_gpa_screen"):
        expected = [loads[value][name][0] for value in (45.0, 9.8, 9.8, 12.0)]
        np.testing.assert_allclose(frame[name], expected, rtol=1e-5, err_msg=name)
    both = scored(listed(tmp_path, "Fe,", header="alloy,load_n"), tiny_models, Question(conditions=(("load_n", 45.0),)))
    np.testing.assert_allclose(both.frame["hardness_gpa"], loads[45.0]["hardness_gpa"], rtol=1e-6)
    assert "load_n=45 N where the list has none" in both.summary.text()


def test_a_column_named_almost_like_a_condition_is_told_of(tmp_path: Path, tiny_models: Path) -> None:
    found = scored(listed(tmp_path, "Fe,45", header="alloy,Load N"), tiny_models)
    assert "note: column `Load N` is not read: the condition is named `load_n`" in found.summary.text()
    assert found.frame["hardness_gpa"][0] == scored(listed(tmp_path, "Fe"), tiny_models).frame["hardness_gpa"][0]


def test_conditions_out_of_range_are_counted_in_one_warning(tmp_path: Path, tiny_models: Path) -> None:
    notes = Notes()
    path = listed(tmp_path, "Fe,450", "Fe,0.01", "Fe,1", header="alloy,load_n")
    run_score(ScoreJob(path, Question(), models=tiny_models), notes)
    assert notes.warnings == ["2 rows have load_n outside the 0.1 to 50 N the models were trained on"]


def test_rejects_say_row_field_text_and_reason(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(
        tmp_path,
        "Fe,1",
        "Xx,1",
        ",1",
        "Fe,fast",
        "Fe",
        "Ti-6Al-4V,1",
        "H2O,1",
        "FeN,1",
        "Fe,inf",
        header="alloy,load_n",
    )
    outcome = scored(path, tiny_models)
    assert outcome.frame["row"].to_list() == [1]
    assert outcome.rejects == (
        (2, "alloy", "Xx", "unknown element `Xx`"),
        (3, "alloy", "", "formula is empty"),
        (4, "load_n", "fast", "not a number"),
        (5, "", "Fe", "1 fields where the header has 2"),
        (6, "alloy", "Ti-6Al-4V", "`Ti-6Al-4V` does not say wt.% or at.%"),
        (7, "alloy", "H2O", "no alloy data for `O`"),
        (8, "alloy", "FeN", "no `element_resistivity_uohm_cm` for `N`"),
        (9, "load_n", "inf", "not a finite number"),
    )
    assert dict(outcome.summary.counts) == {"rows read": 9, "written": 1, "rejected": 8}


def test_units_decide_how_balance_notation_reads(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, "Ti-6Al-4V")
    formulas = [scored(path, tiny_models, units=units).frame["formula"][0] for units in ("at", "wt")]
    assert formulas == ["Ti90Al6V4", "Ti86.2044Al10.1955V3.6001"]


@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_every_row_is_accounted_for(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, tiny_models: Path
) -> None:
    cells = st.sampled_from([*ALLOYS, "", "Xx", "Fe-5", "Ti-6Al-4V", "Fe0", "é", "Al\n3", 'Q"', "He"])
    rows = data.draw(st.lists(st.tuples(cells, st.sampled_from(["1", "", "x", "7,7"])), max_size=25))
    text = io.StringIO()
    csv.writer(text).writerows([("alloy", "load_n"), *rows])
    content = text.getvalue().encode()
    if content.count(b"\n") > 3 and data.draw(st.booleans()):
        spoilt = data.draw(st.integers(len(b"alloy,load_n\r\n"), len(content) - 1))
        content = content[:spoilt] + data.draw(st.sampled_from([b"\xff", b",", b"\x00", b""])) + content[spoilt:]
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    path.write_bytes(content)
    records = len([row for row in csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")) if row]) - 1
    question = Question(
        where=data.draw(st.sampled_from([None, "Al > 10", "is_amorphous"])), top=data.draw(st.sampled_from([None, 2]))
    )
    outcome = scored(path, tiny_models, question)
    counts = dict(outcome.summary.counts)
    assert counts.pop("rows read") == records
    assert sum(counts.values()) == records
    assert counts["written"] == outcome.frame.height
    assert counts["rejected"] == len(outcome.rejects)
    known = {row for row, *_ in outcome.rejects} | set(outcome.frame["row"].to_list())
    assert len(known) == len(outcome.rejects) + outcome.frame.height
    assert known <= set(range(1, records + 1))


def test_long_lists_get_screening_values_in_blocks(
    tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_module, "CHARACTERIZE_UP_TO", 10)
    rows = [f"Al{k}Ti{100 - k}" for k in range(1, 60)] + ["bad!"]
    path = listed(tmp_path, *rows)
    outcome = scored(path, tiny_models, block=16)
    assert outcome.frame["formula"].to_list() == rows[:-1]
    assert not [name for name in outcome.frame.columns if "nearest" in name or name.endswith("_screen")]
    assert "screen tier throughout for a list of more than 10 rows" in outcome.summary.text()
    monkeypatch.undo()
    exact = scored(path, tiny_models, Question(tier="screen")).frame
    assert exact["nearest_distance"].min() >= 0
    for name in ("p_amorphous", "resistivity_uohm_cm_low", "hardness_gpa"):
        np.testing.assert_allclose(outcome.frame[name], exact[name], rtol=1e-4, err_msg=name)


def test_the_best_of_a_long_list_are_settled_and_characterized(
    tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed(tmp_path, *(f"Al{k}Ti{100 - k}" for k in range(1, 60)))
    question = Question(top=4, maximize=("hardness_gpa",), where="Al < 50")
    expected = scored(path, tiny_models, question)
    monkeypatch.setattr(scoring_module, "CHARACTERIZE_UP_TO", 10)
    found = scored(path, tiny_models, question, block=16)
    assert found.frame.equals(expected.frame)
    assert dict(found.summary.counts) == {
        "rows read": 59,
        "written": 4,
        "filtered by --where": 10,
        "beyond --top": 45,
        "rejected": 0,
    }


def test_front_of_a_list(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, *ALLOYS)
    question = Question(maximize=("hardness_gpa",), minimize=("density_g_cm3=2:9",), pareto=True)
    everything = scored(path, tiny_models).frame["row", "hardness_gpa_screen"].rows()
    density = dict(scored(path, tiny_models, Question(where="density_g_cm3 > 0")).frame["row", "density_g_cm3"].rows())
    expected = {
        row
        for row, hard in everything
        if not any(
            h >= hard and density[r] <= density[row] and (h > hard or density[r] < density[row]) for r, h in everything
        )
    }
    found = scored(path, tiny_models, question)
    assert set(found.frame["row"]) == expected
    assert found.frame["front"].to_list() == [1] * len(expected)
    assert dict(found.summary.counts)["not on the first front"] == 6 - len(expected)


def test_a_header_alone_gives_an_empty_table(tmp_path: Path, tiny_models: Path) -> None:
    frame = scored(listed(tmp_path), tiny_models).frame
    assert frame.height == 0
    assert frame.columns == scored(listed(tmp_path, "Fe"), tiny_models).frame.columns


def test_strict_stops_at_the_first_row_that_cannot_be_read(tmp_path: Path, tiny_models: Path) -> None:
    path = listed(tmp_path, "Fe", "Xx", "Yy")
    with pytest.raises(InputError) as caught:
        scored(path, tiny_models, Question(strict=True))
    assert caught.value.message == "row 2, column `formula`: unknown element `Xx`"
    with pytest.raises(CompositionError) as domain:
        scored(listed(tmp_path, "FeNb"), tiny_models, Question(strict=True))
    assert domain.value.message == "outside the training elements: `Nb` of every model"


def test_a_table_in_memory_keeps_its_types(tiny_models: Path) -> None:
    table = polars.DataFrame({"n": [3, 1, 2], "alloy": ["Fe", "bad!", "TiAl"], "when": [1.5, None, None]})
    with pytest.warns(UserWarning, match=r"1 rows could not be read, the first is row 2"):
        frame = score(table, models=tiny_models)
    assert frame.select("n", "alloy", "when").rows() == [(3, "Fe", 1.5), (2, "TiAl", None)]
    assert frame.schema["n"] == polars.Int64


def test_elements_may_be_named_in_filters(tmp_path: Path, tiny_models: Path) -> None:
    assert scored(listed(tmp_path, "Fe", "Cu"), tiny_models, Question(where="Al = 0")).frame.height == 2
    frame = scored(listed(tmp_path, *ALLOYS), tiny_models, Question(where="Al >= 50")).frame
    assert frame["row"].to_list() == [5, 6]
    with pytest.raises(ScreenerError, match="unknown column `Alx`"):
        scored(listed(tmp_path, *ALLOYS), tiny_models, Question(where="Alx >= 50"))


def test_results_are_laid_out_in_chunks(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listed(tmp_path, *(f"Al{k}Ti{100 - k}" for k in range(1, 24)))
    whole = scored(path, tiny_models, Question(with_descriptors=True)).frame
    monkeypatch.setattr("screener.list_results._CHUNK", 5)
    assert scored(path, tiny_models, Question(with_descriptors=True)).frame.equals(whole)


BY_NAME = 'give numbers by name, for example `conditions={"load_n": 9.8}`'


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({"units": "mol"}, "unknown units `mol`", "use `at` or `wt`"),
        ({"encoding": "utf-16"}, "unknown encoding `utf-16`", "use `utf-8`, `latin-1` or `cp1252`"),
        ({"top": 2.5}, "top `2.5` is not a whole number", "ask for so many alloys, for example `top=20`"),
        ({"top": "3"}, "top `3` is not a whole number", "ask for so many alloys, for example `top=20`"),
        ({"top": True}, "top `True` is not a whole number", "ask for so many alloys, for example `top=20`"),
        ({"where": 5}, "where `5` is not text", 'write an expression, for example `where="hardness_gpa > 5"`'),
        (
            {"rank_by": 5},
            "rank_by `5` is not text",
            'write an expression, for example `rank_by="hardness_gpa / density_g_cm3"`',
        ),
        ({"maximize": 5}, "objective `5` is not text", 'name a column, for example `maximize="hardness_gpa"`'),
        ({"minimize": ["vec", 5]}, "objective `5` is not text", 'name a column, for example `maximize="hardness_gpa"`'),
        ({"conditions": {"load_n": "x"}}, "condition load_n `x` is not a number", BY_NAME),
        ({"conditions": {"load_n": None}}, "condition load_n `None` is not a number", BY_NAME),
        ({"conditions": {3: 1.0}}, "condition `3` is not a name", BY_NAME),
        ({"conditions": ["load_n=3"]}, "conditions `['load_n=3']` are not a dictionary", BY_NAME),
        ({"prior": "x"}, "prior `x` is not a number", "give a fraction, for example `prior=0.5`"),
        ({"threshold": True}, "threshold `True` is not a number", "give a fraction, for example `threshold=0.5`"),
    ],
)
def test_python_is_told_what_it_may_ask(asked: dict, message: str, hint: str, tiny_models: Path) -> None:
    with pytest.raises(InputError) as caught:
        score(polars.DataFrame({"alloy": ["Fe"]}), models=tiny_models, **asked)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_whole_numbers_of_numpy_are_whole_numbers(tiny_models: Path) -> None:
    table = polars.DataFrame({"alloy": ["Fe", "Al"]})
    assert score(table, models=tiny_models, top=np.int64(1)).height == 1


def test_numbers_of_numpy_are_numbers(tiny_models: Path) -> None:
    table = polars.DataFrame({"alloy": ["Fe", "Al"]})
    asked = {"threshold": np.float32(0.5), "conditions": {"load_n": np.float32(5), "anneal_k": np.int64(300)}}
    assert score(table, models=tiny_models, **asked).equals(
        score(table, models=tiny_models, threshold=0.5, conditions={"load_n": 5.0, "anneal_k": 300})
    )


MAKE = "make a frame of it: `polars.DataFrame(...)`, or give a path"


@pytest.mark.parametrize(
    ("table", "kind", "hint"),
    [
        (["Fe"], "list", MAKE),
        ({"alloy": ["Fe"]}, "dict", MAKE),
        (polars.Series("alloy", ["Fe"]), "Series", "call `.to_frame()` first"),
        (polars.LazyFrame({"alloy": ["Fe"]}), "LazyFrame", "call `.collect()` first"),
        (None, "NoneType", MAKE),
    ],
)
def test_tables_are_frames_or_paths(table: object, kind: str, hint: str, tiny_models: Path) -> None:
    with pytest.raises(InputError) as caught:
        score(table, models=tiny_models)
    assert (caught.value.message, caught.value.hint) == (f"the table is a {kind}, not a frame", hint)
