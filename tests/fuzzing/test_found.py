"""What fuzzing has found: each input that broke something, and what becomes of it now."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from screener.byte_source import ByteSource
from screener.errors import CompositionError, ExpressionError, FormulaError, InputError
from screener.expression import Expression
from screener.formula import parse_formula
from screener.jobs import MAX_CANDIDATES, Question, ScreenJob
from screener.json_records import read_jsonl
from screener.objectives import Scorer, parse_objective
from screener.report.question_words import question_lines, title_of
from screener.report.result_file import ResultColumn, ResultFile, read_result
from screener.report.screened_space import space_of
from screener.runs.journal import KIND, VERSION, Entry
from screener.runs.listing import unfinished_runs
from screener.runs.recipe import Recipe
from screener.runs.sealed import of_type, seal
from screener.runs.spans import Spans
from screener.space import CompositionSpace
from training.declaration import read_declaration
from training.multitask.config import read_config

# --- formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "units", "small"),
    [
        (f"Al1{'0' * 300}Ti0.{'0' * 300}1", None, "Ti"),
        (f"Ti0.{'0' * 322}1Al99.9", "wt", "Ti"),
    ],
)
def test_a_share_too_small_for_a_number_is_refused(text: str, units, small: str) -> None:
    with pytest.raises(FormulaError) as refused:
        parse_formula(text, units)
    assert refused.value.message.startswith(f"the share of `{small}` in `")
    assert refused.value.message.endswith("is too small for a number")
    assert refused.value.hint == f"leave `{small}` out"


# --- objectives -------------------------------------------------------------------------------------------------------


def test_a_range_wider_than_numbers_is_refused() -> None:
    """Its width is infinite: every desirability was 0, or no number at all."""
    with pytest.raises(ExpressionError) as refused:
        parse_objective("Al=-1e308:1e308", "max", {"Al"})
    assert (refused.value.message, refused.value.hint) == (
        "range `-1e308:1e308` is too wide",
        "write two numbers: --maximize Al=LO:HI",
    )
    widest = Scorer.build([parse_objective("Al=-8e307:8e307", "max", {"Al"})])
    assert widest.score({"Al": np.array([-8e307, 0.0, 8e307])}).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("text", ["Al + coalesce()", "-coalesce( )"])
def test_functions_of_nothing_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        Expression.parse(text, {"Al"}, "number", "--rank-by")
    assert (refused.value.message, refused.value.hint) == (
        "`coalesce` of nothing",
        "give it at least one number in --rank-by",
    )


@pytest.mark.parametrize("name", ["least", "greatest", "abs", "round", "pow", "mod"])
def test_other_functions_of_nothing_are_refused_as_well(name: str) -> None:
    with pytest.raises(ExpressionError):
        Expression.parse(f"Al + {name}()", {"Al"}, "number", "--rank-by")


# --- JSON lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("also", ["", '"b": "\\u0041", '])
def test_lists_in_lists_of_any_depth_are_a_value_or_a_reject(also: str) -> None:
    """Some depths can be read but not written again: these ended the program."""
    depths = [*range(1, 60), *range(850, 1010), 100_000]
    lines = [f'{{{also}"a": {"[" * depth}{"]" * depth}}}\n'.encode() for depth in depths]
    source = ByteSource(io.BufferedReader(io.BytesIO(b"".join(lines))), "`x`")
    (block,) = read_jsonl(source).blocks
    assert len(block.rows) + len(block.rejects) == len(depths)
    assert block.rows.tolist()[:59] == list(range(1, 60))
    assert block.cells["a"][0] == "[]"
    assert {reason[:21] for *_, reason in block.rejects} == {"not readable as JSON:"}


# --- TOML -------------------------------------------------------------------------------------------------------------

READERS = {"declaration": read_declaration, "methods": read_config}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("text", "reason"),
    [(f"a={'[' * 5000}", "RecursionError"), (f"a={'9' * 5000}", "TOMLDecodeError"), ("a=", "TOMLDecodeError")],
)
def test_toml_that_its_reader_chokes_on_is_refused(reader: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        READERS[reader](tmp_path / "own.toml")
    assert refused.value.message == f"`own.toml` does not read as TOML: {reason}"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("option", "shown"), [("{b = 1}", "{'b': 1}"), ("07:32:00", "07:32:00"), ("[[1979-05-27]]", "1979-05-27")]
)
def test_options_that_no_method_takes_are_refused(option: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f'architecture = {{name = "hard", widths = {option}}}', encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_config(tmp_path / "own.toml")
    assert refused.value.message == f"option `widths` of architecture is `{shown}`"
    assert refused.value.hint == "options are numbers, texts, true, false, or lists of them"


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (
            "widths = [100000, 100000]",
            "widths of `[100000, 100000]` make too large a backbone",
            "give at most 32 whole numbers up to 8192",
        ),
        (
            "head_hidden = 100000000",
            "a hidden layer of `100000000` makes no head",
            "give a whole number from 0 to 8192",
        ),
        ("head_hidden = -1", "a hidden layer of `-1` makes no head", "give a whole number from 0 to 8192"),
    ],
)
def test_nets_that_no_memory_holds_are_refused(options: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f'[architecture]\nname = "hard"\n{options}\n', encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_config(tmp_path / "own.toml")
    assert (refused.value.message, refused.value.hint) == (message, hint)


# --- journals ---------------------------------------------------------------------------------------------------------


def entry_with(**changed: object) -> bytes:
    """A journal that a run could have written, but for some parts; its digest is right."""
    job = ScreenJob(CompositionSpace.build("Al,Ti,Cr", 10), Question(top=5), block=16)
    entry = Entry(Recipe(job).as_json(), "out.csv", job.space.size, "m", "t", started=1.7e9, updated=1.7e9)
    raw = entry.to_bytes()
    content = json.loads(raw)["content"]
    return seal(KIND, VERSION, content | changed)


def refusal_of(raw: bytes) -> str:
    """What is said of a journal."""
    with pytest.raises(InputError) as refused:
        Entry.from_bytes(raw, "`x.run`")
    assert refused.value.hint == "remove `x.run` and start again without --resume"
    return refused.value.message


def test_the_journal_that_is_changed_here_reads() -> None:
    assert Entry.from_bytes(entry_with(), "`x.run`").size == 66


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        ({}, "`x.run` is damaged: it holds NoneType where list belongs"),
        ({"stages": []}, "`x.run` is damaged: it holds NoneType where float belongs"),
        ({"settled": 0.5}, "`x.run` is damaged: it holds NoneType where list belongs"),
    ],
)
def test_a_proof_without_its_parts_is_refused(proof: dict, message: str) -> None:
    assert refusal_of(entry_with(proof=proof)) == message


@pytest.mark.parametrize("name", ["started", "updated"])
@pytest.mark.parametrize("time", [1e300, -1.0, 253402300800.0])
def test_times_that_no_clock_shows_are_refused(name: str, time: float, tmp_path: Path) -> None:
    raw = entry_with(**{name: time})
    assert refusal_of(raw) == "`x.run` is damaged: it holds a time that no clock shows"
    (tmp_path / "x.csv.run").write_bytes(raw)
    (listed,) = unfinished_runs(tmp_path)
    assert listed.as_json()["state"] == "damaged"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_has_not_are_refused(number: str) -> None:
    raw = entry_with(started=123456.5)
    body = raw[raw.index(b'"content": ') + 11 : -2].replace(b"123456.5", number.encode())
    head = f'{{"format": "{KIND} {VERSION}",\n "sha256": "{hashlib.sha256(body).hexdigest()}",\n "content": '
    said = refusal_of(head.encode() + body + b"}\n")
    ends = "it holds a number that is not finite" if number == "1e999" else "it does not read as JSON"
    assert said == f"`x.run` is damaged: {ends}"
    with pytest.raises(ValueError, match="not finite"):
        of_type(float("inf"), float)


def test_positions_beyond_what_python_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="positions -1 to 9223372036854775807 twice"):
        Spans([(-1, 2**63 - 1)])
    said = refusal_of(entry_with(stages=[{"name": "best 5", "spans": [[-1, 2**63 - 1]]}]))
    assert said == "`x.run` is damaged: it holds positions -1 to 9223372036854775807 twice"


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "named"),
    [("[" * 100_000, "result.csv.meta.json"), (json.dumps({"screener.question": "[" * 100_000}), "result.csv")],
)
def test_metadata_that_nest_without_end_are_refused(about: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "result.csv").write_text("formula,score\nCuZr,1\n", encoding="utf-8")
    (tmp_path / "result.csv.meta.json").write_text(about, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_result(tmp_path / "result.csv")
    assert refused.value.message == f"cannot read the metadata of `{named}`"


@pytest.mark.parametrize("name", ["sample", "elements", "space", "bounds", "components", "sums", "limits", "list"])
@pytest.mark.parametrize("value", [None, "x", [1], [["a"]], {"a": 1}, 1.5, -1, True])
def test_metadata_of_other_types_leave_a_report_standing(name: str, value: object) -> None:
    asked = ScreenJob(CompositionSpace.build("Al,Ti,Cr", 10), Question(top=5), 10).as_json()
    question = json.loads(json.dumps(asked)) | {name: value}
    columns = {"formula": ResultColumn("formula", "text", ("CuZr",))}
    result = ResultFile(Path("x.csv"), 1, columns, question, {}, {"kept": 1}, "", 1)
    assert title_of(result)
    assert ("counted", "1 kept") in question_lines(result)
    space = space_of(question)
    assert space is None or space.digest == asked["space"]


def test_metadata_that_no_page_can_hold_are_refused(tmp_path: Path) -> None:
    (tmp_path / "result.csv").write_text("formula,score\nCuZr,1\n", encoding="utf-8")
    about = json.dumps({"screener.question": json.dumps({"list": "\ud800"})})
    (tmp_path / "result.csv.meta.json").write_text(about, encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot read the metadata of `result\.csv`"):
        read_result(tmp_path / "result.csv")


# --- requests ---------------------------------------------------------------------------------------------------------


def job_asked(body: str) -> object:
    """The search that a request asks for."""
    pytest.importorskip("starlette", reason="the extra `serve` is not installed")
    from screener.serve.asked import job_of, read_request

    return job_of(read_request(body.encode()), None, "cpu", MAX_CANDIDATES)


def test_a_step_of_many_digits_is_refused() -> None:
    with pytest.raises(CompositionError, match="is not a number"):
        job_asked(f'{{"elements": "Al,Ti", "step": 1{"0" * 400}}}')


@pytest.mark.parametrize(
    "body",
    ['{"elements": "\\ud800"}', '{"\\ud800": 1}', '{"elements": "Al", "sums": ["\\udfff"]}', '"\\ud800"'],
)
def test_half_a_character_is_refused_before_it_is_answered(body: str) -> None:
    with pytest.raises(InputError) as refused:
        job_asked(body)
    assert (refused.value.message, refused.value.hint) == (
        "the request holds half of a surrogate pair",
        "send whole characters",
    )
    assert job_asked('{"elements": "Al\\u002cTi"}')
