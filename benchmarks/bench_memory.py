"""Memory: the most a search holds, and that ten times the candidates take no more of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pytest

from benchmarks.bench_screen import LARGE, SMALL, peak_of
from benchmarks.cases import ELEMENTS, FULL, QUICK, Size
from benchmarks.timing import Line
from screener.space import CompositionSpace

BUDGET_MB, GROWTH = 500, 1.1
SIXTH = ("Ni", "0:13")
"""An element more, with limits that make ten times as many candidates at 1 at.%."""


def lines(size: Size) -> Iterator[Line]:
    """Tell the peak of the search for three targets, and of one ten times as large beside it."""
    small, large = (peak_megabytes(size, more) for more in (False, True))
    few, many = (space_of(size, more).size for more in (False, True))
    what = f"three targets, best {size.top:,}: peak memory"
    yield Line("memory", f"{what}, {few:,} candidates", small, "MB", headline=True)
    yield Line("memory", f"{what}, {many:,} candidates", large, "MB", "that", large / small)


def space_of(size: Size, more: bool) -> CompositionSpace:
    """Build the space that is searched."""
    return CompositionSpace.build(*_space(size, more)[:2], bounds="=".join(SIXTH) if more else None)


def peak_megabytes(size: Size, more: bool = False) -> float:
    """Run the search in a process of its own and return the most memory it held."""
    elements, step, limits = _space(size, more)
    command = ["enumerate", "--elements", elements, "--step", str(step), *limits, "--search", "exhaustive"]
    command += [part for column in LARGE for part in ("--maximize", column)]
    command += [part for column in SMALL for part in ("--minimize", column)]
    return peak_of([*command, "--top", str(size.top)])


def _space(size: Size, more: bool) -> tuple[str, int, Sequence[str]]:
    """Give elements, step and the options that limit them."""
    elements = (SIXTH[0], *ELEMENTS) if more else ELEMENTS
    return ",".join(elements), size.step, ("--bounds", "=".join(SIXTH)) if more else ()


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells other figures")
def test_peak_memory() -> None:
    assert 100 < peak_megabytes(QUICK) < BUDGET_MB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system tells other figures")
def test_memory_is_flat_from_five_to_fifty_million_candidates() -> None:
    few, many = (space_of(FULL, more).size for more in (False, True))
    assert few > 4e6
    assert many > 5e7
    small, large = (peak_megabytes(FULL, more) for more in (False, True))
    assert small < BUDGET_MB
    assert large < GROWTH * small
