"""Records of a list turned into blocks of compositions and conditions; what cannot be is kept aside with a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.card import LARGEST_CONDITION, Condition
from screener.descriptors.catalogue import Descriptor
from screener.descriptors.featurizer import compile_plan
from screener.element_amounts import Problem, read_amounts, read_numbers, words_as_numbers
from screener.elements import element_symbols, pairs_without_value
from screener.errors import CompositionError, InputError
from screener.formula import Units
from screener.formula_batch import FormulaBatch, dense_fractions, parse_formulas
from screener.list_routes import RouteColumn
from screener.text_blocks import TEXT_HINTS, Reject, TextBlock

if TYPE_CHECKING:
    import polars

_REPEATED = 0.8
"""Share of distinct formulas in a block up to which telling the same ones apart pays."""


@dataclass(frozen=True, slots=True)
class ListBlock:
    """Rows of a list that can be predicted, n of them.

    Attributes:
        rows: record numbers, from 1 (n,).
        cells: their columns as they came, n rows.
        alloys: their compositions (n,).
        conditions: condition values by name (n,), NaN for the models' reference.
        same: number of the formula of each row, equal for equal ones (n,); None where hardly any repeat.
    """

    rows: NDArray[np.int64]
    cells: polars.DataFrame
    alloys: FormulaBatch
    conditions: dict[str, NDArray[np.float64]]
    same: NDArray[np.int64] | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Elements that occur, by atomic number; never none, for blocks without a row."""
        known = element_symbols()
        occurs = np.flatnonzero(np.bincount(self.alloys.element, minlength=len(known)))
        return tuple(known[place] for place in occurs) or ("Al",)

    def fractions(self, symbols: Sequence[str]) -> NDArray[np.float64]:
        """Lay compositions out as atomic fractions (n, d) of elements, among which all that occur must be."""
        return dense_fractions(self.alloys, symbols)

    def take(self, chosen: NDArray[np.intp]) -> ListBlock:
        """Keep some rows, in the order given."""
        return ListBlock(
            self.rows[chosen],
            self.cells[chosen],
            take_alloys(self.alloys, chosen),
            {name: values[chosen] for name, values in self.conditions.items()},
            None if self.same is None else self.same[chosen],
        )


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """What became of some records.

    Attributes:
        block: those that can be predicted.
        rejects: the others, in order.
        hint: what to do about the first of them.
    """

    block: ListBlock
    rejects: tuple[Reject, ...]
    hint: str = ""

    @property
    def records(self) -> int:
        """How many records there were."""
        return len(self.block.rows) + len(self.rejects)

    def refuse_rejects(self) -> None:
        """Stop at the first record that cannot be read.

        Raises:
            InputError: there is one.
        """
        if self.rejects:
            row, name, _, reason = self.rejects[0]
            place = f", column `{name}`" if name else ""
            hint = "mend the row, or drop `--strict` to have such rows listed as rejects"
            raise InputError(f"row {row}{place}: {reason}", self.hint or hint)


@dataclass(frozen=True, slots=True)
class BlockReader:
    """Reads compositions and conditions of records; holds no state, so that threads may share it.

    Attributes:
        formula: name of the column of formulas; None where there is one column per element.
        elements: name of the column of each element, by symbol.
        foreign: names of columns that are named like elements without data.
        units: how amounts are meant.
        descriptors: what must be computable for every alloy.
        conditions: names of columns that hold conditions; where one is blank, the process of the row holds.
        flags: those of them that say yes or no.
        routes: the column that names the process of each row, if there is one.
        given: value of a condition where its cell is blank, by name; the models' reference where absent.
        unusable: why an element cannot be described, by position in ``element_symbols()``.
        parted: why two elements cannot be described together, by their positions.
    """

    formula: str | None
    elements: Mapping[str, str]
    foreign: Sequence[str]
    units: Units | None
    descriptors: Sequence[Descriptor]
    conditions: Sequence[str]
    flags: frozenset[str]
    routes: RouteColumn | None
    given: Mapping[str, float]
    unusable: dict[int, str] = field(default_factory=dict)
    parted: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unusable.update(_unusable(self.descriptors))
        for pair in pairs_without_value(element_symbols()):
            if reason := _problem(self.descriptors, [element_symbols()[place] for place in pair], apart=False):
                self.parted[pair] = reason

    @property
    def usable(self) -> tuple[str, ...]:
        """Elements that alloys may hold, by atomic number."""
        return tuple(symbol for place, symbol in enumerate(element_symbols()) if place not in self.unusable)

    def read(self, text: TextBlock) -> ReadBlock:
        """Read some records."""
        alloys, problems, same = self._alloys(text.cells)
        problems = self._indescribable(text.cells, alloys) | problems
        conditions = {} if self.routes is None else self.routes.read(text.cells[self.routes.name], self.given)
        for name in self.conditions:
            cells = words_as_numbers(text.cells[name]) if name in self.flags else text.cells[name]
            values, found = read_numbers(cells, math.nan, LARGEST_CONDITION)
            blank = conditions.get(name, self.given.get(name, math.nan))
            conditions[name] = np.where(np.isnan(values), blank, values)
            problems = found | problems
        block = ListBlock(text.rows, text.cells, alloys, conditions, same)
        if problems:
            kept = np.ones(len(text.rows), np.bool_)
            kept[list(problems)] = False
            block = block.take(np.flatnonzero(kept))
        refused = [(int(text.rows[place]), *problem) for place, problem in problems.items()]
        refused = sorted([*refused, *((*reject, TEXT_HINTS.get(reject[3], "")) for reject in text.rejects)])
        return ReadBlock(block, tuple(each[:4] for each in refused), refused[0][4] if refused else "")

    def _alloys(self, cells: polars.DataFrame) -> tuple[FormulaBatch, dict[int, Problem], NDArray[np.int64] | None]:
        """Read the compositions of some rows, equal formulas once."""
        import polars

        if self.formula is None:
            return *read_amounts(cells, self.elements, self.units, self.foreign), None
        texts = cells[self.formula].cast(polars.String, strict=False).fill_null("")
        distinct, same = _distinct(texts)
        batch = parse_formulas(distinct, self.units)
        if same is not None:
            batch = take_alloys(batch, same)
        problems = {row: (self.formula, texts[row], *why) for row, why in batch.refused.items()}
        return FormulaBatch(batch.start, batch.element, batch.fraction, {}), problems, same

    def _indescribable(self, cells: polars.DataFrame, alloys: FormulaBatch) -> dict[int, Problem]:
        """Find rows with an element that has not every property."""
        entries = np.flatnonzero(np.isin(alloys.element, list(self.unusable)))
        problems: dict[int, Problem] = {}
        for entry in entries.tolist():
            row = int(np.searchsorted(alloys.start, entry, "right")) - 1
            position = int(alloys.element[entry])
            name = self.formula or self.elements[element_symbols()[position]]
            problem = (name, str(cells[name][row]), self.unusable[position], "leave the row out")
            problems.setdefault(row, problem)
        for pair, reason in self.parted.items():
            for row in _holding(alloys, pair):
                text = "" if self.formula is None else str(cells[self.formula][row])
                problems.setdefault(row, (self.formula or "", text, reason, "leave one of the two elements out"))
        return problems


