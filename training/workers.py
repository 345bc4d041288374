"""Work spread over processes of one thread each, answers in order; workers end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
_shared: list[object] = []


def in_order(do: Callable[[S, T], R], shared: S, todo: Sequence[T], workers: int) -> Iterator[R]:
    """Do ``do(shared, item)`` for every item and give the results in the order of the items.

    Every process works on one thread: threads of several processes would wait for each other.

    Args:
        do: a function of a module's top level.
        shared: what every item needs, sent to a process once.
        todo: the items.
        workers: processes; with 1, or for one item, this one.
    """
    if workers == 1 or len(todo) < 2:
        yield from (_on_one_thread(do, shared, item) for item in todo)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(shared,)) as pool:
        yield from pool.map(_do_here, [do] * len(todo), todo)


def _begin(shared: object) -> None:
    """Keep what every item needs, and watch the process that started this one."""
    _shared[:] = [shared]
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End this process at once when the one behind the sentinel is gone."""
    wait([sentinel])
    os._exit(1)


def _do_here(do: Callable[[S, T], R], item: T) -> R:
    """Do one item in a worker."""
    return _on_one_thread(do, _shared[0], item)  # type: ignore[arg-type]


def _on_one_thread(do: Callable[[S, T], R], shared: S, item: T) -> R:
    """Do one item with libraries held to one thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        return do(shared, item)
