"""Delimited text as records: every record comes back as it was written, or with the reason why not."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from screener import csv_header, csv_records
from screener.byte_source import ByteSource
from screener.csv_header import LONGEST
from screener.csv_records import read_csv
from screener.errors import InputError
from screener.text_blocks import Records

CHUNKS = (3, 7, 64, 1 << 16)


def opened(content: bytes, encoding: str = "utf-8") -> Records:
    return read_csv(ByteSource(io.BufferedReader(io.BytesIO(content)), "`x`"), encoding)


def records(content: bytes, encoding: str = "utf-8") -> list[tuple]:
    """Every record by number: its fields, or its text and the reason."""
    found: list[tuple] = []
    for block in opened(content, encoding).blocks:
        assert not sum(block.cells.null_count().row(0), 0)
        found += zip(block.rows.tolist(), block.cells.rows(), strict=True)
        found += [(row, (text, reason)) for row, field, text, reason in block.rejects if not field]
    return sorted(found)


@pytest.fixture(params=CHUNKS)
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Size of the pieces the text is read in; the first always holds the header."""
    whole = csv_records._pieces

    def pieces(source: ByteSource, encoding: str) -> Iterator[tuple[bytes, bool]]:
        text = b"".join(piece for piece, _ in whole(source, encoding))
        head = len(text) - len(text.lstrip(b"\r\n")) + len(csv_header.first_line(text) or b"")
        cuts = [0, *range(head, len(text), request.param), len(text)]
        spans = [(text[a:b], b == len(text)) for a, b in itertools.pairwise(cuts) if b > a]
        yield from spans

    monkeypatch.setattr(csv_records, "_pieces", pieces)
    return request.param


# ---------------------------------------------------------------------------------------------------------------------
# an obvious twin, one letter after the other
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """A record from its first letter on."""

    fields: list[str]
    after: int
    problem: str = ""


def walked(text: str, first: int, delimiter: str) -> Walk:
    """Read one record."""
    fields, i, line_end = [], first, None
    while True:
        if text[i : i + 1] == '"':
            i, letters = i + 1, []
            while True:
                if i == len(text):
                    return Walk([], line_end or len(text), "not readable as CSV: a quote that never ends")
                if text[i] == '"' and text[i + 1 : i + 2] == '"':
                    letters.append('"')
                    i += 2
                elif text[i] == '"':
                    break
                else:
                    line_end = i if text[i] in "\r\n" and line_end is None else line_end
                    letters.append(text[i])
                    i += 1
            i += 1
            fields.append("".join(letters))
            if i < len(text) and text[i] not in (delimiter, "\r", "\n"):
                end = line_end if line_end is not None else i
                while line_end is None and end < len(text) and text[end] not in "\r\n":
                    end += 1
                return Walk([], end, "not readable as CSV: text behind a closing quote")
        else:
            start = i
            while i < len(text) and text[i] not in (delimiter, "\r", "\n"):
                i += 1
            fields.append(text[start:i])
        if i == len(text) or text[i] in "\r\n":
            return Walk(fields, i)
        i += 1


def naive(text: str, width: int, delimiter: str = ",") -> list[tuple]:
    """Read every record behind the header."""
    found: list[tuple] = []
    i = 0
    while i < len(text):
        if text[i] in "\r\n":
            i += 1
            continue
        walk = walked(text, i, delimiter)
        if walk.problem:
            found.append((len(found) + 1, (text[i : walk.after], walk.problem)))
        elif len(walk.fields) != width:
            reason = f"{len(walk.fields)} fields where the header has {width}"
            found.append((len(found) + 1, (text[i : walk.after], reason)))
        else:
            found.append((len(found) + 1, tuple(walk.fields)))
        i = walk.after
    return found


letters = st.text(st.sampled_from('ab,;\t"\n\r é\x1e\x1f'), max_size=12)


