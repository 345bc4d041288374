"""Typed columns of a list: what a result can hold is written, the rest is refused by name before any work."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars
import pytest

from screener.column_types import require_writable
from screener.errors import InputError, OutputError
from screener.scoring import score

HOUR = datetime.timedelta(hours=1)
NOON = datetime.datetime(2026, 1, 1, 12)
PARQUET = "write Parquet with `-o out.parquet`, or leave the column out"
COLUMNS = {
    "lists": polars.Series([[1], [2, 3]]),
    "structs": polars.Series([{"a": 1}, {"a": 2}]),
    "arrays": polars.Series([[1], [2]], dtype=polars.Array(polars.Int64, 1)),
    "durations": polars.Series([HOUR, None]),
    "binary data": polars.Series([b"\xff", b"a"]),
    "lists of binary data": polars.Series([[b"\xff"], []]),
    "structs of binary data": polars.Series([{"a": b"\xff"}, None]),
    "dates": polars.Series([NOON.date(), None]),
    "times of day": polars.Series([NOON, None]).dt.replace_time_zone("UTC"),
    "times": polars.Series([NOON.time(), None]),
    "flags": polars.Series([True, None]),
    "decimals": polars.Series(["1.10", None]).cast(polars.Decimal(10, 2)),
    "categories": polars.Series(["a", None], dtype=polars.Categorical),
    "choices": polars.Series(["a", "b"], dtype=polars.Enum(["a", "b"])),
    "nothing": polars.Series([None, None]),
    "small": polars.Series([1, None], dtype=polars.Int8),
}
NOT_CSV = {"lists", "structs", "arrays", "durations", "binary data", "lists of binary data", "structs of binary data"}
NOT_JSON = {"binary data", "lists of binary data", "structs of binary data"}


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "list.parquet"


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet", "-"])
def test_any_column_is_written_or_refused(kind: str, output: str, run, listed: Path, tmp_path: Path) -> None:
    polars.DataFrame({"alloy": ["Fe", "CuZr"], "x": COLUMNS[kind]}).write_parquet(listed)
    ended = run("score", "list.parquet", "-o", output, "--quiet")
    if kind not in {"out.parquet": set(), "out.jsonl": NOT_JSON}.get(output, NOT_CSV):
        assert (ended.code, "error" in ended.err) == (0, False)
        if output == "out.parquet":
            assert polars.read_parquet(output)["x"].equals(COLUMNS[kind])
        return
    words, name = kind.partition(" of ")[0], "JSON lines" if output == "out.jsonl" else "CSV"
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"error: column `x` holds {words}, which {name} cannot\n\nhint: {PARQUET}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["list.parquet"]


def test_a_refusal_comes_before_any_model_is_opened(run, listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polars.DataFrame({"alloy": ["Fe"], "x": [[1]]}).write_parquet(listed)
    monkeypatch.setattr("screener.scoring.run_models", None)
    assert run("score", "list.parquet").err.startswith("error: column `x` holds lists, which CSV cannot\n")


def test_frames_keep_every_type_but_python_objects(tiny_models: Path) -> None:
    frame = polars.DataFrame({"alloy": ["Fe", "Al"], **COLUMNS})
    assert score(frame, models=tiny_models).select(*COLUMNS).equals(frame.select(*COLUMNS))
    with pytest.raises(OutputError) as caught:
        score(frame.with_columns(polars.Series("x", [object(), object()], dtype=polars.Object)), models=tiny_models)
    assert caught.value.message == "column `x` holds Python objects, which no result can"
    assert caught.value.hint == "leave it out, or turn it into text"


def test_a_terminal_shows_anything() -> None:
    require_writable({name: column.dtype for name, column in COLUMNS.items()}, "table")


def test_conditions_are_numbers(tiny_models: Path) -> None:
    frame = polars.DataFrame({"alloy": ["Fe"], "load_n": [NOON.date()]})
    with pytest.raises(InputError) as caught:
        score(frame, models=tiny_models)
    assert caught.value.message == "column `load_n` holds dates, not numbers"
    assert caught.value.hint == "rename the column, or give it numbers"
    flags = frame.with_columns(load_n=polars.Series([True]))
    assert score(flags, models=tiny_models)["load_n"].to_list() == [True]
