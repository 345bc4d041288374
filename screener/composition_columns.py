"""Which columns of a list hold compositions: one of formulas, found by name or by reading, or one for each element."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from screener._formula_grammar import shown
from screener.column_types import is_text, require_numbers, require_text
from screener.composition_agreement import compared
from screener.elements import element_symbols, elements_without_data
from screener.errors import CompositionError, FormulaError, InputError
from screener.formula import Units, parse_formula
from screener.grade_names import grade_warning

if TYPE_CHECKING:
    import polars

FORMULA_NAMES = ("composition", "formula", "alloy")
"""Names of a column of formulas, the first present wins, whatever their case."""
_LOOKED_AT = 50
_PEEKED = 1000
_FEWEST_ELEMENTS = 2
_STATED = re.compile(r"(?<![a-z])(at|atomic|mol|wt|weight|mass)[\W_]*(?:%|pct(?![a-z])|percent|$)", re.IGNORECASE)
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
        warnings: what speaks against the choice.
    """

    formula: int | None
    elements: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    foreign: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


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

    A column found by its name gives way to columns of elements that tell other alloys, in any units: it may hold
    grades, such as `P91`. It gives way to a column of alloys if none of its own cells reads as one of two elements.

    Raises:
        InputError: nothing is found, it is of a type that holds none, its name states other units, or the header is an
            alloy itself.
    """
    found = _asked(head, column) if column is not None else _looked_for(head)
    if found.formula is not None:
        _check_units(head, head.header[found.formula])
    if head.cells is not None:
        for place in found.elements.values():
            require_numbers(head.header[place], head.cells.dtypes[place])
        if found.formula is not None:
            require_text(head.header[found.formula], head.cells.dtypes[found.formula])
    return _warned(head, found)


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


def _warned(head: ListHead, found: CompositionColumns) -> CompositionColumns:
    """Add what its first cells say against a column of formulas."""
    if found.formula is None:
        return found
    warning = grade_warning(head.header[found.formula], _texts(head, found.formula))
    return found if warning is None else replace(found, warnings=(*found.warnings, warning))


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
    amounts = len(set(element_symbols()).intersection(name.strip() for name in head.header)) >= _FEWEST_ELEMENTS
    if named is None:
        return _from_elements(head, None) if amounts else _by_content(head)
    if not amounts:
        return _from_name(head, named)
    if head.cells is None or not head.cells.height:
        return _instead_of_elements(head, named)
    if not any(_counts(head, named)):
        return _from_elements(head, named)
    alike, unlike = _compared(head, named)
    said = () if not unlike else (_contradiction(head, named, unlike[0]),)
    if len(unlike) > len(alike) or not (alike or unlike or _holds_formulas(head, named)):
        return replace(_from_elements(head, named), warnings=said)
    return replace(_instead_of_elements(head, named), warnings=said)


def _from_name(head: ListHead, named: int) -> CompositionColumns:
    """Take the column of the right name, or where none of its cells is an alloy of two, another that holds such."""
    counts = _counts(head, named)
    if counts and max(counts) < _FEWEST_ELEMENTS:
        other = next((place for place in range(len(head.header)) if place != named and _all_alloys(head, place)), None)
        if other is not None:
            said = f"{_SAID} column `{head.header[other]}`, not from column `{head.header[named]}`"
            return CompositionColumns(other, notes=(said,))
    return CompositionColumns(named)


def _instead_of_elements(head: ListHead, named: int) -> CompositionColumns:
    """Take the column of the right name although there are columns of elements."""
    others = len(set(element_symbols()).intersection(name.strip() for name in head.header))
    said = f"{_SAID} column `{head.header[named]}`, not from {others} columns of {_unit(head)}"
    return CompositionColumns(named, notes=(said,))


def _from_elements(head: ListHead, named: int | None) -> CompositionColumns:
    """Take the columns of elements, although there may be a column of the right name."""
    elements = element_columns(head.header)
    foreign = tuple(k for k, name in enumerate(head.header) if name.strip() in elements_without_data())
    said = f"{_SAID} {len(elements)} columns of {_unit(head)}, {', '.join(elements)}"
    instead = "" if named is None else f", not from column `{head.header[named]}`"
    passed = "".join(f"; not from `{head.header[k]}`, for which there is no alloy data" for k in foreign)
    return CompositionColumns(None, elements, (said + instead + passed,), foreign)


def _compared(head: ListHead, named: int) -> tuple[list[int], list[int]]:
    """List the first rows in which formula and columns of elements tell the same alloy, and another."""
    assert head.cells is not None
    try:
        columns = {symbol: head.header[place] for symbol, place in element_columns(head.header).items()}
        for name in columns.values():
            require_numbers(name, head.cells.schema[name])
    except InputError:
        return [], []
    return compared(_texts(head, named)[:_LOOKED_AT], head.cells.head(_LOOKED_AT), columns, head.units)


def _contradiction(head: ListHead, named: int, row: int) -> str:
    """Say where formula and columns of elements tell different alloys."""
    text = shown(_texts(head, named)[row])
    return f"column `{head.header[named]}` and the columns of elements differ, first in row {row + 1}: {text}"


def _by_content(head: ListHead) -> CompositionColumns:
    """Find the first column whose first filled cells all read as alloys, one of two elements among them.

    Raises:
        InputError: there is none, or the header is a record.
    """
    for position, name in enumerate(head.header):
        reads = _all_alloys(head, position)
        alone = len(head.header) == 1
        fewest = 1 if alone and any(_counts(head, position)) else _FEWEST_ELEMENTS
        if (reads or alone) and _elements_in(name, "at") >= fewest:
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


def _all_alloys(head: ListHead, position: int) -> bool:
    """Say whether the first filled cells of a column all read, one of two elements among them."""
    counts = _counts(head, position)
    return bool(counts) and min(counts) > 0 and max(counts) >= _FEWEST_ELEMENTS


def _counts(head: ListHead, position: int) -> list[int]:
    """Count the elements in the first filled cells of a column; 0 where one is no alloy."""
    filled = itertools.islice((text for text in _texts(head, position) if text.strip()), _LOOKED_AT)
    return [_elements_in(text, head.units) for text in filled]


def _texts(head: ListHead, position: int) -> list[str]:
    """Return the first cells of a column of text, blank ones included; none of a column of another type."""
    import polars

    if head.cells is None or not is_text(head.cells.dtypes[position]):
        return []
    return head.cells.to_series(position).head(_PEEKED).cast(polars.String).fill_null("").to_list()


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


def _check_units(head: ListHead, name: str) -> None:
    """Refuse a column whose name states other units than its formulas would be read in."""
    match = _STATED.search(name)
    units = head.units or "at"
    if match and (stated := "at" if match[1].casefold() in ("at", "atomic", "mol") else "wt") != units:
        hint = "add `--units wt`" if stated == "wt" else "leave out `--units wt`, or rename the column"
        raise InputError(f"the column `{name.strip()}` says {stated}.%, the command {units}.%", hint)


def _unit(head: ListHead) -> str:
    return "wt.%" if head.units == "wt" else "at.%"
