"""A GPU: the search for three targets, whole on the device, beside the arithmetic the device can do.

On a machine without one nothing is measured. Its parts are tested on the CPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from onnx import ModelProto

from benchmarks.cases import ELEMENTS, FULL, QUICK, Size
from benchmarks.cases import space as five
from benchmarks.looped import bound, loop
from benchmarks.roof import arithmetic, operations
from benchmarks.timing import Line
from screener.candidates import Candidates
from screener.device import Device, choose_device, cuda_devices
from screener.device_search import ON_DEVICE, offer_best, scan_on_device
from screener.fused.on_device import DeviceScreen, question_graph
from screener.plan import Plan
from screener.ranking import Ranking
from screener.search import SLACK, Batching
from screener.space import CompositionSpace
from screener.summary import PythonWatch

SIX = (*ELEMENTS, "Ni")
_SQUARE = {FULL: 8192, QUICK: 256}
"""Rows of the square matrices whose product shows what a device can do."""


def graph_of(plan: Plan, space: CompositionSpace) -> ModelProto:
    """Make the graph of a question."""
    models, tier = plan.models.giving(plan.wanted), plan.models
    graph = question_graph(models, space.elements, space.units, plan.scorer, tier.conditions, tier.shifts)
    assert graph is not None
    return graph


def rate_of(
    space: CompositionSpace, plan: Plan, device: Device, k: int, block: int = ON_DEVICE
) -> tuple[Ranking, float]:
    """Search a space by way of a device: the ranking, and candidates per second."""
    screen, ranking = DeviceScreen(graph_of(plan, space), device), Ranking(k + SLACK)
    candidates = Candidates(space)
    first = replace(candidates, drawn=np.arange(min(block, space.size)))
    scan_on_device(first, screen, 1, lambda index, best: None, PythonWatch(), block=block)  # warms up
    start = time.perf_counter()
    scan_on_device(candidates, screen, ranking.capacity, partial(offer_best, ranking), PythonWatch(), block=block)
    return ranking, space.size / (time.perf_counter() - start)


def lines(size: Size) -> Iterator[Line]:
    """Time the search on the first CUDA device, if there is one."""
    if not cuda_devices():
        print("no CUDA device answers: nothing is measured", file=sys.stderr)
        return
    device = choose_device("cuda")
    for space in (five(size.step), CompositionSpace.build(SIX, size.step)):
        plan = bound(space.elements, device=device)
        ranking, rate = rate_of(space, plan, device, size.top)
        check(ranking, five(size.step), size) if space.elements == ELEMENTS else None
        roof = arithmetic(device, _SQUARE[size], size.rounds)
        share = rate * operations(graph_of(plan, space)) / roof
        what = f"three targets, {space.size:,} candidates, {share:.1%} of the arithmetic of a large product"
        yield Line("gpu", what, rate, "candidates/s", headline=space.elements != ELEMENTS)


def check(ranking: Ranking, space: CompositionSpace, size: Size) -> None:
    """Compare the best with those of the CPU, but for what rounding may exchange."""
    expected, _ = loop(space, bound(space.elements), Batching(16_384, 2048, 2), size.top)
    found = ranking.finish()[0]
    assert np.isin(expected, found).all()


def test_the_parts_of_the_gpu_stage_work_on_a_cpu() -> None:
    space, device = five(QUICK.step), Device("cpu")
    plan = bound(ELEMENTS)
    ranking, rate = rate_of(space, plan, device, QUICK.top, block=3000)
    assert rate > 0
    assert ranking.seen == space.size
    check(ranking, space, QUICK)
    layers = 3 * 2 * (14 * 128 + 128 * 64 + 64)
    assert layers < operations(graph_of(plan, space)) < 1.02 * layers
    assert arithmetic(device, _SQUARE[QUICK], 1) > 1e6


@pytest.mark.gpu
@pytest.mark.skipif(not cuda_devices(), reason="no CUDA device")
def test_a_gpu_searches() -> None:
    assert list(lines(QUICK))
