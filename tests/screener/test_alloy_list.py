"""Lists of alloys: which column holds formulas, and what is wrong with rows that cannot be read."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

from screener.alloy_list import Record, formula_column, from_frame, open_csv
from screener.errors import InputError


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def records(folder: Path, content: str | bytes) -> list[Record]:
    with open_csv(write(folder, content), None) as found:
        return list(found.records)


def column(header: str, *rows: str) -> int:
    fields = [Record(k, tuple(row.split(","))) for k, row in enumerate(rows, 1)]
    return formula_column(header.split(","), fields, None, "`x`")


def test_column_is_found_by_name_whatever_its_case() -> None:
    assert column("Alloy,Formula", "Cu,Al") == 1
    assert column("id, COMPOSITION ,formula", "1,x,Al") == 1
    assert column("alloy", "not one") == 0


def test_column_is_found_by_reading_its_first_filled_cells() -> None:
    assert column("id,what,other", "1,,Al", "2,Cu50Zr50,Al", "3,Ti-6Al-4V,Al") == 1
    assert column("a,b", "Cu,Cu", "Cux,Cu") == 1


def test_no_column_reads_as_alloys() -> None:
    with pytest.raises(InputError) as caught:
        column("a,b", "1,2")
    assert caught.value.message == "no column of formulas in `x`"
    assert caught.value.hint == "name one column `composition`, `formula` or `alloy`"


def test_texts_come_as_they_are(tmp_path: Path) -> None:
    found = records(tmp_path, '\ufeffformula,"a ""b"""\nCu, x \n"Al\n5","1,0"\n\nFe,\n')
    assert found == [Record(1, ("Cu", " x ")), Record(2, ("Al\n5", "1,0")), Record(3, ("Fe", ""))]


def test_what_is_wrong_with_a_row_is_told_with_its_text(tmp_path: Path) -> None:
    found = records(tmp_path, b"formula,x\nCu,1\nAl\nFe,1,2\nZ\xe9,1\nTi,2\n")
    assert [record.row for record in found] == [1, 2, 3, 4, 5]
    assert [record.problem for record in found] == [
        "",
        "1 fields where the header has 2",
        "3 fields where the header has 2",
        "not UTF-8 text",
        "",
    ]
    assert [record.text for record in found[1:4]] == ["Al", "Fe,1,2", "Z\\xe9,1"]


def test_a_field_beyond_all_measure_spoils_its_row_only(tmp_path: Path) -> None:
    found = records(tmp_path, f"formula\nCu\n{'A' * 200_000}\nTi\n")
    assert [record.problem[:20] for record in found] == ["", "not readable as CSV:", ""]
    assert found[2].fields == ("Ti",)


def test_a_quote_that_never_ends_is_told_not_swallowed(tmp_path: Path) -> None:
    found = records(tmp_path, 'formula,x\nCu,1\nZr,"abc\nAl,2\n')
    assert [record.problem for record in found] == ["", "not readable as CSV: unexpected end of data"]


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("", "`list.csv` is empty", "give a CSV file whose first line names the columns"),
        ("a,b,a\n1,2,3\n", "column `a` stands twice in `list.csv`", "give every column its own name"),
        ("a,b\n1,2\n", "no column of formulas in `list.csv`", "name one column `composition`, `formula` or `alloy`"),
        (b"\xe9,formula\n1,Cu\n", "the header of `list.csv` is not UTF-8 text", "save the list as UTF-8"),
    ],
)
def test_lists_that_cannot_be_used(
    content: str | bytes, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught, open_csv(Path("list.csv"), None):
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
    with pytest.raises(InputError) as caught, open_csv(Path(name), None):
        pass
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_table_in_memory_is_a_list_too() -> None:
    found = from_frame(polars.DataFrame({"n": [1, 2], "what": ["Cu", None]}), None)
    assert found.formula == 1
    assert list(found.records) == [Record(1, ("1", "Cu")), Record(2, ("2", ""))]
