"""The loop over candidates on a device: amounts go up, the best of each block come down, two blocks are in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.candidates import Candidates
from screener.in_order import in_order
from screener.plan import Plan
from screener.ranking import Ranking
from screener.summary import Watch

if TYPE_CHECKING:
    from screener.fused.on_device import BlockWinners, Counts, DeviceScreen

ON_DEVICE = 262_144
"""Rows of a block on a GPU: enough work for its every core, while the widest layer of one net takes 128 MB."""
IN_FLIGHT = 2
"""Blocks at work: amounts of one are written and sent while the other is predicted."""


def device_screen(candidates: Candidates, plan: Plan) -> DeviceScreen | None:
    """Prepare a whole question for a GPU.

    Returns:
        None where the models run on the CPU, or the question needs more than nets on the device can tell: filters,
        fronts, expressions, objectives that are no predictions.

    Raises:
        CompositionError: an element lacks a property that a model needs.
        ModelError: the device does not take the graph.
    """
    needed = plan.models.giving(plan.wanted)
    devices = {model.device for model in needed.values()}
    if len(devices) != 1 or next(iter(devices)).kind == "cpu" or plan.where is not None or plan.front:
        return None
    from screener.fused.on_device import DeviceScreen, question_graph

    space, tier = candidates.space, plan.models
    graph = question_graph(needed, space.elements, space.units, plan.scorer, tier.conditions, tier.shifts)
    return None if graph is None else DeviceScreen(graph, next(iter(devices)))


def scan_on_device(
    candidates: Candidates,
    screen: DeviceScreen,
    k: int,
    hear: Callable[[NDArray[np.int64], BlockWinners], None],
    watch: Watch,
    spans: Iterable[range] | None = None,
    done: int = 0,
    block: int = ON_DEVICE,
) -> None:
    """Find the best of every block, in order.

    Args:
        candidates: what is evaluated.
        screen: finds the best of a block.
        k: how many of each block are wanted.
        hear: takes the indices of a block (b,) and its best.
        watch: hears of progress.
        spans: only these; everything where None.
        done: candidates that were done before.
        block: most rows of a span.
    """
    spare = [candidates.new_counts(block) for _ in range(IN_FLIGHT + 2)]

    def work(given: tuple[range, Counts]) -> tuple[NDArray[np.int64], Counts, BlockWinners]:
        span, counts = given
        index = candidates.fill_counts(span, counts)
        return index, counts, screen.best(counts[: len(span)], k)

    chosen = candidates.spans(block) if spans is None else spans
    for index, counts, best in in_order(work, ((span, spare.pop()) for span in chosen), IN_FLIGHT):
        spare.append(counts)
        hear(index, best)
        done += len(index)
        watch.progress(done, candidates.size)


def offer_best(ranking: Ranking, index: NDArray[np.int64], best: BlockWinners) -> None:
    """Offer the best of a block; all of it where rows as good as the last of them could still enter."""
    score, places = best.score, best.places
    if best.tied and score[-1] >= ranking.last_score:
        score = np.asarray(best.everything.numpy(), np.float32)
        places = np.arange(len(index))
    # what has no score stands at the end, as the least there is
    kept = np.flatnonzero(score > -np.inf) if best.missing else slice(None)
    ranking.take(score[kept].astype(np.float64), index[places[kept]], len(index), best.missing)