@given(text=st.text(st.sampled_from('a,"\n\r é\x1f'), max_size=60))
@settings(deadline=None, max_examples=300)
@example(text='Zr,"abc\nAl,2\n')
@example(text='"a"b,1\n2,3\n')
@example(text='"a\nb"c,1\n2,3\n')
@example(text='a,"b""\nc,d\n"e,f\n')
@example(text="\r\n\r1,2\r")
@example(text=',"\r"')
def test_any_text_reads_like_its_obvious_twin(text: str) -> None:
    assert records(b"x,y\n" + text.encode()) == naive(text, 2)


@given(
    rows=st.lists(st.lists(letters, min_size=3, max_size=3), max_size=12),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_what_a_writer_wrote_comes_back(
    rows: list[list[str]], delimiter: str, quoting: int, end: str, bom: bool
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # which leaves line ends bare that are not its own
        rows = [[cell.replace("\r", "").replace("\n", "") for cell in row] for row in rows]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([["p", "q", "r"], *rows])
    content = (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()
    assert opened(content).header == ("p", "q", "r")
    assert records(content) == [(k, tuple(row)) for k, row in enumerate(rows, 1)]


def test_pieces_may_end_anywhere(chunk: int) -> None:
    text = 'Cu,"a\r\nb"\r\n\r\nAl,é\n"x"y,\rFe,"q""r"\nTi\n1,2,3\nZr,"never\nNi,5'
    assert records(b"p,q\n" + text.encode()) == naive(text, 2)


@pytest.mark.parametrize("chunk", [size for size in CHUNKS if size >= 64], indirect=True)  # else too many pieces
def test_a_line_beyond_all_measure_costs_that_line(chunk: int) -> None:
    long = "A" * (LONGEST + 10)
    found = records(f'p,q\nCu,1\n{long},2\nTi,3\nZr,"{long}\nNi,4\n'.encode())
    assert [row for row, _ in found] == [1, 2, 3, 4, 5]
    assert found[1][1][1] == "not readable as CSV: more than 131,072 bytes"
    assert found[3][1][1] == "not readable as CSV: a quote that never ends"
    assert [found[k][1] for k in (0, 2, 4)] == [("Cu", "1"), ("Ti", "3"), ("Ni", "4")]
    assert len(found[1][1][0]) == 1000


def test_bytes_that_are_no_utf8_spoil_their_record_only() -> None:
    found = records(b"p,q\nCu,1\nZ\xe9,1\n\xc3\xa9,2\n")
    assert found == [(1, ("Cu", "1")), (2, ("Z\\xe9,1", "not UTF-8 text")), (3, ("é", "2"))]
    assert records(b"p,q\nCu,1\nZ\xe9,1\n", "latin-1") == [(1, ("Cu", "1")), (2, ("Zé", "1"))]


@pytest.mark.parametrize(
    ("header", "line", "header_read", "note"),
    [
        ("a,b", "1,2", ("a", "b"), ()),
        ("a;b", "1;2", ("a", "b"), ("fields are separated by `;`",)),
        ("a\tb", "1\t2", ("a", "b"), ("fields are separated by a tab",)),
        ("Cu, at.%;Zr, at.%;Al, at.%", "1;2;3", ("Cu, at.%", "Zr, at.%", "Al, at.%"), ("fields are separated by `;`",)),
        ('"a,b,c";d', "1,5;2", ("a,b,c", "d"), ("fields are separated by `;`",)),
        ("formula", "Fe,Cr", ("formula",), ()),
    ],
)
def test_the_header_tells_the_delimiter(header: str, line: str, header_read: tuple, note: tuple) -> None:
    found = opened(f"{header}\n{line}\n".encode())
    assert (found.header, found.notes) == (header_read, note)


def test_cp1252_reads_all_but_five_bytes() -> None:
    text = "a,b\n€,–\n".encode("cp1252") + b"\x81,1\nx\xe9\x8d,2\n\x99,3\n"
    assert records(text, "cp1252") == [
        (1, ("€", "–")),
        (2, ("\\x81,1", "not cp1252 text")),
        (3, ("xé\\x8d,2", "not cp1252 text")),
        (4, ("™", "3")),
    ]
    every = bytes(byte for byte in range(0x80, 0x100) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
    assert records(b"a\n" + every + b"\n", "cp1252") == [(1, (every.decode("cp1252"),))]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_encodings_do_not_mind_where_pieces_end(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "p,q\n" + "".join(f"é{k},\xdf\n" for k in range(40))
    expected = [(k + 1, (f"é{k}", "ß")) for k in range(40)]
    for size in (5, 7, 64):
        monkeypatch.setattr("screener.csv_records._CHUNK", size)
        assert records(text.encode(encoding), encoding) == expected


@pytest.mark.parametrize("directive", ["sep=;", "SEP=;", "\ufeffsep=;", "\r\nsep=;"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_spreadsheet_may_say_what_parts_the_fields(directive: str, end: str) -> None:
    text = end.join((directive, "a, b, c;d", "1;2", "3;4", ""))
    assert opened(text.encode()).header == ("a, b, c", "d")
    assert opened(text.encode()).notes == ("fields are separated by `;`",)
    assert records(text.encode()) == [(1, ("1", "2")), (2, ("3", "4"))]


@pytest.mark.parametrize(
    ("delimiter", "said"),
    [(",", ()), ("\t", ("fields are separated by a tab",)), ("|", ("fields are separated by `|`",))],
)
def test_other_separators_may_be_said_too(delimiter: str, said: tuple[str, ...]) -> None:
    text = f"sep={delimiter}\na{delimiter}b\n1{delimiter}2\n".encode()
    assert (opened(text).header, opened(text).notes) == (("a", "b"), said)
    assert records(text) == [(1, ("1", "2"))]


def test_other_first_lines_are_headers() -> None:
    assert opened(b"sep=x\n1\n").header == ("sep=x",)
    assert opened(b"sep=;x\n1;2\n").header == ("sep=", "x")


@pytest.mark.parametrize(
    ("header", "names", "note"),
    [
        ("a,b,", ("a", "b", "column_3"), "a column without a name is called `column_3`"),
        (
            ",a,, ,b",
            ("column_1", "a", "column_3", "column_4", "b"),
            "3 columns without a name are called `column_1`, `column_3`, `column_4`",
        ),
        ("column_2,", ("column_2", ""), None),
        ("a,column_2,,,column_4", ("a", "column_2", "", "", "column_4"), None),
        (",", ("", ""), None),
    ],
)
def test_columns_without_a_name_get_one(header: str, names: tuple[str, ...], note: str | None) -> None:
    row = ",".join("1" for _ in names)
    found = opened(f"{header}\n{row}\n".encode())
    assert (found.header, found.notes) == (names, () if note is None else (note,))
    if note is not None:
        assert records(f"{header}\n{row}\n".encode()) == [(1, ("1",) * len(names))]


def test_two_hundred_columns_and_a_row_of_as_many() -> None:
    header = ",".join(f"c{k}" for k in range(200))
    row = ",".join(str(k) for k in range(200))
    assert records(f"{header}\n{row}\n".encode()) == [(1, tuple(str(k) for k in range(200)))]
    ragged = records(f"a,b\n{row}\n1,2\n".encode())
    assert ragged[0][1][1] == "200 fields where the header has 2"
    assert ragged[1] == (2, ("1", "2"))


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"", "`x` is empty", "give a CSV file whose first line names the columns"),
        (b"sep=;\n", "`x` is empty", "give a CSV file whose first line names the columns"),
        (b"\n\r\n", "`x` is empty", "give a CSV file whose first line names the columns"),
        (
            b"\xe9,formula\n1,Cu\n",
            "the header of `x` is not UTF-8 text",
            "save the list as UTF-8, or add `--encoding latin-1`",
        ),
        (b'"a,b\n1,2\n', "cannot read the header of `x`: unexpected end of data", "give a CSV file with a header"),
    ],
)
def test_headers_that_cannot_be_read(content: bytes, message: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        opened(content)
    assert (caught.value.message, caught.value.hint) == (message, hint)
