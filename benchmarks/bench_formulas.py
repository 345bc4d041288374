"""Formulas: lists read together beside one by one, and beside pymatgen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import polars
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import Size
from benchmarks.timing import Line, best_seconds
from screener.elements import element_symbols
from screener.formula import Units, parse_formula
from screener.formula_batch import parse_formulas
from screener.jobs import BLOCK

FEW = 2000
"""Formulas read one by one: enough for a rate."""
Texts = Callable[[int], list[str]]


def plain(rows: int) -> list[str]:
    """Write alloys of five elements, in parts of one and in percent by turns: `Al0.3CoCrFeNi`, `Zr41.2Ti13.8…`."""
    parts = (f"Al{i % 97 / 10 + 0.1:.1f}CoCrFeNi{i % 89 / 10 + 0.1:.1f}" for i in range(rows // 2))
    return [text for pair in zip(parts, percents(rows - rows // 2), strict=False) for text in pair]


def percents(rows: int) -> list[str]:
    """Write alloys of five elements whose amounts add up to 100."""
    amounts = [(400 + i % 53, 138 + i % 31, 90 + i % 29, 60 + i % 23) for i in range(rows)]
    return [f"Zr{a / 10}Ti{b / 10}Cu{c / 10}Ni{d / 10}Be{(1000 - a - b - c - d) / 10}" for a, b, c, d in amounts]


def tenth_in_brackets(rows: int) -> list[str]:
    """Write plain alloys, every tenth of them in brackets, each its own text."""
    texts = plain(rows)
    texts[::10] = [f"(CoCrFeNi){94 - i / 5000:.4f}Al{6 + i / 5000:.4f}" for i in range(len(texts[::10]))]
    return texts


KINDS: tuple[tuple[str, Texts, Units], ...] = (
    ("plain, five elements", plain, "at"),
    ("plain, five elements, weight percent", percents, "wt"),
    ("every tenth in brackets", tenth_in_brackets, "at"),
)


def one_by_one(texts: list[str], units: Units) -> list[dict[str, float]]:
    """Read formulas with `parse_formula`."""
    read = [parse_formula(text, units) for text in texts]
    return [dict(zip(each.symbols, each.fractions, strict=True)) for each in read]


def by_pymatgen(texts: list[str]) -> list[dict[str, float]]:
    """Read formulas with pymatgen."""
    from pymatgen.core.composition import Composition

    return [Composition(text).fractional_composition.get_el_amt_dict() for text in texts]


def check_equal(texts: list[str], units: Units) -> None:
    """Compare a list read together with one by one, bit by bit."""
    batch, symbols = parse_formulas(polars.Series(texts), units), element_symbols()
    for row, alone in enumerate(one_by_one(texts, units)):
        entries = slice(batch.start[row], batch.start[row + 1])
        names = [symbols[position] for position in batch.element[entries]]
        together = dict(zip(names, batch.fraction[entries].tolist(), strict=True))
        assert list(together.items()) == list(alone.items()), texts[row]


def check_pymatgen(texts: list[str]) -> None:
    """Compare plain formulas with pymatgen."""
    for ours, theirs in zip(one_by_one(texts, "at"), by_pymatgen(texts), strict=True):
        assert ours.keys() == theirs.keys()
        assert all(math.isclose(ours[symbol], theirs[symbol], rel_tol=1e-12) for symbol in ours)


def lines(size: Size) -> Iterator[Line]:
    """Time lists of every kind, one thread, and both ways to read one formula."""
    few = plain(FEW)
    check_pymatgen(few)
    usual = FEW / best_seconds(partial(by_pymatgen, few), size.rounds)
    for what, write, units in KINDS:
        texts = write(BLOCK * size.blocks)
        few = texts[:FEW]
        check_equal(few, units)
        rate = len(texts) / best_seconds(partial(parse_formulas, polars.Series(texts), units), size.rounds)
        alone = len(few) / best_seconds(partial(one_by_one, few, units), size.rounds)
        yield Line("formulas", f"{what}, one thread", rate, "formulas/s", "one by one", rate / alone)
        if write is plain:
            yield Line("formulas", f"{what}, one thread", rate, "formulas/s", "pymatgen", rate / usual)


@pytest.mark.parametrize(("write", "units"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
def test_formulas(benchmark: BenchmarkFixture, write: Texts, units: Units) -> None:
    texts = write(FEW)
    check_equal(texts, units)
    benchmark.extra_info["formulas"] = len(texts)
    batch = benchmark(parse_formulas, polars.Series(texts), units)
    assert len(batch.start) == FEW + 1
    assert not batch.refused


def test_pymatgen(benchmark: BenchmarkFixture) -> None:
    texts = plain(200)
    check_pymatgen(texts)
    assert len(benchmark(by_pymatgen, texts)) == 200