def find_conditions(header: Sequence[str], known: Iterable[Condition]) -> tuple[str, ...]:
    """Find the columns that bear the name of a condition."""
    return tuple(condition.name for condition in known if condition.name in header)


def near_conditions(header: Sequence[str], known: Iterable[Condition]) -> list[str]:
    """Tell of columns that are named almost like a condition and are not read as one."""
    names = {each.name for each in known}
    folded = {name.strip().casefold().replace(" ", "_"): name for name in header}
    return [
        f"column `{folded[name]}` is not read: the condition is named `{name}`"
        for name in sorted(names.intersection(folded))
        if name not in header
    ]


def joined_blocks(blocks: Sequence[ListBlock]) -> ListBlock:
    """Put the rows of consecutive blocks together."""
    import polars

    if len(blocks) == 1:
        return blocks[0]
    return ListBlock(
        np.concatenate([each.rows for each in blocks]),
        polars.concat([each.cells for each in blocks]),
        _joined_alloys([each.alloys for each in blocks]),
        {name: np.concatenate([each.conditions[name] for each in blocks]) for name in blocks[0].conditions},
    )


def take_alloys(alloys: FormulaBatch, chosen: NDArray[np.integer]) -> FormulaBatch:
    """Keep some compositions, in the order given; one may be kept several times."""
    count = np.diff(alloys.start)[chosen]
    start = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(count, out=start[1:])
    entries = np.repeat(alloys.start[:-1][chosen] - start[:-1], count) + np.arange(start[-1])
    refused = {}
    if alloys.refused:
        refused = {k: alloys.refused[row] for k, row in enumerate(chosen.tolist()) if row in alloys.refused}
    return FormulaBatch(start, alloys.element[entries], alloys.fraction[entries], refused)


def _holding(alloys: FormulaBatch, pair: tuple[int, int]) -> list[int]:
    """Find the rows with both of two elements."""
    first, second = (np.searchsorted(alloys.start, np.flatnonzero(alloys.element == k), "right") - 1 for k in pair)
    return [int(row) for row in np.intersect1d(first, second)]


def _joined_alloys(parts: Sequence[FormulaBatch]) -> FormulaBatch:
    """Put compositions one after the other."""
    count = np.concatenate([np.diff(part.start) for part in parts])
    element, fraction = (np.concatenate([getattr(p, name) for p in parts]) for name in ("element", "fraction"))
    return FormulaBatch(np.concatenate([[0], np.cumsum(count)]).astype(np.int64), element, fraction, {})


def _distinct(texts: polars.Series) -> tuple[polars.Series, NDArray[np.int64] | None]:
    """Give the distinct texts and the place of each text (n,) among them; all texts and None where few repeat."""
    distinct = texts.unique(maintain_order=True)
    if len(distinct) > _REPEATED * len(texts):
        return texts, None
    place = distinct.alias("text").to_frame().with_row_index("place")
    found = texts.alias("text").to_frame().join(place, on="text", how="left", maintain_order="left")
    return distinct, found["place"].to_numpy().astype(np.int64)


def _unusable(descriptors: Sequence[Descriptor]) -> dict[int, str]:
    """Find the elements that lack a property, and which; by position."""
    known = element_symbols()
    if not _problem(descriptors, known):
        return {}
    return {place: problem for place, symbol in enumerate(known) if (problem := _problem(descriptors, [symbol]))}


def _problem(descriptors: Sequence[Descriptor], symbols: Sequence[str], *, apart: bool = True) -> str:
    """Say what keeps elements from being described, in alloys apart or together; empty if nothing does."""
    try:
        compile_plan(descriptors, tuple(symbols), apart=apart)
    except CompositionError as problem:
        return problem.message
    return ""
