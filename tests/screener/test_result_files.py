"""Results written block by block are those written at once; they appear whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import polars
import pytest

from screener import result_files
from screener.errors import OutputError
from screener.reject_files import RejectSink, open_rejects
from screener.result_files import open_result
from screener.sinks import OutputTarget
from screener.sorted_rows import SortedRows

FRAMES = [
    polars.DataFrame({"row": [k, k + 1], "text": ['a,"b"\n', "é"], "x": [k / 7, float("nan")], "yes": [True, False]})
    for k in range(1, 40, 2)
]
META = {"screener.question": "{}", "screener.version": "0"}
SUFFIXES = (".csv", ".jsonl", ".parquet")


def write(path: Path, frames: list[polars.DataFrame]) -> None:
    with open_result(OutputTarget.parse(str(path))) as sink:
        for frame in frames:
            sink.write(frame)
        sink.finish(META)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_make_the_file_that_the_whole_makes(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"a{suffix}", FRAMES)
    whole = polars.concat(FRAMES)
    if suffix == ".parquet":
        assert polars.read_parquet(tmp_path / "a.parquet").equals(whole, null_equal=True)
        assert polars.read_parquet_metadata(tmp_path / "a.parquet")["screener.question"] == "{}"
    else:
        expected = whole.write_csv() if suffix == ".csv" else whole.write_ndjson()
        assert (tmp_path / f"a{suffix}").read_bytes() == expected.encode()
        assert json.loads((tmp_path / f"a{suffix}.meta.json").read_text()) == META
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_without_rows_has_its_columns(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"a{suffix}", [FRAMES[0].clear()])
    if suffix == ".parquet":
        assert polars.read_parquet(tmp_path / "a.parquet").schema == FRAMES[0].schema
    elif suffix == ".csv":
        assert (tmp_path / "a.csv").read_text() == "row,text,x,yes\n"


@pytest.mark.parametrize("blocks", [0, 1, 5])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_ends_early_keeps_the_earlier_result_and_nothing_else(
    suffix: str, blocks: int, error: type[BaseException], tmp_path: Path
) -> None:
    write(tmp_path / f"a{suffix}", FRAMES[:1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted() -> None:
        with open_result(OutputTarget.parse(str(tmp_path / f"a{suffix}"))) as sink:
            for frame in FRAMES[:blocks]:
                sink.write(frame)
            raise error

    with pytest.raises(error):
        interrupted()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert not [thread for thread in threading.enumerate() if thread.name == "parquet"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_while_rows_are_written(tmp_path: Path) -> None:
    large = polars.DataFrame({"value": polars.Series(range(200_000)).hash()})

    def written() -> None:
        with open("/dev/full", "wb", buffering=0) as full:
            sink = result_files._Parquet(full, Path("full.parquet"))
            for _ in range(50):
                sink.write(large)
            sink.finish(META)

    with pytest.raises(OutputError, match=r"^cannot write `full.parquet`: no space left on device"):
        written()


def test_standard_output_gets_one_header(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with open_result(OutputTarget(None, "csv")) as sink:
        for frame in FRAMES[:3]:
            sink.write(frame)
        sink.finish(META)
    assert capfdbinary.readouterr().out == polars.concat(FRAMES[:3]).write_csv().encode()


def test_a_table_shows_the_first_rows_of_a_long_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_files, "_TABLE_ROWS", 5)
    with open_result(OutputTarget(None, "table")) as sink:
        for frame in FRAMES[:4]:
            sink.write(frame)
        sink.finish(META)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 + 5 + 1
    assert out[-1] == "3 more rows: write them to a file with -o"


def test_rejects_are_counted_and_the_first_are_kept() -> None:
    sink = RejectSink(io.BytesIO(), keep=2)
    for k in range(3):
        sink.write([(k, "f", "t", "r")])
    assert (sink.count, sink.first) == (3, [(0, "f", "t", "r"), (1, "f", "t", "r")])


def test_a_file_of_rejects_appears_where_there_are_any(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with open_rejects(path, always=False) as sink:
        sink.write([(1, "f", "a\r\n\udcff", "r")])
    assert path.read_bytes() == b'row,field,text,reason\n1,"f","a\r\n\xff","r"\n'
    with open_rejects(path, always=False):
        pass
    assert not path.exists()
    with open_rejects(path, always=True):
        pass
    assert path.read_text() == "row,field,text,reason\n"

    def stopped() -> None:
        with open_rejects(path, always=False) as sink:
            sink.write([(1, "f", "a", "r")])
            raise OutputError("stop")

    with pytest.raises(OutputError, match="stop"):
        stopped()
    assert os.listdir(tmp_path) == ["r.csv"]
    assert path.read_text() == "row,field,text,reason\n"


def test_parts_are_sorted_as_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screener.sorted_rows._PART", 10)
    scores = [0.0, 1.0, -1.0, float("inf"), 2.0, 2.0, 2.0, 0.5, 0.25, -float("inf")] * 6
    whole = polars.DataFrame({"row": range(1, 61), "score": scores})
    waiting = SortedRows(tmp_path)
    for start in range(0, 60, 7):
        waiting.add(whole.slice(start, 7))
    found = polars.concat(list(waiting.frames()))
    expected = whole.sort("score", "row", descending=[True, False])
    assert found.drop("rank").equals(expected)
    assert found["rank"].to_list() == list(range(1, 61))
    assert not list(tmp_path.iterdir())
