"""Lists of alloys: what kind of file it is, which columns hold compositions, and what cannot be used."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import polars
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.alloy_list import AlloyList, element_columns, formula_column, from_frame, open_list
from screener.errors import InputError
from screener.table_records import from_pandas, is_pandas
from screener.text_blocks import BLOCK_ROWS

ROWS = [("Cu", " x "), ("Al\n5", "1,0"), ("", "é")]
CSV = 'formula,note\nCu, x \n"Al\n5","1,0"\n,é\n'
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


def column(header: str, *rows: str) -> int:
    names = header.split(",")
    cells = polars.DataFrame([row.split(",") for row in rows], names, orient="row") if rows else None
    return formula_column(names, cells, None, "`x`")


def test_column_is_found_by_name_whatever_its_case() -> None:
    assert column("Alloy,Formula", "Cu,Al") == 1
    assert column("id, COMPOSITION ,formula", "1,x,Al") == 1
    assert column("alloy", "not one") == 0


def test_column_is_found_by_reading_its_first_filled_cells() -> None:
    assert column("id,what,other", "1,,Al", "2,Cu50Zr50,Al", "3,Ti-6Al-4V,Al") == 1
    assert column("a,b", "Cu,Cu", "Cux,Cu") == 1


@pytest.mark.parametrize("rows", [("1,2",), (",",), ()])
def test_no_column_reads_as_alloys(rows: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        column("a,b", *rows)
    assert caught.value.message == "no column of formulas in `x`"
    assert caught.value.hint == "name one column `formula`, or say which it is with `--composition-column`"


def test_columns_named_like_elements_hold_amounts() -> None:
    assert element_columns(("id", "Cu", " Zr ", "cu")) == {"Cu": 1, "Zr": 2}
    assert element_columns(("id", "V", "Volume")) == {}
    with pytest.raises(InputError, match="two columns are named `Cu`"):
        element_columns(("Cu", "Cu ", "Al"))


def test_names_come_before_elements_and_elements_before_what_reads(tmp_path: Path) -> None:
    def found(text: str, **how: object) -> AlloyList:
        with open_list(write(tmp_path, text), **how) as opened:
            return opened

    assert found("Cu,Zr,Formula\n1,1,Fe\n").formula == 2
    assert found("name,Cu,Zr\nFe,50,50\n").elements == {"Cu": 1, "Zr": 2}
    assert found("name,Cu,Zr\nFe,50,50\n").notes == ("compositions are read from 2 columns of at.%, Cu, Zr",)
    assert found("name,Cu,Zr\nFe,50,50\n", units="wt").notes[-1].endswith("2 columns of wt.%, Cu, Zr")
    assert found("name,Cu\nFe,50\n").formula == 0
    assert found("formula,name,Cu,Zr\nAl,Fe,50,50\n", column="name").formula == 1
    with pytest.raises(InputError) as caught:
        found("a,b\nFe,Cu\n", column="c")
    assert (caught.value.message, caught.value.hint) == (
        f"no column `c` in `{tmp_path / 'list.csv'}`",
        "it has `a`, `b`",
    )


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
    with pytest.raises(InputError) as caught, open_list(Path("list.csv")):
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
    frame = polars.DataFrame({"n": [1, 2], "what": ["Cu", None]})
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
