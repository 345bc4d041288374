"""Cost against work: seconds against candidates, rate against elements. The large spaces take minutes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.bench_infer import best_alone
from benchmarks.cases import CORES, ELEMENTS, FULL, QUICK, Size
from benchmarks.looped import bound, loop
from benchmarks.timing import Line
from screener.device import choose_device
from screener.jobs import BLOCK
from screener.search import Batching
from screener.space import CompositionSpace

TWELVE = (*ELEMENTS, "Ni", "Cu", "Zr", "Mo", "W", "Mn", "Si")
CANDIDATES: tuple[tuple[int, float, str | None], ...] = (
    (5, 5, None),
    (5, 2.5, None),
    (5, 2, None),
    (5, 1, "Al=0:10"),
    (5, 1, None),
    (6, 1, "Al=0:3"),
    (6, 1, "Al=0:8"),
    (6, 1, None),
)
"""Elements, step and bounds of spaces of 1e4 to 1e8 candidates."""
WIDTHS: tuple[tuple[int, float], ...] = (
    *((3, 0.1), (4, 0.5), (5, 1), (6, 2), (7, 4), (8, 4), (9, 5), (10, 10), (11, 10), (12, 10)),
)
"""Elements and step of spaces of some hundred thousand to some million candidates."""
BY_CANDIDATES, BY_ELEMENTS = "the loop for three targets: candidates", "the loop for three targets: elements"
_PLAIN = "ONNX Runtime alone"


def lines(size: Size) -> Iterator[Line]:
    """Time the loop over spaces of growing size, and of growing width, beside the nets alone."""
    yardstick, _ = best_alone(size)
    few = size is not FULL
    for d, step, bounds in CANDIDATES[:2] if few else CANDIDATES:
        space = CompositionSpace.build(TWELVE[:d], step, bounds=bounds)
        rate = timed(space, size)
        what = f"{BY_CANDIDATES} {space.size:,}"
        yield Line("work", what, space.size / rate, "s", _PLAIN, rate / yardstick)
    for d, step in WIDTHS[-1:] if few else WIDTHS:
        space = CompositionSpace.build(TWELVE[:d], step)
        rate = timed(space, size)
        yield Line("work", f"{BY_ELEMENTS} {d}", rate, "candidates/s", _PLAIN, rate / yardstick)


def timed(space: CompositionSpace, size: Size) -> float:
    """Candidates per second of the loop, the best of some rounds; large spaces are walked once."""
    plan, batching = bound(space.elements), Batching.on(choose_device("cpu"), BLOCK)
    rounds = 1 if space.size > 10_000_000 else size.rounds
    return max(loop(space, plan, batching, min(size.top, space.size))[1] for _ in range(rounds))


def test_spaces_are_as_large_as_they_are_said_to_be() -> None:
    sizes = [CompositionSpace.build(TWELVE[:d], step, bounds=bounds).size for d, step, bounds in CANDIDATES]
    assert sizes == sorted(sizes)
    assert 1e4 < sizes[0] < 2e4
    assert 0.9e8 < sizes[-1] < 1.1e8
    assert all(9e4 < CompositionSpace.build(TWELVE[:d], step).size < 1e7 for d, step in WIDTHS)


@pytest.mark.parametrize("d", [3, 12])
def test_any_width_is_searched(d: int) -> None:
    space = CompositionSpace.build(TWELVE[:d], 20)
    plan = bound(space.elements)
    index, rate = loop(space, plan, Batching(BLOCK, 2048, CORES), QUICK.top)
    assert len(index) == min(QUICK.top, space.size)
    assert rate > 0
