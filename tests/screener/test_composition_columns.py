"""Columns that hold compositions: by name, one for each element, or by what reads as alloys; which wins is said."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars
import pytest

from screener.alloy_list import from_frame, open_list
from screener.composition_columns import CompositionColumns, ListHead, element_columns, find_compositions
from screener.errors import InputError

HINT = "name one column `formula`, or say which it is with `--composition-column`"


def found(header: str, *rows: str, units: str | None = None, column: str | None = None) -> CompositionColumns:
    names = tuple(header.split(","))
    cells = polars.DataFrame([row.split(",") for row in rows], names, orient="row") if rows else None
    return find_compositions(ListHead(names, cells, units, "`x`"), column)


def refused(header: str, *rows: str, **how: str) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        found(header, *rows, **how)
    return caught.value.message, caught.value.hint


def test_a_column_is_found_by_name_whatever_its_case() -> None:
    assert found("Alloy,Formula", "Cu,Al").formula == 1
    assert found("id, COMPOSITION ,formula", "1,x,Al").formula == 1
    assert found("alloy", "not one") == CompositionColumns(0)
    assert found("formula,Cu", "Al,1") == CompositionColumns(0)
    assert found("formula,Cu,Zr") == CompositionColumns(
        0, {}, ("compositions are read from column `formula`, " + OTHERS,)
    )


OTHERS = "not from 2 columns of at.%"


@pytest.mark.parametrize(
    "cells",
    [
        ("CuZr", "Cu50Zr50"),  # the same alloys
        ("Inconel 718", "CuZr"),  # one alloy of two elements
        ("Cu58.9Zr41.1", "CuZr"),  # the columns are wt.%
        ("Ti-6Al-4V", "CuZr", "Cu50.4Zr49.6"),  # a slip
    ],
)
def test_a_named_column_that_reads_goes_before_elements(cells: tuple[str, ...]) -> None:
    columns = found("Alloy,Cu,Zr", *(f"{cell},50,50" for cell in cells))
    assert (columns.formula, columns.elements) == (0, {})
    assert columns.notes == (f"compositions are read from column `Alloy`, {OTHERS}",)
    slip = "column `Alloy` and the columns of elements differ, first in row 1: `Ti-6Al-4V`"
    assert columns.warnings == ((slip,) if cells[0] == "Ti-6Al-4V" else ())


@pytest.mark.parametrize("cells", [("Fe", "Al"), ("P91", "P92"), ("316", "Ti-6Al-4V"), ("CuZrB", "NiB", "CuZr")])
def test_elements_that_tell_other_alloys_go_before_grades(cells: tuple[str, ...]) -> None:
    columns = found("Alloy,Cu,Zr", *(f"{cell},50,50" for cell in cells))
    said = "compositions are read from 2 columns of at.%, Cu, Zr, not from column `Alloy`"
    row = next(row for row, cell in enumerate(cells, 1) if cell != "316")
    told = f"column `Alloy` and the columns of elements differ, first in row {row}: `{cells[row - 1]}`"
    assert columns == CompositionColumns(None, {"Cu": 1, "Zr": 2}, (said,), (), (told,))


def test_our_own_result_in_weight_percent_is_read_by_its_elements() -> None:
    rows = ("Al50Ti50,36.05,63.95", "Al20Ti80,12.35,87.65")
    assert found("formula,Al,Ti", *rows, units="wt").elements == {"Al": 1, "Ti": 2}
    assert found("formula,Al,Ti", *rows).formula == 0  # at.%, as it is


def test_columns_that_are_no_composition_do_not_speak_against_formulas() -> None:
    assert found("formula,C,S", "Fe50Cr50,0.02,0.01", "Fe60Cr40,0.03,0.01").warnings == ()
    assert found("formula,C,S", "Fe50Cr50,0.02,0.01").formula == 0
    assert found("formula,C,N", "Fe,0.02,0.01", "Cr,0.03,0.01").formula == 0


def test_a_named_column_of_grades_gives_way_to_alloys() -> None:
    columns = found("alloy,nominal", "V1,Fe90Cr9Mo1", "V2,Fe90Cr9W1")
    assert columns == CompositionColumns(
        1, {}, ("compositions are read from column `nominal`, not from column `alloy`",)
    )
    assert found("alloy,base", "Fe,Cu", "Al,Zr").formula == 0


@pytest.mark.parametrize(
    "name", ["Composition (wt%)", "composition_wt", "Alloy, wt.%", "mass% formula", "weight percent"]
)
def test_a_name_that_states_other_units_is_refused(name: str) -> None:
    cells = polars.DataFrame({name: ["Fe70Cr30"]})
    with pytest.raises(InputError) as caught:
        find_compositions(ListHead((name,), cells, None, "`x`"))
    assert caught.value.message == f"the column `{name}` says wt.%, the command at.%"
    assert caught.value.hint == "add `--units wt`"
    assert find_compositions(ListHead((name,), cells, "wt", "`x`")).formula == 0


@pytest.mark.parametrize("name", ["composition_at", "formula (at.%)", "alloy mol%"])
def test_and_at_percent_where_weights_are_asked_for(name: str) -> None:
    cells = polars.DataFrame({name: ["Fe70Cr30"]})
    assert find_compositions(ListHead((name,), cells, None, "`x`")).formula == 0
    with pytest.raises(InputError, match=r"says at\.%, the command wt\.%"):
        find_compositions(ListHead((name,), cells, "wt", "`x`"))


@pytest.mark.parametrize("name", ["format", "massive", "heat", "what", "swt", "alloy made at 5 K"])
def test_other_words_state_no_units(name: str) -> None:
    assert find_compositions(ListHead((name,), polars.DataFrame({name: ["Fe70Cr30"]}), "wt", "`x`")).formula == 0


@pytest.mark.parametrize("cells", [("Inconel 718", "316L"), ("?", "heat 5"), ("", ""), (*["x"] * 50, "CuZr")])
def test_a_named_column_that_does_not_read_gives_way_to_elements(cells: tuple[str, ...]) -> None:
    columns = found("Alloy,Cu,Zr", *(f"{cell},50,50" for cell in cells), units="wt")
    said = "compositions are read from 2 columns of wt.%, Cu, Zr, not from column `Alloy`"
    assert columns == CompositionColumns(None, {"Cu": 1, "Zr": 2}, (said,))
    assert found("Alloy,Cu,Zr", *(f"{cell},50,50" for cell in cells), column="Alloy") == CompositionColumns(0)


def test_repeated_elements_matter_only_where_they_are_used() -> None:
    assert found("formula,Cu,Cu ,Zr", "CuZr,1,1,1").formula == 0
    assert refused("formula,Cu,Cu ,Zr", "bad!,1,1,1") == (
        "two columns are named `Cu`",
        "give every element one column",
    )


def test_a_column_is_found_by_reading_its_first_filled_cells() -> None:
    columns = found("id,what,other", "1,,Al", "2,Cu50Zr50,Al", "3,Ti-6Al-4V,Al")
    assert columns == CompositionColumns(1, {}, ("compositions are read from column `what`",))
    assert found("a,b", "Cu,Cu", "CuZr!,CuZr").formula == 1


@pytest.mark.parametrize("cells", [("V1", "V2"), ("B2", "B2"), ("Fe", "Al")])
def test_single_elements_are_no_sign_of_alloys(cells: tuple[str, str]) -> None:
    assert found("phase,what", *(f"{cell},CuZr" for cell in cells)).formula == 1
    assert refused("phase", *cells) == ("no column of formulas in `x`", HINT)
    assert found("phase", *cells, column="phase").formula == 0


@pytest.mark.parametrize("rows", [("1,2",), (",",), ()])
def test_no_column_reads_as_alloys(rows: tuple[str, ...]) -> None:
    assert refused("a,b", *rows) == ("no column of formulas in `x`", HINT)


def test_columns_named_like_elements_hold_amounts() -> None:
    assert element_columns(("id", "Cu", " Zr ", "cu")) == {"Cu": 1, "Zr": 2}
    assert element_columns(("id", "V", "Volume")) == {}
    with pytest.raises(InputError, match="two columns are named `Cu`"):
        element_columns(("Cu", "Cu ", "Al"))
    assert found("name,Cu,Zr", "CuZr,50,50").notes == ("compositions are read from 2 columns of at.%, Cu, Zr",)


def test_the_column_asked_for_must_be_there() -> None:
    assert found("formula,name,Cu,Zr", "Al,Fe,50,50", column="name") == CompositionColumns(1)
    assert refused("a,b", "Fe,Cu", column="c") == ("no column `c` in `x`", "it has `a`, `b`")


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        *(("Cu50Zr50", ("Al50Ti50",)), ("1,CoCrFeNi", ("2,TiAl",)), ("Cu50Zr50", ("x",)), ("CuZr", ())),
        *(("Al", ("Cu",)), ("Ti64", ("Al50Ti50",))),
    ],
)
def test_a_first_line_that_is_an_alloy_names_no_columns(header: str, rows: tuple[str, ...]) -> None:
    expected = "the first line of `x` is an alloy, not column names", "put a line such as `formula` first"
    assert refused(header, *rows) == expected


def test_alloys_in_the_first_line_do_no_harm_elsewhere() -> None:
    assert found("CoCr,what", "x,CuZr").formula == 1
    assert found("Cu50Zr50", "AlTi", column="Cu50Zr50").formula == 0
    with pytest.raises(InputError) as caught:
        from_frame(polars.DataFrame({"Cu50Zr50": ["AlTi"]}))
    assert caught.value.message == "column `Cu50Zr50` of the table is named like an alloy"
    assert caught.value.hint == "name the column, for example `formula`"


@pytest.mark.parametrize(
    ("header", "symbol"),
    [("Cu (wt%),Zr (wt%)", "Cu"), ("id,Al [at.%],Ti [at.%]", "Al"), ("Fe at%,Cr at%", "Fe"), ("wt% Ni,wt% Cu", "Ni")],
)
def test_columns_almost_named_like_elements_are_hinted_at(header: str, symbol: str) -> None:
    hint = f"name columns of elements by symbol alone, such as `{symbol}`, and say `--units wt` or `--units at`"
    row = ",".join("5" for _ in header.split(","))
    assert refused(header, row) == ("no column of formulas in `x`", hint)


@pytest.mark.parametrize("header", ["Cu (wt%),b", "In water (%),At night (%)", "Xx (wt%),Yy (wt%)"])
def test_other_names_are_not(header: str) -> None:
    assert refused(header, "5,5") == ("no column of formulas in `x`", HINT)


def test_other_separators_are_hinted_at() -> None:
    hint = "part the columns by commas, semicolons or tabs: other separators are not known"
    assert refused("id|formula", "1|CuZr") == ("no column of formulas in `x`", hint)


def test_the_note_reaches_the_list(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("material;x\nCuZr;1\nAl;2\n")
    with open_list(path) as opened:
        assert opened.notes == ("fields are separated by `;`", "compositions are read from column `material`")
        assert [block.cells.rows() for block in opened.blocks] == [[("CuZr", "1"), ("Al", "2")]]


# --- types ------------------------------------------------------------------------------------------------------------

DAY = datetime.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [([1], "numbers"), ([[1]], "lists"), ([DAY], "dates"), ([True], "true and false"), ([b"Cu"], "binary data")],
)
def test_formulas_are_texts(values: list[object], words: str) -> None:
    frame = polars.DataFrame({"alloy": values})
    for column in (None, "alloy"):
        with pytest.raises(InputError) as caught:
            from_frame(frame, column=column)
        assert caught.value.message == f"column `alloy` holds {words}, not formulas"
        assert caught.value.hint == "say with `--composition-column` which column holds formulas as text"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("Ti64",), "`Ti64` in row 1 of column `alloy` is read as pure Ti, not as the name of a grade"),
        (
            ("TiAl", " Al6061", "P91", "Ti64"),
            "`Al6061` in row 2 of column `alloy` is read as pure Al, not as the name of a grade, and 2 more such cells",
        ),
        (("Ti", "Ti1", "Ti100", "Ti100.0", "TiAl64", "Xx64", "Ti0", ""), None),
    ],
)
def test_names_of_grades_that_read_as_pure_elements_are_told(cells: tuple[str, ...], said: str | None) -> None:
    assert found("alloy", *cells).warnings == ((said,) if said else ())
    assert found("a,Alloy", *(f"1,{cell}" for cell in cells), column="Alloy").warnings == (
        (said.replace("`alloy`", "`Alloy`"),) if said else ()
    )
    assert found("Ti64,Al,Ti", "1,50,50").warnings == ()


@pytest.mark.parametrize("kind", [polars.String, polars.Categorical, polars.Enum(["CuZr", "Al"])])
def test_texts_may_be_categories(kind: polars.DataType) -> None:
    frame = polars.DataFrame({"day": [DAY, DAY], "tags": [[1], [2]], "what": polars.Series(["CuZr", "Al"], dtype=kind)})
    assert from_frame(frame).formula == 2
    assert from_frame(frame.rename({"what": "alloy"})).formula == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [(DAY, "dates"), (datetime.datetime(2026, 1, 1), "dates"), (True, "true and false"), (datetime.time(1), "times")],
)
def test_amounts_are_numbers(value: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        from_frame(polars.DataFrame({"Cu": [50], "Zr": [value]}))
    assert caught.value.message == f"column `Zr` holds {words}, not numbers"
    assert caught.value.hint == "rename the column, or give it numbers"
    assert from_frame(polars.DataFrame({"Cu": [50], "Zr": ["50"], "Al": [None]})).elements == {
        "Cu": 0,
        "Zr": 1,
        "Al": 2,
    }
