"""Blocks, batches and threads: what is chosen beside what would have been best on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.bench_gpu import graph_of
from benchmarks.cases import CORES, ELEMENTS, FULL, QUICK, Size, space
from benchmarks.looped import bound, loop
from benchmarks.roof import arithmetic, operations
from benchmarks.timing import Line
from screener.device import Device, choose_device
from screener.jobs import BLOCK
from screener.search import Batching
from screener.space import CompositionSpace

UNIT = "candidates/s"
_SQUARE = {FULL: 2048, QUICK: 128}
"""Rows of the square matrices whose product shows what a core can do."""
BATCHES = (512, 1024, 2048, 4096, 8192, 16_384)
BLOCKS = (8192, BLOCK, 65_536)


def searched(size: Size) -> CompositionSpace:
    """Build a space large enough for a steady rate: a million candidates."""
    return CompositionSpace.build(ELEMENTS, 1, bounds="Al=0:5") if size is FULL else space(size.step)


def choices(chosen: Batching) -> list[Batching]:
    """List what is tried: one thing changed at a time."""
    workers = sorted({1, CORES, CORES + 1, 2 * CORES} - {chosen.workers})
    return [
        chosen,
        *(Batching(chosen.block, batch, chosen.workers) for batch in BATCHES if batch != chosen.batch),
        *(Batching(block, chosen.batch, chosen.workers) for block in BLOCKS if block != chosen.block),
        *(Batching(chosen.block, chosen.batch, many) for many in workers),
    ]


def lines(size: Size) -> Iterator[Line]:
    """Time the loop for three targets under each choice, and with the models one by one."""
    candidates, plan = searched(size), bound(ELEMENTS)
    chosen = Batching.on(choose_device("cpu"), BLOCK)
    tried = choices(chosen)
    best = dict.fromkeys(tried, 0.0)
    expected, _ = loop(candidates, plan, chosen, size.top)
    # in turns, so that what else the machine does meets all of them
    for _ in range(size.rounds):
        for each in tried:
            index, rate = loop(candidates, plan, each, size.top)
            np.testing.assert_array_equal(index, expected)
            best[each] = max(best[each], rate)
    top = max(tried, key=best.__getitem__)
    what = f"three targets, {_name(chosen)}: as chosen"
    yield Line("threads", what, best[chosen], UNIT, f"the best tried, {_name(top)}", best[chosen] / best[top])
    for each in tried[1:]:
        yield Line("threads", _name(each), best[each], UNIT, "as chosen", best[each] / best[chosen])
    graph = graph_of(plan, candidates)
    share = best[chosen] * operations(graph) / (CORES * arithmetic(Device("cpu"), _SQUARE[size], size.rounds))
    yield Line(
        "threads", f"as chosen: {share:.0%} of the arithmetic of large products on {CORES} cores", best[chosen], UNIT
    )
    apart = max(loop(candidates, plan, chosen, size.top, fused=False)[1] for _ in range(size.rounds))
    yield Line("threads", "models one by one", apart, UNIT, "as chosen", apart / best[chosen])


def _name(batching: Batching) -> str:
    """Say what a choice is."""
    return f"blocks of {batching.block:,}, batches of {batching.batch:,}, {batching.workers} threads"


def test_no_choice_changes_the_list() -> None:
    plan, candidates = bound(ELEMENTS), space(QUICK.step)
    expected, _ = loop(candidates, plan, Batching(4096, 4096, 1), QUICK.top, fused=False)
    for batching in (Batching(4096, 1024, 1), Batching(1000, 300, 3), Batching(16_384, 2048, 2)):
        found, _ = loop(candidates, plan, batching, QUICK.top)
        np.testing.assert_array_equal(found, expected)
