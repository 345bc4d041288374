"""Work on blocks in several threads, results in the order of the blocks, few of them in memory."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(work: Callable[[Given], Made], blocks: Iterable[Given], workers: int) -> Iterator[Made]:
    """Yield ``work(block)`` for every block, in order.

    Blocks are taken by the calling thread, one more than there are workers ahead of the result in hand.
    """
    source = iter(blocks)
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers, "block") as pool:
        try:
            waiting.extend(pool.submit(work, block) for block in itertools.islice(source, workers + 1))
            while waiting:
                made = waiting.popleft().result()
                waiting.extend(pool.submit(work, block) for block in itertools.islice(source, 1))
                yield made
        finally:
            pool.shutdown(cancel_futures=True)
