"""Which columns of a list hold compositions: one of formulas, found by name or by reading, or one for each element."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from screener.column_types import is_text, require_numbers, require_text
from screener.elements import element_symbols, elements_without_data
from screener.errors import CompositionError, FormulaError, InputError
from screener.formula import Units, parse_formula

if TYPE_CHECKING:
    import polars

FORMULA_NAMES = ("composition", "formula", "alloy")
"""Names of a column of formulas, the first present wins, whatever their case."""
_LOOKED_AT = 50
_PEEKED = 1000
_FEWEST_ELEMENTS = 2
_SAID = "compositions are read from"
_SHARE = re.compile(r"\s*([A-Z][a-z]?)\W.*(?:%|\b(?:at|wt|mass|mol)\b)|(?:at|wt|mass|mol)\W*%?\W*([A-Z][a-z]?)\s*$")


@dataclass(frozen=True, slots=True)
class CompositionColumns:
    """Columns that hold compositions.

    Attributes:
        formula: position of the column of formulas; None where there is one column per element.
        elements: position of the column of each element, by symbol; empty where there are formulas.
        notes: what is worth saying about the choice.
        foreign: positions of columns beside those of elements that are named like elements without data.
    """

    formula: int | None
    elements: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    foreign: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ListHead:
    """The start of a list.

    Attributes:
        header: column names.
        cells: the first rows, if there are any.
        units: how amounts are meant.
        what: how messages name the list.
        plain: whether it is text, whose first line is the header.
    """

    header: tuple[str, ...]
    cells: polars.DataFrame | None
    units: Units | None
    what: str
    plain: bool = True


def find_compositions(head: ListHead, column: str | None = None) -> CompositionColumns:
    """Find what holds compositions: the column asked for, one of some name, elements, or what reads as alloys.

    A column found by its name gives way to columns of elements if none of its cells reads as an alloy of two.

    Raises:
        InputError: nothing is found, it is of a type that holds none, or the header is an alloy itself.
    """
    found = _asked(head, column) if column is not None else _looked_for(head)
    if head.cells is not None:
        for place in found.elements.values():
            require_numbers(head.header[place], head.cells.dtypes[place])
        if found.formula is not None:
            require_text(head.header[found.formula], head.cells.dtypes[found.formula])
    return found


def element_columns(header: Sequence[str]) -> dict[str, int]:
    """Find the columns that are named like elements, by symbol; none where it is but one.

    Raises:
        InputError: an element has two.
    """
    known = set(element_symbols())
    found: dict[str, int] = {}
    for place, name in enumerate(header):
        symbol = name.strip()
        if symbol in found:
            raise InputError(f"two columns are named `{symbol}`", "give every element one column")
        if symbol in known:
            found[symbol] = place
    return found if len(found) >= _FEWEST_ELEMENTS else {}


def _asked(head: ListHead, column: str) -> CompositionColumns:
    """Take the column that was asked for."""
    if column in head.header:
        return CompositionColumns(head.header.index(column))
    names = ", ".join(f"`{name}`" for name in head.header[:10]) + (", …" if len(head.header) > 10 else "")
    raise InputError(f"no column `{column}` in {head.what}", f"it has {names}")


def _looked_for(head: ListHead) -> CompositionColumns:
    """Choose among a column of some name, elements, and what reads as alloys."""
    folded = [name.strip().casefold() for name in head.header]
    named = next((folded.index(name) for name in FORMULA_NAMES if name in folded), None)
    if named is not None:
        others = len(set(element_symbols()).intersection(name.strip() for name in head.header))
        if others < _FEWEST_ELEMENTS:
            return CompositionColumns(named)
        if _holds_formulas(head, named):
            instead = f"not from {others} columns of {_unit(head)}"
            return CompositionColumns(named, notes=(f"{_SAID} column `{head.header[named]}`, {instead}",))
    elements = element_columns(head.header)
    if elements:
        foreign = tuple(k for k, name in enumerate(head.header) if name.strip() in elements_without_data())
        said = f"{_SAID} {len(elements)} columns of {_unit(head)}, {', '.join(elements)}"
        instead = "" if named is None else f", not from column `{head.header[named]}`"
        passed = "".join(f"; not from `{head.header[k]}`, for which there is no alloy data" for k in foreign)
        return CompositionColumns(None, elements, (said + instead + passed,), foreign)
    return _by_content(head)


def _by_content(head: ListHead) -> CompositionColumns:
    """Find the first column whose first filled cells all read as alloys, one of two elements among them.

    Raises:
        InputError: there is none, or the header is a record.
    """
    for position, name in enumerate(head.header):
        counts = _counts(head, position)
        reads = bool(counts) and min(counts) > 0 and max(counts) >= _FEWEST_ELEMENTS
        if (reads or len(head.header) == 1) and _elements_in(name, "at") >= _FEWEST_ELEMENTS:
            if head.plain:
                raise InputError(
                    f"the first line of {head.what} is an alloy, not column names", "put a line such as `formula` first"
                )
            raise InputError(
                f"column `{name}` of {head.what} is named like an alloy", "name the column, for example `formula`"
            )
        if reads:
            return CompositionColumns(position, notes=(f"{_SAID} column `{name}`",))
    raise InputError(f"no column of formulas in {head.what}", _hint(head))


def _holds_formulas(head: ListHead, position: int) -> bool:
    """Say whether a column of the right name reads: all of it, or one alloy of two elements; no row says nothing."""
    if head.cells is None or not head.cells.height:
        return True
    counts = _counts(head, position)
    return bool(counts) and (min(counts) > 0 or max(counts) >= _FEWEST_ELEMENTS)


def _counts(head: ListHead, position: int) -> list[int]:
    """Count the elements in the first filled cells of a column; 0 where one is no alloy."""
    import polars

    if head.cells is None or not is_text(head.cells.dtypes[position]):
        return []
    texts = head.cells.to_series(position).head(_PEEKED).cast(polars.String)
    filled = itertools.islice((text for text in texts if text and text.strip()), _LOOKED_AT)
    return [_elements_in(text, head.units) for text in filled]


def _elements_in(text: str, units: Units | None) -> int:
    """Count the elements of an alloy, 0 if it reads as none; balance notation reads, though it needs units later."""
    try:
        return len(parse_formula(text, units or "at").symbols)
    except (FormulaError, CompositionError):
        return 0


def _hint(head: ListHead) -> str:
    """Say what to do about a list in which no column of formulas is found."""
    shares = [match[1] or match[2] for match in map(_SHARE.match, head.header) if match]
    if len(set(shares).intersection(element_symbols())) >= _FEWEST_ELEMENTS:
        return f"name columns of elements by symbol alone, such as `{shares[0]}`, and say `--units wt` or `--units at`"
    if len(head.header) == 1 and "|" in head.header[0]:
        return "part the columns by commas, semicolons or tabs: other separators are not known"
    return "name one column `formula`, or say which it is with `--composition-column`"


def _unit(head: ListHead) -> str:
    return "wt.%" if head.units == "wt" else "at.%"
