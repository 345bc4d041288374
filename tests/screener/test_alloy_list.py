"""Lists of alloys: what kind of file it is, that each gives the same rows, and what cannot be used."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import os
import sys
import threading
from pathlib import Path

import polars
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.alloy_list import from_frame, open_list
from screener.errors import InputError
from screener.table_records import from_pandas, is_pandas
from screener.text_blocks import BLOCK_ROWS

ROWS = [("Cu", " x "), ("Al\n5", "1,0"), ("", "é")]
CSV = 'formula,note\nCu, x \n"Al\n5","1,0"\n,é\n'
PACKED = "compress it with gzip or Zstandard, or not at all"
ARRAY = "write one JSON object a line, not an array"
JSON = "".join(json.dumps({"formula": a, "note": b}, ensure_ascii=False) + "\n" for a, b in ROWS)


def write(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **how: object) -> tuple[tuple[str, ...], list[tuple], list[tuple]]:
    """Header, rows and rejects of a list."""
    with open_list(path, **how) as found:
        blocks = list(found.blocks)
    numbers = [row for block in blocks for row in block.rows.tolist()] + [r[0] for b in blocks for r in b.rejects]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    return found.header, [row for b in blocks for row in b.cells.rows()], [r for b in blocks for r in b.rejects]


@pytest.mark.parametrize(
    ("kind", "pack"),
    [(kind, pack) for kind in ("csv", "jsonl") for pack in (bytes, gzip.compress, zstandard.compress)]
    + [("parquet", bytes)],  # which is compressed inside
)
def test_every_format_gives_the_same_rows(kind: str, pack: object, tmp_path: Path) -> None:
    if kind == "parquet":
        polars.DataFrame(ROWS, ["formula", "note"], orient="row").write_parquet(tmp_path / "list.any")
    else:
        write(tmp_path, pack((CSV if kind == "csv" else JSON).encode()), "list.any")
    assert read(tmp_path / "list.any") == (("formula", "note"), ROWS, [])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
@pytest.mark.parametrize("piped", [False, True])
def test_parquet_is_read_compressed_and_from_a_pipe(pack: object, piped: bool, tmp_path: Path) -> None:
    stored, path = io.BytesIO(), tmp_path / "list.parquet.any"
    polars.DataFrame(ROWS, ["formula", "note"], orient="row").write_parquet(stored)
    if piped:
        os.mkfifo(path)
        writer = threading.Thread(target=lambda: path.write_bytes(pack(stored.getvalue())))
        writer.start()
    else:
        path.write_bytes(pack(stored.getvalue()))
    assert read(path) == (("formula", "note"), ROWS, [])
    if piped:
        writer.join()


def test_standard_input_is_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polars.DataFrame(ROWS, ["formula", "note"], orient="row").write_parquet(tmp_path / "p")
    for content in (CSV.encode(), gzip.compress(CSV.encode()), JSON.encode(), (tmp_path / "p").read_bytes()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        assert read(Path("-")) == (("formula", "note"), ROWS, [])


def test_gzip_members_and_frames_follow_each_other(tmp_path: Path) -> None:
    for pack in (gzip.compress, zstandard.compress):
        path = write(tmp_path, pack(b"formula\nCu\n") + pack(b"Al\n"))
        assert read(path)[1] == [("Cu",), ("Al",)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_damaged_compression_is_told(pack: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "formula\n" + "".join(f"Al{k}Cu\n" for k in range(5000))
    whole = pack(text.encode())
    write(tmp_path, whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"^cannot read `list.csv`: compressed data"):
        read(Path("list.csv"))
    write(tmp_path, whole[:100] + b"\xff" * 50 + whole[150:])
    with pytest.raises(InputError, match=r"^cannot read `list.csv`: compressed data are damaged"):
        read(Path("list.csv"))


def test_json_keeps_numbers_as_they_were_written(tmp_path: Path) -> None:
    lines = (
        '{"formula": "Cu", "n": 1.50, "big": 123456789012345678901234567890, "ok": true, "no": null}',
        '{"formula": "Al", "n": NaN, "ok": [1, "a"], "late": {"b": 2}}',
        "",
        "[1]",
        '{"formula": ',
        '{"formula": "Fe", "n": 1e3}',
        '{"formula": "\\ud800"}',
    )
    header, rows, rejects = read(write(tmp_path, "\n".join(lines)))
    assert header == ("formula", "n", "big", "ok", "no", "late")
    assert rows == [
        ("Cu", "1.50", "123456789012345678901234567890", "true", "", ""),
        ("Al", "NaN", "", '[1, "a"]', "", '{"b": 2}'),
        ("Fe", "1e3", "", "", "", ""),
    ]
    assert [(row, reason.partition(":")[0]) for row, _, _, reason in rejects] == [
        (3, "not a JSON object"),
        (4, "not readable as JSON"),
        (6, "not UTF-8 text"),
    ]


def test_json_may_start_with_a_mark_and_be_in_another_encoding(tmp_path: Path) -> None:
    text = '{"formula": "Cu", "näme": "ä"}\n'
    expected = ("formula", "näme"), [("Cu", "ä")], []
    assert read(write(tmp_path, "\ufeff" + text)) == expected
    assert read(write(tmp_path, text.encode("latin-1")), encoding="latin-1") == expected
    assert read(write(tmp_path, text.replace("ä", "€").encode("cp1252")), encoding="cp1252")[0] == ("formula", "n€me")
    _, _, rejects = read(write(tmp_path, b'{"formula": "Cu"}\n' + b'{"formula": "\x81"}'), encoding="cp1252")
    assert rejects == [(2, "", '{"formula": "\\x81"}', "not cp1252 text")]


def test_a_key_that_stands_twice_spoils_its_record(tmp_path: Path) -> None:
    lines = ('{"formula": "Cu", "x": {}}', '{"formula": "Cu", "x": 1, "formula": "Al"}', '{"x": {"b": 1, "b": 2}}')
    _, rows, rejects = read(write(tmp_path, "\n".join(lines)))
    assert rows == [("Cu", "{}")]
    assert [reject[3] for reject in rejects] == ["key `formula` stands twice", "key `b` stands twice"]


@pytest.mark.parametrize("value", ["1" * 5000, "[1, " + "1" * 5000 + "]"])
def test_numbers_beyond_all_measure_are_no_bug(value: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"formula": "a:b", "x": 1}}\n{{"formula": "a:b", "x": {value}}}\n')
    _, rows, rejects = read(path)
    assert rows == [("a:b", "1")] if value.startswith("[") else [("a:b", "1"), ("a:b", value)]
    assert [reason.partition(":")[0] for *_, reason in rejects] == ["not readable as JSON"] * value.startswith("[")


def test_keys_that_come_late_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screener.json_records._CHUNK", 1 << 9)
    line = '{"formula": "Cu", "n": "1"}\n'
    path = write(tmp_path, line * 50 + '{"formula": "Al", "m": 1}\n' + line)
    header, rows, rejects = read(path)
    assert (header, len(rows)) == (("formula", "n"), 51)
    assert rejects == [(51, "", '{"formula": "Al", "m": 1}', "key `m` that no earlier record has")]


@given(rows=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_text_survives_json(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("json")
    rows = [("Cu", "1"), *((a, b) for a, b in rows if (a + b).isascii() or (a + b).encode("utf-8", "ignore"))]
    text = "".join(json.dumps({"formula": a, "x": b}) + "\n" for a, b in rows)
    assert read(write(folder, text))[1] == rows


def test_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    frame = polars.DataFrame({"n": range(BLOCK_ROWS + 10), "formula": "Cu"})
    frame.write_parquet(tmp_path / "list.parquet")
    with open_list(tmp_path / "list.parquet") as found:
        blocks = list(found.blocks)
    assert len(blocks) > 1
    assert polars.concat([block.cells for block in blocks]).equals(frame)
    assert blocks[1].rows[0] == len(blocks[0].rows) + 1
    (tmp_path / "list.parquet").write_bytes((tmp_path / "list.parquet").read_bytes()[:100])
    with (
        pytest.raises(InputError, match="is damaged: it does not read as Parquet"),
        open_list(tmp_path / "list.parquet"),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("", "`list.csv` is empty", "give a CSV file whose first line names the columns"),
        ("a,b,a\n1,2,3\n", "column `a` stands twice in `list.csv`", "give every column its own name"),
        (
            "a,b\n1,2\n",
            "no column of formulas in `list.csv`",
            "name one column `formula`, or say which it is with `--composition-column`",
        ),
        (
            b"\xe9,formula\n1,Cu\n",
            "the header of `list.csv` is not UTF-8 text",
            "save the list as UTF-8, or add `--encoding latin-1`",
        ),
        (
            b"\x81,formula\n1,Cu\n",
            "the header of `list.csv` is not cp1252 text",
            "add `--encoding latin-1`, which reads any byte",
        ),
        ("formula\nCu\n".encode("utf-16"), "`list.csv` is UTF-16 text", "save the list as UTF-8"),
        (codecs.BOM_UTF16_BE + "a\n".encode("utf-16-be"), "`list.csv` is UTF-16 text", "save the list as UTF-8"),
        (bz2.compress(b"formula\nCu\n"), "`list.csv` is compressed with bzip2", PACKED),
        (lzma.compress(b"formula\nCu\n"), "`list.csv` is compressed with xz", PACKED),
        ('[{"formula": "Cu"}]', "no column of formulas in `list.csv`", ARRAY),
        ('\ufeff [\n{"formula": "Cu"}]', "no column of formulas in `list.csv`", ARRAY),
        (b"PK\x03\x04...", "`list.csv` is not a CSV file", "write the list as CSV with a header"),
        (
            '{"a": \n',
            "no JSON object in `list.csv`",
            "write one JSON object a line, for example with polars `write_ndjson`",
        ),
        (b"PAR1 and no more", "`list.csv` is damaged: it does not read as Parquet", "write the file again"),
    ],
)
def test_lists_that_cannot_be_used(
    content: str | bytes, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    encoding = "cp1252" if "cp1252" in message else "utf-8"
    with pytest.raises(InputError) as caught, open_list(Path("list.csv"), encoding=encoding):
        pass
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("gone.csv", "cannot read `gone.csv`: no such file or directory", "name a CSV file with a column of formulas"),
        ("folder.csv", "cannot read `folder.csv`: is a directory", "name a CSV file with a column of formulas"),
        ("list.xlsx", "`list.xlsx` is not a CSV file", "write the list as CSV with a header"),
    ],
)
def test_files_that_are_no_lists(
    name: str, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught, open_list(Path(name)):
        pass
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_table_in_memory_is_a_list_too() -> None:
    frame = polars.DataFrame({"n": [1, 2], "what": ["CuZr", None]})
    found = from_frame(frame)
    assert found.formula == 1
    blocks = list(found.blocks)
    assert [block.rows.tolist() for block in blocks] == [[1, 2]]
    assert blocks[0].cells.equals(frame)


def test_pandas_frames_keep_numbers_and_gaps() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"formula": ["Cu", None], "x": [1.5, float("nan")], 3: [1, 2]}, index=[7, 9])
    assert is_pandas(frame)
    assert not is_pandas(polars.DataFrame())
    copied = from_pandas(frame)
    assert copied.columns == ["formula", "x", "3"]
    assert copied.rows() == [("Cu", 1.5, 1), (None, None, 2)]
    with pytest.raises(InputError, match="column `a` stands twice in the table"):
        from_pandas(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="column `3` stands twice in the table"):
        from_pandas(pandas.DataFrame([[1, 2]], columns=[3, "3"]))


def test_pandas_numbers_with_gaps_stay_whole() -> None:
    pandas = pytest.importorskip("pandas")
    large = 2**60 + 1
    columns = {
        "signed": pandas.array([large, None], "Int64"),
        "unsigned": pandas.array([2**64 - 1, None], "UInt64"),
        "whole": pandas.array([large, 2], "Int64"),
        "float": pandas.array([1.5, None], "Float64"),
        "flag": pandas.array([True, None], "boolean"),
        "none": pandas.array([None, None], "Int64"),
    }
    copied = from_pandas(pandas.DataFrame(columns))
    assert copied.rows() == [(large, 2**64 - 1, large, 1.5, True, None), (None, None, 2, None, None, None)]
    assert copied.dtypes[:3] == [polars.Int64, polars.UInt64, polars.Int64]
