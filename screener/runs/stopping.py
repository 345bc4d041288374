"""Requests to end: the first is remembered until the work in hand is done, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequests:
    """Listens for SIGINT and SIGTERM while work is going on that should end in good order.

    Args:
        told: hears of the first request.
    """

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._asked: int | None = None
        self._before: dict[int, Callable[[int, FrameType | None], object]] = {}

    @property
    def asked(self) -> bool:
        """Whether the process was asked to end."""
        return self._asked is not None

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Remember the first request instead of ending at once; at the end of the block it is granted."""
        if threading.current_thread() is not threading.main_thread() or self._before:
            yield
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):  # a shell may have told the process to ignore it
                self._before[number] = handler
        for each in self._before:
            signal.signal(each, self._hear)
        try:
            yield
        finally:
            self._restore()
        self.grant()

    def grant(self) -> None:
        """End as asked, if that was asked."""
        if self._asked is not None:
            number, self._asked = self._asked, None
            before = self._before.get(number) or signal.getsignal(number)
            self._restore()
            if callable(before):
                before(number, None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:
            self._asked = number
            self.grant()
            return
        self._asked = number
        self._told()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
